"""Similarity of test proteins to training proteins, from alignments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esmgo.assess.identity import BINS, EDGES
from esmgo.errors import brief
from esmgo.evidence.search import Hits

MIN_COVERAGE = 50.0
"""Least per cent of a test protein that an alignment must span to count as a hit."""

NEAR_IDENTITY, NEAR_COVERAGE = 90.0, 80.0
"""Near-duplicates: least identity, and least per cent of *both* proteins in the alignment."""

HISTOGRAM = (*BINS, "identical")
"""``no hit``: no alignment spans half of the protein. ``identical``: the sequences are equal."""


@dataclass(frozen=True, slots=True)
class Nearest:
    """The nearest training protein of each of N test proteins; arrays of the shape (N,).

    It is a training protein with the same sequence; else the one with the highest bit score among
    alignments that span half of the test protein; else the one with the highest bit score.

    Parameters
    ----------
    index : ndarray, dtype=int64
        Index of the training protein; -1 without a hit.
    identity, coverage, bits : ndarray, dtype=float64
        Per cent, per cent of the test protein, and bit score; NaN without a hit.
    is_identical : ndarray, dtype=bool
        Whether the sequences are the same.
    """

    index: NDArray[np.int64]
    identity: NDArray[np.float64]
    coverage: NDArray[np.float64]
    bits: NDArray[np.float64]
    is_identical: NDArray[np.bool_]

    __repr__ = brief

    def histogram(self) -> dict[str, int]:
        """Count the test proteins in each of `HISTOGRAM`."""
        bins = 1 + np.searchsorted(EDGES, np.nan_to_num(self.identity), side="right")
        bins[~(self.coverage >= MIN_COVERAGE)] = 0
        bins[self.is_identical] = len(HISTOGRAM) - 1
        counts = np.bincount(bins, minlength=len(HISTOGRAM))
        return dict(zip(HISTOGRAM, map(int, counts), strict=True))


def nearest_of(test: Sequence[str], train: Sequence[str], hits: Hits) -> Nearest:
    """Find the nearest training protein of each test protein (the queries of ``hits``)."""
    index = np.full(len(test), -1, np.int64)
    figures = np.full((3, len(test)), np.nan)
    wide = hits.take(hits.query_coverage >= MIN_COVERAGE)
    for best in (hits.best(), wide.best()):  # the second overwrites the first
        index[best.query] = best.subject
        figures[:, best.query] = best.identity, best.query_coverage, best.bits
    first_with = {sequence: i for i, sequence in reversed(list(enumerate(train)))}
    same = np.array([first_with.get(sequence, -1) for sequence in test], np.int64)
    is_identical = same >= 0
    index[is_identical], figures[:2, is_identical] = same[is_identical], 100
    figures[2, is_identical] = np.nan  # DIAMOND masks repeats and may miss equal sequences
    equal = hits.take(hits.subject == same[hits.query])
    figures[2, equal.query] = equal.bits
    return Nearest(index, figures[0], figures[1], figures[2], is_identical)


def count_near(hits: Hits, is_identical: NDArray[np.bool_]) -> int:
    """Count the test proteins with a near-duplicate that is not the same sequence."""
    is_near = (
        (hits.identity >= NEAR_IDENTITY)
        & (hits.query_coverage >= NEAR_COVERAGE)
        & (hits.subject_coverage >= NEAR_COVERAGE)
    )
    near = np.unique(hits.query[is_near])
    return int(np.count_nonzero(~is_identical[near]))
