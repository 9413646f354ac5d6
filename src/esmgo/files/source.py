"""Input files as bytes and as lines: plain or gzip, a path, ``-`` or an open binary file.

What cannot be read whole is refused, never cut short in silence. Nothing here knows
what the lines mean. It stands on the lowest floor that reads files, so that the
ontology and the data come in through one door.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeAlias

from esmgo.errors import InputError, MachineError
from esmgo.files.gzipped import GZIP, gunzip, refuse_foreign

__all__ = [
    "MAX_PIECE",
    "Piece",
    "Source",
    "check_readable",
    "check_unchanged",
    "chunks",
    "decoded_line",
    "line_blocks",
    "name_of",
    "pieces",
    "stamp",
    "text_lines",
]

Source: TypeAlias = str | os.PathLike[str] | BinaryIO
Refusal: TypeAlias = type[InputError]
Stamp: TypeAlias = tuple[int, int, int]

MAX_PIECE = 1 << 20
"""Bytes of one line that are held at once; a longer line comes in pieces."""

HEAD = 4096
"""Bytes the first chunk has at least, where the input has that many: enough to know a format."""

_CHUNK = 1 << 18
_BOM = b"\xef\xbb\xbf"


class Piece(NamedTuple):
    """A line, or a part of one longer than `MAX_PIECE`, without its line end."""

    line: int
    """Counted from 1."""
    data: bytes
    ends: bool
    """Whether the line ends here; if not, the next piece goes on with it."""


def name_of(source: Source) -> str:
    """Return what messages call ``source``."""
    if isinstance(source, (str, os.PathLike)):
        return "standard input" if source == "-" else os.fspath(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "input"


def check_readable(source: Source, refuse: Refusal) -> None:
    """Open ``source`` and close it again, to find a wrong path before any long work.

    Raises
    ------
    InputError
        Of the kind ``refuse``: no such file, a directory, permission denied.
    """
    if isinstance(source, (str, os.PathLike)) and source != "-":
        path = os.fspath(source)
        if Path(path).is_fifo():
            return  # opening it would take the writer's turn
        _open(path, refuse).close()


def stamp(source: Source) -> Stamp | None:
    """Return what changes with a regular file: identity, size and time; None for a stream."""
    if not isinstance(source, (str, os.PathLike)) or source == "-":
        return None
    try:
        found = Path(source).stat()
    except (OSError, ValueError):
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


def check_unchanged(source: Source, before: Stamp | None, refuse: Refusal) -> None:
    """Compare ``source`` with the `stamp` taken before; call it when the work on it is done.

    Raises
    ------
    InputError
        Of the kind ``refuse``, if the file grew, shrank, or was replaced meanwhile.
    """
    if before is not None and stamp(source) != before:
        raise refuse(name_of(source), "changed while it was read; run again when it is complete")


def chunks(source: Source, refuse: Refusal) -> Iterator[bytes]:
    """Yield the bytes of ``source``, decompressed if they are gzip, whatever its name.

    The first chunk holds at least `HEAD` bytes, or all there are.

    Parameters
    ----------
    source : str, path or binary file
        ``-`` is standard input. A file object is left open.
    refuse : type of InputError
        What to raise.

    Raises
    ------
    InputError
        Of the kind ``refuse``: missing, unreadable, compressed in another way, UTF-16,
        truncated, followed by other bytes, or changed while it was read.
    """
    name = name_of(source)
    content = _with_head(_read(source, name, refuse), len(GZIP))
    first = next(content, b"")
    if first.startswith(GZIP):
        content = gunzip(first, content, name, refuse)
        first = b""
    content = _with_head(_before(first, content), HEAD)
    first = next(content, b"")
    refuse_foreign(first, name, refuse)
    if first:
        yield first
    yield from content


def pieces(content: Iterable[bytes]) -> Iterator[Piece]:
    r"""Cut ``content`` into lines, without holding more than `MAX_PIECE` bytes of one.

    ``\n``, ``\r\n`` and ``\r`` end a line, also mixed; nothing else does. A UTF-8 byte
    order mark at the start is dropped. An empty last line is not yielded.

    Examples
    --------
    >>> [(p.line, p.data) for p in pieces([b">a\r", b"\nMK\rT"])]
    [(1, b'>a'), (2, b'MK'), (3, b'T')]
    """
    rest, line, is_first, is_open = b"", 1, True, False
    for chunk in content:
        data = rest + chunk
        if is_first:
            if len(data) < len(_BOM) and _BOM.startswith(data):
                rest = data
                continue
            data, is_first = data.removeprefix(_BOM), False
        held = b"\r" if data.endswith(b"\r") else b""  # its \n may come in the next chunk
        data = data.removesuffix(held)
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *ended, rest = data.split(b"\n")
        for each in ended:
            yield Piece(line, each, True)
            line, is_open = line + 1, False
        if len(rest) >= MAX_PIECE:
            yield Piece(line, rest, False)
            rest, is_open = b"", True
        rest += held
    if rest or is_open:
        yield Piece(line, rest.removesuffix(b"\r"), True)


def line_blocks(
    content: Iterable[bytes], name: str, refuse: Refusal, *, size: int, max_length: int
) -> Iterator[tuple[int, bytes]]:
    r"""Yield whole lines, about ``size`` bytes at a time, and the number of the first, from 1.

    ``\r\n`` and ``\r`` come out as ``\n``; a UTF-8 byte order mark at the start is dropped.

    Raises
    ------
    InputError
        Of the kind ``refuse``, if a line is longer than ``max_length`` bytes.
    """
    parts: list[bytes] = []
    line, n_held, last_cr = 1, 0, b""
    for chunk in _with_head(iter(content), len(_BOM)):
        data = last_cr + chunk
        if line == 1 and not parts:
            data = data.removeprefix(_BOM)
        last_cr = b"\r" if data.endswith(b"\r") else b""  # its \n may come in the next chunk
        data = data.removesuffix(last_cr)
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        parts.append(data)
        n_held += len(data)
        if n_held >= size and (b"\n" in data or n_held > max_length):
            whole, newline, rest = b"".join(parts).rpartition(b"\n")
            if newline:
                yield line, whole + newline
                line += whole.count(b"\n") + 1
            parts, n_held = [rest], len(rest)
        if n_held > max(max_length, size):
            raise refuse(name, f"a line of more than {max_length:,} bytes", line)
    if rest := b"".join(parts):
        yield line, rest


def text_lines(
    content: Iterable[bytes], name: str, refuse: Refusal, *, max_length: int = 1 << 26
) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line of UTF-8 ``content`` (see `chunks`).

    Raises
    ------
    InputError
        Of the kind ``refuse``, with the line: not UTF-8, or longer than ``max_length`` bytes.
    """
    for line, block in line_blocks(content, name, refuse, size=1, max_length=max_length):
        lines = block.removesuffix(b"\n").split(b"\n")
        if len(max(lines, key=len)) > max_length:
            at = next(i for i, data in enumerate(lines) if len(data) > max_length)
            yield from _decoded(lines[:at], name, refuse, line)
            raise refuse(name, f"a line of more than {max_length:,} bytes", line + at)
        yield from _decoded(lines, name, refuse, line)


def _decoded(
    lines: list[bytes], name: str, refuse: Refusal, first: int
) -> Iterator[tuple[int, str]]:
    try:
        yield from enumerate(b"\n".join(lines).decode().split("\n"), first)
    except UnicodeDecodeError:
        for line, data in enumerate(lines, first):
            yield line, decoded_line(data, name, refuse, line)


def decoded_line(data: bytes, name: str, refuse: Refusal, line: int) -> str:
    """Return the text of a line of UTF-8, or refuse it, naming line, column and byte."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        byte = data[error.start]
        column = len(data[: error.start].decode()) + 1
        reason = f"not UTF-8: byte 0x{byte:02X} at column {column}; save the file as UTF-8"
        raise refuse(name, reason, line) from None


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


def _before(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _with_head(content: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Join the first chunks until they hold ``size`` bytes; pass on what comes before an error."""
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
