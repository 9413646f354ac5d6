"""A picture of DOT text, made by the `dot` program of Graphviz."""

from __future__ import annotations

import re
import subprocess

from esmgo.errors import MachineError, printable

_SECONDS = 60  # `dot` needs 2 s for 450 terms; some graphs of thousands never end


_UNUSED = re.compile(rb"<!--.*?-->\n?|<title>.*?</title>\n?", re.DOTALL)
"""Comments and titles with the keys of nodes, not their names: browsers show them as tooltips."""

_FONTS = b'font-family="Arial,Liberation Sans,Helvetica,sans-serif"'


def laid_out(dot: str, format: str) -> bytes:
    """Return DOT text as ``svg`` or ``png``; raises MachineError if `dot` is missing or fails."""
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
        return _UNUSED.sub(b"", done.stdout).replace(b'font-family="Arial"', _FONTS)
    return done.stdout


def inline(dot: str) -> str:
    """Return DOT text as an SVG element to stand in a page; raises MachineError as `laid_out`."""
    svg = laid_out(dot, "svg").decode()
    svg = re.sub(r'.*?<svg width="[^"]*" height="[^"]*"', "<svg", svg, count=1, flags=re.DOTALL)
    return svg.replace('target="_blank"', 'target="_blank" rel="noopener noreferrer"')
