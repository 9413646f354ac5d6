"""Batches: groups of proteins that are computed together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Item = TypeVar("Item")


def blocks(items: Iterable[Item], size: int) -> Iterator[tuple[Item, ...]]:
    """Cut a stream into tuples of ``size``; the last may be shorter."""
    stream = iter(items)
    while block := tuple(islice(stream, size)):
        yield block


def token_batches(lengths: NDArray[np.int64], budget: int) -> list[NDArray[np.intp]]:
    """Group proteins of similar length into batches of at most ``budget`` tokens.

    Parameters
    ----------
    lengths : ndarray, shape=(N,), dtype=int64
        Tokens per protein.
    budget : int
        Tokens per batch, where each protein counts as much as the longest. A protein above the
        budget is a batch of its own.

    Returns
    -------
    list of ndarray
        Row numbers, longest proteins first, so that a lack of memory shows at once.

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
