"""Calibration: how often calls of a given score are right, on proteins of no training.

Calls are counted in cells: one kind of terms, and one group of proteins. The sums add up over
blocks; the calibration is small enough to be part of a checkpoint. Nothing here knows about
ontologies. The caller defines the kinds, such as an aspect and a band of information, and the
groups, such as a range of similarity to the training proteins.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import UsageError, brief
from esmgo.metrics.calibration_sums import EDGES, CalibrationSums, Values, _bins_of
from esmgo.metrics.promise import effective_size, lowest_kept

BORROWED = 20
"""Proteins with the average calls of the kind that each group's curve counts in addition."""

DECOY_SHARE = 1 / 30
"""The part of the wrong calls that a promise allows which decoys may get: at a promise of .7
decoys get at most a hundredth of the calls of real proteins, at .9 a three-hundredth."""


@dataclass(frozen=True)
class Calibration:
    """How often calls are right, by score, on the calibration proteins; see `calibrated`.

    All of shape (K, G, S), dtype=float64, for K kinds of terms and G groups of proteins; all but
    ``curve`` count at or above each of `EDGES`.

    Parameters
    ----------
    curve : ndarray
        The probability that a call is right, from each edge up to the next; ascending; NaN
        for a kind without calls.
    calls, right : ndarray
        Calls of proteins that are annotated in the aspect, and calls that are right.
    worth, effective : ndarray
        The number of independent calls that they amount to; see `esmgo.metrics.promise`.
    seen, decoys : ndarray
        Calls of all calibration proteins, and calls of as many decoys: sequences without a
        function.
    """

    curve: Values
    calls: Values
    right: Values
    worth: Values
    effective: Values
    seen: Values
    decoys: Values

    __repr__ = brief

    @cached_property
    def _precision(self) -> NDArray[np.float32]:
        """The curves, with 0 below the first edge and NaN for columns without a kind."""
        return _table(self.curve, np.where(np.isnan(self.curve[..., 0]), np.nan, 0))

    @cached_property
    def _decoy_rate(self) -> NDArray[np.float32]:
        """The least rate of decoys at any score up to each edge."""
        rate = np.minimum((self.decoys + 1) / np.maximum(self.seen, 1), 1)
        return _table(np.minimum.accumulate(rate, axis=-1), np.ones(rate.shape[:-1]))

    def precision_of(
        self,
        scores: NDArray[np.float32],
        kind_of_column: NDArray[np.intp],
        group_of_protein: NDArray[np.intp],
    ) -> NDArray[np.float32]:
        """Return the probability that each term is annotated, given its score and protein.

        It grows with the score. A score below the first of `EDGES` is no call and gives 0.

        Parameters
        ----------
        scores : ndarray, shape=(N, T), dtype=float32
            In [0, 1].
        kind_of_column : ndarray, shape=(T,), dtype=intp
            From 0; -1 gives NaN.
        group_of_protein : ndarray, shape=(N,), dtype=intp
            From 0.
        """
        return _looked_up(self._precision, scores, kind_of_column, group_of_protein)

    def decoy_rate_of(
        self,
        scores: NDArray[np.float32],
        kind_of_column: NDArray[np.intp],
        group_of_protein: NDArray[np.intp],
    ) -> NDArray[np.float32]:
        """Return how many calls decoys get for each call of a real protein; shape=(N, T).

        Counted are calls of the same kind and group at or above the score, and one more call of
        decoys, so that the rate is not 0 where no decoy has a call. It falls with the score and is
        1 at most. The parameters are those of `precision_of`.

        References
        ----------
        Elias and Gygi, Nature Methods 4:207 (2007), target-decoy search; Levitsky et al., J.
        Proteome Res. 16:393 (2017), one more decoy.
        """
        return _looked_up(self._decoy_rate, scores, kind_of_column, group_of_protein)

    def thresholds_for(
        self,
        precision: float,
        confidence: float = 0.9,
        by_decoys: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float32]:
        """Return the lowest score of each cell at which a precision can be promised.

        The promise concerns all calls of a cell at or above its threshold together: with
        ``confidence``, over the choice of calibration proteins, at least this share of them is
        annotated, for proteins drawn as those were. Each cell has its own promise, from its own
        calls alone; see `esmgo.metrics.promise.lowest_kept`. Raises UsageError if precision or
        confidence is not between 0 and 1.

        Parameters
        ----------
        precision, confidence : float
            In (0, 1).
        by_decoys : ndarray, shape=(K,), dtype=bool, optional
            Kinds of terms for which decoys get at most `DECOY_SHARE` times ``1 - precision`` calls
            for each call of a real protein of any group, at the same score; by default all.

        Returns
        -------
        ndarray, shape=(K, G), dtype=float32
            Of `EDGES`; infinite where no promise can be made.
        """
        for name, value in (("precision", precision), ("confidence", confidence)):
            if not 0 < value < 1:
                raise UsageError(f"must be above 0 and below 1, not {value}", field=name)
        seen = self.seen.sum(axis=1, keepdims=True)  # most decoys are in one group
        is_allowed = self.decoys <= seen * (1 - precision) * DECOY_SHARE
        if by_decoys is not None:
            is_allowed |= ~by_decoys[:, None, None]
        at = lowest_kept(
            self.calls, self.right, self.worth, self.effective, precision, confidence,
            is_allowed,
        )  # fmt: skip
        return np.append(EDGES, np.float32(np.inf))[at]


def _table(values: Values, below: Values) -> NDArray[np.float32]:
    """Return values with those below the first edge, and NaN for columns without a kind."""
    n_kinds, n_groups, n_edges = values.shape
    table = np.full((n_kinds + 1, n_groups, n_edges + 1), np.nan, np.float32)
    table[:-1, :, 1:] = values
    table[:-1, :, 0] = below
    return table


def _looked_up(
    table: NDArray[np.float32],
    scores: NDArray[np.float32],
    kind_of_column: NDArray[np.intp],
    group_of_protein: NDArray[np.intp],
) -> NDArray[np.float32]:
    """Return the value of a table for each score, kind and group; shape=(N, T)."""
    n_groups, width = table.shape[1:]
    flat, first = table.ravel(), kind_of_column % len(table) * n_groups
    found = np.empty(scores.shape, np.float32)
    for row, bins, g in zip(found, _bins_of(scores), group_of_protein, strict=True):
        np.take(flat, (first + g) * width + bins, out=row)
    return found


def calibrated(sums: CalibrationSums, seen: Values, decoys: Values) -> Calibration:
    """Return the calibration that these sums give; for ``seen`` and ``decoys`` see `Calibration`.

    The curve of a cell is the isotonic regression of right on score over its own calls and
    those of `BORROWED` average proteins with calls of its kind: a group of few proteins follows
    the average, a group of many its own calls. The curve is a best estimate; promises use the
    cell's own calls alone.

    References
    ----------
    Zadrozny and Elkan, KDD 2002, isotonic calibration; Barlow et al., Statistical Inference
    under Order Restrictions (1972), pool adjacent violators.
    """
    right, calls = (-np.diff(x, axis=2, append=0) for x in (sums.right, sums.calls))  # by bin
    curve = np.full(calls.shape, np.nan)
    for k, n_proteins in enumerate(sums.proteins[..., 0].sum(axis=1)):
        all_right, all_calls = right[k].sum(axis=0), calls[k].sum(axis=0)  # (S,)
        at = np.flatnonzero(all_calls)
        for g in range(len(calls[k]) if len(at) else 0):
            part = (right[k, g] + all_right * BORROWED / n_proteins)[at]
            whole = (calls[k, g] + all_calls * BORROWED / n_proteins)[at]
            curve[k, g] = np.interp(np.arange(len(EDGES)), at, isotonic(part, whole))
    worth, effective = effective_size(*(getattr(sums, f.name) for f in fields(sums)))
    sizes = _coarse(worth), _coarse(effective)
    return Calibration(np.round(curve, 4), sums.calls, sums.right, *sizes, seen, decoys)


def _coarse(values: Values) -> Values:
    """Return numbers rounded down to integers of three digits and zeros, which takes few bytes."""
    unit = 10.0 ** np.maximum(np.floor(np.log10(np.maximum(values, 1))) - 2, 0)
    found: Values = np.floor(values / unit) * unit
    return found


def isotonic(part: Values, whole: Values) -> Values:
    """Return the ascending shares nearest to ``part / whole``, weighted by ``whole`` > 0.

    Examples
    --------
    >>> isotonic(np.array([1.0, 3.0, 1.0]), np.array([4.0, 4.0, 4.0]))
    array([0.25, 0.5 , 0.5 ])
    """
    pools: list[tuple[float, float, int]] = []  # part, whole, how many in a row
    for x, w in zip(part.tolist(), whole.tolist(), strict=True):
        pool = (x, w, 1)
        while pools and pools[-1][0] * pool[1] >= pool[0] * pools[-1][1]:
            before = pools.pop()
            pool = (before[0] + pool[0], before[1] + pool[1], before[2] + pool[2])
        pools.append(pool)
    return np.repeat([x / w for x, w, _ in pools], [n for *_, n in pools])
