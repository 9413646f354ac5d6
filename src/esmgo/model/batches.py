"""Which proteins go through the model together, and as what tensors.

Training batches are a function of (seed, epoch) and the lengths alone, never of a
global random state, so that a resumed run sees what an uninterrupted one sees.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["epoch_windows", "token_batches"]

POOL = 64
"""Accumulation windows shuffled together before sorting by length: little padding, still random."""


def token_batches(lengths: NDArray[np.int64], budget: int) -> list[NDArray[np.intp]]:
    """Group proteins of like length so that a batch holds at most ``budget`` tokens.

    Parameters
    ----------
    lengths : ndarray, shape=(N,), dtype=int64
        Tokens per protein.
    budget : int
        Tokens per batch, each protein counted as the longest; a longer one is a batch of its own.

    Returns
    -------
    list of ndarray
        Row numbers; longest first, so that what does not fit memory fails at once.

    Examples
    --------
    >>> [b.tolist() for b in token_batches(np.array([3, 9, 4, 2]), 9)]
    [[1], [2, 0], [3]]
    """
    order = np.argsort(-lengths, kind="stable")
    batches = []
    at = 0
    while at < len(order):
        size = max(1, budget // int(lengths[order[at]]))
        batches.append(order[at : at + size])
        at += size
    return batches


def epoch_windows(
    lengths: NDArray[np.int64], batch_size: int, accumulation: int, seed: int, epoch: int
) -> list[list[NDArray[np.intp]]]:
    """Return the accumulation windows of one epoch: lists of batches of row numbers.

    Every protein comes once. Proteins are shuffled, sorted by length within pools, cut
    into batches, and the batches shuffled again.

    Parameters
    ----------
    lengths : ndarray, shape=(N,), dtype=int64
        Tokens per protein.
    batch_size, accumulation : int
        Proteins per batch, batches per window; the last window may be smaller.
    seed, epoch : int
        Decide the order, alone.
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(lengths))
    pool = batch_size * accumulation * POOL
    for at in range(0, len(order), pool):
        part = order[at : at + pool]
        order[at : at + pool] = part[np.argsort(-lengths[part], kind="stable")]
    batches = [order[at : at + batch_size] for at in range(0, len(order), batch_size)]
    shuffled = [batches[i] for i in random.permutation(len(batches))]
    return [shuffled[at : at + accumulation] for at in range(0, len(shuffled), accumulation)]
