"""Plain words: programs compute, names and report; they do not speak, tell or hear."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
SPEECH = re.compile(r"\b(speaks|speaking|told|heard|asked|said)\b")


def spoken(root: Path) -> list[str]:
    """The lines of source and documents in which a program speaks."""
    paths = [root / "README.md", *root.glob("docs/*.md"), *root.glob("src/**/*")]
    texts = {".md", ".py", ".pyi", ".css", ".js", ".html"}
    found = []
    for path in sorted(paths):
        place = path.relative_to(root).as_posix()
        if path.suffix not in texts:
            continue
        for i, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if SPEECH.search(line):
                found.append(f"{place}:{i}: {line.strip()}")
    return found


def test_no_program_speaks():
    assert spoken(ROOT) == []


def test_speech_is_found(tmp_path):
    for name in ("docs/a.md", "docs/LOG.md", "src/esmgo/b.py", "src/esmgo/c.svg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("fine\nas it is said\nunsaid, _told\n")
    (tmp_path / "README.md").write_text("Nobody speaks.\n")
    assert [line.split(": ")[0] for line in spoken(tmp_path)] == [
        "README.md:1", "docs/LOG.md:2", "docs/a.md:2", "src/esmgo/b.py:2",
    ]  # fmt: skip


def too_long(text: str) -> list[int]:
    """The numbers of lines of prose with more than 120 characters.

    Tables, code and the addresses of links cannot be wrapped.
    """
    found, is_code = [], False
    for i, line in enumerate(text.splitlines(), 1):
        is_code ^= line.lstrip().startswith("```")
        is_fixed = line.lstrip().startswith(("|", "[", "<", "![", "[![")) or " " not in line.strip()
        if len(line) > 120 and not is_code and not is_fixed:
            found.append(i)
    return found


def test_lines_of_prose_have_at_most_120_characters():
    paths = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    found = {p.name: too_long(p.read_text(encoding="utf-8")) for p in paths}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_long_lines_are_found():
    prose, table = "a " * 61, "| a " * 40
    text = (
        f"{prose}\n{table}\n```sh\n{prose}\n```\n[a]: https://{'a' * 120}\n{'a' * 121}\n  {prose}\n"
    )
    assert too_long(text) == [1, 8]
    assert too_long("a" * 60 + " " + "a" * 59) == []
