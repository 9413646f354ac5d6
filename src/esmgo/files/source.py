"""Input as bytes: a path, ``-`` for standard input, or an open binary file, plain or gzip.

An input that cannot be read completely is refused, never silently truncated.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import BinaryIO, TypeAlias

from esmgo.errors import InputError, MachineError
from esmgo.files.gzipped import GZIP, gunzip, refuse_foreign

Source: TypeAlias = str | os.PathLike[str] | BinaryIO
Refusal: TypeAlias = type[InputError]
Stamp: TypeAlias = tuple[int, int, int]

HEAD = 4096
"""Minimum bytes of the first chunk, if the input has as many; enough to recognise a format."""

_CHUNK = 1 << 18


def name_of(source: Source) -> str:
    """Return the name of ``source`` in messages."""
    if isinstance(source, (str, os.PathLike)):
        return "standard input" if source == "-" else os.fspath(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "input"


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a folder; false for one that does not exist, or is none."""
    return os.path.isdir(path)  # noqa: PTH112 (`Path.is_dir` raises an error for a long name)


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a regular file; false for one that does not exist, or is none."""
    return os.path.isfile(path)  # noqa: PTH113 (`Path.is_file` raises an error for a long name)


def check_readable(source: Source, refuse: Refusal) -> None:
    """Open ``source`` and close it, to find a wrong path before a long computation.

    Raises ``refuse`` if it is missing, a directory, or not readable.
    """
    if isinstance(source, (str, os.PathLike)) and source != "-":
        path = os.fspath(source)
        if is_fifo(path):
            return  # opening and closing it would break the writer's pipe
        _open(path, refuse).close()


def is_fifo(path: str) -> bool:
    """Whether a path is a named pipe."""
    try:
        return Path(path).is_fifo()
    except OSError:  # opening it raises the error
        return False


def stamp(source: Source) -> Stamp | None:
    """Return inode, size and modification time of a regular file; None for a stream."""
    if not isinstance(source, (str, os.PathLike)) or source == "-":
        return None
    try:
        found = Path(source).stat()
    except (OSError, ValueError):
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


def check_unchanged(source: Source, before: Stamp | None, refuse: Refusal) -> None:
    """Compare ``source`` with an earlier `stamp`; call it when all of it is read.

    Raises ``refuse`` if the file changed in size or was replaced or modified meanwhile.
    """
    if before is not None and stamp(source) != before:
        raise refuse(name_of(source), "changed while it was read; run again when it is complete")


def chunks(source: Source, refuse: Refusal) -> Iterator[bytes]:
    """Yield the bytes of ``source``, decompressed if they are gzip, whatever its name.

    The first chunk has at least `HEAD` bytes, or all of the input. Raises ``refuse`` if the input
    is missing, unreadable, truncated, in an unsupported format or encoding (see
    `esmgo.files.gzipped`), or if it changed while it was read.

    Parameters
    ----------
    source : str, path or binary file
        ``-`` is standard input. A file object is left open.
    refuse : type of InputError
        The error to raise.
    """
    name = name_of(source)
    content = with_head(_read(source, name, refuse), len(GZIP))
    first = next(content, b"")
    if first.startswith(GZIP):
        content = gunzip(first, content, name, refuse)
        first = b""
    content = with_head(chain([first], content), HEAD)
    first = next(content, b"")
    refuse_foreign(first, name, refuse)
    yield from chain([first] if first else [], content)


def _open(path: str, refuse: Refusal) -> BinaryIO:
    try:
        if Path(path).is_dir():
            raise refuse(path, "is a directory, not a file")
        return Path(path).open("rb")
    except FileNotFoundError:
        raise refuse(path, "no such file") from None
    except PermissionError:
        raise refuse(path, "permission denied") from None
    except ValueError as error:  # a NUL character in the path
        if isinstance(error, InputError):
            raise
        raise refuse(path, f"not a path: {error}") from None
    except OSError as error:
        raise refuse(path, f"cannot be opened: {error.strerror}") from None


def _read(source: Source, name: str, refuse: Refusal) -> Iterator[bytes]:
    if not isinstance(source, (str, os.PathLike)):
        yield from _blocks(source, name)
    elif source == "-":
        if sys.stdin is None:
            raise refuse(name, "is closed")
        yield from _blocks(sys.stdin.buffer, name)
    else:
        with closing(_open(os.fspath(source), refuse)) as file:
            before = stamp(source)
            yield from _blocks(file, name)
        check_unchanged(source, before, refuse)


def _blocks(file: BinaryIO, name: str) -> Iterator[bytes]:
    read = getattr(file, "read1", file.read)  # read1 does not wait for a full block
    try:
        while block := read(_CHUNK):
            if isinstance(block, str):
                raise TypeError(f"{name}: open the file in binary mode")
            yield block
    except OSError as error:
        raise MachineError(f"{name}: cannot be read: {error.strerror or error}") from None


def with_head(content: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Join the first chunks to at least ``size`` bytes; yield those before an error, then raise."""
    head = b""
    try:
        for chunk in content:
            head += chunk
            if len(head) >= size:
                break
    except InputError:
        if head:
            yield head
        raise
    if head:
        yield head
    yield from content
