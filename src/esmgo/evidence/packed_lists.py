"""Compressed lists, inflated in parts when they are needed.

A query needs few of millions of lists. Lists of similar length, whose steps are of similar
size, are in one part, so that they compress well.
"""

from __future__ import annotations

import zlib
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import CheckpointError, printable
from esmgo.go.sparse import SparseRows
from esmgo.model.compression import deflated, inflated

PART = 1 << 13
"""Entries of a part, about."""


class _Layout(NamedTuple):
    """Where the lists are stored: K lists in P parts.

    Parameters
    ----------
    order : ndarray, shape=(K,), dtype=int64
        The numbers of the lists, as they are stored: by the bits of their length.
    indptr : ndarray, shape=(K + 1,), dtype=int64
        The first entry of each stored list, and the number of all entries.
    first : ndarray, shape=(P + 1,), dtype=int64
        The first stored list of each part, and K.
    """

    order: NDArray[np.int64]
    indptr: NDArray[np.int64]
    first: NDArray[np.int64]

    @classmethod
    def of(cls, counts: NDArray[np.integer]) -> _Layout:
        """Return the layout of lists with ``counts`` entries."""
        bits = _bits(counts)
        order = np.argsort(bits, kind="stable")
        indptr = np.zeros(len(order) + 1, np.int64)
        np.cumsum(counts[order], out=indptr[1:])
        of_bits = np.cumsum(np.bincount(bits))[:-1]
        full = np.searchsorted(indptr, np.arange(0, indptr[-1], PART))
        first = np.unique(np.concatenate([of_bits, full, [len(order)]]))
        return cls(order, indptr, first)


class Packed(NamedTuple):
    """K compressed lists.

    Parameters
    ----------
    counts : ndarray, dtype=uint8
        The length of each list.
    firsts : ndarray, dtype=uint8
        The first entry of each list.
    sizes : ndarray, dtype=uint8
        The bytes of each part.
    parts : ndarray, dtype=uint8
        The differences of the other entries to the entry before.
    """

    counts: NDArray[np.uint8]
    firsts: NDArray[np.uint8]
    sizes: NDArray[np.uint8]
    parts: NDArray[np.uint8]

    @classmethod
    def of(cls, lists: SparseRows) -> Packed:
        """Compress lists of ascending integers from 0, none of which is empty."""
        order, indptr, first = _Layout.of(lists.counts)
        stored = lists.take(order).indices
        steps = np.diff(stored, prepend=np.int32(0))
        parts = []
        for start, end in pairwise(first):
            at = indptr[start:end]
            parts.append(deflated(np.delete(steps[at[0] : indptr[end]], at - at[0])))
        sizes = np.array(list(map(len, parts)), np.int32)
        firsts = stored[indptr[:-1]]
        found = *map(deflated, (lists.counts.astype(np.int32), firsts, sizes)), b"".join(parts)
        return cls(*(np.frombuffer(each, np.uint8) for each in found))


class PackedLists:
    """K lists of ascending integers below ``n_columns``.

    Lists, first entries and sizes may take ``most`` bytes each. ``path`` is the file that
    contains them, for messages. Raises ValueError or zlib.error if the arrays of ``packed`` do
    not fit together, or take more.
    """

    def __init__(self, packed: Packed, n_columns: int, most: int, path: Path) -> None:
        counts, firsts, sizes = (inflated(each, most) for each in packed[:3])
        if (counts < 1).any() or (counts > n_columns).any() or (sizes < 0).any():
            raise ValueError("lists or parts of an impossible size")
        self.counts, self._firsts, self._parts = counts, firsts, packed.parts
        if 4 * counts.sum(dtype=np.float64) > most:
            raise ValueError(f"more than {most:,} bytes")
        order, self._indptr, self._first = _Layout.of(counts)
        self._n_columns, self._path = n_columns, path
        self._ends = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        is_whole = len(sizes) == len(self._first) - 1 and len(firsts) == len(counts)
        if not is_whole or self._ends[-1] != len(packed.parts):
            raise ValueError("lists and their parts do not fit together")
        self._place = np.empty(len(counts), np.int32)
        self._place[order] = np.arange(len(counts), dtype=np.int32)
        n_steps = int(self._indptr[-1]) - len(counts)
        self._steps = np.empty(n_steps + 1, np.min_scalar_type(n_columns))  # the first is not used
        self._is_inflated = np.zeros(len(sizes), bool)

    def __len__(self) -> int:
        return len(self.counts)

    def take(self, rows: NDArray[np.integer]) -> SparseRows:
        """Return the lists with these numbers, in this order.

        Raises CheckpointError if a part that is inflated is damaged, or if an entry is out of
        range.
        """
        place = self._place[rows]
        parts = np.zeros(len(self._is_inflated), bool)
        parts[np.searchsorted(self._first, place, side="right") - 1] = True
        try:
            for part in np.flatnonzero(parts & ~self._is_inflated):
                self._inflate(int(part))
            return self._summed(place)
        except (ValueError, zlib.error) as error:
            reason = f"damaged k-mers ({printable(error, 60)})"
            raise CheckpointError(self._path, reason) from None

    def all(self) -> SparseRows:
        """Return all lists."""
        return self.take(np.arange(len(self)))

    def _inflate(self, part: int) -> None:
        """Inflate the steps of a part; raise ValueError or zlib.error if it is damaged."""
        first, end = self._first[part : part + 2]
        start, stop = self._indptr[[first, end]] - (first, end)
        data = self._parts[self._ends[part] : self._ends[part + 1]]
        steps = inflated(data, 4 * int(stop - start))
        if len(steps) != stop - start:
            raise ValueError("a part of another length")
        if len(steps) and not 0 <= steps.min() <= steps.max() < self._n_columns:
            raise ValueError("a step that is out of range")
        self._steps[start + 1 : stop + 1] = steps
        self._is_inflated[part] = True

    def _summed(self, place: NDArray[np.int32]) -> SparseRows:
        """Return the lists at some places, whose steps are inflated.

        Raises ValueError if an entry is out of range.
        """
        firsts, starts = self._firsts[place], self._indptr[place]
        found = SparseRows.of(self._indptr[place + 1] - starts, np.empty(0, np.int32))
        begin = found.indptr[:-1]
        # each list before has a step less than entries; the step before a list is replaced
        at = np.repeat(starts - place - begin, found.counts)
        at += np.arange(len(at))
        values = self._steps[at].astype(np.int32)
        values[begin] = firsts
        np.cumsum(values, dtype=np.int32, out=values)  # differences are right even if it overflows
        values -= np.repeat(values[begin] - firsts, found.counts)
        if (values < 0).any() or (values >= self._n_columns).any():
            raise ValueError("an entry that is out of range")
        return SparseRows(found.indptr, values)


def _bits(counts: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Return the number of bits of each count."""
    longest = int(counts.max(initial=0))
    found: NDArray[np.uint8] = np.frexp(np.arange(longest + 1))[1].astype(np.uint8)[counts]
    return found
