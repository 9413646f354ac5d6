"""Input as lines: blocks of complete lines, or lines of text.

A run of blank lines costs by its bytes, not by its lines: a small gzip file can hold millions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from esmgo.files.source import Refusal, with_head

BOM = b"\xef\xbb\xbf"
_BLANK_LINES = re.compile(rb"\n[ \t\v\f\n]{7,}")


def unix_lines(content: Iterable[bytes]) -> Iterator[bytes]:
    r"""Yield ``content`` with ``\n`` for ``\r\n`` and ``\r``, in chunks of any size.

    No other character ends a line. A UTF-8 byte order mark at the start is dropped.

    Examples
    --------
    >>> b"".join(unix_lines([b"\xef\xbb", b"\xbf>a\r", b"\nMK\rT"]))
    b'>a\nMK\nT'
    """
    last_cr, is_first = b"", True
    for chunk in with_head(iter(content), len(BOM)):
        data = last_cr + (chunk.removeprefix(BOM) if is_first else chunk)
        is_first = False
        last_cr = b"\r" if data.endswith(b"\r") else b""  # its \n may come in the next chunk
        data = data.removesuffix(last_cr)
        yield data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data
    if last_cr:
        yield b"\n"


def without_blank_lines(line: int, block: bytes) -> Iterator[tuple[int, bytes]]:
    r"""Yield the parts of a block between long runs of blank lines, and the line of each.

    Shorter runs stay. ``line`` is the number of the first line of the block.

    Examples
    --------
    >>> list(without_blank_lines(1, b"a\nb\n" + 8 * b" \n" + b"\tc\n"))
    [(1, b'a\nb'), (11, b'\tc\n')]
    """
    at = 0
    for run in _BLANK_LINES.finditer(block):
        yield line, block[at : run.start()]
        end = block.rindex(b"\n", run.start(), run.end()) + 1  # blanks may begin the next line
        line += block.count(b"\n", at, end)
        at = end
    yield line, block[at:]


def line_blocks(
    content: Iterable[bytes], name: str, refuse: Refusal, *, size: int, max_length: int
) -> Iterator[tuple[int, bytes]]:
    r"""Yield complete lines, about ``size`` bytes at a time, and the number of the first, from 1.

    ``\r\n`` and ``\r`` become ``\n``; a UTF-8 byte order mark at the start is dropped.
    Raises ``refuse`` if a line is longer than ``max_length`` bytes.
    """
    parts: list[bytes] = []
    line, n_held = 1, 0
    for data in unix_lines(content):
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

    Long runs of blank lines are left out. Raises ``refuse``, naming the line, if it is not UTF-8
    or longer than ``max_length`` bytes.
    """
    for start, block in line_blocks(content, name, refuse, size=1, max_length=max_length):
        for line, part in without_blank_lines(start, block.removesuffix(b"\n")):
            if (text := _plain(part, max_length)) is not None:
                yield from enumerate(text.split("\n"), line)
                continue
            for number, data in enumerate(part.split(b"\n"), line):
                if len(data) > max_length:
                    raise refuse(name, f"a line of more than {max_length:,} bytes", number)
                yield number, decoded_line(data, name, refuse, number)


def _plain(part: bytes, max_length: int) -> str | None:
    """Return the text of lines, or None if a line may be too long or is not UTF-8."""
    try:
        return part.decode() if len(part) <= max_length else None
    except UnicodeDecodeError:
        return None


def decoded_line(data: bytes, name: str, refuse: Refusal, line: int) -> str:
    """Return the text of a line, or raise ``refuse`` with line, column and byte if not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        byte = data[error.start]
        column = len(data[: error.start].decode()) + 1
        reason = f"not UTF-8: byte 0x{byte:02X} at column {column}; save the file as UTF-8"
        raise refuse(name, reason, line) from None
