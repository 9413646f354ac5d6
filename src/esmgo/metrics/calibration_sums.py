"""Sums of calls and right calls by score, from which `esmgo.metrics.calibration` is made."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


_DROPPED = 13
"""Bits of a float32 that do not matter to its bin: steps of 0.0005 are left below 1."""


def _edges() -> NDArray[np.float32]:
    logistic = 1 / (1 + np.exp(-np.linspace(-7, 7, 141)))
    bits = np.append(logistic, 1).astype(np.float32).view(np.uint32)
    return np.unique((bits >> _DROPPED << _DROPPED).view(np.float32))


EDGES = _edges()
"""Thresholds, shape=(S,), dtype=float32: from 0.0009, where calls begin, evenly in log-odds
to 0.999, and 1; each a float32, so that a score is compared with it exactly."""


@dataclass(frozen=True, slots=True)
class CalibrationSums:
    """Sums over proteins of their calls at or above each of `EDGES`; they add up.

    All of shape (K, G, S), for K kinds of terms and G bins of similarity, dtype=float64.

    Parameters
    ----------
    proteins : ndarray
        Proteins with a call.
    calls, right : ndarray
        Their calls N, and the R calls of them that are right.
    calls2, both, right2 : ndarray
        N², N·R and R² of each protein: the calls of one protein are not independent.
    """

    proteins: Values
    calls: Values
    right: Values
    calls2: Values
    both: Values
    right2: Values

    @classmethod
    def empty(cls, n_kinds: int, n_bins: int) -> CalibrationSums:
        """Return sums over no proteins."""
        shape = (n_kinds, n_bins, len(EDGES))
        return cls(*(np.zeros(shape) for _ in fields(cls)))

    @classmethod
    def of(
        cls,
        scores: NDArray[np.float32],
        true: tuple[NDArray[np.intp], NDArray[np.intp]],
        kind_of_column: NDArray[np.intp],
        bin_of_protein: NDArray[np.intp],
        n_kinds: int,
        n_bins: int,
    ) -> CalibrationSums:
        """Count one block of proteins.

        Parameters
        ----------
        scores : ndarray, shape=(B, T), dtype=float32
            Propagated, in [0, 1].
        true : tuple of ndarray
            Column and row of each true cell, each once (see `esmgo.go.sparse.cells`).
        kind_of_column : ndarray, shape=(T,), dtype=intp
            From 0 to ``n_kinds - 1``; -1 leaves a column out, such as a root.
        bin_of_protein : ndarray, shape=(B,) or (K, B), dtype=intp
            From 0 to ``n_bins - 1``; -1 leaves a protein out, of all kinds of terms or of one.
        """
        n, n_edges = len(scores), len(EDGES)
        bins = _bins_of(scores)  # (B, T)
        bins[:, kind_of_column < 0] = 0
        column, place = true

        def at_least(place: NDArray[np.intp], column: NDArray[np.intp]) -> Values:
            bin = bins[place, column]
            kept = bin > 0
            key = (kind_of_column[column[kept]] * n + place[kept]) * n_edges + bin[kept] - 1
            count = np.bincount(key, minlength=n_kinds * n * n_edges)
            return _from_above(count.reshape(n_kinds, n, n_edges))

        calls, right = at_least(*np.nonzero(bins)), at_least(place, column)  # (K, B, S)
        member = np.arange(n_bins)[:, None] == bin_of_protein[..., None, :]  # (K or none, G, B)
        each = (calls > 0, calls, right, calls * calls, calls * right, right * right)
        return cls(*(member.astype(np.float64) @ x for x in each))

    def __add__(self, other: CalibrationSums) -> CalibrationSums:
        return CalibrationSums(
            *(getattr(self, f.name) + getattr(other, f.name) for f in fields(self))
        )


def count_calls(
    scores: NDArray[np.float32],
    kind_of_column: NDArray[np.intp],
    bin_of_protein: NDArray[np.intp],
    n_kinds: int,
    n_bins: int,
) -> Values:
    """Return the calls of B proteins at or above each of `EDGES`, shape=(K, G, S).

    The parameters are those of `CalibrationSums.of`, with ``bin_of_protein`` of shape=(B,).
    """
    bins = _bins_of(scores)
    bins[:, kind_of_column < 0] = 0
    place, column = np.nonzero(bins)
    shape = n_kinds, n_bins, len(EDGES)
    at = kind_of_column[column], bin_of_protein[place], bins[place, column] - 1
    counts = np.bincount(np.ravel_multi_index(at, shape), minlength=math.prod(shape))
    return _from_above(counts.reshape(shape))


def _from_above(counts: NDArray[np.integer]) -> Values:
    """Return the sums of counts in a bin and all bins above it, along the last axis."""
    return np.cumsum(counts[..., ::-1], axis=-1, dtype=np.float64)[..., ::-1]


@cache
def _bin_of_bits() -> NDArray[np.uint16]:
    """The bin of each float32 by its leading bits; 0 for negative ones and NaN."""
    floats = (np.arange(1 << (32 - _DROPPED), dtype=np.uint32) << _DROPPED).view(np.float32)
    bins = np.searchsorted(EDGES, floats, side="right")
    return np.where(floats > 0, bins, 0).astype(np.uint16)


def _bins_of(scores: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return how many of `EDGES` are at or below each score; ten times as fast as a search."""
    bits = np.ascontiguousarray(scores, np.float32).view(np.uint32)
    return _bin_of_bits().take(bits >> _DROPPED)
