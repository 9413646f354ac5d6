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
