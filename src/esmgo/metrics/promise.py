"""The lowest threshold at or above which calls have a promised precision.

The calls of one protein are not independent (the true-path rule). The sample therefore
consists of proteins, not of calls: precision is a ratio of two sums over proteins. Nothing
here knows about scores or terms, only about sums per threshold.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

SMALLEST = 20
"""Fewest proteins from which a precision is promised."""

START, TOLERATED = 0.3, 5
"""Tests start at this part of the worth of all calls, but not above the size at which so many wrong
calls do not end them."""


_lgamma = np.vectorize(math.lgamma, otypes=[np.float64])


def effective_size(
    proteins: Values, calls: Values, right: Values, calls2: Values, both: Values, right2: Values
) -> tuple[Values, Values]:
    """Return the number of independent calls that the calls of some proteins amount to.

    Parameters
    ----------
    proteins : ndarray
        Number of proteins with a call; all six arrays have one shape.
    calls, right : ndarray
        Sums over proteins of their calls N and right calls R.
    calls2, both, right2 : ndarray
        Sums over proteins of N², N·R and R².

    Returns
    -------
    worth, effective : ndarray, of the same shape
        ``worth`` is (ΣN)² / ΣN²: the number if a protein's calls were all right or all
        wrong; it does not depend on which are right. ``effective`` is p (1 - p)
        over the variance of the ratio p = ΣR / ΣN, and at most ``worth``: the estimated
        variance alone is too small where few proteins have a wrong call.

    References
    ----------
    Cochran, Sampling Techniques, 3rd ed. (1977), section 6.4, the variance of a ratio; Kish,
    Survey Sampling (1965), the effective size of unequal clusters.
    """
    safe = np.maximum(calls, 1)
    p = right / safe
    squares = np.maximum(right2 - 2 * p * both + p**2 * calls2, 0)  # Σ (R - pN)²
    variance = squares / safe**2 * proteins / np.maximum(proteins - 1, 1)
    worth = safe**2 / np.maximum(calls2, 1) * (calls > 0)
    effective = np.divide(p * (1 - p), variance, out=worth.copy(), where=variance > 0)
    return worth, np.where(p * (1 - p) > 0, np.minimum(effective, worth), worth)


def lowest_kept(
    calls: Values, right: Values, worth: Values, effective: Values,
    precision: float, confidence: float, is_allowed: NDArray[np.bool_] | None = None,
) -> NDArray[np.intp]:  # fmt: skip
    """Return the lowest threshold that keeps the promise.

    Thresholds are tested in a fixed sequence from a high one down, each by the lower bound
    of Clopper and Pearson for the effective number of calls, as Korn and Graubard do. The
    tests end at the first failure, so they need no correction for multiple testing. Among
    few calls one wrong call would end them at once. They therefore start where calls are
    enough to keep the promise if all of them are right. The start depends on the number of
    calls alone, not on which are right, so the tests remain valid.

    Parameters
    ----------
    calls, right, worth, effective : ndarray, shape=(..., S)
        Sums at or above each threshold, which ascend; see `effective_size`.
    precision, confidence : float
        In (0, 1).
    is_allowed : ndarray, shape=(..., S), dtype=bool, optional
        Thresholds that another condition allows; by default all.

    Returns
    -------
    ndarray, shape=(...), dtype=intp
        The threshold's index; S where nothing can be promised.

    References
    ----------
    Angelopoulos et al., Learn then Test, arXiv:2110.01052 (2021); Clopper and Pearson,
    Biometrika 26:404 (1934); Korn and Graubard, Survey Methodology 24:193 (1998).
    """
    chance = _tail(right / np.maximum(calls, 1) * effective, effective, precision)
    least = max(SMALLEST, math.log(1 - confidence) / math.log(precision))
    latest = max(least, _tolerating(precision, confidence))
    start = np.clip(START * worth.max(axis=-1, keepdims=True), least, latest)
    is_tested = np.logical_or.accumulate((worth >= start)[..., ::-1], axis=-1)[..., ::-1]
    passes = (chance <= 1 - confidence) | ~is_tested
    unbroken = np.logical_and.accumulate(passes[..., ::-1], axis=-1)[..., ::-1]
    kept = unbroken & is_tested
    if is_allowed is not None:
        kept &= is_allowed
    lowest: NDArray[np.intp] = np.where(kept.any(axis=-1), kept.argmax(axis=-1), calls.shape[-1])
    return lowest


def _tolerating(precision: float, confidence: float) -> int:
    """Return the fewest calls that keep the promise although `TOLERATED` of them are wrong."""
    n = np.arange(TOLERATED, 10_000, dtype=float)
    chance = _tail(n - TOLERATED, n, precision)
    return int(n[(chance <= 1 - confidence).argmax()]) if chance[-1] <= 1 - confidence else len(n)


def _tail(right: Values, n: Values, p: float) -> Values:
    """Return the chance of at least ``right`` of ``n`` at probability ``p``; 1 if p·n is more.

    For whole numbers that of the binomial distribution; in general the regularised
    incomplete beta function of p, right and n - right + 1, by its continued fraction.
    """
    chance = np.ones(n.shape)
    above = right > p * n
    a, b = right[above], (n - right)[above] + 1
    log = _lgamma(a + b) - _lgamma(a) - _lgamma(b) + a * math.log(p) + b * math.log1p(-p)
    c, d = np.ones_like(a), 1 / _nonzero(1 - (a + b) * p / (a + 1))
    fraction = d
    for m in range(1, 1000):
        even = m * (b - m) * p / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * p / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _nonzero(1 + term * d)
            c = _nonzero(1 + term / c)
            fraction = fraction * c * d
        if np.all(np.abs(c * d - 1) < 1e-9):
            break
    chance[above] = np.minimum(np.exp(log) / a * fraction, 1)
    return chance


def _nonzero(x: Values) -> Values:
    return np.where(np.abs(x) < 1e-300, 1e-300, x)
