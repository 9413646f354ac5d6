"""Input as lines: complete lines in blocks, lines of text, or pieces of lines of any length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from esmgo.files.source import Refusal, with_head

MAX_PIECE = 1 << 20
"""Bytes from which a line is split into several pieces."""

_BOM = b"\xef\xbb\xbf"


class Piece(NamedTuple):
    """A line, or a part of a long one (see `MAX_PIECE`), without its line end."""

    line: int
    """Counted from 1."""
    data: bytes
    ends: bool
    """Whether the line ends here; if not, the next piece continues it."""


def pieces(content: Iterable[bytes]) -> Iterator[Piece]:
    r"""Split ``content`` into lines, and long lines into pieces; see `MAX_PIECE`.

    ``\n``, ``\r\n`` and ``\r`` end a line, also mixed; no other character does. A UTF-8 byte
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
    r"""Yield complete lines, about ``size`` bytes at a time, and the number of the first, from 1.

    ``\r\n`` and ``\r`` become ``\n``; a UTF-8 byte order mark at the start is dropped.
    Raises ``refuse`` if a line is longer than ``max_length`` bytes.
    """
    parts: list[bytes] = []
    line, n_held, last_cr = 1, 0, b""
    for chunk in with_head(iter(content), len(_BOM)):
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
            complete, newline, rest = b"".join(parts).rpartition(b"\n")
            if newline:
                yield line, complete + newline
                line += complete.count(b"\n") + 1
            parts, n_held = [rest], len(rest)
        if n_held > max(max_length, size):
            raise refuse(name, f"a line of more than {max_length:,} bytes", line)
    if rest := b"".join(parts):
        yield line, rest


def text_lines(
    content: Iterable[bytes], name: str, refuse: Refusal, *, max_length: int = 1 << 26
) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line of UTF-8 ``content`` (see `chunks`).

    Raises ``refuse``, naming the line, if it is not UTF-8 or longer than ``max_length`` bytes.
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
    """Return the text of a line, or raise ``refuse`` with line, column and byte if not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        byte = data[error.start]
        column = len(data[: error.start].decode()) + 1
        reason = f"not UTF-8: byte 0x{byte:02X} at column {column}; save the file as UTF-8"
        raise refuse(name, reason, line) from None
