"""Calibration: how often calls of a given score are right, on proteins of no training.

Calls are counted in groups: one aspect, and one bin of similarity to the training proteins.
The sums add up over blocks; the calibration is small enough to be part of a checkpoint.
Nothing here knows about ontologies, and the caller defines the bins of similarity.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import UsageError, brief
from esmgo.metrics.calibration_sums import EDGES, CalibrationSums, Values, _bins_of
from esmgo.metrics.promise import effective_size, lowest_kept

BORROWED = 20
"""Proteins with the average calls of the aspect that each group's curve counts in addition."""


@dataclass(frozen=True)
class Calibration:
    """How often calls are right, by score, on the calibration proteins; see `calibrated`.

    All of shape (A, G, S), dtype=float64; all but ``curve`` count at or above each of `EDGES`.

    Parameters
    ----------
    curve : ndarray
        The probability that a call is right, from each edge up to the next; ascending; NaN
        in an aspect without calls.
    calls, right : ndarray
        Calls, and calls that are right.
    worth, effective : ndarray
        The number of independent calls that they amount to; see `esmgo.metrics.promise`.
    """

    curve: Values
    calls: Values
    right: Values
    worth: Values
    effective: Values

    __repr__ = brief

    @cached_property
    def _table(self) -> NDArray[np.float32]:
        """The curves, with 0 below the first edge and NaN for columns without an aspect."""
        n_aspects, n_bins, n_edges = self.curve.shape
        table = np.full((n_aspects + 1, n_bins, n_edges + 1), np.nan, np.float32)
        table[:-1, :, 1:] = self.curve
        table[:-1, :, 0] = np.where(np.isnan(self.curve[..., 0]), np.nan, 0)
        return table

    def precision_of(
        self,
        scores: NDArray[np.float32],
        aspect_of_column: NDArray[np.intp],
        bin_of_protein: NDArray[np.intp],
    ) -> NDArray[np.float32]:
        """Return the probability that each term is annotated, given its score and protein.

        It grows with the score, so it obeys the true-path rule where scores do. A score
        below the first of `EDGES` is no call and gives 0.

        Parameters
        ----------
        scores : ndarray, shape=(N, T), dtype=float32
            In [0, 1].
        aspect_of_column : ndarray, shape=(T,), dtype=intp
            From 0; -1 gives NaN.
        bin_of_protein : ndarray, shape=(N,), dtype=intp
            From 0.
        """
        n_bins, width = self._table.shape[1:]
        flat, first = self._table.ravel(), aspect_of_column % len(self._table) * n_bins
        found = np.empty(scores.shape, np.float32)
        for row, bins, g in zip(found, _bins_of(scores), bin_of_protein, strict=True):
            np.take(flat, (first + g) * width + bins, out=row)
        return found

    def thresholds_for(self, precision: float, confidence: float = 0.9) -> NDArray[np.float32]:
        """Return the lowest score of each group at which a precision can be promised.

        The promise concerns all calls of a group at or above its threshold together: with
        ``confidence``, over the choice of calibration proteins, at least this share of them is
        annotated, for proteins drawn as those were. Each group has its own promise, from its own
        proteins alone; see `esmgo.metrics.promise.lowest_kept`. Raises UsageError if one of the
        two is not between 0 and 1.

        Parameters
        ----------
        precision, confidence : float
            In (0, 1).

        Returns
        -------
        ndarray, shape=(A, G), dtype=float32
            Of `EDGES`; infinite where no promise can be made.
        """
        for name, value in (("precision", precision), ("confidence", confidence)):
            if not 0 < value < 1:
                raise UsageError(f"must be above 0 and below 1, not {value}", field=name)
        at = lowest_kept(self.calls, self.right, self.worth, self.effective, precision, confidence)
        return np.append(EDGES, np.float32(np.inf))[at]

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` turns back into the same calibration."""
        groups = [[self._group(a, g) for g in range(self.curve.shape[1])]
                  for a in range(self.curve.shape[0])]  # fmt: skip
        return {"edges": len(EDGES), "groups": groups}

    def _group(self, a: int, g: int) -> dict[str, Any]:
        curve = self.curve[a, g]
        knots = [] if np.isnan(curve[0]) else np.flatnonzero(np.diff(curve, prepend=-1)).tolist()
        counts = {name: -np.diff(getattr(self, name)[a, g], append=0) for name in _ADDING}
        sizes = {name: getattr(self, name)[a, g] for name in _SIZES}
        return {
            "curve": [[i, float(curve[i])] for i in knots],
            **{name: x.astype(int).tolist() for name, x in (counts | sizes).items()},
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Calibration:
        """Read the values that `to_json` returned.

        Raises ValueError, TypeError or KeyError if ``value`` is not such a calibration.
        """
        if value["edges"] != len(EDGES):
            raise ValueError(f"calibrated at {value['edges']} scores instead of {len(EDGES)}")
        groups = value["groups"]
        try:
            curve = np.array([[_unfold(g["curve"]) for g in row] for row in groups])
            read = {
                name: np.array([[g[name] for g in row] for row in groups], np.float64)
                for name in (*_ADDING, *_SIZES)
            }
        except OverflowError:
            raise ValueError("a number is too large") from None
        if curve.ndim != 3 or any(x.shape != curve.shape for x in read.values()):
            raise ValueError("groups differ in length")
        if not all(np.all((x >= 0) & (x < 2**53)) for x in read.values()):
            raise ValueError("a count is not one")
        for name in _ADDING:
            read[name] = np.cumsum(read[name][..., ::-1], axis=2)[..., ::-1]
        return cls(curve, **read)


_ADDING, _SIZES = ("calls", "right"), ("worth", "effective")


def _unfold(knots: list[list[float]]) -> Values:
    """Return the curve of one group from its steps: index and new height."""
    curve = np.full(len(EDGES), np.nan)
    for i, height in knots:
        curve[int(i) :] = height
    if knots and not (curve[0] >= 0 and curve[-1] <= 1 and np.all(np.diff(curve) >= 0)):
        raise ValueError("a curve does not ascend from 0 to 1")
    return curve


def calibrated(sums: CalibrationSums) -> Calibration:
    """Return the calibration that these sums give.

    The curve of a group is the isotonic regression of right on score over its own calls and
    those of `BORROWED` average proteins of its aspect: a group of few proteins follows the
    aspect, a group of many its own calls. The curve is a best estimate; promises use the
    group's own calls alone.

    References
    ----------
    Zadrozny and Elkan, KDD 2002, isotonic calibration; Barlow et al., Statistical Inference
    under Order Restrictions (1972), pool adjacent violators.
    """
    right, calls = (-np.diff(x, axis=2, append=0) for x in (sums.right, sums.calls))  # by bin
    curve = np.full(calls.shape, np.nan)
    for a, n_proteins in enumerate(sums.proteins[..., 0].sum(axis=1)):
        all_right, all_calls = right[a].sum(axis=0), calls[a].sum(axis=0)  # (S,)
        seen = np.flatnonzero(all_calls)
        for g in range(len(calls[a]) if len(seen) else 0):
            part = (right[a, g] + all_right * BORROWED / n_proteins)[seen]
            whole = (calls[a, g] + all_calls * BORROWED / n_proteins)[seen]
            curve[a, g] = np.interp(np.arange(len(EDGES)), seen, isotonic(part, whole))
    sizes = effective_size(*(getattr(sums, f.name) for f in fields(sums)))
    return Calibration(np.round(curve, 4), sums.calls, sums.right, *map(np.floor, sizes))


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
