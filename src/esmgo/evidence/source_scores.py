"""The scores of all sources for a block of proteins.

Nothing here knows how the scores are computed or combined.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import brief
from esmgo.evidence.sources import EvidenceSource
from esmgo.go.labels import LabelSpace
from esmgo.go.terms import Aspect

Values: TypeAlias = NDArray[np.float32]

FLOOR = 0.01
"""Added to a score before its logarithm: the score of one of ten neighbours at similarity 0.1."""

SIMILARITIES: dict[str, tuple[str, Callable[[Values], Values]]] = {
    EvidenceSource.HOMOLOGY.word: ("bits", np.log1p),
    EvidenceSource.KMERS.word: ("shared", lambda cosine: np.log(cosine + FLOOR)),
    EvidenceSource.NEIGHBOURS.word: ("similarity", lambda cosine: cosine),
}
"""For each source of similar proteins, the most informative first: name and scale of the feature
that holds the similarity of the most similar one. Stored blends contain these names."""


@dataclass(frozen=True, slots=True)
class SourceScores:
    """Scores of N proteins for T terms, one matrix per source.

    Parameters
    ----------
    head : ndarray, shape=(N, T), dtype=float32
        Probabilities of the head, obeying the true-path rule.
    votes : dict of str to ndarray, shape=(N, T), dtype=float32
        Scores of the sources of similar training proteins, in [0, 1]; some of ``neighbours``,
        ``kmers`` and ``homology``.
    similarity : dict of str to ndarray, shape=(N,), dtype=float32
        Similarity to the most similar training protein by each of these sources: the cosine of
        embeddings, in [-1, 1]; the cosine of sets of k-mers, in [0, 1]; bits per residue of the
        best alignment, 0 without one.
    frequency : ndarray, shape=(T,), dtype=float32
        Fraction of the training proteins that have each term.
    coannotation : ndarray, shape=(N, T), dtype=float32
        Support by terms of other aspects; see `Coannotation`.
    """

    head: Values
    votes: Mapping[str, Values]
    similarity: Mapping[str, Values]
    frequency: Values
    coannotation: Values

    __repr__ = brief

    def columns(self, at: NDArray[np.intp]) -> SourceScores:
        """Return the scores for some of the terms."""
        return SourceScores(
            self.head[:, at],
            {name: values[:, at] for name, values in self.votes.items()},
            self.similarity,
            self.frequency[at],
            self.coannotation[:, at],
        )

    def rows(self, at: NDArray[np.bool_] | slice) -> SourceScores:
        """Return the scores of some of the proteins."""
        return SourceScores(
            self.head[at],
            {name: values[at] for name, values in self.votes.items()},
            {name: values[at] for name, values in self.similarity.items()},
            self.frequency,
            self.coannotation[at],
        )

    def given(self, root: SourceScores) -> SourceScores:
        """Return the scores conditional on the protein having any term below a root.

        Every score is divided by the score of the root, shape=(N, 1). A protein without a term
        of an aspect was not studied in that aspect, so it is no evidence against a term.
        """
        votes = {name: _ratio(values, root.votes[name]) for name, values in self.votes.items()}
        head, frequency = _ratio(self.head, root.head), _ratio(self.frequency, root.frequency)
        return replace(self, head=head, votes=votes, frequency=frequency)

    def by_source(self) -> dict[str, Values]:
        """Return the scores of each source; shape=(N, T) each."""
        return {EvidenceSource.HEAD.word: self.head, **self.votes}

    @property
    def is_supported(self) -> NDArray[np.bool_]:
        """Where any source gives a score that is not negligible; shape=(N, T)."""
        found: NDArray[np.bool_] = self.head > 2 * FLOOR
        for values in self.votes.values():
            found |= values > 2 * FLOOR
        return found

    def closeness(self, sources: Sequence[str]) -> Values:
        """Return the similarity by the most informative of ``sources``, shape=(N,); 0 for none."""
        of_head = np.zeros(len(self.head), np.float32)
        return next((self.similarity[name] for name in SIMILARITIES if name in sources), of_head)


def given_aspect(
    scores: SourceScores, labels: LabelSpace, aspect: Aspect | None
) -> tuple[NDArray[np.intp], NDArray[np.intp], SourceScores]:
    """Return the columns of an aspect's terms, the columns of its root, and the terms' scores.

    The scores are conditional on the protein having any term of the aspect; see
    `SourceScores.given`. Without a root in the label space they are not changed.
    """
    at = labels.columns_of(aspect)
    root = np.setdiff1d(labels.columns_of(aspect, roots=True), at)
    part = scores.columns(at)
    return at, root, part.given(scores.columns(root)) if len(root) else part


def supporting_sources(scores: SourceScores, labels: LabelSpace) -> NDArray[np.uint8]:
    """Return flags of the sources that score a term above its frequency; shape=(N, T)."""
    flags = np.zeros(scores.head.shape, np.uint8)
    for name, values in scores.by_source().items():
        flags |= (values > scores.frequency) * np.uint8(EvidenceSource[name.upper()])
    without_votes = replace(scores, votes={})
    for aspect in labels.aspects:
        at, _, part = given_aspect(without_votes, labels, aspect)
        flags[:, at] |= (part.coannotation > part.frequency) * np.uint8(EvidenceSource.COANNOTATION)
    return flags


def _ratio(part: Values, total: Values) -> Values:
    """Return ``part / total``, and 0 where the total is 0."""
    return np.divide(part, total, out=np.zeros_like(part), where=total > 0)
