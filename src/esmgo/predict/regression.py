"""The regression that combines source scores: its features, and its weights.

No feature identifies a term or a protein, so the model cannot memorise them. It depends only on
the scores of the sources, the similarity to the most similar training protein, and the frequency
of the term. `esmgo.blending.blend_fitting` fits the weights. Nothing here knows where scores come
from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any, TypeAlias

import numpy as np

from esmgo.evidence.source_scores import FLOOR, SIMILARITIES, SourceScores, Values

Factors: TypeAlias = dict[str, Values]

LOWEST, HIGHEST = -12.0, 5.0
"""Logits are clipped to this range. Given the aspect the head's score of a term is 1 if the term
alone raises the root, however low both are: nothing above the limit is evidence."""

_ROWS = 16
"""Proteins whose features are computed together: a feature of these fits into the cache."""


def features(scores: SourceScores) -> Iterator[tuple[str, Values]]:
    """Yield each feature by name; all broadcast to the shape (N, T).

    They are the logits of head and frequency, the logarithm of co-annotation, each source's
    scores and their logarithm, the similarity of its most similar protein, the number of terms
    that it expects of the protein, and products of pairs of these.
    """
    return products(*factors(scores))


def feature_names(sources: Sequence[str]) -> set[str]:
    """Return the names of the features of scores by these sources."""
    one, row = np.zeros((1, 1), np.float32), np.zeros(1, np.float32)
    voting = [name for name in sources if name in SIMILARITIES]
    scores = SourceScores(one, dict.fromkeys(voting, one), dict.fromkeys(voting, row), row, one)
    return {name for name, _ in features(scores)}


def factors(scores: SourceScores) -> tuple[Factors, Factors, Factors]:
    """Return the factors of features: on a logarithmic scale, plain votes, and per protein.

    The first two kinds broadcast to (N, T); factors per protein have shape=(N, 1).
    """
    logs = {
        "frequency": logit(scores.frequency)[None],
        "head": logit(scores.head),
        "coannotation": np.log(scores.coannotation + FLOOR),
    }
    plain, per_protein = {}, {"head, terms": expected_terms(scores.head)}
    for source, votes in scores.votes.items():
        logs[source], plain[f"{source}, part"] = np.log(votes + FLOOR), votes
        name, scale = SIMILARITIES[source]
        similarity = scale(scores.similarity[source])[:, None]
        per_protein |= {name: similarity, f"{source}, terms": expected_terms(votes)}
    return logs, plain, per_protein


def products(logs: Factors, plain: Factors, per_protein: Factors) -> Iterator[tuple[str, Values]]:
    """Yield the factors and the products of pairs of them, by name."""
    yield from (logs | plain | per_protein).items()
    pairs = [
        *combinations(logs.items(), 2),
        *product([("head", logs["head"])], plain.items()),
        *product(per_protein.items(), (logs | plain).items()),
    ]
    for (a, x), (b, y) in pairs:
        yield f"{a} × {b}", x * y


def expected_terms(values: Values) -> Values:
    """Return the logarithm of the expected number of terms, shape=(N, 1).

    Well-studied families have many annotated terms. Each row is summed by itself, so the result
    does not depend on the other proteins.
    """
    found: Values = np.log1p(np.ascontiguousarray(values).sum(axis=1, keepdims=True))
    return found


def logit(p: Values) -> Values:
    """Return the logits of probabilities, clipped to `LOWEST` and `HIGHEST`."""
    low, high = (1 / (1 + np.exp(-limit)) for limit in (LOWEST, HIGHEST))
    p = np.clip(p.astype(np.float64), low, high)
    found: Values = np.log(p / (1 - p)).astype(np.float32)
    return found


@dataclass(frozen=True, slots=True)
class Stacker:
    """A logistic regression on `features`: a constant and a weight for each feature."""

    constant: float
    weights: Mapping[str, float]

    def probabilities(self, scores: SourceScores) -> Values:
        """Return the blended probabilities, shape=(N, T), without the true-path rule."""
        z = np.full(scores.head.shape, self.constant, np.float32)
        for first in range(0, len(z), _ROWS):
            rows = slice(first, first + _ROWS)
            for name, x in features(scores.rows(rows)):
                z[rows] += np.float32(self.weights[name]) * x
        found: Values = (1 / (1 + np.exp(-np.clip(z, -30, 30)))).astype(np.float32)
        return found

    def to_json(self) -> dict[str, Any]:
        """Return plain values; `from_json` takes them."""
        return {"constant": self.constant, "weights": dict(self.weights)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Stacker:
        """Read a result of `to_json`.

        Raises
        ------
        KeyError, TypeError, ValueError
            If ``value`` is anything else.
        """
        weights = {str(name): float(w) for name, w in value["weights"].items()}
        if not np.isfinite([value["constant"], *weights.values()]).all():
            raise ValueError("a weight is not finite")
        return cls(float(value["constant"]), weights)
