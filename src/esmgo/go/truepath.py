"""The true-path rule: whoever has a function has also the more general ones."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import LabelMismatch
from esmgo.go.labels import LabelSpace

__all__ = ["close_rows", "propagate"]


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
    for parents, children, starts in labels.upward:
        best = np.maximum.reduceat(raised[children], starts, axis=0)
        raised[parents] = np.maximum(raised[parents], best)
    return np.ascontiguousarray(raised.T)


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
    closures = [np.array(sorted({j, *labels.ancestors(j)}), np.int32) for j in range(len(labels))]
    rows = [
        np.unique(np.concatenate([closures[j] for j in indices[lo:hi]]))
        if hi > lo
        else np.empty(0, np.int32)
        for lo, hi in pairwise(indptr)
    ]
    lengths = np.array([len(row) for row in rows], np.int64)
    closed = np.concatenate(rows) if rows else np.empty(0, np.int32)
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), closed.astype(np.int32)
