"""Blending what several sources say of a term: one small linear model per aspect.

No feature tells which term or which protein it is, so nothing can be learned by heart: only
what each source says, how alike the nearest training protein is, and how frequent the term
is. Nothing here knows where scores come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Said", "Stacker", "cells_of", "features", "fit_stacker"]

Values: TypeAlias = NDArray[np.float32]
Factors: TypeAlias = dict[str, Values]

FLOOR = 0.01
"""Added to a vote before its logarithm: what a tenth of one of ten neighbours says."""

LIMIT = 12.0
"""Logits beyond say no more."""

RIDGE = 1.0
"""Weight of the squared coefficients of standardised features."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the sources say of a block of proteins, over some terms.

    Parameters
    ----------
    head : ndarray, shape=(N, T), dtype=float32
        Probabilities of the head, obeying the true-path rule.
    votes : dict of str to ndarray, shape=(N, T), dtype=float32
        Votes of training proteins: ``neighbours``, the nearest among embeddings; ``kmers``, those
        that share k-mers; ``homology``, those that DIAMOND finds alike. Whichever are asked.
    similarity : ndarray, shape=(N,), dtype=float32
        Cosine similarity to the nearest training protein.
    shared : ndarray, shape=(N,), dtype=float32
        Cosine between sets of k-mers, to the training protein most like it; 0 without.
    bits : ndarray, shape=(N,), dtype=float32
        Bits per residue of the best alignment with a training protein; 0 without.
    frequency : ndarray, shape=(T,), dtype=float32
        Part of the training proteins that has each term.
    coannotated : ndarray, shape=(N, T), dtype=float32
        What terms of other aspects say; see `Coannotation`.
    """

    head: Values
    votes: Mapping[str, Values]
    similarity: Values
    shared: Values
    bits: Values
    frequency: Values
    coannotated: Values

    def columns(self, at: NDArray[np.intp]) -> Said:
        """Return what is said of some of the terms."""
        votes = {name: v[:, at] for name, v in self.votes.items()}
        told, together = self.head[:, at], self.coannotated[:, at]
        frequency = self.frequency[at]
        return replace(self, head=told, votes=votes, frequency=frequency, coannotated=together)

    def given(self, root: Said) -> Said:
        """Return what is said of terms below a root, given that the protein has any of them.

        Divided by what is said of the root, shape=(N, 1): a protein that nobody looked at in an
        aspect has no term of it, and is no witness against one.
        """
        votes = {name: _ratio(v, root.votes[name]) for name, v in self.votes.items()}
        head, frequency = _ratio(self.head, root.head), _ratio(self.frequency, root.frequency)
        return replace(self, head=head, votes=votes, frequency=frequency)

    def rows(self, at: NDArray[np.bool_]) -> Said:
        """Return what is said of some of the proteins."""
        votes = {name: v[at] for name, v in self.votes.items()}
        close = self.similarity[at], self.shared[at], self.bits[at]
        return Said(self.head[at], votes, *close, self.frequency, self.coannotated[at])

    def by_source(self) -> dict[str, Values]:
        """Return what each source says; shape=(N, T) each."""
        return {"head": self.head, **self.votes}

    @property
    def is_any(self) -> NDArray[np.bool_]:
        """Where any source says something worth hearing; shape=(N, T)."""
        found: NDArray[np.bool_] = self.head > 2 * FLOOR
        for votes in self.votes.values():
            found |= votes > 2 * FLOOR
        return found


def features(said: Said) -> Iterator[tuple[str, Values]]:
    """Yield each feature by name; all broadcast to the shape (N, T).

    The logit of the head and of the frequency, what terms of other aspects say, each source's
    votes and their logarithm, how close its nearest protein is, how many terms each source gives
    the protein, and products of pairs.
    """
    return _products(*_factors(said))


def _factors(said: Said) -> tuple[Factors, Factors, Factors]:
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


def _ratio(part: Values, whole: Values) -> Values:
    """Return ``part / whole``, and 0 where there is no whole."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


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

    def probabilities(self, said: Said) -> Values:
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


def cells_of(said: Said, at: NDArray[np.intp]) -> tuple[list[str], NDArray[np.float32]]:
    """Return the names of the F features, and those of C cells, flat indices of (N, T); (C, F)."""
    shape = said.head.shape
    place = np.unravel_index(at, shape)
    chosen = (
        {name: np.broadcast_to(x, shape)[place] for name, x in factors.items()}
        for factors in _factors(said)
    )
    columns = dict(_products(*chosen))
    return list(columns), np.stack(list(columns.values()), axis=1)


def fit_stacker(
    names: list[str],
    x: NDArray[np.float32],
    y: NDArray[np.bool_],
    weight: NDArray[np.float64],
    start: Stacker | None = None,
) -> Stacker:
    """Fit a ridge logistic regression by Newton's method.

    Parameters
    ----------
    names : list of str
        Of the F features.
    x : ndarray, shape=(C, F), dtype=float32
        Features of C cells.
    y : ndarray, shape=(C,), dtype=bool
        Whether the protein has the term.
    weight : ndarray, shape=(C,), dtype=float64
        How many cells each stands for.
    start : Stacker, optional
        One that is nearly it, to be there sooner.
    """
    mean = np.average(x, axis=0, weights=weight)
    spread = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weight))
    spread[spread < 1e-6] = 1.0
    design = np.column_stack([np.ones(len(x)), (x - mean) / spread])  # (C, 1 + F)
    ridge = np.diag([0.0, *[RIDGE] * len(names)])
    beta = np.zeros(1 + len(names))
    if start is not None:
        near = np.array([start.weights[name] for name in names])
        beta[:] = start.constant + near @ mean, *(near * spread)
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        gradient = design.T @ (weight * (y - p)) - ridge @ beta
        curvature = (design * (weight * p * (1 - p))[:, None]).T @ design + ridge
        curvature[np.diag_indices_from(curvature)] += 1e-9
        step = np.linalg.solve(curvature, gradient)
        step *= min(1.0, 5.0 / max(np.abs(step).max(), 1e-12))  # far from the top steps overshoot
        beta += step
        if np.abs(step).max() < 1e-6:
            break
    weights = beta[1:] / spread
    constant = float(beta[0] - weights @ mean)
    return Stacker(constant, dict(zip(names, weights.tolist(), strict=True)))
