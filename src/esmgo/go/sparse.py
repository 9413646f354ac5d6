"""Sparse rows: which columns of a label space each of N proteins has.

A protein has few of tens of thousands of terms, so a matrix would consist mostly of zeros. The
layout is that of a compressed sparse row matrix without values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import brief
from esmgo.go.labels import LabelSpace

_BLOCK = 1 << 15
"""Entries closed at once, or one row: 3 MB, because a term has 12 ancestors on average."""

_Cell = TypeVar("_Cell", np.int32, np.int64)


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

    def transposed(self, n_columns: int) -> SparseRows:
        """Return the rows that have each column, ascending; one row per column."""
        cells = self.indices.astype(np.int64) << 32 | self.owner
        cells.sort()  # faster than an order of the columns
        return SparseRows.of(self.frequency(n_columns), (cells & 0xFFFFFFFF).astype(np.int32))

    def take(self, rows: NDArray[np.integer]) -> SparseRows:
        """Return the rows with these numbers, in this order."""
        found = SparseRows.of(self.indptr[rows + 1] - self.indptr[rows], self.indices)
        at = np.repeat(self.indptr[rows] - found.indptr[:-1], found.counts)
        at += np.arange(len(at))
        return SparseRows(found.indptr, self.indices[at])

    def cells(self, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return column and position in ``rows`` of each entry of these rows."""
        found = self.take(rows)
        return found.indices.astype(np.intp), found.owner

    def keep(self, is_kept: NDArray[np.bool_]) -> SparseRows:
        """Return the same rows with some of their entries."""
        at = np.flatnonzero(is_kept)
        return SparseRows(np.searchsorted(at, self.indptr), self.indices[at])

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
        upward, n = _with_ancestors(labels), max(len(labels), 1)
        counts, closed = [np.empty(0, np.int64)], [np.empty(0, np.int32)]
        last, most = 0, np.iinfo(np.int32).max // n  # rows whose cells are 32-bit numbers
        while last < len(self):
            end = np.searchsorted(self.indptr, self.indptr[last] + _BLOCK, side="right") - 1
            some = np.arange(last, min(max(int(end), last + 1), last + most))
            last += len(some)
            columns, owner = self.cells(some)
            found = upward.take(columns)
            start = np.arange(len(some) + 1, dtype=np.int64) * n
            cells = _unique(np.repeat(start[owner].astype(np.int32), found.counts) + found.indices)
            counts.append(np.diff(np.searchsorted(cells, start)))
            closed.append(cells - np.repeat(start[:-1].astype(np.int32), counts[-1]))
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


def _with_ancestors(labels: LabelSpace) -> SparseRows:
    """Return each term with its ancestors, sorted; one row per term."""
    n = len(labels)
    counts = np.fromiter(map(len, labels.parents), np.int64, n)
    parents = SparseRows.of(counts, np.fromiter(chain(*labels.parents), np.int32, counts.sum()))
    place = np.zeros(n, np.int64)  # of the row of each term in `found`
    found = SparseRows(np.zeros(1, np.int64), np.zeros(0, np.int32))
    for level in range(int(labels.depth.max(initial=-1)) + 1):
        terms = np.flatnonzero(labels.depth == level)
        above = parents.take(terms)
        closed = found.take(place[above.indices])
        owner = np.concatenate([np.arange(len(terms)), np.repeat(above.owner, closed.counts)])
        cells = _unique(owner << 32 | np.concatenate([terms, closed.indices]))
        place[terms] = len(found) + np.arange(len(terms))
        sizes = np.bincount(cells >> 32, minlength=len(terms))
        found = found.followed_by(SparseRows.of(sizes, (cells & 0xFFFFFFFF).astype(np.int32)))
    return found.take(place)


def _unique(cells: NDArray[_Cell]) -> NDArray[_Cell]:
    """Sort in place; return distinct values. NumPy's own function is slower."""
    cells.sort()
    is_new = np.ones(len(cells), bool)
    is_new[1:] = cells[1:] != cells[:-1]
    return cells[is_new]
