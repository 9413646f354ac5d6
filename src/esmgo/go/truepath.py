"""The true-path rule: a protein that has a term has all its ancestors, too."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import LabelMismatch
from esmgo.go.labels import LabelSpace

IMPLIED = 0.05
"""A term that scores at most this much more than one of its children adds little for a reader."""


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
        A new array; ``scores`` is not changed.

    Raises
    ------
    LabelMismatch
        If ``scores`` does not have one column per term.

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
    """Propagate in place, for any type of numbers, with one row per term.

    Parameters
    ----------
    columns : ndarray, shape=(T, N)
        Not negative; 0 means no score.
    labels : LabelSpace
        Supplies the columns and their parents.
    fill : bool
        Raise only terms without a score. The others keep theirs, even if a child's is higher.
    """
    for parents, children in labels.upward:
        best = columns[children].max(axis=1)
        own = columns[parents]
        columns[parents] = np.where(own == 0, best, own) if fill else np.maximum(own, best)


def implied(scores: NDArray[np.float32], labels: LabelSpace) -> NDArray[np.bool_]:
    """Return which terms score at most `IMPLIED` more than one of their children; shape=(T,).

    Parameters
    ----------
    scores : ndarray, shape=(T,), dtype=float32
        Propagated scores of one protein.
    labels : LabelSpace
        The terms and their parents.
    """
    found = np.zeros(len(labels), bool)
    for parents, children in labels.upward:
        found[parents] = scores[children].max(axis=1) >= scores[parents] - np.float32(IMPLIED)
    return found
