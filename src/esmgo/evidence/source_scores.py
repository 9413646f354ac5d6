"""evidence/source_scores.py"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from esmgo.go.labels import LabelSpace
from esmgo.go.terms import Aspect

Values: TypeAlias = NDArray[np.float32]


FLOOR = 0.01
"""Added to a vote before its logarithm: what a tenth of one of ten neighbours says."""


@dataclass(frozen=True, slots=True)
class SourceScores:
    """What the sources say of a block of proteins, over some terms.

    Parameters
    ----------
    head : ndarray, shape=(N, T), dtype=float32
        Probabilities of the head, obeying the true-path rule.
    votes : dict of str to ndarray, shape=(N, T), dtype=float32
        Votes of training proteins: ``neighbours``, the nearest among embeddings; ``kmers``, those
        that share k-mers; ``homology``, those that DIAMOND finds alike. Whichever are asked.
    similarity : ndarray, shape=(N,), dtype=float32
        Cosine similarity to the nearest training protein.
    shared : ndarray, shape=(N,), dtype=float32
        Cosine between sets of k-mers, to the training protein most like it; 0 without.
    bits : ndarray, shape=(N,), dtype=float32
        Bits per residue of the best alignment with a training protein; 0 without.
    frequency : ndarray, shape=(T,), dtype=float32
        Part of the training proteins that has each term.
    coannotated : ndarray, shape=(N, T), dtype=float32
        What terms of other aspects say; see `Coannotation`.
    """

    head: Values
    votes: Mapping[str, Values]
    similarity: Values
    shared: Values
    bits: Values
    frequency: Values
    coannotated: Values

    def columns(self, at: NDArray[np.intp]) -> SourceScores:
        """Return what is said of some of the terms."""
        votes = {name: v[:, at] for name, v in self.votes.items()}
        told, together = self.head[:, at], self.coannotated[:, at]
        frequency = self.frequency[at]
        return replace(self, head=told, votes=votes, frequency=frequency, coannotated=together)

    def given(self, root: SourceScores) -> SourceScores:
        """Return what is said of terms below a root, given that the protein has any of them.

        Divided by what is said of the root, shape=(N, 1): a protein that nobody looked at in an
        aspect has no term of it, and is no witness against one.
        """
        votes = {name: _ratio(v, root.votes[name]) for name, v in self.votes.items()}
        head, frequency = _ratio(self.head, root.head), _ratio(self.frequency, root.frequency)
        return replace(self, head=head, votes=votes, frequency=frequency)

    def rows(self, at: NDArray[np.bool_]) -> SourceScores:
        """Return what is said of some of the proteins."""
        votes = {name: v[at] for name, v in self.votes.items()}
        close = self.similarity[at], self.shared[at], self.bits[at]
        return SourceScores(self.head[at], votes, *close, self.frequency, self.coannotated[at])

    def by_source(self) -> dict[str, Values]:
        """Return what each source says; shape=(N, T) each."""
        return {"head": self.head, **self.votes}

    @property
    def is_any(self) -> NDArray[np.bool_]:
        """Where any source says something worth hearing; shape=(N, T)."""
        found: NDArray[np.bool_] = self.head > 2 * FLOOR
        for votes in self.votes.values():
            found |= votes > 2 * FLOOR
        return found


def _ratio(part: Values, whole: Values) -> Values:
    """Return ``part / whole``, and 0 where there is no whole."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def of_aspect(
    said: SourceScores, labels: LabelSpace, aspect: Aspect | None
) -> tuple[NDArray[np.intp], NDArray[np.intp], SourceScores]:
    """Return the columns of an aspect's terms, that of its root, if there, and what is said.

    What is said of the terms, given that the protein has any of them.
    """
    at = labels.columns_of(aspect)
    root = np.setdiff1d(labels.columns_of(aspect, roots=True), at)
    part = said.columns(at)
    return at, root, part.given(said.columns(root)) if len(root) else part
