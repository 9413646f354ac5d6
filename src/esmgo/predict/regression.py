"""Blending what several sources say of a term: one small linear model per aspect.

No feature tells which term or which protein it is, so nothing can be learned by heart: only
what each source says, how alike the nearest training protein is, and how frequent the term
is. Nothing here knows where scores come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any, TypeAlias

import numpy as np

from esmgo.evidence.source_scores import FLOOR, SourceScores, Values

Factors: TypeAlias = dict[str, Values]


LIMIT = 12.0
"""Logits beyond say no more."""


def features(said: SourceScores) -> Iterator[tuple[str, Values]]:
    """Yield each feature by name; all broadcast to the shape (N, T).

    The logit of the head and of the frequency, what terms of other aspects say, each source's
    votes and their logarithm, how close its nearest protein is, how many terms each source gives
    the protein, and products of pairs.
    """
    return _products(*_factors(said))


def _factors(said: SourceScores) -> tuple[Factors, Factors, Factors]:
    """Return what is multiplied: words of sources, parts of votes, and what is said of proteins."""
    words = {
        "frequency": _logit(said.frequency)[None],
        "head": _logit(said.head),
        "coannotation": np.log(said.coannotated + FLOOR),
    }
    closeness = {
        "neighbours": ("similarity", said.similarity),
        "kmers": ("shared", np.log(said.shared + FLOOR)),
        "homology": ("bits", np.log1p(said.bits)),
    }
    parts, close = {}, {"head, terms": _n_terms(said.head)}
    for source, votes in said.votes.items():
        words[source], parts[f"{source}, part"] = np.log(votes + FLOOR), votes
        name, values = closeness[source]
        close |= {name: values[:, None], f"{source}, terms": _n_terms(votes)}
    return words, parts, close


def _n_terms(values: Values) -> Values:
    """Return the logarithm of how many terms are expected, shape=(N, 1).

    What is known of a family says how much will be of a protein. Summed by row: the same in any
    block.
    """
    found: Values = np.log1p(np.ascontiguousarray(values).sum(axis=1, keepdims=True))
    return found


def _products(words: Factors, parts: Factors, close: Factors) -> Iterator[tuple[str, Values]]:
    """Yield the factors and their products."""
    yield from (words | parts | close).items()
    pairs = [
        *combinations(words.items(), 2),
        *product([("head", words["head"])], parts.items()),
        *product(close.items(), (words | parts).items()),
    ]
    for (a, x), (b, y) in pairs:
        yield f"{a} × {b}", x * y


def _logit(p: Values) -> Values:
    low = 1 / (1 + np.exp(LIMIT))
    p = np.clip(p.astype(np.float64), low, 1 - low)
    found: Values = np.log(p / (1 - p)).astype(np.float32)
    return found


@dataclass(frozen=True, slots=True)
class Stacker:
    """A logistic regression: coefficients of the features as they are, and a constant."""

    constant: float
    weights: Mapping[str, float]

    def probabilities(self, said: SourceScores) -> Values:
        """Return the blended probabilities, shape=(N, T), without the true-path rule."""
        z = np.full(said.head.shape, self.constant, np.float32)
        for name, x in features(said):
            z += np.float32(self.weights[name]) * x
        found: Values = (1 / (1 + np.exp(-np.clip(z, -30, 30)))).astype(np.float32)
        return found

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` takes."""
        return {"constant": self.constant, "weights": dict(self.weights)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Stacker:
        """Read what `to_json` made.

        Raises
        ------
        KeyError, TypeError, ValueError
            If ``value`` is anything else.
        """
        weights = {str(name): float(w) for name, w in value["weights"].items()}
        if not np.isfinite([value["constant"], *weights.values()]).all():
            raise ValueError("a weight is not finite")
        return cls(float(value["constant"]), weights)
