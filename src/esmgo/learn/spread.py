"""Work on many proteins, spread over the ranks of a training with a result that all ranks get."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from esmgo.learn.ranks import Ranks
from esmgo.learn.stop import StopRequest
from esmgo.model.batches import token_batches
from esmgo.model.scoring import Budget, in_batches

Made = TypeVar("Made")

SHARE = 128
"""Proteins that a rank computes before the ranks exchange results."""


def spread(
    lengths: NDArray[np.int64],
    compute: Callable[[NDArray[np.intp]], NDArray[np.float32]],
    width: int,
    budget: Budget,
    ranks: Ranks,
    stop: StopRequest,
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32]]]:
    """Yield the results of all proteins on every rank, `SHARE` at a time, longest first.

    The shares and their order do not depend on the number of ranks. Raises Stopped after a signal.

    Parameters
    ----------
    lengths : ndarray, shape=(N,), dtype=int64
        Tokens per protein.
    compute : callable
        Returns an array, shape=(B, width), for the row numbers of a batch; see `in_batches`.
    width : int
        Columns of the result.

    Yields
    ------
    rows : ndarray, shape=(S,)
        Which proteins; each occurs once.
    values : ndarray, shape=(S, width), dtype=float32
    """
    order = np.argsort(-lengths, kind="stable")
    shares = [order[at : at + SHARE] for at in range(0, len(order), SHARE)]
    for first in range(0, len(shares), ranks.size):
        stop.check()
        some = shares[first : first + ranks.size]
        own = some[min(ranks.rank, len(some) - 1)]  # at the end some ranks repeat the last one
        values = np.empty((len(own), width), np.float32)
        for at, part in in_step(lengths, own, compute, budget, ranks):
            values[at] = part
        for owner, rows in enumerate(some):
            shared = values if owner == ranks.rank else np.empty((len(rows), width), np.float32)
            ranks.share(torch.from_numpy(shared), owner)
            yield rows, shared


def in_step(
    lengths: NDArray[np.int64],
    rows: NDArray[np.intp],
    compute: Callable[[NDArray[np.intp]], Made],
    budget: Budget,
    ranks: Ranks,
) -> Iterator[tuple[NDArray[np.intp], Made]]:
    """Apply a function to batches of some rows, as `in_batches` does, or on all ranks in step.

    The weights of a layer come together when all ranks compute it, so all ranks compute as many
    batches. Those that have fewer repeat their last one. A batch that exceeds memory is an error.
    Yields places in ``rows``, and what the function returned for these rows.
    """
    if not ranks.in_step:
        yield from in_batches(lengths[rows], lambda at: compute(rows[at]), budget)
        return
    batches = token_batches(lengths[rows], budget.tokens)
    for i in range(int(ranks.highest(len(batches)))):
        at = batches[min(i, len(batches) - 1)]
        made = compute(rows[at])
        if i < len(batches):
            yield at, made
