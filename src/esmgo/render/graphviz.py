"""A PNG of DOT text, made by the `dot` program of Graphviz."""

from __future__ import annotations

import subprocess

from esmgo.errors import MachineError, printable

_SECONDS = 60  # `dot` needs 2 s for 450 terms; some graphs of thousands never end


def to_png(dot: str) -> bytes:
    """Return DOT text as PNG; raises MachineError if the program `dot` is missing or fails."""
    instead = "or write .svg or .html, which need no program"
    try:
        done = subprocess.run(
            ["dot", "-Tpng"],  # noqa: S607 (wherever PATH has it)
            input=dot.encode(),
            capture_output=True,
            timeout=_SECONDS,
        )
    except FileNotFoundError:
        raise MachineError(
            "a .png needs the program dot: apt install graphviz (Debian, Ubuntu), "
            f"brew install graphviz (macOS), {instead}"
        ) from None
    except subprocess.TimeoutExpired:
        raise MachineError(f"dot needed over {_SECONDS} seconds; {instead}") from None
    except OSError as error:
        raise MachineError(f"dot cannot be run: {error.strerror}; {instead}") from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        reason = printable(lines[0], 80) if lines else f"exit code {done.returncode}"
        raise MachineError(f"dot made no png: {reason}; {instead}")
    return done.stdout
