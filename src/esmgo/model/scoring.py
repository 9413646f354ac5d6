"""Token ids in, probabilities out, in batches that memory holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from esmgo.errors import MachineError
from esmgo.model.batches import token_batches
from esmgo.model.caller import Caller
from esmgo.model.device import is_out_of_memory, resolved
from esmgo.model.packing import pack

__all__ = ["BUDGET", "in_batches", "probabilities"]

Made = TypeVar("Made")

BUDGET = 8_192
"""Tokens in a batch; eight proteins of full context."""


def probabilities(
    caller: Caller,
    rows: Sequence[NDArray[np.uint8]],
    device: torch.device,
    precision: str = "fp32",
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32]]]:
    """Score proteins in batches of like length, halved where memory does not hold them.

    Parameters
    ----------
    caller : Caller
        In evaluation mode, on ``device``.
    rows : sequence of ndarray, shape=(L,), dtype=uint8
        Token ids of each protein.
    device : torch.device
        Where to compute.
    precision : str
        See `esmgo.model.device.resolved`.

    Yields
    ------
    rows : ndarray, shape=(B,)
        Which of ``rows`` were scored; each comes once, in no particular order.
    probabilities : ndarray, shape=(B, T), dtype=float32

    Raises
    ------
    MachineError
        If memory does not hold a single protein.
    """
    half = resolved(device, precision) == "bf16"

    @torch.inference_mode()
    def scored(at: NDArray[np.intp]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = (
            caller(pack([rows[i] for i in at], device), half).sigmoid().cpu().numpy()
        )
        return found

    return in_batches(np.array([len(row) for row in rows], np.int64), scored)


def in_batches(
    lengths: NDArray[np.int64], compute: Callable[[NDArray[np.intp]], Made]
) -> Iterator[tuple[NDArray[np.intp], Made]]:
    """Compute something of proteins in batches of like length, halved where memory is short.

    Parameters
    ----------
    lengths : ndarray, shape=(N,), dtype=int64
        Tokens per protein.
    compute : callable
        Takes row numbers, all of one batch.

    Yields
    ------
    rows : ndarray, shape=(B,)
        Each comes once; longest first.
    made : object
        What ``compute`` returned.

    Raises
    ------
    MachineError
        If memory does not hold a single protein.
    """
    waiting = token_batches(lengths, BUDGET)[::-1]
    while waiting:
        batch = waiting.pop()
        try:
            made = compute(batch)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if len(batch) == 1:
                n = int(lengths[batch[0]])
                reason = f"not enough memory for {n:,} tokens; lower --context_length"
                raise MachineError(reason) from None
            waiting += [batch[len(batch) // 2 :], batch[: len(batch) // 2]]
            continue
        yield batch, made
