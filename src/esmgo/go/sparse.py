"""Sparse rows: which columns of a label space each of N proteins has.

A protein has few of tens of thousands of terms, so a matrix would consist mostly of zeros. The
layout is that of a compressed sparse row matrix without values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import brief
from esmgo.go.labels import LabelSpace

_BLOCK = 1024
"""Rows closed at once, a multiple of 8; their bits take 3.5 MB for the 27,000 terms of GO."""


@dataclass(frozen=True, slots=True)
class SparseRows:
    """The columns of N rows.

    Parameters
    ----------
    indptr : ndarray, shape=(N + 1,), dtype=int64
        Row ``i`` is ``indices[indptr[i]:indptr[i + 1]]``.
    indices : ndarray, dtype=int32
        Columns.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]

    __repr__ = brief

    @classmethod
    def of(cls, counts: NDArray[np.integer] | Sequence[int], indices: NDArray[np.int32]) -> Self:
        """Return rows with ``counts``, shape=(N,), columns each."""
        return cls(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), indices)

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def row(self, i: int) -> NDArray[np.int32]:
        """Return the columns of row ``i``."""
        return self.indices[self.indptr[i] : self.indptr[i + 1]]

    @property
    def counts(self) -> NDArray[np.int64]:
        """The number of columns of each row; shape=(N,)."""
        return np.diff(self.indptr)

    @property
    def owner(self) -> NDArray[np.intp]:
        """The row of each entry of ``indices``."""
        return np.repeat(np.arange(len(self)), self.counts)

    def frequency(self, n_columns: int) -> NDArray[np.intp]:
        """Return how many rows have each column; shape=(n_columns,)."""
        return np.bincount(self.indices, minlength=n_columns)

    def take(self, rows: NDArray[np.integer]) -> SparseRows:
        """Return the rows with these numbers, in this order."""
        found = SparseRows.of(self.indptr[rows + 1] - self.indptr[rows], self.indices)
        starts = np.repeat(self.indptr[rows] - found.indptr[:-1], found.counts)
        return SparseRows(found.indptr, self.indices[np.arange(found.indptr[-1]) + starts])

    def cells(self, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return column and position in ``rows`` of each entry of these rows."""
        found = self.take(rows)
        return found.indices.astype(np.intp), found.owner

    def keep(self, is_kept: NDArray[np.bool_]) -> SparseRows:
        """Return the same rows with some of their entries."""
        ends = np.concatenate([[0], np.cumsum(is_kept)]).astype(np.int64)
        return SparseRows(ends[self.indptr], self.indices[is_kept])

    def renamed(self, column: NDArray[np.int32]) -> SparseRows:
        """Return the same rows, with ``column[j]`` instead of column ``j``."""
        return SparseRows(self.indptr, column[self.indices])

    def followed_by(self, other: SparseRows) -> SparseRows:
        """Return these rows, then those of ``other``."""
        indptr = np.concatenate([self.indptr, self.indptr[-1] + other.indptr[1:]])
        return SparseRows(indptr, np.concatenate([self.indices, other.indices]))

    def is_valid(self, n_columns: int) -> bool:
        """Whether the arrays fit together and all columns are below ``n_columns``."""
        at, columns = self.indptr, self.indices
        is_rows = len(at) > 0 and at[0] == 0 and at[-1] == len(columns) and (self.counts >= 0).all()
        return bool(is_rows and ((columns >= 0) & (columns < n_columns)).all())

    def closed(self, labels: LabelSpace) -> SparseRows:
        """Add to each row the ancestors of its terms; return sorted rows without repeats."""
        counts, closed = [np.empty(0, np.int64)], [np.empty(0, np.int32)]
        for first in range(0, len(self), _BLOCK):
            last = min(first + _BLOCK, len(self))
            entries = slice(self.indptr[first], self.indptr[last])
            owner = np.repeat(np.arange(last - first), np.diff(self.indptr[first : last + 1]))
            rows, columns = _close_block(owner, self.indices[entries], labels)
            counts.append(np.bincount(rows, minlength=last - first))
            closed.append(columns)
        return SparseRows.of(np.concatenate(counts), np.concatenate(closed))

    def leaves(self, labels: LabelSpace) -> SparseRows:
        """Drop the terms of closed rows that another term of the row implies; undoes `closed`."""
        n_parents = np.array([len(up) for up in labels.parents], np.int64)
        first = np.cumsum(n_parents) - n_parents
        parents = np.fromiter((p for up in labels.parents for p in up), np.int64, n_parents.sum())
        cell = self.owner * len(labels) + self.indices
        n_above = n_parents[self.indices]
        at = np.arange(n_above.sum()) - np.repeat(np.cumsum(n_above) - n_above, n_above)
        above = parents[np.repeat(first[self.indices], n_above) + at]
        return self.keep(~np.isin(cell, np.repeat(cell - self.indices, n_above) + above))


def _close_block(
    rows: NDArray[np.intp], columns: NDArray[np.int32], labels: LabelSpace
) -> tuple[NDArray[np.uint16], NDArray[np.int32]]:
    """Close up to `_BLOCK` rows, given as (row, column) pairs; return sorted pairs."""
    bits = np.zeros((len(labels), _BLOCK // 8), np.uint8)  # a term is one row of bits
    np.bitwise_or.at(bits, (columns, rows // 8), np.left_shift(1, rows % 8).astype(np.uint8))
    for parents, children in labels.upward:
        bits[parents] |= np.bitwise_or.reduce(bits[children], axis=1)
    at = np.flatnonzero(bits)  # few bytes are not 0: unpack only those
    byte, bit = np.nonzero(np.unpackbits(bits.ravel()[at, None], axis=1, bitorder="little"))
    column, row = np.divmod(at[byte] * 8 + bit, _BLOCK)
    order = np.argsort(row.astype(np.uint16), kind="stable")
    return row[order].astype(np.uint16), column[order].astype(np.int32)
