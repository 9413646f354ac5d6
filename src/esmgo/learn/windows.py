"""learn/windows.py"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

POOL = 64
"""Accumulation windows shuffled together before sorting by length: little padding, still random."""


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
