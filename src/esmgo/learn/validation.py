"""Metrics of a caller on the validation proteins."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from esmgo.dataset.opening import Dataset
from esmgo.go.scores import Scores
from esmgo.go.terms import Aspect
from esmgo.go.truepath import propagate
from esmgo.learn.stop import StopRequest
from esmgo.metrics.evaluator import BLOCK, Evaluator
from esmgo.metrics.micro import MicroSums, micro_sums
from esmgo.metrics.result import name_of, results
from esmgo.metrics.term_frequency import term_frequency
from esmgo.model.scoring import in_batches, token_budget

if TYPE_CHECKING:
    from esmgo.learn.state import State

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Validation:
    """Fmax per aspect, and micro averages at threshold 0.5 over all terms but the roots."""

    fmax: dict[Aspect | None, float]
    micro: MicroSums

    @property
    def mean_fmax(self) -> float:
        """The mean over aspects; the best epoch has the highest."""
        return sum(self.fmax.values()) / max(len(self.fmax), 1)

    def log(self, naive: dict[Aspect | None, float]) -> None:
        """Log the metrics in two lines."""
        m = self.micro
        log.info("F1: %.3f, Precision: %.3f, Recall: %.3f", m.f1, m.precision, m.recall)
        log.info("Fmax: %s", ", ".join(
            f"{name_of(a)} {f:.3f} (term frequency alone {naive[a]:.3f})"
            for a, f in self.fmax.items()
        ))  # fmt: skip


def validate(state: State, stop: StopRequest) -> Validation:
    """Score the validation proteins.

    Raises Stopped after a signal.
    """
    labels, proteins, features = state.data.labels, state.data.validation, state.held_out
    sums = _Sums(state.data)
    state.caller.train(False)
    budget = token_budget(state.caller, state.device)
    for some, found in in_batches(features.lengths, features.scores, budget):
        stop.check()
        ids = tuple(proteins.ids[i] for i in some)
        sums.add(Scores(ids, propagate(found, labels), labels), some)
    return sums.validation()


def naive_fmax(data: Dataset) -> dict[Aspect | None, float]:
    """Return the Fmax of the term-frequency baseline on the validation proteins, per aspect."""
    sums = _Sums(data)
    for at in range(0, len(data.validation), BLOCK):
        rows = np.arange(at, min(at + BLOCK, len(data.validation)))
        ids = [data.validation.ids[i] for i in rows]
        sums.add(term_frequency(ids, data.train.terms, data.labels), rows)
    return sums.validation().fmax


class _Sums:
    """Compares blocks of scores with the validation annotations, and sums up."""

    def __init__(self, data: Dataset) -> None:
        self._truth = data.validation.truth(data.labels)
        self._evaluator = Evaluator(self._truth)
        self._micro = MicroSums()

    def add(self, scores: Scores, rows: NDArray[np.intp]) -> None:
        self._evaluator.add(scores, rows)
        self._micro += micro_sums(scores, self._truth, rows)

    def validation(self) -> Validation:
        found = results(self._evaluator)
        return Validation({aspect: found[aspect].fmax for aspect in found}, self._micro)
