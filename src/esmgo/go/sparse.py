"""go/sparse.py"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from esmgo.go.labels import LabelSpace


def take(
    indptr: NDArray[np.int64], indices: NDArray[np.int32], rows: NDArray[np.intp]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the rows with these indices of sparse annotations, as ``indptr, indices``."""
    lengths = np.diff(indptr)[rows]
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    entries = np.arange(ends[-1]) + np.repeat(indptr[rows] - ends[:-1], lengths)
    return ends, indices[entries]


def cells(
    indptr: NDArray[np.int64], indices: NDArray[np.int32], rows: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return column and place in ``rows`` of all entries of these sparse rows."""
    starts, lengths = indptr[rows], np.diff(indptr)[rows]
    place = np.repeat(np.arange(len(rows)), lengths)
    first = np.concatenate([[0], np.cumsum(lengths)[:-1]]) if len(rows) else lengths
    entry = np.arange(lengths.sum()) + np.repeat(starts - first, lengths)
    return indices[entry].astype(np.intp), place


_BLOCK = 1024
"""Rows closed at a time, a multiple of 8: 3.5 MB of bits for the 27,000 terms of all GO."""


def close_rows(
    indptr: NDArray[np.int64], indices: NDArray[np.int32], labels: LabelSpace
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Add to each row of sparse annotations the ancestors of its terms.

    Parameters
    ----------
    indptr : ndarray, shape=(N + 1,), dtype=int64
        Row ``i`` is ``indices[indptr[i]:indptr[i + 1]]``.
    indices : ndarray, dtype=int32
        Columns of ``labels``.
    labels : LabelSpace
        Supplies the parents.

    Returns
    -------
    indptr, indices : ndarray
        The same rows, closed, each sorted and without repeats.
    """
    n_rows = len(indptr) - 1
    row_of = np.repeat(np.arange(n_rows), np.diff(indptr))
    lengths, closed = [np.zeros(1, np.int64)], [np.empty(0, np.int32)]
    for first in range(0, n_rows, _BLOCK):
        last = min(first + _BLOCK, n_rows)
        entries = slice(indptr[first], indptr[last])
        rows, columns = _close_block(row_of[entries] - first, indices[entries], labels)
        lengths.append(np.bincount(rows, minlength=last - first))
        closed.append(columns)
    return np.cumsum(np.concatenate(lengths)), np.concatenate(closed)


def most_specific(
    indptr: NDArray[np.int64], indices: NDArray[np.int32], labels: LabelSpace
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Leave out of each row the terms that another of its terms implies: undoes `close_rows`.

    Parameters
    ----------
    indptr : ndarray, shape=(N + 1,), dtype=int64
        Row ``i`` is ``indices[indptr[i]:indptr[i + 1]]``.
    indices : ndarray, dtype=int32
        Columns of ``labels``; rows are closed.
    labels : LabelSpace
        Supplies the parents.

    Returns
    -------
    indptr, indices : ndarray
        The same rows without ancestors, in the same order.
    """
    n_parents = np.array([len(up) for up in labels.parents], np.int64)
    first = np.cumsum(n_parents) - n_parents
    parents = np.fromiter((p for up in labels.parents for p in up), np.int64, n_parents.sum())
    cell = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr)) * len(labels) + indices
    n_above = n_parents[indices]
    at = np.arange(n_above.sum()) - np.repeat(np.cumsum(n_above) - n_above, n_above)
    above = parents[np.repeat(first[indices], n_above) + at]
    kept = ~np.isin(cell, np.repeat(cell - indices, n_above) + above)
    ends = np.concatenate([[0], np.cumsum(kept)]).astype(np.int64)
    return ends[indptr], indices[kept]


def _close_block(
    rows: NDArray[np.intp], columns: NDArray[np.int32], labels: LabelSpace
) -> tuple[NDArray[np.uint16], NDArray[np.int32]]:
    """Close up to `_BLOCK` rows, given as (row, column) pairs; return sorted pairs."""
    bits = np.zeros((len(labels), _BLOCK // 8), np.uint8)  # a term is one row of bits
    np.bitwise_or.at(bits, (columns, rows // 8), np.left_shift(1, rows % 8).astype(np.uint8))
    for parents, children in labels.upward:
        bits[parents] |= np.bitwise_or.reduce(bits[children], axis=1)
    at = np.flatnonzero(bits)  # few bytes hold a bit: unpack only those
    byte, bit = np.nonzero(np.unpackbits(bits.ravel()[at, None], axis=1, bitorder="little"))
    column, row = np.divmod(at[byte] * 8 + bit, _BLOCK)
    order = np.argsort(row.astype(np.uint16), kind="stable")
    return row[order].astype(np.uint16), column[order].astype(np.int32)
