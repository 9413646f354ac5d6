"""Scores of a protein from the annotations of similar training proteins.

Nothing here knows what makes proteins similar.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import brief
from esmgo.go.labels import LabelSpace
from esmgo.go.scores import Scores
from esmgo.go.sparse import SparseRows

SAME_SPECIES = 1.5
"""Weight of an alignment to a protein of the same species, relative to another; found on held-out
families (`docs/LOG.md`)."""

BLOCK = 512
"""Proteins scored together at most."""

_CELLS = 1 << 23
"""Cells of a block at most: 8 million, 100 MB including the sums."""


@dataclass(frozen=True, slots=True)
class Votes:
    """Weighted votes of training proteins for N proteins; arrays of the shape (H,).

    Parameters
    ----------
    query : ndarray, dtype=int64
        Number of the protein that receives the vote; sorted.
    voter : ndarray, dtype=int64
        Number of the training protein that votes.
    weight : ndarray, dtype=float64
        Not negative.
    total : ndarray, shape=(N,), dtype=float64
        Divisor of the weights of each protein; 0 for a protein without votes.
    """

    query: NDArray[np.int64]
    voter: NDArray[np.int64]
    weight: NDArray[np.float64]
    total: NDArray[np.float64]

    __repr__ = brief


def votes_by_bits(
    query: NDArray[np.int64], voter: NDArray[np.int64], bits: NDArray[np.float64], n_queries: int
) -> Votes:
    """Return one vote of each alignment, weighted by its bit score.

    The score of a term is the sum of bit scores of the alignments to proteins that have it,
    divided by the sum over all alignments of the protein, as in DiamondScore.

    References
    ----------
    Kulmanov & Hoehndorf, DeepGOPlus, Bioinformatics 36:422 (2020).
    """
    return Votes(query, voter, bits, np.bincount(query, bits, n_queries).astype(np.float64))


def preferring_species(
    votes: Votes, training: NDArray[np.int32], queries: NDArray[np.int32]
) -> Votes:
    """Return votes by bits in which proteins of the same species weigh `SAME_SPECIES` as much.

    ``training``, shape=(M,), and ``queries``, shape=(N,), are NCBI taxon ids, 0 if unknown.
    """
    taxon = queries[votes.query]
    is_same = (taxon > 0) & (training[votes.voter] == taxon)
    weight = np.where(is_same, SAME_SPECIES * votes.weight, votes.weight)
    return votes_by_bits(votes.query, votes.voter, weight, len(queries))


def vote(
    votes: Votes, proteins: Sequence[str], terms: SparseRows, labels: LabelSpace
) -> Iterator[Scores]:
    """Score each term by the weight of the voters that have it: ``Σ weight / total``.

    ``terms`` are the closed annotations of the voters, so an ancestor never scores lower than its
    descendant. ``proteins`` are the ids of those that receive the votes; without votes all scores
    are 0. Blocks have at most 512 proteins, in order.
    """
    size = max(1, min(BLOCK, _CELLS // max(len(labels), 1)))
    for first in range(0, len(proteins), size):
        last = min(first + size, len(proteins))
        start, end = np.searchsorted(votes.query, [first, last])
        voted = terms.take(votes.voter[start:end])
        share = votes.total[votes.query[start:end]]
        share = np.divide(votes.weight[start:end], share, out=np.zeros_like(share), where=share > 0)
        cells = np.repeat((votes.query[start:end] - first) * len(labels), voted.counts)
        cells += voted.indices
        sums = np.bincount(cells, np.repeat(share, voted.counts), (last - first) * len(labels))
        values = np.minimum(sums, 1, out=sums).astype(np.float32)  # the sum may round above 1
        values = values.reshape(last - first, len(labels))
        yield Scores(tuple(proteins[first:last]), values, labels)
