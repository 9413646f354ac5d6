"""Batches and accumulation windows: the order of the training proteins in an epoch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

POOL = 64
"""Accumulation windows in a pool, whose proteins are sorted by length to reduce padding."""


def epoch_windows(
    lengths: NDArray[np.int64], batch_size: int, accumulation: int, seed: int, epoch: int
) -> list[list[NDArray[np.intp]]]:
    """Return the accumulation windows of one epoch: lists of batches of row numbers.

    Each protein occurs once. Proteins are shuffled, sorted by length within pools, and cut
    into batches. Then the batches are shuffled.
    ``lengths``, shape=(N,), are the tokens of each protein, ``batch_size`` the proteins of a
    batch, and ``accumulation`` the batches of a window; the last window may be smaller. ``seed``
    and ``epoch`` determine the order.
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
