"""The result for a protein, and the evidence for a block of proteins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esmgo.data.fasta import Protein
from esmgo.go.labels import LabelSpace
from esmgo.go.scores import Scores
from esmgo.go.terms import Term
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
    """

    protein: Protein
    scores: NDArray[np.float32]
    labels: LabelSpace
    n_windows: int = 1

    def ranked(self) -> NDArray[np.intp]:
        """Return all columns, most probable first, deeper terms first on ties; shape=(T,)."""
        return np.lexsort((np.arange(len(self.labels)), -self.labels.depth, -self.scores))

    def top(self, k: int, *, general: bool = True) -> list[tuple[Term, float]]:
        """Return the ``k`` most probable terms with their probabilities, or all if there are fewer.

        Without ``general``, terms that a child implies are left out; see `implied`.
        """
        order = self.ranked()
        if not general:
            order = order[~implied(self.scores, self.labels)[order]]
        return [(self.labels.terms[j], float(self.scores[j])) for j in order[:k]]


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
