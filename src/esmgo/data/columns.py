"""Columns of tables of millions of lines, with a code for each distinct value.

A block of lines of equal width is parsed at once. Any other block is read line by line: it may
have blank lines, comments, and lines with more or fewer columns. The result is the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

T = TypeVar("T")

ABSENT = 1 << 20
"""The index of a column that a format lacks; its values are empty."""

_MOST_LINES = 1 << 17
"""Lines of an unusual block that are held at once."""

_IS_INK = np.ones(256, np.bool_)
_IS_INK[list(b" \t\n\v\f\r")] = False


@dataclass(frozen=True, slots=True)
class Column:
    """The values of n rows: row ``i`` has ``values[codes[i]]``; a value may occur twice."""

    codes: NDArray[np.int32]
    values: list[str]

    def of(self, row: int) -> str:
        """Return the value of a row."""
        return self.values[int(self.codes[row])]

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Column:
        """Return the selected rows."""
        return Column(self.codes[rows], self.values)

    def map(self, function: Callable[[str], T]) -> list[T]:
        """Return the result for each distinct value."""
        return [function(value) for value in self.values]

    def where(self, is_wanted: Callable[[str], bool]) -> NDArray[np.bool_]:
        """Return whether the value of each row is wanted; shape=(n,)."""
        return np.array(self.map(is_wanted), np.bool_)[self.codes]

    def numbers(self, number: Callable[[str], int]) -> NDArray[np.intp]:
        """Return the number of the value of each row; values of no row get none."""
        is_used = np.bincount(self.codes, minlength=len(self.values)) > 0
        of_value = [number(v) if used else -1 for v, used in zip(self.values, is_used, strict=True)]
        return np.array(of_value, np.intp)[self.codes]

    def counts(self, rows: NDArray[np.bool_]) -> Counter[str]:
        """Return how many of the selected rows have each value."""
        found = np.bincount(self.codes[rows], minlength=len(self.values)).tolist()
        counts: Counter[str] = Counter()
        for value, n in zip(self.values, found, strict=True):
            if n:
                counts[value] += n
        return counts


@dataclass(frozen=True, slots=True)
class Columns:
    """Some columns of n consecutive rows.

    Parameters
    ----------
    line : ndarray, shape=(n,), dtype=int64
        The line of each row, from 1.
    width : ndarray, shape=(n,), dtype=int32
        The number of columns of each row. A column that a row lacks is empty.
    columns : tuple of Column
        Without blanks at the ends of values.
    """

    line: NDArray[np.int64]
    width: NDArray[np.int32]
    columns: tuple[Column, ...]

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Columns:
        """Return the selected rows."""
        columns = tuple(column.take(rows) for column in self.columns)
        return Columns(self.line[rows], self.width[rows], columns)


def read_columns(
    blocks: Iterable[tuple[int, bytes]],
    wanted: Sequence[int],
    *,
    comment: bytes,
    in_words: int = 0,
) -> Iterator[Columns]:
    """Yield some columns, counted from 0, of blocks of complete lines.

    Blank lines and lines that start with ``comment`` are skipped. Bytes that are not UTF-8 become
    lone surrogates, as the error handler ``surrogateescape`` does.

    Parameters
    ----------
    blocks : iterable of (int, bytes)
        Number of the first line, and the lines; see `line_blocks`.
    in_words : int
        If not 0, blanks separate at most this number of columns; if 0, each TAB does.
    """
    for line, block in blocks:
        found = None if in_words else _fast(line, block, wanted, comment)
        if found is not None:
            yield found
            continue
        lines = ink_lines(block, comment)
        while rows := list(islice(lines, _MOST_LINES)):
            yield _careful(line, block, rows, wanted, in_words)


def ink_lines(block: bytes, comment: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield number, from 0, start and end of each line that is neither blank nor a comment.

    ``comment`` is the first byte of comments.

    Examples
    --------
    >>> list(ink_lines(b"a b\\n\\n!\\t\\nc", b"!"))
    [(0, 0, 3), (3, 8, 9)]
    """
    if block.isspace():
        return
    data = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(data == ord("\n"))
    if not len(ends) or ends[-1] != len(data) - 1:
        ends = np.append(ends, len(data))
    marked = np.flatnonzero(_IS_INK[data])
    if len(marked) < len(ends):  # almost all lines are blank
        lines = np.unique(np.searchsorted(ends, marked))
    else:
        n_before = np.searchsorted(marked, ends)
        lines = np.flatnonzero(np.diff(n_before, prepend=0))
    starts = np.where(lines > 0, ends[lines - 1] + 1, 0)
    kept = np.flatnonzero(data[starts] != ord(comment))
    arrays = (lines[kept], starts[kept], ends[lines[kept]])
    yield from zip(*(each.tolist() for each in arrays), strict=True)


def _fast(line: int, block: bytes, wanted: Sequence[int], comment: bytes) -> Columns | None:
    """Parse a block at once; return None if it may have an unusual line."""
    if block.startswith((b"\n", comment)) or b"\n\n" in block or b"\n" + comment in block:
        return None
    width = block.split(b"\n", 1)[0].count(b"\t") + 1
    names = [f"column {i}" for i in range(width)]
    found = [names[i] for i in wanted if i < width]
    kinds = dict.fromkeys(found, pa.dictionary(pa.int32(), pa.string()))
    if not found:
        return None
    try:
        table = csv.read_csv(
            pa.BufferReader(block),
            csv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=names),
            csv.ParseOptions(delimiter="\t", quote_char=False),
            csv.ConvertOptions(column_types=kinds, include_columns=found, null_values=[]),
        )
    except pa.ArrowInvalid:
        return None
    n = len(table)
    empty = Column(np.zeros(n, np.int32), [""])
    columns = tuple(_coded(table.column(names[i])) if i < width else empty for i in wanted)
    if all("" in column.values for column in columns):  # perhaps a line of TABs alone
        return None
    return Columns(np.arange(line, line + n), np.full(n, width, np.int32), columns)


def _coded(column: pa.ChunkedArray) -> Column:
    coded = column.combine_chunks()
    values = [value.strip(" ") for value in coded.dictionary.to_pylist()]
    return Column(coded.indices.to_numpy(), values)


def _careful(
    first: int,
    block: bytes,
    rows: Sequence[tuple[int, int, int]],
    wanted: Sequence[int],
    in_words: int,
) -> Columns:
    """Read some lines of a block, see `ink_lines`, one by one."""
    separator, n_splits = (None, in_words - 1) if in_words else (b"\t", -1)
    code_of: list[dict[bytes, int]] = [{} for _ in wanted]
    codes: list[list[int]] = [[] for _ in wanted]
    lines: list[int] = []
    widths: list[int] = []
    for i, start, end in rows:
        cells = block[start:end].split(separator, n_splits)
        lines.append(first + i)
        widths.append(len(cells))
        for j, known, column in zip(wanted, code_of, codes, strict=True):
            column.append(known.setdefault(cells[j] if j < len(cells) else b"", len(known)))
    columns = []
    for known, column in zip(code_of, codes, strict=True):
        values = [value.decode(errors="surrogateescape").strip(" ") for value in known]
        columns.append(Column(np.array(column, np.int32), values))
    return Columns(np.array(lines, np.int64), np.array(widths, np.int32), tuple(columns))
