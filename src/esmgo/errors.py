"""Everything that can go wrong through no fault of ours, each with its exit code.

::

    EsmgoError                     1   our fault, or nobody's
    ├── UsageError (ValueError)    2   wrong settings or values, refusal to overwrite
    ├── InputError (ValueError)    3   an input file is refused
    │   ├── FastaError
    │   ├── OntologyError
    │   ├── AnnotationError
    │   └── DatasetError
    ├── RecordError (ValueError)   3   one record is refused (only under ``strict``)
    ├── MachineError (OSError)     5   disk full, memory, a missing program
    │   └── HubError                   a hub that cannot be reached
    ├── CheckpointError (ValueError) 6 a checkpoint or model is refused
    │   └── LabelMismatch
    ├── TrainingError (ArithmeticError) 1  the loss is not a number, again and again
    └── Interrupted              130 / 143  a signal; the work is saved

A message is one line: what was found, where, and what to do. Settings stand in backticks,
`overwrite` or `device=cpu`, which the command line writes ``--overwrite`` and ``--device=cpu``.
Whatever is not in this tree is a bug of ours and keeps its traceback.
"""

from __future__ import annotations

_NO_MEMORY = (
    "can't allocate memory", "not enough memory", "out of memory", "failed to map segment",
    "cannot allocate memory", "bad_alloc", "can't start new thread",
)  # fmt: skip


def says_no_memory(error: BaseException) -> bool:
    """Whether a message of the system or of torch says that memory ran out."""
    return any(words in str(error).lower() for words in _NO_MEMORY)


def printable(text: object, limit: int = 80) -> str:
    """Return text that is safe to print: no control or direction characters, cut in the middle.

    Examples
    --------
    >>> printable("p\\x1b[31m1")
    'p\\\\x1b[31m1'
    """
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))
    if len(safe) <= limit:
        return safe
    head = (limit - 1) // 2
    return f"{safe[:head]}…{safe[-(limit - 1 - head) :]}"


class EsmgoError(Exception):
    """The root of the tree above."""

    exit_code = 1


class UsageError(EsmgoError, ValueError):
    """A setting or an argument has a value that cannot be used.

    Parameters
    ----------
    reason : str
        What was found and what to do.
    field : str, optional
        The setting; the message begins with it.
    """

    exit_code = 2

    def __init__(self, reason: str, field: str | None = None) -> None:
        self.reason, self.field = reason, field
        super().__init__(f"{field}: {reason}" if field else reason)


class InputError(EsmgoError, ValueError):
    """An input file is refused as a whole.

    Parameters
    ----------
    source : object
        The path or name of the input.
    reason : str
        What was found and what to do.
    line : int, optional
        The line, counted from 1.
    """

    exit_code = 3

    def __init__(self, source: object, reason: str, line: int | None = None) -> None:
        self.source, self.reason, self.line = str(source), reason, line
        where = printable(source, 90) + (f":{line}" if line is not None else "")
        super().__init__(f"{where}: {reason}")


class FastaError(InputError):
    """The file is not protein FASTA, or it ends too early."""


class OntologyError(InputError):
    """The OBO file is not a sound Gene Ontology."""


class AnnotationError(InputError):
    """An annotation table is malformed."""


class DatasetError(InputError):
    """A data set lacks what training needs."""


class RecordError(EsmgoError, ValueError):
    """A record was rejected where ``strict`` asks to stop at the first."""

    exit_code = 3


class MachineError(EsmgoError, OSError):
    """The machine refuses: disk full, not enough memory, a program that is not there."""

    exit_code = 5


class HubError(MachineError):
    """The hub cannot be reached, or does not have what was asked for."""


class CheckpointError(EsmgoError, ValueError):
    """A checkpoint or a base model is refused.

    Parameters
    ----------
    source : object
        The path of the checkpoint.
    reason : str
        What was found and what to do.
    """

    exit_code = 6

    def __init__(self, source: object, reason: str) -> None:
        self.source, self.reason = str(source), reason
        super().__init__(f"{printable(source, 90)}: {reason}")


class LabelMismatch(CheckpointError):
    """Scores and label space do not belong together."""

    def __init__(self, expected: int, actual: int) -> None:
        self.expected, self.actual = expected, actual
        super().__init__("scores", f"{actual} columns for a label space of {expected} terms")


class TrainingError(EsmgoError, ArithmeticError):
    """Training cannot go on: loss or gradient stayed infinite or undefined."""


class Interrupted(EsmgoError):
    """A signal ended the work; what was done is saved."""

    def __init__(self, signum: int, saved: str) -> None:
        self.signum = signum
        self.exit_code = 128 + signum
        super().__init__(f"interrupted by signal {signum}; {saved}")
