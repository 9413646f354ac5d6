"""Token ids in, probabilities out, in batches that memory holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from esmgo.errors import MachineError
from esmgo.model.batches import pad, token_batches
from esmgo.model.caller import Caller
from esmgo.model.device import autocast, is_out_of_memory

__all__ = ["probabilities"]

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
        See `esmgo.model.device.autocast`.

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
    waiting = token_batches(np.array([len(row) for row in rows]), BUDGET)[::-1]
    while waiting:
        batch = waiting.pop()
        scored = _scored(caller, [rows[i] for i in batch], device, precision)
        if scored is not None:
            yield batch, scored
        elif len(batch) > 1:
            waiting += [batch[len(batch) // 2 :], batch[: len(batch) // 2]]
        else:
            n = len(rows[batch[0]])
            raise MachineError(f"not enough memory for {n:,} tokens; lower --context_length")


@torch.inference_mode()
def _scored(
    caller: Caller, rows: Sequence[NDArray[np.uint8]], device: torch.device, precision: str
) -> NDArray[np.float32] | None:
    """Return the probabilities of one batch, or None where memory does not hold it."""
    try:
        tokens, mask = pad(rows)
        with autocast(device, precision):
            logits = caller(tokens.to(device), mask.to(device))  # (B, T)
        found: NDArray[np.float32] = logits.sigmoid().cpu().numpy()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return None
    return found
