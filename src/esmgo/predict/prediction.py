"""The result for a protein, and the evidence for a block of proteins."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esmgo.data.fasta import Protein
from esmgo.evidence.identical import Match
from esmgo.go.labels import LabelSpace
from esmgo.go.scores import Scores
from esmgo.go.terms import Aspect, Term
from esmgo.go.truepath import implied


@dataclass(frozen=True, slots=True)
class Prediction:
    """The called terms of one protein.

    Parameters
    ----------
    protein : Protein
        The protein as it was read.
    scores : ndarray, shape=(T,), dtype=float32
        Probabilities of the terms of ``labels``.
    labels : LabelSpace
        The terms.
    n_windows : int
        Overlapping windows in which the protein was scored; 1 if it fits the context.
    precision : ndarray, shape=(T,), dtype=float32, optional
        The calibrated probability that such a call is in the annotations; None without a
        calibration.
    matches : tuple of Match
        The training proteins with the same, or nearly the same, sequence.
    """

    protein: Protein
    scores: NDArray[np.float32]
    labels: LabelSpace
    n_windows: int = 1
    precision: NDArray[np.float32] | None = None
    matches: tuple[Match, ...] = ()

    def ranked(self) -> NDArray[np.intp]:
        """Return all columns, most probable first, deeper terms first on ties; shape=(T,)."""
        return np.lexsort((np.arange(len(self.labels)), -self.labels.depth, -self.scores))

    def top(self, k: int | None, *, general: bool = True) -> list[tuple[Term, float]]:
        """Return the ``k`` most probable terms (None: all) with their probabilities.

        Without ``general``, terms that a child implies are left out; see `implied`.
        """
        columns = self._listed(general)[:k]
        return [(self.labels.terms[j], float(self.scores[j])) for j in columns]

    def best(
        self,
        k: int,
        *,
        general: bool = False,
        aspects: Collection[Aspect] = (),
        min_score: float = 0.0,
    ) -> dict[Aspect | None, NDArray[np.intp]]:
        """Return the columns of the ``k`` most probable terms of each aspect, best first.

        Parameters
        ----------
        k : int
            Terms of each aspect, at most.
        general : bool
            Also roots, and terms that a child implies; see `implied`.
        aspects : collection of Aspect
            Only these; by default all that have a term.
        min_score : float
            Lowest probability.
        """
        listed = self._listed(general)
        listed = listed[self.scores[listed] >= np.float32(min_score)]
        found = {}
        for aspect in self.labels.aspects:
            if not aspects or aspect in aspects:
                own = self.labels.columns_of(aspect, roots=general)
                found[aspect] = listed[np.isin(listed, own)][:k]
        return found

    def _listed(self, general: bool) -> NDArray[np.intp]:
        order = self.ranked()
        return order if general else order[~implied(self.scores, self.labels)[order]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Scores of a block of proteins, and their origin.

    Parameters
    ----------
    scores : Scores
        Obeying the true-path rule; N proteins, T terms.
    precision : ndarray, shape=(N, T), dtype=float32
        The calibrated probability that such a call is in the annotations; NaN if the
        checkpoint has no calibration, and for proteins of fewer than 10 residues.
    sources : ndarray, shape=(N, T), dtype=uint8
        Flags of `EvidenceSource`; 0 where no source scores the term above its frequency.
    similarity : ndarray, shape=(N,), dtype=float32
        Cosine similarity of embeddings to the nearest training protein; NaN without an index.
    n_windows : ndarray, shape=(N,), dtype=int64
        Overlapping windows in which each protein was scored.
    group : ndarray, shape=(N,), dtype=int64
        Group of the calibration, by the closest training protein.
    """

    scores: Scores
    precision: NDArray[np.float32]
    sources: NDArray[np.uint8]
    similarity: NDArray[np.float32]
    n_windows: NDArray[np.int64]
    group: NDArray[np.intp]
