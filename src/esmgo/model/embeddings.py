"""Proteins as vectors: what the encoder makes of them, before any head."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from esmgo.errors import MachineError
from esmgo.model.batches import pad, token_batches
from esmgo.model.caller import Caller
from esmgo.model.device import autocast, is_out_of_memory
from esmgo.model.scoring import BUDGET
from esmgo.model.tokens import encode, windows

__all__ = ["embed"]


def embed(
    caller: Caller,
    sequences: Sequence[str],
    context_length: int,
    device: torch.device,
    precision: str = "fp32",
) -> NDArray[np.float32]:
    """Return the final hidden state at ``<cls>`` of each protein: the vector the head reads.

    A protein longer than the context gets the mean over its overlapping windows.

    Parameters
    ----------
    caller : Caller
        On ``device``; it is left in evaluation mode.
    sequences : sequence of str
        Cleaned residues of N proteins.
    context_length : int
        Tokens per window.
    device : torch.device
        Where to compute.
    precision : str
        See `esmgo.model.device.autocast`.

    Returns
    -------
    ndarray, shape=(N, D), dtype=float32

    Raises
    ------
    MachineError
        If memory does not hold a single window.
    """
    caller.train(False)
    parts = [windows(sequence, context_length) for sequence in sequences]
    counts = np.array([len(part) for part in parts], np.int64)
    owner = np.repeat(np.arange(len(parts)), counts)
    rows = [encode(text, context_length) for part in parts for text in part]
    sums = np.zeros((len(parts), caller.config.hidden_size), np.float32)
    waiting = token_batches(np.array([len(row) for row in rows], np.int64), BUDGET)[::-1]
    with tqdm(total=len(rows), desc="Embedding", unit="window", disable=None, leave=False) as bar:
        while waiting:
            batch = waiting.pop()
            found = _embedded(caller, [rows[i] for i in batch], device, precision)
            if found is not None:
                np.add.at(sums, owner[batch], found)
                bar.update(len(batch))
            elif len(batch) > 1:
                waiting += [batch[len(batch) // 2 :], batch[: len(batch) // 2]]
            else:
                n = len(rows[batch[0]])
                raise MachineError(f"not enough memory for {n:,} tokens; lower --context_length")
    sums /= counts[:, None]
    return sums


@torch.inference_mode()
def _embedded(
    caller: Caller, rows: Sequence[NDArray[np.uint8]], device: torch.device, precision: str
) -> NDArray[np.float32] | None:
    """Return the vectors of one batch, or None where memory does not hold it."""
    try:
        tokens, mask = pad(rows)
        with autocast(device, precision):
            hidden = caller.encoder(tokens.to(device), attention_mask=mask.to(device))
        found: NDArray[np.float32] = hidden.last_hidden_state[:, 0].float().cpu().numpy()  # (B, D)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return None
    return found
