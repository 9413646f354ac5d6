"""Pictures of a GO subgraph: SVG, a page for the browser, PNG by Graphviz, JSON, DOT.

`esmgo.render.subgraph` defines what a subgraph is, `esmgo.render.boxes` what a picture holds;
this module writes it.
"""

from __future__ import annotations

import json
from pathlib import Path

from esmgo.errors import UsageError, printable
from esmgo.files.atomic import write_atomically
from esmgo.render.dot import to_dot
from esmgo.render.graphviz import to_png
from esmgo.render.page import to_html
from esmgo.render.picture import to_svg
from esmgo.render.subgraph import Subgraph

FORMATS = ("svg", "png", "html", "json", "dot")
"""The formats of `render`; `draw` chooses by the suffix of the file."""


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

    The same subgraph gives the same bytes, for PNG with the same Graphviz. Raises UsageError if
    ``format`` is not one of them. For PNG raises MachineError if the program `dot` is missing,
    fails or takes over a minute.
    """
    match format:
        case "svg":
            return to_svg(subgraph).encode()
        case "png":
            return to_png(to_dot(subgraph))
        case "html":
            return to_html(subgraph).encode()
        case "dot":
            return to_dot(subgraph).encode()
        case "json":
            # ASCII only: an id from a command line may hold what UTF-8 cannot.
            return (json.dumps(subgraph.to_json(), allow_nan=False) + "\n").encode("ascii")
    raise UsageError(f"{printable(repr(format), 40)} is not a format: {', '.join(FORMATS)}")
