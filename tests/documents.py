"""Runs the commands of a document in order, in a fresh copy of the tree.

Blocks of ``sh`` and ``python`` are run. A comment above a block, ``<!-- not run: REASON -->``,
exempts it.
"""

import io
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from esmgo.cli.main import main

ROOT = Path(__file__).parents[1]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
FENCE = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^\n]+) -->\n+)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
NEEDS = {
    "diamond": re.compile(r"^esmgo (audit(?! --decoys)|baseline diamond)\b|--homology\b"),
    "dot": re.compile(r"^esmgo subgraph .*\.png$"),
}
"""Programs, and the commands that need them."""

SHELL = re.compile(r"[|<>;&$`*]|^(?!esmgo |python )")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a document; ``reason`` is why it is not run, or None."""

    language: str
    text: str
    reason: str | None

    @property
    def commands(self) -> list[str]:
        """The lines of a shell block without comments; none in other blocks."""
        if self.language != "sh":
            return []
        lines = self.text.replace("\\\n", " ").splitlines()
        return [c for c in (re.sub(r"(^|\s)#.*", "", line).strip() for line in lines) if c]


def blocks_of(path: Path) -> list[Block]:
    """Return all fenced blocks of a document, in order."""
    text = path.read_text(encoding="utf-8")
    return [Block(m["language"], m["text"], m["reason"]) for m in FENCE.finditer(text)]


def runnable(path: Path) -> list[Block]:
    """Return the blocks of a document that are run."""
    return [b for b in blocks_of(path) if b.language in ("sh", "python") and b.reason is None]


def fresh_tree(folder: Path) -> Path:
    """Copy what a clone offers to the commands: examples, recipes, benchmarks and scripts."""
    for name in ("docs", "examples", "recipes", "benchmarks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for script in ROOT.glob("*.py"):
        shutil.copy(script, folder / script.name)
    return folder


def run_document(path: Path) -> list[str]:
    """Run the blocks of a document in the current folder; return the commands that were run.

    The first that fails raises AssertionError. Commands that need DIAMOND or Graphviz are left
    out where it is not installed.
    """
    done = []
    for block in runnable(path):
        if block.language == "python":
            exec(compile(block.text, path.name, "exec"), {})
            continue
        for command in block.commands:
            if any(each.search(command) and not shutil.which(name) for name, each in NEEDS.items()):
                continue
            code = _run(command)
            assert code == 0, f"{path.name}: {command}: exit code {code}"
            done.append(command)
    return done


def _run(command: str) -> int:
    if SHELL.search(command):
        return _in_a_shell(command)
    program, *words = shlex.split(command)
    with _stdin():
        if program == "esmgo":
            return main(words)
        return _script(words)


def _script(words: list[str]) -> int:
    """Run a Python script of the tree, as ``python SCRIPT WORDS`` does."""
    before, sys.argv = sys.argv, words
    try:
        runpy.run_path(words[0], run_name="__main__")
    except SystemExit as ended:
        return int(ended.code or 0)
    finally:
        sys.argv = before
    return 0


@contextmanager
def _stdin():
    """An empty standard input."""
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO())
    try:
        yield
    finally:
        sys.stdin = before


def tools(folder: Path) -> Path:
    """Make a folder for PATH, with ``esmgo`` and ``python`` of this interpreter."""
    found = folder.absolute() / "tools"
    found.mkdir(exist_ok=True)
    for name, words in (("esmgo", '-m esmgo "$@"'), ("python", '"$@"')):
        (found / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words}\n')
        (found / name).chmod(0o755)
    return found


def _in_a_shell(command: str) -> int:
    path = f"{tools(Path())}{os.pathsep}{os.environ['PATH']}"
    place = {"PATH": path, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", command],
        env=os.environ | place,
        stdin=subprocess.DEVNULL,
        check=False,
    ).returncode
