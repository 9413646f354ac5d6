"""The training proteins that vote for a protein: which carry a term, which lack it, and how near.

A protein without any term of an aspect was not studied there, so it is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import brief
from esmgo.evidence.alignment import Alignment, local_alignment
from esmgo.evidence.blosum import bits
from esmgo.evidence.index import Index
from esmgo.evidence.local_search import is_significant, scores_of
from esmgo.evidence.masking import masked
from esmgo.evidence.sources import EvidenceSource
from esmgo.evidence.votes import Votes
from esmgo.go.labels import LabelSpace

SHOWN = 5
"""Proteins of each kind that a card names."""

FEW, MOST = 0.25, 0.5
"""The relatives that align contradict a term if carriers have less than the first part of their
alignment scores, and support it from the second part on."""


@dataclass(frozen=True, slots=True)
class Relative:
    """A training protein that votes for a protein and is annotated in the term's aspect.

    Parameters
    ----------
    id : str
        As in the index.
    is_carrier : bool
        Whether it has the term.
    similarity : dict of str to float
        By each source for which it votes: cosine of the embeddings, cosine of the k-mers, bits.
    length : int
        Residues; 0 without sequences.
    bits : float
        Bit score of the alignment of both sequences; 0 without a significant one.
    alignment : Alignment or None
        That alignment.
    """

    id: str
    is_carrier: bool
    similarity: Mapping[str, float]
    length: int = 0
    bits: float = 0.0
    alignment: Alignment | None = None

    __repr__ = brief


@dataclass(frozen=True, slots=True)
class Training:
    """What the training proteins are evidence of.

    Parameters
    ----------
    n_proteins, n_carriers : int
        All training proteins, and those that have the term.
    n_voting, n_voting_carriers : int
        Those that vote and are annotated in the aspect, and those of them that have the term.
    carriers, others : tuple of Relative
        The nearest of these with and without the term, nearest first.
    n_aligned, n_aligned_carriers : int
        Those that vote, are annotated in the aspect and have a significant alignment, and the
        carriers among them.
    agreement : float
        The carriers' part of the scores of these alignments; NaN if there are none.
    """

    n_proteins: int
    n_carriers: int
    n_voting: int
    n_voting_carriers: int
    carriers: tuple[Relative, ...]
    others: tuple[Relative, ...]
    n_aligned: int = 0
    n_aligned_carriers: int = 0
    agreement: float = float("nan")

    __repr__ = brief

    @property
    def contradicts(self) -> bool:
        """Whether few of the relatives that align carry the term."""
        return self.agreement < FEW

    @property
    def supports(self) -> bool:
        """Whether most of the relatives that align carry the term."""
        return self.agreement >= MOST


def training_of(
    index: Index, votes: Mapping[str, Votes], sequence: str, column: int, labels: LabelSpace
) -> Training:
    """Return what the training proteins are evidence of.

    Parameters
    ----------
    index : Index
        The training proteins.
    votes : dict of str to Votes
        Their votes for one protein, by source.
    sequence : str
        The protein.
    column : int
        The term.
    labels : LabelSpace
        The terms of the index.
    """
    of_aspect = labels.columns_of(labels.terms[column].aspect, roots=True)
    voters = np.unique(np.concatenate([np.empty(0, np.int64), *(v.voter for v in votes.values())]))
    terms = index.terms.take(voters)
    is_studied = np.zeros(len(voters), bool)
    is_studied[terms.owner[np.isin(terms.indices, of_aspect)]] = True
    is_carrier = np.zeros(len(voters), bool)
    is_carrier[terms.owner[terms.indices == column]] = True
    voters, is_carrier = voters[is_studied], is_carrier[is_studied]

    scores = _scores(index, sequence, voters)
    order = np.lexsort((voters, -_shares(votes, voters), -scores))
    total, of_carriers = float(scores.sum()), float(scores[is_carrier].sum())

    def named(at: NDArray[np.intp]) -> tuple[Relative, ...]:
        return tuple(
            _relative(index, votes, sequence, int(voters[i]), bool(is_carrier[i]), float(scores[i]))
            for i in at[:SHOWN]
        )

    return Training(
        len(index),
        int(index.terms.frequency(len(labels))[column]),
        len(voters),
        int(is_carrier.sum()),
        named(order[is_carrier[order]]),
        named(order[~is_carrier[order]]),
        int((scores > 0).sum()),
        int((scores[is_carrier] > 0).sum()),
        of_carriers / total if total else float("nan"),
    )


def _scores(index: Index, sequence: str, voters: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the scores of the significant alignments to training proteins, 0 for others."""
    if index.sequences is None:
        return np.zeros(len(voters))
    scores = scores_of(masked(sequence), index.sequences, voters)
    kept = is_significant(scores, len(sequence), index.sequences)
    return np.where(kept, scores, 0).astype(np.float64)


def _shares(votes: Mapping[str, Votes], voters: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the share of each training protein in the votes, summed over the sources."""
    shares = np.zeros(len(voters))
    for each in votes.values():
        _, own, at = np.intersect1d(voters, each.voter, return_indices=True)
        shares[own] += each.weight[at] / max(float(each.total.sum()), 1e-9)
    return shares


def _relative(
    index: Index,
    votes: Mapping[str, Votes],
    sequence: str,
    row: int,
    is_carrier: bool,
    score: float,
) -> Relative:
    similarity = {}
    for name, each in votes.items():
        weight = each.weight[each.voter == row]
        if len(weight):  # k-mers vote with the square of the cosine
            similarity[name] = float(weight[0] ** (0.5 if name == EvidenceSource.KMERS.word else 1))
    if index.sequences is None or not score:
        length = 0 if index.sequences is None else int(index.sequences.lengths[row])
        return Relative(index.ids[row], is_carrier, similarity, length)
    text = index.sequences[row]
    found = local_alignment(sequence, text)
    return Relative(index.ids[row], is_carrier, similarity, len(text), float(bits(score)), found)
