"""Co-annotation: which terms of one aspect occur together with terms of another.

A kinase usually takes part in phosphorylation. Some of the similar training proteins were studied
in one aspect only. Their terms there are evidence for terms of the other aspects, too.
Nothing here knows where scores come from.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from esmgo.go.labels import LabelSpace, aspect_of_column
from esmgo.go.sparse import SparseRows

COMMON = 0.05
"""Terms of a larger fraction of the proteins are not informative enough to be used."""

POWER = 3
"""Weight of a term: its information in bits, to this power, so that rare terms dominate."""

LEAST = 2
"""Proteins that must have both terms, at least; also added to the divisor of each fraction."""

NEGLIGIBLE = 0.05
"""Scores and fractions up to this are not used; the weight of a score is its excess over this."""

PRIOR_WEIGHT = 30.0
"""Weight of a score of 0, so that a single weak term contributes little."""


class Coannotation:
    """For each term, the fraction of its proteins that have each term of other aspects.

    ``terms`` are the closed annotations of the training proteins.
    """

    def __init__(self, terms: SparseRows, labels: LabelSpace) -> None:
        n, m = len(labels), len(terms)
        self._aspect = aspect_of_column(labels)
        self._proteins = terms.transposed(n)
        counts = self._proteins.counts
        is_used = (counts >= LEAST) & (counts <= COMMON * m) & (self._aspect >= 0)
        bits = np.log2(max(m, 1) / np.maximum(counts, 1))
        self._weight = np.where(is_used, bits**POWER, 0)
        of_entry = self._aspect.astype(np.int8)[terms.indices]
        n_aspects = len(labels.aspects)
        self._others = [
            terms.keep((of_entry >= 0) & (of_entry != a)) for a in range(n_aspects)
        ]  # without roots
        self._kind = np.zeros(m, np.uint8)  # a bit for each aspect in which a protein has terms
        for a in range(n_aspects):
            self._kind[terms.keep(of_entry == a).counts > 0] |= 1 << a
        self._aspects_of = np.arange(1 << n_aspects)[:, None] >> np.arange(n_aspects) & 1
        self._found: dict[int, tuple[NDArray[np.int32], NDArray[np.float64]]] = {}

    def _with(self, term: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return terms of other aspects; for each, which fraction of ``term``'s proteins has it."""
        if term not in self._found:
            rows = self._proteins.row(term)
            both = self._others[self._aspect[term]].take(rows).frequency(len(self._aspect))
            kinds = np.bincount(self._kind[rows], minlength=len(self._aspects_of))
            able = kinds @ self._aspects_of + LEAST  # proteins with any term of each aspect
            at = np.flatnonzero(both >= max(LEAST, int(NEGLIGIBLE * able.min())))
            fraction = both[at] / able[self._aspect[at]]
            is_used = fraction > NEGLIGIBLE
            self._found[term] = at[is_used].astype(np.int32), fraction[is_used]
        return self._found[term]

    def scores(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the support that terms of other aspects give each term, in [0, 1].

        The support for a term is a weighted mean over the protein's terms of all other aspects.
        It averages the fraction of the proteins with such a term that have the supported term,
        too. The weights are the probability of a term above `NEGLIGIBLE` times its information.
        ``scores``, shape=(N, T), are probabilities of terms.
        """
        found = np.zeros_like(scores)
        n_aspects = self._aspects_of.shape[1] + 1
        for row, into in zip(scores, found, strict=True):
            used = np.flatnonzero((row > NEGLIGIBLE) & (self._weight > 0))
            if not len(used):
                continue
            weight = (row[used] - NEGLIGIBLE) * self._weight[used]
            terms, fractions = zip(*map(self._with, used.tolist()), strict=True)
            repeated = np.repeat(weight, list(map(len, terms)))
            sums = np.bincount(
                np.concatenate(terms), np.concatenate(fractions) * repeated, scores.shape[1]
            )
            by_aspect = np.bincount(self._aspect[used], weight, n_aspects)
            into[:] = sums / (PRIOR_WEIGHT + by_aspect.sum() - by_aspect)[self._aspect]
        return found
