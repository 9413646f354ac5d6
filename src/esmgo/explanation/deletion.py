"""The deletion test: does masking the marked residues lower a score more than random masks do?

Nothing here knows what computes the scores, or why the residues are marked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import brief
from esmgo.model.tokens import MASK

N_RANDOM = 99
"""Random masks: the smallest p-value is 0.01."""

SHARE, FEWEST = 0.1, 5
"""The share of a protein's residues that is marked, and the least number of them."""

LEVEL = 0.05
"""The highest p-value at which the test supports the marked residues."""

Rows = list[NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Deletion:
    """How masking lowers a score.

    Parameters
    ----------
    fall : float
        The fall of the score with the marked residues masked.
    random : ndarray, shape=(99,), dtype=float32
        Its falls under random masks with runs of the same lengths.
    """

    fall: float
    random: NDArray[np.float32]

    __repr__ = brief

    @property
    def p_value(self) -> float:
        """The share of masks, the marked one included, that lower the score at least as much."""
        return (1 + int((self.random >= self.fall).sum())) / (1 + len(self.random))

    @property
    def is_supported(self) -> bool:
        """Whether the score falls, and more than under random masks."""
        return self.fall > 0 and self.p_value <= LEVEL


def highest(track: NDArray[np.floating]) -> NDArray[np.intp]:
    """Return the sorted places of the highest tenth, at least five, if they are above 0.

    Of a protein of fewer than ten residues, at most half.

    Examples
    --------
    >>> highest(np.array([3.0, 0, 1, 2, 0, -1, 0, 0, 0, 0, 4])).tolist()
    [0, 2, 3, 10]
    """
    n = len(track)
    most = max(1, min(max(FEWEST, -(-n // round(1 / SHARE))), n // 2))
    best = np.argsort(-track, kind="stable")[:most]
    return np.sort(best[track[best] > 0])


def runs(marked: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Cut sorted places into runs of consecutive ones."""
    return np.split(marked, np.flatnonzero(np.diff(marked) > 1) + 1) if len(marked) else []


def deletion_test(
    row: NDArray[np.uint8],
    marked: NDArray[np.intp],
    score: Callable[[Rows], NDArray[np.float32]],
) -> Deletion:
    """Mask the marked residues, and as many at random, and compare how the score falls.

    The random places depend on the protein alone: the same protein has the same test.

    Parameters
    ----------
    row : ndarray, shape=(n + 2,), dtype=uint8
        Token ids with ``<cls>`` and ``<eos>``.
    marked : ndarray
        Sorted residues, from 0 on; not all of them.
    score : callable
        Maps token ids of N proteins to their scores, shape=(N,).
    """
    if len(marked) == 0:  # nothing to mask
        return Deletion(0.0, np.zeros(N_RANDOM, np.float32))
    random = np.random.default_rng(list(hashlib.sha256(row.tobytes()).digest()))
    lengths = np.array([len(run) for run in runs(marked)])
    places = [scattered(lengths, len(row) - 2, random) for _ in range(N_RANDOM)]
    whole, fallen, *rest = score([row, *(_masked(row, at) for at in (marked, *places))])
    return Deletion(float(whole - fallen), whole - np.array(rest, np.float32))


def scattered(runs: NDArray[np.intp], n: int, random: np.random.Generator) -> NDArray[np.intp]:
    """Return random places among ``n`` for runs of these lengths, which do not touch; sorted.

    Examples
    --------
    >>> places = scattered(np.array([3, 1]), 9, np.random.default_rng(0))
    >>> len(places), len(np.flatnonzero(np.diff(places) > 1))
    (4, 1)
    """
    lengths = random.permutation(runs)
    free = n - lengths.sum()
    before = np.sort(random.choice(free + 1, len(lengths), replace=False))  # unmasked, per run
    starts = before + np.cumsum(lengths) - lengths
    return np.concatenate([np.arange(s, s + k) for s, k in zip(starts, lengths, strict=True)])


def _masked(row: NDArray[np.uint8], residues: NDArray[np.intp]) -> NDArray[np.uint8]:
    masked = row.copy()
    masked[1 + residues] = MASK
    return masked
