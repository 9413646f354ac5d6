"""The results of an evaluation per aspect: Fmax, Smin, AUPR and the curves behind them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import brief
from esmgo.go.scores import Scores
from esmgo.go.terms import Aspect
from esmgo.metrics.curve import THRESHOLDS, Curve, CurveSums
from esmgo.metrics.evaluator import AspectSums, Evaluator
from esmgo.metrics.truth import Truth


@dataclass(frozen=True, slots=True)
class AspectResult:
    """The evaluation of one aspect; quantities with ``weighted`` are None without bits.

    Parameters
    ----------
    sums : AspectSums
        Of all proteins.
    n_terms : ndarray, shape=(depths, frequencies), dtype=int
        Terms that at least one protein has, grouped as the sums are.
    thresholds : ndarray, shape=(M,), dtype=float64
        The thresholds of the sums.
    normalisation : str
        See `CurveSums.curve`.
    """

    sums: AspectSums
    n_terms: NDArray[np.intp]
    thresholds: NDArray[np.float64]
    normalisation: str = "cafa"

    __repr__ = brief

    def curve_of(self, sums: CurveSums) -> Curve:
        """Divide sums over these thresholds, by this normalisation."""
        return sums.curve(self.thresholds, self.normalisation)

    @property
    def curve(self) -> Curve:
        """Precision, recall and the rest over thresholds; each term counts 1."""
        return self.curve_of(self.sums.plain)

    @property
    def weighted(self) -> Curve | None:
        """The same; each term counts its information accretion."""
        return None if self.sums.weighted is None else self.curve_of(self.sums.weighted)

    @property
    def fmax(self) -> float:
        """The highest F over thresholds."""
        return self.curve.fmax

    @property
    def fmax_weighted(self) -> float | None:
        """The highest weighted F over thresholds."""
        return None if self.weighted is None else self.weighted.fmax

    @property
    def smin(self) -> float:
        """The lowest semantic distance: in bits, or in terms without bits."""
        return (self.weighted or self.curve).smin

    @property
    def aupr(self) -> float:
        """Area under precision over recall."""
        return self.curve.aupr


Evaluation = dict[Aspect | None, AspectResult]


def evaluate(
    blocks: Iterable[Scores],
    truth: Truth,
    thresholds: NDArray[np.float64] = THRESHOLDS,
    *,
    normalisation: str = "cafa",
    **options: Any,
) -> Evaluation:
    """Evaluate blocks of scores whose ids are written as in the truth; see `esmgo.evaluate`."""
    waiting = {id: i for i, id in enumerate(truth.proteins)}
    evaluator: Evaluator | None = None
    for scores in blocks:
        if evaluator is None:
            truth = truth.over(truth.labels.union(scores.labels))
            evaluator = Evaluator(truth, thresholds, **options)
        found = [(i, waiting.pop(id, -1)) for i, id in enumerate(scores.proteins)]
        at = [i for i, row in found if row >= 0]
        ids = tuple(scores.proteins[i] for i in at)
        rows = np.array([row for _, row in found if row >= 0], np.intp)
        evaluator.add(Scores(ids, scores.values[at], scores.labels), rows)
    evaluator = evaluator or Evaluator(truth, thresholds, **options)
    evaluator.add_uncalled(np.array(sorted(waiting.values()), np.intp))
    return results(evaluator, normalisation)


def name_of(aspect: Aspect | None) -> str:
    """Return MF, BP or CC; ``all`` where aspects are unknown."""
    return aspect.name if aspect else "all"


def results(evaluator: Evaluator, normalisation: str = "cafa") -> Evaluation:
    """Return the results of an evaluator's sums, by aspect."""
    return {
        aspect: AspectResult(sums, evaluator.n_terms[aspect], evaluator.thresholds, normalisation)
        for aspect, sums in evaluator.sums.items()
    }
