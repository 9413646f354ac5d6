"""Embeddings: one vector per protein from the encoder's final hidden states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from esmgo.model.caller import Caller
from esmgo.model.checkpoint import Checkpoint
from esmgo.model.device import resolved
from esmgo.model.packing import Packed, pack
from esmgo.model.scoring import in_batches, token_budget
from esmgo.model.tokens import Completed, encode, windows


def encoder_of(source: Checkpoint | Path | None, device: torch.device) -> Caller:
    """Load the encoder of a checkpoint, or of a base model (with an unused head).

    A path is a base model's folder, None the embedded ``tiny``. Raises CheckpointError if the
    weights are not valid.
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
    dtype: str = "fp32",
    pooling: str = "cls",
    *,
    progress: Callable[[int], object] | None = None,
) -> NDArray[np.float32]:
    """Return one vector per protein: the final hidden state at ``<cls>``, or the residues' mean.

    A protein longer than the context gets the mean over its overlapping windows. All have the
    same length, so a residue has the same weight in each window that contains it, and a residue
    in two windows counts twice. Raises MachineError if memory does not hold a single window.

    Parameters
    ----------
    caller : Caller
        On ``device``. It is switched to evaluation mode.
    sequences : sequence of str
        Cleaned residues of N proteins, at least one residue each.
    context_length : int
        Tokens per window.
    device : torch.device
        Where to compute.
    dtype : str
        See `esmgo.model.device.resolved`.
    pooling : str
        ``cls``, the vector that the head reads, or ``mean`` over the residues, without
        ``<cls>`` and ``<eos>``.
    progress : callable, optional
        Called after each batch with the number of proteins that it completed. When left out, a bar
        is drawn on a terminal.

    Returns
    -------
    ndarray, shape=(N, D), dtype=float32
    """
    caller.train(False)
    parts = [windows(sequence, context_length) for sequence in sequences]
    rows = [encode(text, context_length) for part in parts for text in part]
    vectors = np.empty((len(rows), caller.width), np.float32)
    half = resolved(device, dtype) == "bf16"
    lengths = np.array([len(row) for row in rows], np.int64)
    completed = Completed(parts)
    hidden = None if progress is None else True  # None hides it without a terminal
    with tqdm(
        total=len(parts), desc="Embedding", unit="protein", disable=hidden, leave=False
    ) as bar:
        for at, found in in_batches(
            lengths,
            lambda at: _embedded(caller, pack([rows[i] for i in at], device), half, pooling),
            token_budget(caller, device),
        ):
            vectors[at] = found
            (progress or bar.update)(completed(at))
    return mean_of_windows(vectors, parts)


def mean_of_windows(
    vectors: NDArray[np.float32], parts: Sequence[Sequence[str]]
) -> NDArray[np.float32]:
    """Return the mean over each protein's windows, shape=(N, D); rows are in their order."""
    if len(vectors) == len(parts):  # no protein in several windows
        return vectors
    # windows are summed in order, so that the result does not depend on the batches
    counts = np.array([len(part) for part in parts], np.int64)
    sums: NDArray[np.float32] = np.add.reduceat(vectors, np.cumsum(counts) - counts, axis=0)
    sums /= counts[:, None]
    return sums


@torch.inference_mode()
def _embedded(caller: Caller, packed: Packed, half: bool, pooling: str) -> NDArray[np.float32]:
    """Return the vectors of one batch; shape=(B, D)."""
    if pooling == "cls":
        pooled = caller.vectors(caller.lower(packed, half), packed, half)
    else:
        states = caller.hidden(packed, half)
        pooled = torch.stack([state[1:-1].mean(0) for state in states])
    found: NDArray[np.float32] = pooled.cpu().numpy()
    return found
