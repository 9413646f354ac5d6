"""Pictures of a GO subgraph: SVG and PNG by Graphviz, a page for the browser, JSON, DOT.

`esmgo.render.subgraph` defines what a subgraph is, `esmgo.render.dot` how it looks; this module
writes it.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from esmgo.errors import MachineError, UsageError, printable
from esmgo.files.atomic import write_atomically
from esmgo.render.dot import to_dot
from esmgo.render.page import to_html
from esmgo.render.subgraph import Subgraph

FORMATS = ("svg", "png", "html", "json", "dot")
"""The formats of `render`; `draw` chooses by the suffix of the file."""

_SECONDS = 60  # `dot` needs 2 s for 450 terms; some graphs of thousands never end

_FONTS = b'font-family="Arial,Liberation Sans,Helvetica,sans-serif"'


def draw(subgraph: Subgraph, path: Path) -> None:
    """Write a picture in the format that the suffix of ``path`` names, complete or not at all.

    Raises UsageError if the suffix is not one of `FORMATS`. Raises MachineError as `render`, or
    if the file cannot be written.
    """
    write_atomically(path, render(subgraph, format_of(path)))


def format_of(path: Path) -> str:
    """Return the format that the suffix of ``path`` names, in upper or lower case.

    Raises UsageError if no format has this suffix. Check it before a model is loaded.
    """
    format = path.suffix.lower().removeprefix(".")
    if format not in FORMATS:
        known = ", ".join(f".{known}" for known in FORMATS)
        raise UsageError(f"{printable(path, 90)}: the suffix should be one of {known}")
    return format


def render(subgraph: Subgraph, format: str) -> bytes:
    """Return the subgraph in one of `FORMATS`; text is UTF-8.

    The same subgraph gives the same bytes, for SVG and PNG with the same Graphviz. Raises
    UsageError if ``format`` is not one of them. For SVG and PNG raises MachineError if the
    program `dot` is missing, fails or takes over a minute.
    """
    match format:
        case "svg" | "png":
            return _laid_out(to_dot(subgraph), format)
        case "html":
            return to_html(subgraph).encode()
        case "dot":
            return to_dot(subgraph).encode()
        case "json":
            # ASCII only: an id from a command line may hold what UTF-8 cannot.
            return (json.dumps(subgraph.to_json(), allow_nan=False) + "\n").encode("ascii")
    raise UsageError(f"{printable(repr(format), 40)} is not a format: {', '.join(FORMATS)}")


def _laid_out(dot: str, format: str) -> bytes:
    instead = "or write .html, which needs no program"
    try:
        done = subprocess.run(  # noqa: S603 (no shell, and no word of a user in it)
            ["dot", f"-T{format}"],  # noqa: S607 (wherever PATH has it)
            input=dot.encode(),
            capture_output=True,
            timeout=_SECONDS,
        )
    except FileNotFoundError:
        raise MachineError(
            f"a .{format} needs the program dot: apt install graphviz (Debian, Ubuntu), "
            f"brew install graphviz (macOS), {instead}"
        ) from None
    except subprocess.TimeoutExpired:
        raise MachineError(f"dot needed over {_SECONDS} seconds; {instead}") from None
    except OSError as error:
        raise MachineError(f"dot cannot be run: {error.strerror}; {instead}") from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        reason = printable(lines[0], 80) if lines else f"exit code {done.returncode}"
        raise MachineError(f"dot made no {format}: {reason}; {instead}")
    if format == "svg":  # DOT has no list of fonts that viz-js could measure too
        return done.stdout.replace(b'font-family="Arial"', _FONTS)
    return done.stdout
