"""Novelty: how unlike the training proteins a protein is, and what that does to its calls.

Two logistic regressions use the same features of a protein: how similar its closest training
proteins are, how many terms each source expects of it, its embedding, its length and composition,
and the order of its residues. The first gives the probability *p* that the sequence is a protein
and not a decoy (see `esmgo.evidence.decoys`), if both are equally frequent. The second gives the
probability *r* that one of its best calls is right. Novelty is 1 - p √(r / highest): 0 for the most
familiar proteins, and near 1 for a sequence that is unlike anything known.

The precision of the best calls falls as novelty rises. The precision of all calls with some score
falls less, since a blend gives remote proteins lower scores and so fewer calls.
`esmgo.blending.novelty_fitting` fits the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import brief
from esmgo.evidence.source_scores import SIMILARITIES, SourceScores, Values
from esmgo.go.labels import LabelSpace
from esmgo.predict.regression import expected_terms, logit
from esmgo.predict.residue_pairs import DISTANCES, ResiduePairs, composition

MAX_NOVELTY = 0.7
"""Default limit of promised calls. Of the bundled caller's held-out proteins, one in 1,000 with a
relative (0.3 bits per residue) is above it, and of their decoys one or two in 100 are below."""

NUM_BEST = 5
"""Calls of each aspect whose precision `Novelty.precision_of` gives: the most probable informative
terms."""


@dataclass(frozen=True)
class Features:
    """Computes the features of proteins.

    Parameters
    ----------
    pairs : ResiduePairs
        Of the training proteins.
    sources : tuple of str
        The sources of the scores.
    is_informative : ndarray, shape=(T,), dtype=bool
        The terms that count; see `esmgo.predict.bands`.
    """

    pairs: ResiduePairs
    sources: tuple[str, ...]
    is_informative: NDArray[np.bool_]

    __repr__ = brief

    def of(
        self, scores: SourceScores, values: Values, vectors: Values, sequences: Sequence[str]
    ) -> NDArray[np.float64]:
        """Return the features of N proteins, shape=(N, F); a row depends on its protein alone.

        They are the length and composition of the sequence, the order of its residues (see
        `ResiduePairs.excess`), the expected number of informative terms by the head, by the votes
        of each source and by ``values``, the logit of the highest score of head and ``values``,
        the similarity to the most similar training protein by each source, whether any aligns,
        and the vector.

        Parameters
        ----------
        scores : SourceScores
            Of N proteins.
        values : ndarray, shape=(N, T), dtype=float32
            Blended scores.
        vectors : ndarray, shape=(N, D), dtype=float32
            Final states at ``<cls>``.
        sequences : sequence of str
            Residues.
        """
        excess = np.array([self.pairs.excess(sequence) for sequence in sequences])
        columns = [
            np.log([len(sequence) for sequence in sequences]),
            [composition(sequence) for sequence in sequences],
            *(np.sign(excess) * np.log1p(np.abs(excess))).T,
        ]
        for each in (scores.head, values):
            informative = each[:, self.is_informative]
            columns.append(expected_terms(informative)[:, 0])
            columns.append(logit(informative.max(axis=1, initial=0)))
        for source, (name, scale) in SIMILARITIES.items():
            if source in self.sources:
                similarity = scores.similarity[source]
                votes = scores.votes[source][:, self.is_informative]
                columns += [scale(similarity), expected_terms(votes)[:, 0]]
                columns += [similarity > 0] if name == "bits" else []
        return np.column_stack([*columns, vectors]).astype(np.float64)

    def is_similarity(self, width: int) -> NDArray[np.bool_]:
        """Return which of the features, with vectors of this width, are similarities; (F,)."""
        found = [False] * (6 + 2 * DISTANCES)
        for source, (name, _) in SIMILARITIES.items():
            if source in self.sources:
                found += [True, False] + [True] * (name == "bits")
        return np.array(found + [False] * width)


@dataclass(frozen=True)
class Novelty:
    """The weights of the two regressions, and what precision to expect at each novelty.

    Parameters
    ----------
    features : Features
        What the weights are of; there are F.
    weights : ndarray, shape=(2, 1 + F), dtype=float64
        Constant and weights, for a protein and not a decoy, and for a right call.
    ends : ndarray, shape=(2, F), dtype=float64
        Lowest and highest value of each feature in fitting. Values beyond them count as these.
    highest : float
        The second probability of the most familiar proteins.
    levels : tuple of float
        Novelties, ascending.
    precision : tuple of float
        At each level, the precision of the `NUM_BEST` best informative calls of each aspect that
        held-out proteins of this novelty have; descending.
    """

    features: Features
    weights: NDArray[np.float64]
    ends: NDArray[np.float64]
    highest: float
    levels: tuple[float, ...]
    precision: tuple[float, ...]

    __repr__ = brief

    def of(
        self, scores: SourceScores, values: Values, vectors: Values, sequences: Sequence[str]
    ) -> Values:
        """Return the novelty of N proteins, shape=(N,), in [0, 1]; see `Features.of`."""
        x = np.clip(self.features.of(scores, values, vectors, sequences), *self.ends)
        # each row by itself, so that it does not depend on the others
        protein, right = (probability(w[0] + (x * w[1:]).sum(axis=1)) for w in self.weights)
        return novelty_of(protein, right, self.highest)

    def precision_of(self, novelty: Values) -> Values:
        """Return the precision of the best calls of proteins of these novelties, shape=(N,)."""
        return np.interp(novelty, self.levels, self.precision).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Return plain values but the features; `from_json` takes them."""
        return {
            "weights": self.weights.tolist(),
            "ends": self.ends.tolist(),
            "highest": self.highest,
            "levels": list(self.levels),
            "precision": list(self.precision),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any], features: Features, width: int) -> Novelty:
        """Read a result of `to_json` for vectors of this width.

        Raises KeyError, TypeError or ValueError if ``value`` is anything else.
        """
        weights, ends = (np.array(value[name], np.float64) for name in ("weights", "ends"))
        highest, n = float(value["highest"]), len(features.is_similarity(width))
        levels, precision = (tuple(map(float, value[name])) for name in ("levels", "precision"))
        if weights.shape != (2, 1 + n) or ends.shape != (2, n):
            raise ValueError("weights of other features")
        if not np.isfinite([*weights.ravel(), *ends.ravel(), highest, *levels, *precision]).all():
            raise ValueError("a number is not finite")
        if highest <= 0 or not levels or len(levels) != len(precision):
            raise ValueError("levels without a precision")
        if not all(a < b for a, b in pairwise(levels)):
            raise ValueError("levels do not ascend")
        if not all(a >= b for a, b in pairwise(precision)):
            raise ValueError("a precision that rises")
        return cls(features, weights, ends, highest, levels, precision)


def probability(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities of these log-odds."""
    found: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(log_odds, -30, 30)))
    return found


def novelty_of(protein: NDArray[np.float64], right: NDArray[np.float64], highest: float) -> Values:
    """Return the novelty from the probabilities of the two regressions.

    The square root keeps a familiar protein below the limit even if few of its calls are right,
    as those of a protein that is annotated with general terms alone.
    """
    return (1 - protein * np.sqrt(np.minimum(right / highest, 1))).astype(np.float32)


def best_calls(
    values: Values,
    true: tuple[NDArray[np.intp], NDArray[np.intp]],
    is_studied: NDArray[np.bool_],
    labels: LabelSpace,
    is_informative: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Return how many of the best calls of N proteins are right, and how many there are, (N, 2).

    Parameters
    ----------
    values : ndarray, shape=(N, T), dtype=float32
        Scores.
    true : tuple of ndarray
        Columns and rows of the true terms.
    is_studied : ndarray, shape=(A, N) or more rows, dtype=bool
        By aspect of ``labels``, the proteins that are annotated in it. Only their calls count.
    is_informative : ndarray, shape=(T,), dtype=bool
        The `NUM_BEST` most probable of these terms are the best calls of an aspect.
    """
    is_true = np.zeros(values.shape, bool)
    is_true[true[1], true[0]] = True
    found = np.zeros((len(values), 2), np.int64)
    for aspect, studied in zip(labels.aspects, is_studied, strict=False):
        at = labels.columns_of(aspect)
        at = at[is_informative[at]]
        chosen = at[np.argsort(-values[:, at], axis=1, kind="stable")[:, :NUM_BEST]]
        right = np.take_along_axis(is_true, chosen, axis=1).sum(axis=1)
        found[studied] += np.stack([right, np.full_like(right, chosen.shape[1])], axis=1)[studied]
    return found


def in_words(novelty: float, best_precision: float) -> str:
    """Return what a novelty means, with the precision that `Novelty.precision_of` gives."""
    unlike = ", unlike anything known" if novelty > MAX_NOVELTY else ""
    return (
        f"{novelty:.2f}{unlike}; of the {NUM_BEST} best informative terms of each aspect of such"
        f" proteins, {100 * best_precision:.0f} % are right"
    )
