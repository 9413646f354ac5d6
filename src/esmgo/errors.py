"""All errors that are expected, with their exit codes.

::

    EsmgoError                     1   base of all others
    ├── UsageError (ValueError)    2   wrong settings or values, refusal to overwrite
    ├── InputError (ValueError)    3   an input file is refused
    │   ├── FastaError
    │   ├── OntologyError
    │   ├── AnnotationError
    │   └── DatasetError
    ├── RecordError (ValueError)   3   one record is refused (only with ``strict``)
    ├── MachineError (OSError)     5   disk full, out of memory, a missing program
    │   └── HubError                   a hub that cannot be reached
    ├── CheckpointError (ValueError) 6 a checkpoint or model is refused
    │   └── LabelMismatch
    ├── TrainingError (ArithmeticError) 1  loss or gradient repeatedly not finite
    └── Interrupted              130 / 143  a signal; finished work is saved

A message is one line: what was found, where, and what to do. Settings are in backticks, such as
`overwrite` or `device=cpu`; the command line prints them as ``--overwrite`` and ``--device=cpu``.
Any other exception is a bug and is shown with its traceback.
"""

from __future__ import annotations

from dataclasses import fields
from enum import Enum
from pathlib import PurePath
from typing import Any

NOTICE = 25
"""Logging level of a message for standard error that is no warning: between INFO and WARNING."""

_NO_MEMORY = (
    "can't allocate memory", "not enough memory", "out of memory", "failed to map segment",
    "cannot allocate memory", "bad_alloc", "can't start new thread",
)  # fmt: skip


def reports_out_of_memory(error: BaseException) -> bool:
    """Whether an error of the system or of torch reports that memory ran out."""
    return any(text in str(error).lower() for text in _NO_MEMORY)


def printable(text: object, limit: int = 80) -> str:
    """Return text that is safe to print: control and direction characters escaped, middle cut out.

    Examples
    --------
    >>> printable("p\\x1b[31m1")
    'p\\\\x1b[31m1'
    """
    safe = _without_controls(str(text))
    if len(safe) <= limit:
        return safe
    head = (limit - 1) // 2
    return f"{safe[:head]}…{safe[-(limit - 1 - head) :]}"


def escaped(text: str) -> str:
    r"""Return printable text for a table; different texts stay different, of any length.

    Control and direction characters, and lone surrogates, are escaped as in Python; a backslash
    becomes two.

    Examples
    --------
    >>> print(escaped("p\x1b1"), escaped(r"p\x1b1"))
    p\x1b1 p\\x1b1
    """
    return _without_controls(text.replace("\\", "\\\\"))


def _without_controls(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def brief(thing: Any) -> str:
    """Return a dataclass as one line of under 200 characters, for ``__repr__``.

    Fields with their default value are left out. Of arrays the shape and the type are given, of
    collections the length, of other objects the class.

    Examples
    --------
    >>> from dataclasses import field, make_dataclass
    >>> brief(make_dataclass("Point", ["x", "y", ("z", int, field(default=0))])(1.5, [1, 2]))
    'Point(x=1.5, y=<list of 2>)'
    """
    parts = []
    for each in fields(thing):
        value = getattr(thing, each.name)
        is_default = value is each.default or (_is_plain(value) and value == each.default)
        if each.repr and not is_default:
            parts.append(f"{each.name}={_brief(value)}")
    return printable(f"{type(thing).__name__}({', '.join(parts)})", 199)


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, (bool, int, float, complex, Enum))


def _brief(value: Any) -> str:
    """Return one value of a dataclass as short text."""
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else printable(value, 40))
    if _is_plain(value) or isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"<{' x '.join(f'{n:,}' for n in value.shape)} {value.dtype}>"
    if isinstance(value, (tuple, list, dict, set, frozenset)):
        return f"<{type(value).__name__} of {len(value):,}>"
    return f"<{type(value).__name__}>"


class EsmgoError(Exception):
    """Base class of all errors of this package."""

    exit_code = 1


class UsageError(EsmgoError, ValueError):
    """A setting or an argument has an invalid value.

    Parameters
    ----------
    reason : str
        What was found and what to do.
    field : str, optional
        Name of the setting; the message begins with it.
    """

    exit_code = 2

    def __init__(self, reason: str, field: str | None = None) -> None:
        self.reason, self.field = reason, field
        super().__init__(f"{field}: {reason}" if field else reason)


class InputError(EsmgoError, ValueError):
    """An input file is refused.

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
    """The OBO file is not a valid Gene Ontology."""


class AnnotationError(InputError):
    """An annotation table is malformed."""


class DatasetError(InputError):
    """A data set lacks what training needs."""


class RecordError(EsmgoError, ValueError):
    """A record was rejected, and ``strict`` forbids to skip it."""

    exit_code = 3


class MachineError(EsmgoError, OSError):
    """The machine lacks a resource: disk space, memory, or a program."""

    exit_code = 5


class HubError(MachineError):
    """The hub cannot be reached, or does not have the requested files."""


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
    """Scores and label space differ in their number of terms."""

    def __init__(self, expected: int, actual: int) -> None:
        self.expected, self.actual = expected, actual
        super().__init__("scores", f"{actual} columns for a label space of {expected} terms")


class TrainingError(EsmgoError, ArithmeticError):
    """Training cannot continue: loss or gradient were repeatedly infinite or undefined."""


class Interrupted(EsmgoError):
    """A signal ended the computation; finished work is saved."""

    def __init__(self, signum: int, saved: str) -> None:
        self.signum = signum
        self.exit_code = 128 + signum
        super().__init__(f"interrupted by signal {signum}; {saved}")
