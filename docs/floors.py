"""Draw the floors of the package, as pyproject.toml declares them: ``python docs/floors.py``.

A module imports only from floors below its own. Optional floors that do not exist yet, in
parentheses there, are left out.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "images" / "floors.svg"

WIDTH, HEIGHT, GAP, LEFT = 760, 40, 8, 400
PLAIN, WITH_TORCH = "#dbeafe", "#fde8d0"
FLOOR = re.compile(r'^  "([^"]+)",\s*(?:# (.*))?$', re.MULTILINE)


def floors(pyproject: str) -> list[tuple[list[str], str]]:
    """Return the modules of each floor, from the top, with what pyproject.toml notes on it."""
    layers = pyproject.split("layers = [\n", 1)[1].split("\n]", 1)[0]
    found = [(names.split(" | "), note) for names, note in FLOOR.findall(layers)]
    return [(names, note) for names, note in found if not names[0].startswith("(")]


def without_torch(pyproject: str) -> set[str]:
    """Return the modules that must not import torch."""
    contract = pyproject.split('name = "The lower floors run without torch"', 1)[1]
    return set(re.findall(r'"esmgo\.(\w+)"', contract.split("forbidden_modules", 1)[0]))


def box(
    x: float, y: float, width: float, text: str, is_plain: bool, height: int = HEIGHT
) -> list[str]:
    """Return a box with its text; ``is_plain`` if nothing in it imports torch."""
    place = f'x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}" rx="4"'
    size = min(13.0, 1.7 * width / len(text))
    middle = f'x="{x + width / 2:.1f}" y="{y + height / 2 + 5:.0f}" text-anchor="middle"'
    return [
        f'<rect {place} fill="{PLAIN if is_plain else WITH_TORCH}"/>',
        f'<text {middle} style="font-size: {size:.1f}px">{text}</text>',
    ]


def picture(pyproject: str) -> str:
    """Return the floors as SVG, one row per floor, blue where nothing imports torch."""
    rows, plain = floors(pyproject), without_torch(pyproject)
    height = len(rows) * (HEIGHT + GAP) + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        "<style>text { font: 13px sans-serif; fill: #1e293b } rect { stroke: #475569 }</style>",
        "<title>The floors of esmgo: each module imports only from floors below its own</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff" style="stroke: none"/>',
    ]
    for i, (names, note) in enumerate(rows):
        y = GAP + i * (HEIGHT + GAP)
        width = (LEFT - GAP * (len(names) + 1)) / len(names)
        for j, name in enumerate(names):
            parts += box(GAP + j * (width + GAP), y, width, name, name in plain)
        parts.append(f'<text x="{LEFT + 8}" y="{y + 25}">{note}</text>')
    for x, name, is_plain in ((GAP, "without PyTorch", True), (150, "may import it", False)):
        parts += box(x, height - 30, 130, name, is_plain, 24)
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(
        picture((ROOT / "pyproject.toml").read_text(encoding="utf-8")), encoding="utf-8"
    )
