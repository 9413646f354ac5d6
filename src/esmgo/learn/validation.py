"""Metrics of a caller on the validation proteins."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from esmgo.dataset.opening import Dataset
from esmgo.go.scores import Scores
from esmgo.go.terms import Aspect
from esmgo.go.truepath import propagate
from esmgo.learn.gradient import loss_of
from esmgo.learn.spread import spread
from esmgo.learn.stop import StopRequest
from esmgo.metrics.evaluator import BLOCK, Evaluator
from esmgo.metrics.micro import MicroSums, micro_sums
from esmgo.metrics.result import name_of, results
from esmgo.metrics.term_frequency import term_frequency
from esmgo.model.scoring import token_budget

if TYPE_CHECKING:
    from esmgo.learn.state import State

log = logging.getLogger(__name__)

LEAST = 2.0**-24
"""A float32 probability is at most 1 - 2**-24 or 1, so the loss takes no other for certain."""


@dataclass(frozen=True, slots=True)
class Validation:
    """Fmax per aspect, micro averages at threshold 0.5 over all terms but the roots, and loss.

    ``cross_entropy`` is the training loss on the validation proteins, a mean over all cells.
    """

    fmax: dict[Aspect | None, float]
    micro: MicroSums
    cross_entropy: float

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
    """Score the validation proteins; all ranks get the same result.

    Raises Stopped after a signal.
    """
    labels, proteins, features = state.data.labels, state.data.validation, state.held_out
    sums = _Sums(state.data)
    state.caller.train(False)
    budget = token_budget(state.caller, state.device)
    loss = 0.0
    for some, found in spread(
        features.lengths, features.scores, len(labels), budget, state.ranks, stop
    ):
        ids = tuple(proteins.ids[i] for i in some)
        loss += _loss(state, found, some)
        sums.add(Scores(ids, propagate(found, labels), labels), some)
    return Validation(sums.fmax(), sums.micro, loss / (len(proteins) * len(labels)))


@torch.no_grad()
def _loss(state: State, found: NDArray[np.float32], rows: NDArray[np.intp]) -> float:
    """Return the loss of probabilities, shape=(B, T), summed over cells."""
    column, place = state.data.validation.terms.cells(rows)
    logits = torch.from_numpy(found).to(state.device).logit(eps=LEAST)
    return loss_of(state, logits, torch.from_numpy(place), torch.from_numpy(column)).item()


def naive_fmax(data: Dataset) -> dict[Aspect | None, float]:
    """Return the Fmax of the term-frequency baseline on the validation proteins, per aspect."""
    sums = _Sums(data)
    for at in range(0, len(data.validation), BLOCK):
        rows = np.arange(at, min(at + BLOCK, len(data.validation)))
        ids = [data.validation.ids[i] for i in rows]
        sums.add(term_frequency(ids, data.train.terms, data.labels), rows)
    return sums.fmax()


class _Sums:
    """Compares blocks of scores with the validation annotations, and sums up."""

    def __init__(self, data: Dataset) -> None:
        self._truth = data.validation.truth(data.labels)
        self._evaluator = Evaluator(self._truth)
        self.micro = MicroSums()

    def add(self, scores: Scores, rows: NDArray[np.intp]) -> None:
        self._evaluator.add(scores, rows)
        self.micro += micro_sums(scores, self._truth, rows)

    def fmax(self) -> dict[Aspect | None, float]:
        found = results(self._evaluator)
        return {aspect: found[aspect].fmax for aspect in found}
