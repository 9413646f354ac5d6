"""The paths that a verb reads and writes, compared before any work.

Options declare their paths with `reads`, `writes`, `replaces` or a function like them, see
`esmgo.options.option`. Files are compared by device and inode, so that links and other spellings
of a path count as the same file. Nothing here opens a file.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from esmgo.errors import UsageError, printable
from esmgo.files.atomic import TEMPORARY, hidden
from esmgo.files.source import is_folder

How: TypeAlias = Literal["read", "write", "fill", "replace"]
"""*Fill*: new files are added to a folder. *Replace*: a folder is replaced, with all in it."""

_HIDDEN = re.compile(rf"lock|{TEMPORARY}")
"""Ends of the names of files that the writer of an output makes and removes beside it."""


class Use(NamedTuple):
    """A path, ``-`` for a standard stream, and how a verb uses it."""

    path: str
    how: How


Uses: TypeAlias = Callable[[Any, Any], Iterable[Use]]
"""Returns the paths of an option, from the configuration and the value of the option."""


def reads(_: object, value: str | None) -> Iterator[Use]:
    """Yield the value of an option that names an input file."""
    if value is not None:
        yield Use(value, "read")


def writes(_: object, value: str | None) -> Iterator[Use]:
    """Yield the value of an option that names an output file."""
    if value is not None:
        yield Use(value, "write")


def fills(_: object, value: str | None) -> Iterator[Use]:
    """Yield the value of an option that names a folder to which files are added."""
    if value is not None:
        yield Use(value, "fill")


def replaces(_: object, value: str | None) -> Iterator[Use]:
    """Yield the value of an option that names a folder to write."""
    if value is not None:
        yield Use(value, "replace")


def reads_folder(folder: str, *patterns: str) -> Iterator[Use]:
    """Yield a folder and its files that match a pattern; none if it is not a folder."""
    if is_folder(folder):
        yield Use(folder, "read")
        for pattern in patterns:
            with suppress(OSError):
                files = (path for path in Path(folder).glob(pattern) if path.is_file())
                yield from (Use(str(path), "read") for path in files)


def refuse_clashes(uses: Iterable[tuple[str, Use]]) -> None:
    """Raise UsageError if a path is written that is read or written by another option, too.

    The message names both options and the path. A folder that is replaced must not contain any
    other path. The hidden files that a writer makes and removes beside its output count as
    outputs.

    Parameters
    ----------
    uses : iterable of (str, Use)
        Names of options, empty for input files without one, and their paths. Paths that do not
        exist, or cannot be examined, are compared by name. Devices such as ``/dev/null`` may be
        used twice.
    """
    found = [_Place(name, use, key) for name, use in uses if (key := _key(use)) is not None]
    for one in found:
        for other in found:
            is_own_input = one.name == other.name and other.use.how == "read"
            if one is not other and not is_own_input and one.changes(other):
                raise UsageError(_message(one, other))


class _Place(NamedTuple):
    name: str
    use: Use
    key: tuple[object, ...]

    def changes(self, other: _Place) -> bool:
        """Whether writing here changes or removes what the other option uses."""
        if self.use.how == "read":
            return False
        if self.key == other.key:
            return True
        if self.use.how == "replace":
            return self.key in _parents(other.use)
        return self.use.how == "write" and _is_hidden_file_of(self.use.path, other.use.path)


def _message(one: _Place, other: _Place) -> str:
    what = "standard output" if one.use.path == "-" else printable(one.use.path, 50)
    where = "it"
    if one.key != other.key:
        place = "in" if one.use.how == "replace" else "beside"
        where = f"{printable(other.use.path, 40)} {place} it"
    also = "reads" if other.use.how == "read" else "writes"
    also = f"`{other.name}` {also} {where}" if other.name else "it is an input"
    if not other.name and where != "it":
        also = f"{where} is an input"
    return f"`{one.name}` writes {what}, and {also}: choose another path"


def _key(use: Use) -> tuple[object, ...] | None:
    """Return what identifies a path, or None for a device or a closed stream."""
    try:
        found = _stream(use) if use.path == "-" else Path(use.path).stat()
    except (OSError, ValueError, AttributeError):
        return None if use.path == "-" else _absent(use.path)
    return None if stat.S_ISCHR(found.st_mode) else (found.st_dev, found.st_ino)


def _stream(use: Use) -> os.stat_result:
    found = os.fstat((sys.stdin if use.how == "read" else sys.stdout).fileno())
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("a terminal or a pipe")
    return found


def _absent(path: str) -> tuple[object, ...] | None:
    """Identify a path that does not exist by its name and the nearest folder that exists."""
    names: list[str] = []
    try:
        place = Path(os.path.realpath(path))
        while place != place.parent:
            with suppress(OSError):
                found = place.stat()
                return (found.st_dev, found.st_ino, *names)
            names.append(place.name)
            place = place.parent
    except (OSError, ValueError):
        return None
    return tuple(names)


def _parents(use: Use) -> Iterator[tuple[object, ...] | None]:
    if use.path != "-":
        for folder in Path(os.path.realpath(use.path)).parents:
            yield _key(Use(str(folder), use.how))


def _is_hidden_file_of(target: str, path: str) -> bool:
    """Whether ``path`` has the name of a lock or a temporary file of an output."""
    if "-" in (target, path):
        return False
    target_path, other = Path(os.path.realpath(target)), Path(os.path.realpath(path))
    stem = hidden(target_path, "").name
    return (
        other.name.startswith(stem)
        and _HIDDEN.fullmatch(other.name.removeprefix(stem)) is not None
        and _absent(str(target_path.parent)) == _absent(str(other.parent))
    )
