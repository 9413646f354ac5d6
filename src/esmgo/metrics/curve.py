"""Precision and recall, remaining uncertainty and misinformation over score thresholds.

`CurveSums` are sums over proteins: those of blocks, processes and machines add up. A
`Curve` holds the means, named as the columns of CAFA's evaluator. Nothing here knows
about terms or ontologies.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import brief

NORMALISATIONS = ("cafa", "gt", "pred")
"""By which number of proteins sums are divided: see `CurveSums.curve`."""

RULES = ("cafaeval", "exact")
"""CAFA's evaluator or exact definitions, where they differ: see docs/evaluation.md."""

Values = NDArray[np.float64]


def thresholds(step: float = 0.01, rules: str = "cafaeval") -> Values:
    """Return the thresholds between 0 and 1, ``step`` apart.

    Parameters
    ----------
    step : float
        In (0, 1).
    rules : str
        ``cafaeval`` adds up steps in floating point, as that program does: 25 of its 99
        thresholds differ from the decimal number, and a score of 0.35 is below the
        threshold 0.35000000000000003. ``exact`` gives the decimal numbers.

    Returns
    -------
    ndarray, shape=(M,), dtype=float64
        Ascending.
    """
    found = np.arange(step, 1, step)
    if rules == "cafaeval":
        return found
    return np.array([float(f"{x:.12g}") for x in np.arange(1, len(found) + 1) * step])


THRESHOLDS = thresholds()
"""τ = 0.01, 0.02 … 0.99; a term is called where its score is at least τ."""


@dataclass(frozen=True, slots=True)
class CurveSums:
    """Sums per threshold over proteins, for one aspect, of terms or of their bits.

    Parameters
    ----------
    n_proteins : int
        Proteins of the benchmark: n_e in CAFA's notation.
    n : ndarray, shape=(M,), dtype=float64
        Proteins with at least one call.
    tp, fp, fn : ndarray, shape=(M,), dtype=float64
        Called and true, called and not true, true and not called.
    precision, recall : ndarray, shape=(M,), dtype=float64
        Sums of each protein's precision and recall; 0 for one without calls, or
        without true terms.
    """

    n_proteins: int
    n: Values
    tp: Values
    fp: Values
    fn: Values
    precision: Values
    recall: Values

    __repr__ = brief

    @classmethod
    def of(
        cls, hits: NDArray[np.number], misses: NDArray[np.number], member: NDArray[np.bool_]
    ) -> CurveSums:
        """Count one block of proteins.

        Parameters
        ----------
        hits, misses : ndarray, shape=(N, M + 2)
            True and false cells of each protein by bin: bin 0 is not predicted, 1 below
            the first threshold, ``i + 2`` at least the threshold ``i`` and below the next.
        member : ndarray, shape=(N,), dtype=bool
            Proteins of the benchmark. Of others only the calls count.
        """
        tp, fp = _at_least(hits), _at_least(misses)  # (N, M)
        fn = np.cumsum(hits[:, :-1], axis=1, dtype=np.float64)[:, 1:]
        called = tp + fp
        true = hits.sum(axis=1, dtype=np.float64)[:, None]
        precision = np.divide(tp, called, out=np.zeros_like(tp), where=called > 0)
        recall = np.divide(tp, true, out=np.zeros_like(tp), where=true > 0)
        per_protein = ((called > 0).astype(np.float64), tp, fp, fn, precision, recall)
        return cls(int(member.sum()), *(each.sum(axis=0) for each in per_protein))

    def __add__(self, other: CurveSums) -> CurveSums:
        return CurveSums(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def curve(self, at: Values, normalisation: str = "cafa") -> Curve:
        """Divide the sums.

        Parameters
        ----------
        at : ndarray, shape=(M,), dtype=float64
            The thresholds.
        normalisation : str
            ``cafa``: precision by the proteins with a call, all else by the proteins of
            the benchmark; ``gt``: all by the benchmark; ``pred``: all by those with a call.
        """
        benchmark = np.full(len(at), float(self.n_proteins))
        by = self.n if normalisation == "pred" else benchmark
        tp, fp, fn, rc = (_ratio(x, by) for x in (self.tp, self.fp, self.fn, self.recall))
        pr = _ratio(self.precision, benchmark if normalisation == "gt" else self.n)
        return Curve(at, self.n_proteins, self.n, tp, fp, fn, pr, rc, _ratio(self.n, benchmark))


def _at_least(bins: NDArray[np.number]) -> Values:
    """Turn sums per bin into sums at or above each threshold."""
    return np.cumsum(bins[:, :1:-1], axis=1, dtype=np.float64)[:, ::-1]


def _ratio(part: Values, whole: Values) -> Values:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _f1(precision: Values, recall: Values) -> Values:
    return _ratio(2 * precision * recall, precision + recall)


@dataclass(frozen=True)
class Curve:
    """Means over proteins per threshold, named as in CAFA's evaluator; all shape=(M,).

    ``n`` proteins with a call · ``tp``, ``fp``, ``fn`` terms (or bits) a protein · ``pr``,
    ``rc`` precision and recall, the means of the proteins' own · ``cov`` coverage.
    """

    tau: Values
    n_proteins: int
    n: Values
    tp: Values
    fp: Values
    fn: Values
    pr: Values
    rc: Values
    cov: Values

    __repr__ = brief

    @property
    def mi(self) -> Values:
        """Misinformation: called and not true."""
        return self.fp

    @property
    def ru(self) -> Values:
        """Remaining uncertainty: true and not called."""
        return self.fn

    @cached_property
    def f(self) -> Values:
        """Harmonic mean of precision and recall."""
        return _f1(self.pr, self.rc)

    @cached_property
    def s(self) -> Values:
        """Semantic distance: ru and mi as the legs of a right angle."""
        return np.sqrt(self.ru**2 + self.mi**2)

    @cached_property
    def pr_micro(self) -> Values:
        """Precision over all cells together."""
        return _ratio(self.tp, self.tp + self.fp)

    @cached_property
    def rc_micro(self) -> Values:
        """Recall over all cells together."""
        return _ratio(self.tp, self.tp + self.fn)

    @cached_property
    def f_micro(self) -> Values:
        """Harmonic mean of `pr_micro` and `rc_micro`."""
        return _f1(self.pr_micro, self.rc_micro)

    @property
    def covered(self) -> NDArray[np.intp]:
        """Indices of the thresholds at which any term is called."""
        return np.flatnonzero(self.cov > 0)

    def best(self, metric: str) -> int | None:
        """Return the threshold's index where ``f``, ``f_micro`` is highest or ``s`` lowest.

        The first of equals; None where nothing is called.
        """
        at = self.covered
        if len(at) == 0:
            return None
        values = getattr(self, metric)[at]
        return int(at[np.argmin(values) if metric == "s" else np.argmax(values)])

    @property
    def fmax(self) -> float:
        """The highest F over thresholds; 0 where nothing is called.

        References
        ----------
        Radivojac et al., Nature Methods 10:221 (2013).
        """
        at = self.best("f")
        return 0.0 if at is None else float(self.f[at])

    @property
    def smin(self) -> float:
        """The lowest S over thresholds; without any call the full remaining uncertainty.

        References
        ----------
        Clark and Radivojac, Bioinformatics 29:i53 (2013).
        """
        at = self.best("s")
        return float(self.s[at]) if at is not None else float(self.fn[0])

    @property
    def aupr(self) -> float:
        """Area under precision over recall: trapezoids between the thresholds' points.

        From recall 0, with the precision of the highest threshold, to the recall of the
        lowest threshold; nothing is assumed beyond it.
        """
        at = self.covered[::-1]
        if len(at) == 0:
            return 0.0
        recall, precision = self.rc[at], self.pr[at]
        return float(np.trapezoid([precision[0], *precision], [0.0, *recall]))
