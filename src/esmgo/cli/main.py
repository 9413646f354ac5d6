"""Entry points: `run` for the shell, `main` for tests. They import little at first."""

from __future__ import annotations

from esmgo.cli import signals

TYPE_CHECKING = False  # as in `typing`, which takes 10 ms to import
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn


def run(verb: str | None = None) -> NoReturn:
    """Run the program on ``sys.argv`` and exit; the scripts of the repository fix ``verb``."""
    signals.end_at_once()
    from esmgo.cli import program  # slow

    program.run(verb)


def main(arguments: Sequence[str], verb: str | None = None, *, prog: str = "esmgo") -> int:
    """Run one verb and return its exit code; see `esmgo.errors`.

    Parameters
    ----------
    arguments : sequence of str
        Those after the program's name.
    verb : str, optional
        If omitted, the first of the arguments.
    prog : str
        Name of the program in its help.
    """
    from esmgo.cli import program

    return program.main(arguments, verb, prog=prog)
