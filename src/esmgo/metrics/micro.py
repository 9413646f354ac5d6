"""Micro averages at one threshold: all cells of a score matrix together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esmgo.go.scores import Scores
from esmgo.metrics.truth import Truth


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
        """The share of calls that are right; 0 without calls."""
        return self.tp / max(self.tp + self.fp, 1)

    @property
    def recall(self) -> float:
        """The share of true terms that are called; 0 without true terms."""
        return self.tp / max(self.tp + self.fn, 1)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 where both are 0."""
        return 2 * self.tp / max(2 * self.tp + self.fp + self.fn, 1)


def micro_sums(
    scores: Scores, truth: Truth, rows: NDArray[np.intp], threshold: float = 0.5
) -> MicroSums:
    """Return the counts of one block over all terms but the roots.

    Scores and truth, which is closed, have one label space. ``rows``, shape=(B,), gives the
    protein of the truth for each row of ``scores``.
    """
    counted = np.array([not term.is_root for term in scores.labels.terms], bool)
    called = (scores.values >= threshold) & counted  # (B, T)
    column, place = truth.terms.cells(rows)
    kept = counted[column]
    tp = int(np.count_nonzero(called[place[kept], column[kept]]))
    n_called, n_true = int(np.count_nonzero(called)), int(np.count_nonzero(kept))
    return MicroSums(tp, n_called - tp, n_true - tp)
