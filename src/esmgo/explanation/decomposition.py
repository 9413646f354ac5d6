"""What each evidence source adds to a blended score.

A source is *neutral* if its score of every term is the term's frequency. Shapley values divide
the difference between the log-odds of the score and those with all sources neutral: the part of a
source is its mean effect over all orders in which the sources replace their neutral scores. The
similarities to training proteins stay as they are. The blend is computed for each subset of the
sources, so the parts add up whatever its form.

References
----------
Shapley, Contributions to the Theory of Games II, 307 (1953).
Lundberg & Lee, NeurIPS 2017: the same for the features of a model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import brief
from esmgo.evidence.source_scores import SourceScores, Values, given_aspect
from esmgo.evidence.sources import EvidenceSource
from esmgo.go.labels import LabelSpace

LEAST = 1e-7
"""A probability is at least this far from 0 and from 1 where log-odds are computed."""


@dataclass(frozen=True, slots=True)
class Decomposition:
    """The log-odds of a score as a sum.

    Parameters
    ----------
    base : float
        With all sources neutral: what the frequency of the term alone gives.
    parts : dict of str to float
        What each source adds, in the order of `EvidenceSource`.
    """

    base: float
    parts: Mapping[str, float]

    __repr__ = brief

    @property
    def log_odds(self) -> float:
        """Those of the score: the sum of base and parts."""
        return self.base + sum(self.parts.values())


def decompose(
    scores: SourceScores,
    column: int,
    blended: Callable[[SourceScores, LabelSpace], NDArray[np.float32]],
    labels: LabelSpace,
) -> Decomposition:
    """Decompose the blended score of one term of one protein.

    Parameters
    ----------
    scores : SourceScores
        Of one protein.
    column : int
        The term.
    blended : callable
        Blends the scores of N proteins; returns probabilities, shape=(N, T).
    labels : LabelSpace
        The T terms.
    """
    names = (*scores.by_source(), EvidenceSource.COANNOTATION.word)
    subset = np.arange(1 << len(names))
    is_used = (subset[:, None] >> np.arange(len(names)) & 1).astype(bool)  # (S, sources)
    p = blended(_with_neutral(scores, dict(zip(names, is_used.T, strict=True)), labels), labels)
    p = p[:, column].astype(np.float64).clip(LEAST, 1 - LEAST)
    log_odds = np.log(p / (1 - p))
    parts = {}
    for i, name in enumerate(names):
        without = subset[~is_used[:, i]]
        n_used = is_used[without].sum(axis=1)
        orders = np.array([len(names) * comb(len(names) - 1, k) for k in n_used])
        parts[name] = float(((log_odds[without | 1 << i] - log_odds[without]) / orders).sum())
    return Decomposition(float(log_odds[0]), parts)


def _with_neutral(
    scores: SourceScores, is_used: Mapping[str, NDArray[np.bool_]], labels: LabelSpace
) -> SourceScores:
    """Return the scores of one protein S times, with the neutral ones of what is not used."""

    def chosen(name: str, own: Values, neutral: Values) -> Values:
        return np.where(is_used[name][:, None], own, neutral).astype(np.float32)

    n = len(next(iter(is_used.values())))
    frequency = np.zeros_like(scores.frequency)  # among the proteins with any term of the aspect
    for aspect in labels.aspects:
        at, _, part = given_aspect(scores, labels, aspect)
        frequency[at] = part.frequency
    name = EvidenceSource.COANNOTATION.word
    return SourceScores(
        chosen(EvidenceSource.HEAD.word, scores.head, scores.frequency),
        {name: chosen(name, own, scores.frequency) for name, own in scores.votes.items()},
        {name: np.repeat(own, n) for name, own in scores.similarity.items()},
        scores.frequency,
        chosen(name, scores.coannotation, frequency),
    )
