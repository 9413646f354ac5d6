"""From blocks of scores to sums: right and wrong calls per aspect, threshold and group of terms.

Only the bin of a score matters: how many thresholds are at or below it. A block therefore is
a matrix of small integers. True cells are looked up and the few other called cells counted;
no cell is visited once per threshold. Sums of blocks add up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import brief
from esmgo.go.labels import LabelSpace
from esmgo.go.scores import Scores
from esmgo.go.terms import Aspect
from esmgo.metrics.curve import THRESHOLDS, CurveSums
from esmgo.metrics.truth import Truth

Values: TypeAlias = NDArray[np.float64]
Cells: TypeAlias = tuple[NDArray[np.intp], NDArray[np.intp]]

BLOCK = 512
"""Proteins in a block: 14 MB of bins for the 28,000 terms of all GO."""

FREQUENCIES = (1, 5, 10, 30, 100, 300, 1000)
"""Groups of terms by the number of benchmark proteins that have them: the lower ends."""


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
        True and false cells by depth of the term, by the number of proteins that have it
        (see `FREQUENCIES`; group 0: none), and by bin.
    """

    plain: CurveSums
    weighted: CurveSums | None
    strata: tuple[CurveSums, ...]
    strata_weighted: tuple[CurveSums, ...]
    hits: Values
    misses: Values

    __repr__ = brief

    def __add__(self, other: AspectSums) -> AspectSums:
        a, b = self.weighted, other.weighted
        return AspectSums(
            self.plain + other.plain,
            a + b if a and b else None,
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
        The only terms that count; never roots or terms without a parent.
    rules : str
        The benchmark of an aspect: ``cafaeval``, the proteins with any term of it, even the
        root alone; ``exact``, the proteins with a true term that counts.
    strata : ndarray, shape=(N,), dtype=int, optional
        The group of each protein, from 0; each group is also evaluated separately.
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
        n_strata = 0 if strata is None else int(strata.max(initial=-1)) + 1
        self._groups = np.ones((1 + n_strata, len(truth)), bool)  # all proteins, then each stratum
        if strata is not None:
            self._groups[1:] = strata == np.arange(n_strata)[:, None]
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
        """Count a block of bins (see `bins_of`), shape=(T, B), C order; it is changed."""
        if not len(rows):
            return
        truth = self.truth
        true = truth.terms.cells(rows)
        true = _where(true, self._aspect[true[0]] >= 0)
        any_term = self._having(true, len(rows))
        bins[self._left_out] = 0
        if truth.known is not None:
            known = truth.known.cells(rows)
            bins[known] = 0
            flat, others = (column * len(rows) + place for column, place in (true, known))
            true = _where(true, ~np.isin(flat, others))
        hit_bins = bins[true]
        bins[true] = 0
        column, place, miss_bins = _nonzero(bins)
        found = (*true, hit_bins.astype(np.intp)), (column, place, miss_bins.astype(np.intp))
        counted = self._counted.astype(np.float64)
        plain, member = self._curves(counted, found, rows, any_term, narrow=self._narrow)
        weighted: list[list[CurveSums]] | None = None
        if self._bits is not None:
            weighted, _ = self._curves(self._bits, found, rows, any_term, narrow=False)
        hits, misses = (self._by_group(x, member) for x in found)
        for a, aspect in enumerate(self.aspects):
            wide = weighted[a] if weighted else []
            strata, strata_w = tuple(plain[a][1:]), tuple(wide[1:])
            total_w = wide[0] if wide else None
            sums = AspectSums(plain[a][0], total_w, strata, strata_w, hits[a], misses[a])
            self.sums[aspect] = self.sums[aspect] + sums if aspect in self.sums else sums

    def add_uncalled(self, rows: NDArray[np.intp]) -> None:
        """Count proteins for which nothing is predicted."""
        for at in range(0, len(rows), BLOCK):
            some = rows[at : at + BLOCK]
            self.add_bins(np.zeros((len(self.truth.labels), len(some)), np.uint8), some)

    def _having(self, found: tuple[NDArray[np.intp], ...], n: int) -> NDArray[np.bool_]:
        """Return whether each protein has any of the cells; shape=(A, B)."""
        key = self._aspect[found[0]] * n + found[1]
        return np.bincount(key, minlength=len(self.aspects) * n).reshape(-1, n) > 0

    def _curves(
        self,
        weight: Values,
        found: Sequence[tuple[NDArray[np.intp], ...]],
        rows: NDArray[np.intp],
        any_term: NDArray[np.bool_],
        *,
        narrow: bool,
    ) -> tuple[list[list[CurveSums]], NDArray[np.bool_]]:
        """Return the sums over all proteins and each stratum, by aspect, and the benchmark."""
        hits, misses = (self._histogram(x, weight, len(rows)) for x in found)
        is_exact = self.rules == "exact"
        member = hits.sum(axis=2) > 0 if is_exact or narrow else any_term  # (A, B)
        # under CAFA's rules a protein with a term of the aspect is seen, if only by its calls
        seen = member if is_exact else any_term
        groups = self._groups[:, rows]
        curves = [
            [CurveSums.of(hits[a, p], misses[a, p], member[a, p]) for p in seen[a] & groups]
            for a in range(len(self.aspects))
        ]
        return curves, member

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
    """Leave out roots and, as CAFA does, terms without a parent, if any term has one."""
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
    """Return row, column and value of cells other than 0; words of eight zero bytes are skipped."""
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


def _where(found: Cells, kept: NDArray[np.bool_]) -> Cells:
    return found[0][kept], found[1][kept]
