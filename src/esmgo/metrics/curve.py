"""Protein-centric precision and recall over thresholds, as CAFA defines them.

All quantities are sums over proteins: blocks, processes and machines simply add up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esmgo.go.scores import Scores

__all__ = ["THRESHOLDS", "CurveSums", "MicroSums", "curve_sums", "micro_sums", "truth_matrix"]

THRESHOLDS = np.arange(1, 100) / 100
"""Score thresholds τ = 0.01, 0.02 … 0.99; a term is called where its score is at least τ."""


@dataclass(frozen=True, slots=True)
class CurveSums:
    """Sums per threshold over proteins, for one aspect.

    Parameters
    ----------
    precision : ndarray, shape=(99,), dtype=float64
        Sum of precision over the proteins with a call.
    recall : ndarray, shape=(99,), dtype=float64
        Sum of recall over the proteins with a true term.
    n_called : ndarray, shape=(99,), dtype=int64
        Proteins with a true term and at least one call.
    n_proteins : int
        Proteins with a true term in the aspect, its root not counted.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    n_called: NDArray[np.int64]
    n_proteins: int

    def __add__(self, other: CurveSums) -> CurveSums:
        return CurveSums(
            self.precision + other.precision,
            self.recall + other.recall,
            self.n_called + other.n_called,
            self.n_proteins + other.n_proteins,
        )

    @property
    def fmax(self) -> float:
        """The highest F1 of mean precision and mean recall over thresholds; 0 without proteins.

        References
        ----------
        Radivojac et al., Nature Methods 10:221 (2013).
        """
        precision = self.precision / np.maximum(self.n_called, 1)
        recall = self.recall / max(self.n_proteins, 1)
        total = precision + recall
        f1 = np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)
        return float(f1.max())


def curve_sums(scores: Scores, truth: NDArray[np.bool_], columns: NDArray[np.intp]) -> CurveSums:
    """Return the sums of one block of proteins over the given columns.

    Parameters
    ----------
    scores : Scores
        N proteins over T terms, propagated.
    truth : ndarray, shape=(N, T), dtype=bool
        Closed annotations.
    columns : ndarray, dtype=intp
        The terms of one aspect, without its root.
    """
    true = truth[:, columns]  # (N, C)
    counted = true.any(axis=1)
    true = true[counted]
    n, m = len(true), len(THRESHOLDS)
    # the bin of a score is the number of thresholds at or below it
    bins = np.searchsorted(THRESHOLDS, scores.values[counted][:, columns], side="right")
    flat = bins + np.arange(n)[:, None] * (m + 1)
    called = _at_least(np.bincount(flat.ravel(), minlength=n * (m + 1)), n)  # (N, 99)
    hits = _at_least(np.bincount(flat[true], minlength=n * (m + 1)), n)
    precision = np.divide(hits, called, out=np.zeros((n, m)), where=called > 0)
    recall = hits / true.sum(axis=1, keepdims=True)
    return CurveSums(precision.sum(0), recall.sum(0), (called > 0).sum(0), n)


def _at_least(histogram: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Turn counts per bin into counts at or above each threshold."""
    rows = histogram.reshape(n, len(THRESHOLDS) + 1)
    return rows[:, :0:-1].cumsum(axis=1)[:, ::-1]


@dataclass(frozen=True, slots=True)
class MicroSums:
    """True positives, false positives and false negatives over all cells of a score matrix."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def __add__(self, other: MicroSums) -> MicroSums:
        return MicroSums(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def precision(self) -> float:
        """Calls that are right; 0 without calls."""
        return self.tp / max(self.tp + self.fp, 1)

    @property
    def recall(self) -> float:
        """True terms that are called; 0 without true terms."""
        return self.tp / max(self.tp + self.fn, 1)

    @property
    def f1(self) -> float:
        """Harmonic mean of the two; 0 where both are."""
        return 2 * self.tp / max(2 * self.tp + self.fp + self.fn, 1)


def micro_sums(
    scores: Scores, truth: NDArray[np.bool_], columns: NDArray[np.intp], threshold: float = 0.5
) -> MicroSums:
    """Return the counts of one block over the given columns at one threshold."""
    called, true = scores.values[:, columns] >= threshold, truth[:, columns]
    return MicroSums(
        int((called & true).sum()), int((called & ~true).sum()), int((~called & true).sum())
    )


def truth_matrix(
    indptr: NDArray[np.int64], indices: NDArray[np.int32], n_terms: int
) -> NDArray[np.bool_]:
    """Return sparse rows of a block as a dense one; shape=(N, T)."""
    truth = np.zeros((len(indptr) - 1, n_terms), bool)
    truth[np.repeat(np.arange(len(truth)), np.diff(indptr)), indices] = True
    return truth
