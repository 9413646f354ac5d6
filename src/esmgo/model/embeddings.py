"""Proteins as vectors: what the encoder makes of them, before any head."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from esmgo.errors import MachineError
from esmgo.model.batches import pad, token_batches
from esmgo.model.caller import Caller
from esmgo.model.checkpoint import Checkpoint
from esmgo.model.device import autocast, is_out_of_memory
from esmgo.model.scoring import BUDGET
from esmgo.model.tokens import encode, windows

__all__ = ["embed", "encoder_of"]


def encoder_of(source: Checkpoint | Path | None, device: torch.device) -> Caller:
    """Make ready the encoder of a checkpoint, or of a base model below a head that nobody asks.

    Parameters
    ----------
    source : Checkpoint, Path or None
        A path is a base model's folder, None the embedded ``tiny``.
    device : torch.device
        Where it will compute.

    Raises
    ------
    CheckpointError
        If its weights are not sound.
    """
    if isinstance(source, Checkpoint):
        caller = source.caller()
    else:
        caller = Caller.start(source, 1, dropout=0.0, seed=0)
    caller.network.to(device)
    return caller


def embed(
    caller: Caller,
    sequences: Sequence[str],
    context_length: int,
    device: torch.device,
    precision: str = "fp32",
    pooling: str = "cls",
    *,
    show_progress: bool = True,
) -> NDArray[np.float32]:
    """Return one vector per protein: the final hidden state at ``<cls>``, or the residues' mean.

    A protein longer than the context gets the mean over its overlapping windows. They are
    of equal length, so each residue weighs the same in every window it stands in, and one
    that stands in two windows counts twice.

    Parameters
    ----------
    caller : Caller
        On ``device``; it is left in evaluation mode.
    sequences : sequence of str
        Cleaned residues of N proteins, at least one residue each.
    context_length : int
        Tokens per window.
    device : torch.device
        Where to compute.
    precision : str
        See `esmgo.model.device.autocast`.
    pooling : str
        ``cls``, the vector that the head reads, or ``mean`` over the residues, without
        ``<cls>`` and ``<eos>``.
    show_progress : bool
        Draw a bar, on a terminal.

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
    rows = [encode(text, context_length) for part in parts for text in part]
    vectors = np.empty((len(rows), caller.config.hidden_size), np.float32)
    waiting = token_batches(np.array([len(row) for row in rows], np.int64), BUDGET)[::-1]
    hidden = None if show_progress else True  # None: where there is no terminal
    with tqdm(total=len(rows), desc="Embedding", unit="window", disable=hidden, leave=False) as bar:
        while waiting:
            batch = waiting.pop()
            found = _embedded(caller, [rows[i] for i in batch], device, precision, pooling)
            if found is not None:
                vectors[batch] = found
                bar.update(len(batch))
            elif len(batch) > 1:
                waiting += [batch[len(batch) // 2 :], batch[: len(batch) // 2]]
            else:
                n = len(rows[batch[0]])
                raise MachineError(f"not enough memory for {n:,} tokens; lower --context_length")
    if len(vectors) == len(parts):  # no protein in several windows
        return vectors
    # one window after the other, whatever batch it came in: the same sum among any neighbours
    sums: NDArray[np.float32] = np.add.reduceat(vectors, np.cumsum(counts) - counts, axis=0)
    sums /= counts[:, None]
    return sums


@torch.inference_mode()
def _embedded(
    caller: Caller,
    rows: Sequence[NDArray[np.uint8]],
    device: torch.device,
    precision: str,
    pooling: str,
) -> NDArray[np.float32] | None:
    """Return the vectors of one batch, or None where memory does not hold it."""
    try:
        states = _states(caller, rows, device, precision)  # (R, D)
        parts = torch.split(states, [len(row) for row in rows])
        pooled = [part[0] if pooling == "cls" else part[1:-1].mean(0) for part in parts]
        found: NDArray[np.float32] = torch.stack(pooled).cpu().numpy()  # (B, D)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return None
    return found


def _states(
    caller: Caller, rows: Sequence[NDArray[np.uint8]], device: torch.device, precision: str
) -> Tensor:
    """Return the final hidden states of all tokens, one row after the other; shape=(R, D)."""
    tokens, mask = (t.to(device) for t in pad(rows))
    with autocast(device, precision):
        hidden: Tensor = caller.encoder(tokens, attention_mask=mask).last_hidden_state  # (B, L, D)
    return hidden[mask.bool()].float()
