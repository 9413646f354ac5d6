"""From blocks of scores to sums: who is right, per aspect, threshold and group of terms.

Only the bin of a score matters: how many thresholds are at or below it. So a block is a
matrix of small integers; true cells are looked up, the few others that are called are
counted, and no cell is visited once per threshold. Sums of blocks add up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from esmgo.go.labels import LabelSpace
from esmgo.go.scores import Scores
from esmgo.go.terms import Aspect
from esmgo.metrics.curve import THRESHOLDS, CurveSums
from esmgo.metrics.truth import Truth

Values: TypeAlias = NDArray[np.float64]

BLOCK = 512
"""Proteins in a block: 14 MB of bins for the 28,000 terms of all GO."""

FREQUENCIES = (1, 5, 10, 30, 100, 300, 1000)
"""Lower ends of the groups of terms by how many proteins of the benchmark have them."""


@dataclass(frozen=True, slots=True)
class AspectSums:
    """All sums of one aspect; they add up over blocks, processes and machines.

    Parameters
    ----------
    plain : CurveSums
        Every term counts 1.
    weighted : CurveSums or None
        Every term counts its information accretion, in bits.
    strata : tuple of CurveSums
        ``plain`` by group of proteins.
    strata_weighted : tuple of CurveSums
        The same, weighted.
    hits, misses : ndarray, shape=(depths, frequencies, M + 2), dtype=float64
        True and false cells by depth of the term, by how many proteins have it (see
        `FREQUENCIES`; group 0: none), and by bin.
    """

    plain: CurveSums
    weighted: CurveSums | None
    strata: tuple[CurveSums, ...]
    strata_weighted: tuple[CurveSums, ...]
    hits: Values
    misses: Values

    def __add__(self, other: AspectSums) -> AspectSums:
        both = None
        if self.weighted is not None and other.weighted is not None:
            both = self.weighted + other.weighted
        return AspectSums(
            self.plain + other.plain,
            both,
            _added(self.strata, other.strata),
            _added(self.strata_weighted, other.strata_weighted),
            self.hits + other.hits,
            self.misses + other.misses,
        )


def _added(a: tuple[CurveSums, ...], b: tuple[CurveSums, ...]) -> tuple[CurveSums, ...]:
    return tuple(x + y for x, y in zip(a, b, strict=True))


class Evaluator:
    """Counts blocks of propagated scores against the truth.

    ``sums`` holds what has been counted, ``n_terms`` the true terms by aspect, depth and
    frequency.

    Parameters
    ----------
    truth : Truth
        Closed annotations; its label space holds every term that is scored.
    thresholds : ndarray, shape=(M,), dtype=float64
        Ascending.
    information : mapping of str to float, optional
        Information accretion by GO id, in bits; gives the weighted metrics, over the
        terms above 0.
    of_interest : collection of str, optional
        The only terms that count. Roots, and terms without a parent, never do.
    rules : str
        Who makes up the benchmark of an aspect: ``cafaeval``, the proteins with any term
        of it, be it the root alone; ``exact``, those with a true term that counts.
    strata : ndarray, shape=(N,), dtype=int, optional
        A group of each protein, from 0, that is evaluated by itself, too.
    """

    def __init__(
        self,
        truth: Truth,
        thresholds: Values = THRESHOLDS,
        *,
        information: Mapping[str, float] | None = None,
        of_interest: Collection[str] | None = None,
        rules: str = "cafaeval",
        strata: NDArray[np.intp] | None = None,
    ) -> None:
        labels = truth.labels
        self.truth, self.thresholds, self.rules = truth, thresholds, rules
        self.aspects = labels.aspects
        place = {aspect: a for a, aspect in enumerate(self.aspects)}
        self._aspect = np.array([place.get(t.aspect, -1) for t in labels.terms], np.intp)
        wanted = np.array([of_interest is None or t.id in of_interest for t in labels.terms], bool)
        self._counted = wanted & _may_count(labels)
        self._bits: Values | None = None
        if information is not None:
            self._bits = wanted * np.array([information.get(t.id, 0.0) for t in labels.terms])
        counts = self._counted if self._bits is None else self._counted | (self._bits > 0)
        self._left_out = np.flatnonzero(~counts | (self._aspect < 0))
        self._n_bins = len(thresholds) + 2
        self._strata = strata
        self._n_strata = 0 if strata is None else int(strata.max(initial=-1)) + 1
        self._narrow = truth.known is not None or of_interest is not None
        support = truth.terms.frequency(len(labels))
        frequency = np.searchsorted(FREQUENCIES, support, side="right")
        self._shape = (
            len(self.aspects),
            int(labels.depth.max(initial=0)) + 1,
            len(FREQUENCIES) + 1,
        )
        self._group = np.ravel_multi_index(
            (np.maximum(self._aspect, 0), labels.depth, frequency), self._shape
        )
        has_support = self._counted & (support > 0) & (self._aspect >= 0)
        n_terms = np.bincount(self._group[has_support], minlength=int(np.prod(self._shape)))
        self.n_terms = dict(zip(self.aspects, n_terms.reshape(self._shape), strict=True))
        self.sums: dict[Aspect | None, AspectSums] = {}

    def add(self, scores: Scores, rows: NDArray[np.intp]) -> None:
        """Count a block.

        Parameters
        ----------
        scores : Scores
            Propagated, over the label space of the truth or any other within it.
        rows : ndarray, shape=(B,), dtype=intp
            Which protein of the truth each row of ``scores`` is.
        """
        bins = bins_of(scores.values.T, self.thresholds)  # (T', B)
        if scores.labels is not self.truth.labels:
            wide = np.zeros((len(self.truth.labels), len(rows)), bins.dtype)
            column = self.truth.labels.column
            wide[[column[term.id] for term in scores.labels.terms]] = bins
            bins = wide
        self.add_bins(bins, rows)

    def add_bins(self, bins: NDArray[np.unsignedinteger], rows: NDArray[np.intp]) -> None:
        """Count a block of bins (see `bins_of`), shape=(T, B), C order; it is used up."""
        truth = self.truth
        true = _drop(truth.terms.cells(rows), self._aspect < 0)
        any_term = self._having(true, len(rows))
        bins[self._left_out] = 0
        if truth.known is not None:
            known = truth.known.cells(rows)
            bins[known] = 0
            true = _without(true, known, len(rows))
        hit_bins = bins[true]
        bins[true] = 0
        column, place, miss_bins = _nonzero(bins)
        hits = (*true, hit_bins.astype(np.intp))
        misses = (column, place, miss_bins.astype(np.intp))
        self._count(hits, misses, rows, any_term)

    def add_uncalled(self, rows: NDArray[np.intp]) -> None:
        """Count proteins for which nothing is predicted."""
        for at in range(0, len(rows), BLOCK):
            some = rows[at : at + BLOCK]
            self.add_bins(np.zeros((len(self.truth.labels), len(some)), np.uint8), some)

    def _having(self, found: tuple[NDArray[np.intp], ...], n: int) -> NDArray[np.bool_]:
        """Return whether each protein has any of the cells; shape=(A, B)."""
        key = self._aspect[found[0]] * n + found[1]
        return np.bincount(key, minlength=len(self.aspects) * n).reshape(-1, n) > 0

    def _count(
        self,
        hits: tuple[NDArray[np.intp], ...],
        misses: tuple[NDArray[np.intp], ...],
        rows: NDArray[np.intp],
        any_term: NDArray[np.bool_],
    ) -> None:
        counted = self._counted.astype(np.float64)
        plain_hits, plain_misses = (self._histogram(x, counted, len(rows)) for x in (hits, misses))
        member = plain_hits.sum(axis=2) > 0 if self.rules == "exact" or self._narrow else any_term
        wide: tuple[Values, Values] | None = None
        member_w = member
        if self._bits is not None:
            bits = self._bits
            wide = self._histogram(hits, bits, len(rows)), self._histogram(misses, bits, len(rows))
            member_w = wide[0].sum(axis=2) > 0 if self.rules == "exact" else any_term
        grouped = [self._by_group(x, member) for x in (hits, misses)]
        strata = None if self._strata is None else self._strata[rows]
        for a, aspect in enumerate(self.aspects):
            # under CAFA's rules a protein with a term of the aspect is seen, if only by its calls
            seen, seen_w = (member, member_w) if self.rules == "exact" else (any_term, any_term)
            plain = self._curves(plain_hits[a], plain_misses[a], member[a], seen[a], strata)
            weighted = None
            if wide:
                weighted = self._curves(wide[0][a], wide[1][a], member_w[a], seen_w[a], strata)
            found = AspectSums(
                plain[0],
                weighted and weighted[0],
                plain[1],
                weighted[1] if weighted else (),
                grouped[0][a],
                grouped[1][a],
            )
            self.sums[aspect] = self.sums[aspect] + found if aspect in self.sums else found

    def _curves(
        self,
        hits: Values,
        misses: Values,
        member: NDArray[np.bool_],
        seen: NDArray[np.bool_],
        strata: NDArray[np.intp] | None,
    ) -> tuple[CurveSums, tuple[CurveSums, ...]]:
        whole = CurveSums.of(hits[seen], misses[seen], member[seen])
        if strata is None:
            return whole, ()
        parts = (seen & (strata == s) for s in range(self._n_strata))
        return whole, tuple(CurveSums.of(hits[p], misses[p], member[p]) for p in parts)

    def _histogram(self, found: tuple[NDArray[np.intp], ...], weight: Values, n: int) -> Values:
        """Return the weight of each protein's cells per bin; shape=(A, B, M + 2)."""
        column, place, bin = found
        shape = (len(self.aspects), n, self._n_bins)
        key = (self._aspect[column] * n + place) * self._n_bins + bin
        flat = np.bincount(key, weight[column], int(np.prod(shape)))
        return flat.reshape(shape)  # type: ignore[return-value]

    def _by_group(self, found: tuple[NDArray[np.intp], ...], member: NDArray[np.bool_]) -> Values:
        column, place, bin = found
        kept = self._counted[column] & member[self._aspect[column], place]
        key = self._group[column[kept]] * self._n_bins + bin[kept]
        shape = (*self._shape, self._n_bins)
        return np.bincount(key, minlength=int(np.prod(shape))).reshape(shape).astype(np.float64)


def _may_count(labels: LabelSpace) -> NDArray[np.bool_]:
    """Leave out roots and, as CAFA does, orphans, where there are parents at all."""
    counted = np.array([not term.is_root for term in labels.terms], bool)
    if any(labels.parents):
        counted &= np.array([bool(up) for up in labels.parents], bool)
    return counted


def bins_of(values: NDArray[np.floating], thresholds: Values) -> NDArray[np.unsignedinteger]:
    """Return the bin of each score: 0 for 0, else 1 + the number of thresholds at or below it."""
    small = np.uint8 if len(thresholds) < 255 else np.uint16
    bins = np.zeros(values.shape, small)
    scored = values > 0
    bins[scored] = 1 + np.searchsorted(thresholds, values[scored], side="right")
    return bins


def _nonzero(
    bins: NDArray[np.unsignedinteger],
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.unsignedinteger]]:
    """Return row, column and value of what is not 0; most of a block is, by whole words."""
    flat = np.ascontiguousarray(bins).ravel()
    per_word = 8 // flat.itemsize
    n_whole = len(flat) // per_word * per_word
    words = np.flatnonzero(flat[:n_whole].view(np.uint64))
    at = (words[:, None] * per_word + np.arange(per_word)).ravel()
    at = np.concatenate([at, np.arange(n_whole, len(flat))])
    values = flat[at]
    kept = values != 0
    column, place = np.divmod(at[kept], max(bins.shape[1], 1))
    return column, place, values[kept]


def _drop(
    found: tuple[NDArray[np.intp], NDArray[np.intp]], left_out: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    kept = ~left_out[found[0]]
    return found[0][kept], found[1][kept]


def _without(
    found: tuple[NDArray[np.intp], NDArray[np.intp]],
    others: tuple[NDArray[np.intp], NDArray[np.intp]],
    n: int,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the cells that are not among ``others``."""
    kept = ~np.isin(found[0] * n + found[1], others[0] * n + others[1])
    return found[0][kept], found[1][kept]
