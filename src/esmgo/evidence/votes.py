"""Scores of a protein from the annotations of proteins like it.

What makes proteins alike, sequence or embedding, is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from esmgo.go.labels import LabelSpace
from esmgo.go.scores import Scores
from esmgo.go.sparse import take

BLOCK = 512
"""Proteins scored together at most."""

_CELLS = 1 << 23
"""Cells of a block at most: 8 million, 100 MB with what adding up takes."""


class Annotated(Protocol):
    """Proteins with closed annotations, as sparse rows."""

    @property
    def indptr(self) -> NDArray[np.int64]:
        """Where the terms of each protein begin."""

    @property
    def indices(self) -> NDArray[np.int32]:
        """Columns of the label space."""


@dataclass(frozen=True, slots=True)
class Votes:
    """Who votes for which protein, with what weight; arrays of the shape (H,).

    Parameters
    ----------
    query : ndarray, dtype=int64
        Which protein is voted for; sorted.
    voter : ndarray, dtype=int64
        Which training protein votes.
    weight : ndarray, dtype=float64
        Not negative.
    total : ndarray, shape=(N,), dtype=float64
        What the sum of weights is divided by, per protein; 0 where nobody votes.
    """

    query: NDArray[np.int64]
    voter: NDArray[np.int64]
    weight: NDArray[np.float64]
    total: NDArray[np.float64]

    def of(self, voter: NDArray[np.int64]) -> Votes:
        """Return the same votes under other numbers of the voters; shape=(H,)."""
        return replace(self, voter=voter)


def vote(
    votes: Votes, proteins: Sequence[str], train: Annotated, labels: LabelSpace
) -> Iterator[Scores]:
    """Score each term by the weight of the voters that carry it: ``Σ weight / total``.

    Annotations are closed, so an ancestor never scores lower than its descendant. A
    protein without voters gets zeros.

    Parameters
    ----------
    votes : Votes
        Rows of ``proteins`` and of ``train``.
    proteins : sequence of str
        Ids of the N proteins.
    train : Annotated
        Its terms are those of ``labels``.
    labels : LabelSpace
        The T columns.

    Yields
    ------
    Scores
        Blocks of at most 512 proteins, in order.
    """
    size = max(1, min(BLOCK, _CELLS // max(len(labels), 1)))
    for first in range(0, len(proteins), size):
        last = min(first + size, len(proteins))
        start, end = np.searchsorted(votes.query, [first, last])
        ends, columns = take(train.indptr, train.indices, votes.voter[start:end])
        carried = np.diff(ends)
        share = votes.total[votes.query[start:end]]
        share = np.divide(votes.weight[start:end], share, out=np.zeros_like(share), where=share > 0)
        cells = np.repeat((votes.query[start:end] - first) * len(labels), carried) + columns
        sums = np.bincount(cells, np.repeat(share, carried), (last - first) * len(labels))
        values = np.minimum(sums, 1, out=sums).astype(np.float32)  # the sum may round above 1
        values = values.reshape(last - first, len(labels))
        yield Scores(tuple(proteins[first:last]), values, labels)
