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

__all__ = ["BUDGET", "in_batches", "probabilities", "token_budget"]

Made = TypeVar("Made")

BUDGET = 8_192
"""Tokens in a batch on a CPU; eight proteins of full context."""

_MOST = 1 << 18
_BYTES = 48
"""What a token takes on its way through a layer, per number of its hidden state, and then some."""


def token_budget(caller: Caller, device: torch.device) -> int:
    """Return the tokens of a batch: what half of a GPU's free memory holds, or `BUDGET`."""
    if device.type != "cuda":
        return BUDGET
    free, _ = torch.cuda.mem_get_info(device)
    return max(BUDGET, min(_MOST, free // 2 // (_BYTES * caller.width)))


def probabilities(
    caller: Caller,
    rows: Sequence[NDArray[np.uint8]],
    device: torch.device,
    precision: str = "fp32",
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.float32]]]:
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
    vectors : ndarray, shape=(B, D), dtype=float32
        The final states at ``<cls>``.

    Raises
    ------
    MachineError
        If memory does not hold a single protein.
    """
    half = resolved(device, precision) == "bf16"

    @torch.inference_mode()
    def scored(at: NDArray[np.intp]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        packed = pack([rows[i] for i in at], device)
        x = caller.lower(packed, half)
        vectors = caller.vectors(x, packed, half)  # (B, D)
        return caller.probabilities(x, packed, half).cpu().numpy(), vectors.cpu().numpy()

    lengths = np.array([len(row) for row in rows], np.int64)
    for at, (values, vectors) in in_batches(lengths, scored, token_budget(caller, device)):
        yield at, values, vectors


def in_batches(
    lengths: NDArray[np.int64], compute: Callable[[NDArray[np.intp]], Made], budget: int = BUDGET
) -> Iterator[tuple[NDArray[np.intp], Made]]:
    """Compute something of proteins in batches of like length, halved where memory is short.

    Parameters
    ----------
    lengths : ndarray, shape=(N,), dtype=int64
        Tokens per protein.
    compute : callable
        Takes row numbers, all of one batch.
    budget : int
        Tokens in a batch.

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
    waiting = token_batches(lengths, budget)[::-1]
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
