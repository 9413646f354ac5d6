"""The true-path rule: whoever has a function has also the more general ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import LabelMismatch
from esmgo.go.labels import LabelSpace

__all__ = ["IMPLIED", "climb", "close_rows", "implied", "most_specific", "propagate"]

IMPLIED = 0.05
"""A term at most this much likelier than one right below it says no more to a reader."""

_BLOCK = 1024
"""Rows closed at a time, a multiple of 8: 3.5 MB of bits for the 27,000 terms of all GO."""


def propagate(scores: NDArray[np.float32], labels: LabelSpace) -> NDArray[np.float32]:
    """Raise every term's score to the highest score among its descendants.

    Parameters
    ----------
    scores : ndarray, shape=(N, T), dtype=float32
        Probabilities in [0, 1]; column ``j`` scores ``labels.terms[j]``.
    labels : LabelSpace
        Supplies the columns and their parents.

    Returns
    -------
    ndarray, shape=(N, T), dtype=float32
        A new array; ``scores`` is left as it was.

    Raises
    ------
    LabelMismatch
        If ``scores`` has not one column per term.

    References
    ----------
    Radivojac et al., Nature Methods 10:221 (2013).

    Examples
    --------
    >>> from esmgo.go.terms import Aspect, Term
    >>> three = tuple(Term(f"GO:000000{i}", "", Aspect.MF) for i in (1, 2, 3))
    >>> chain = LabelSpace(three, ((), (0,), (1,)))   # root, child, grandchild
    >>> propagate(np.array([[0.1, 0.2, 0.9]]), chain)
    array([[0.9, 0.9, 0.9]])
    """
    if scores.ndim != 2 or scores.shape[1] != len(labels):
        raise LabelMismatch(expected=len(labels), actual=scores.shape[-1])
    raised = np.ascontiguousarray(scores.T)  # (T, N): a term is one contiguous row
    if raised.base is not None:
        raised = raised.copy()
    climb(raised, labels)
    return np.ascontiguousarray(raised.T)


def climb(columns: NDArray[Any], labels: LabelSpace, *, fill: bool = False) -> None:
    """Raise in place: like `propagate`, but of any numbers, and one row per term.

    Parameters
    ----------
    columns : ndarray, shape=(T, N)
        At least 0; 0 is no score.
    labels : LabelSpace
        Supplies the columns and their parents.
    fill : bool
        Raise only terms without a score: others keep their own, even below a child's.
    """
    for parents, children in labels.upward:
        best = columns[children].max(axis=1)
        own = columns[parents]
        columns[parents] = np.where(own == 0, best, own) if fill else np.maximum(own, best)


def implied(scores: NDArray[np.float32], labels: LabelSpace) -> NDArray[np.bool_]:
    """Return which terms are at most `IMPLIED` likelier than a term right below, shape=(T,).

    Parameters
    ----------
    scores : ndarray, shape=(T,), dtype=float32
        Of one protein, obeying the true-path rule: the more special term implies the other.
    labels : LabelSpace
        The terms and their parents.
    """
    found = np.zeros(len(labels), bool)
    for parents, children in labels.upward:
        found[parents] = scores[children].max(axis=1) >= scores[parents] - np.float32(IMPLIED)
    return found


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
