"""Which residues a term's score comes from, by integrated gradients.

The score is the logit of one term. Gradients are integrated on a path from the protein with
every residue unknown (``X``, an ordinary token of ESM2) to the protein itself, a straight line
between the two embeddings; ``<cls>`` and ``<eos>`` do not change. The contributions of all
residues add up to the difference of the two scores, and an unknown residue contributes nothing.

The path could also start at ``<mask>``. ESM2 embeds it as zero, where a layer norm has no
direction: the score jumps within the first hundredth of the path, so that 128 even steps miss
most of it, and the residues found agree less with planted motifs (docs/LOG.md).

References
----------
Sundararajan, Taly & Yan, Axiomatic attribution for deep networks, ICML 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from esmgo.explanation.explanation import Track
from esmgo.model.caller import Caller
from esmgo.model.packing import Packed, pack
from esmgo.model.scoring import BUDGET, in_batches, token_budget
from esmgo.model.tokens import VOCABULARY

UNKNOWN = VOCABULARY.index("X")

STEPS, MOST_STEPS = 32, 512
"""Points on the path: at first, and at most."""

_BACKWARD = 8
"""Memory of a token with its gradient, relative to one without."""

_HELD = 10_000
"""Layers times width above which the backward pass recomputes activations: 1 GB a batch."""


def attribute(
    caller: Caller,
    row: NDArray[np.uint8],
    column: int,
    device: torch.device,
    *,
    first: int = 1,
    n_steps: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> Track:
    """Return what each residue of one protein contributes to a term's logit, in fp32.

    Raises MachineError if memory does not hold the protein once.

    Parameters
    ----------
    caller : Caller
        In evaluation mode, on ``device``.
    row : ndarray, shape=(n + 2,), dtype=uint8
        Token ids with ``<cls>`` and ``<eos>``.
    column : int
        The term.
    device : torch.device
        Where to compute.
    first : int
        Position in the protein of the first residue, counted from 1.
    n_steps : int, optional
        When left out, doubled from 32 until the sum is complete, up to 512.
    progress : callable, optional
        Called after each batch with its number of passes through the network.
    """
    unknown = row.copy()
    unknown[1:-1] = UNKNOWN
    with torch.no_grad():
        start, baseline = _end(caller, unknown, column, device)
        x, score = _end(caller, row, column, device)  # (L, D)
    steps = STEPS if n_steps is None else n_steps
    while True:
        slope = _mean_slope(caller, row, (start, x), column, steps, progress)
        values = (slope * (x - start).double().cpu()).sum(1)[1:-1].numpy()
        found = Track(values, score, baseline, steps, first)
        if n_steps is not None or found.is_complete or steps >= MOST_STEPS:
            return found
        steps *= 2


def logits(
    caller: Caller,
    rows: Sequence[NDArray[np.uint8]],
    column: int,
    device: torch.device,
    progress: Callable[[int], object] | None = None,
) -> NDArray[np.float32]:
    """Return the logit of one term for each of N proteins, in fp32; shape=(N,).

    ``rows`` are the token ids of each protein. The caller is in evaluation mode, on ``device``.
    After each batch ``progress`` is called with its number of proteins.
    """

    @torch.inference_mode()
    def scored(at: NDArray[np.intp]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = (
            caller(pack([rows[i] for i in at], device))[:, column].cpu().numpy()
        )
        return found

    values = np.empty(len(rows), np.float32)
    lengths = np.array([len(row) for row in rows], np.int64)
    for at, found in in_batches(lengths, scored, token_budget(caller, device)):
        values[at] = found
        if progress is not None:
            progress(len(at))
    return values


def _mean_slope(
    caller: Caller,
    row: NDArray[np.uint8],
    ends: tuple[Tensor, Tensor],
    column: int,
    n_steps: int,
    progress: Callable[[int], object] | None,
) -> Tensor:
    """Return the mean gradient at the middles of ``n_steps`` even steps; shape=(L, D), float64."""
    start, x = ends
    middles = (torch.arange(n_steps) + 0.5) / n_steps

    def summed(at: NDArray[np.intp]) -> Tensor:
        packed = pack([row] * len(at), x.device, fill=False)  # each point is a protein
        share = middles[torch.from_numpy(at)].to(x.device)[:, None, None]
        points = (start + share * (x - start)).flatten(0, 1).requires_grad_()  # (B L, D)
        with torch.enable_grad():
            score = _logits(caller, points, packed, column).sum()
            (gradient,) = torch.autograd.grad(score, points)
        return gradient.view(len(at), *x.shape).cpu().double().sum(0)

    lengths = np.full(n_steps, len(row), np.int64)
    budget = token_budget(caller, x.device)
    tokens = BUDGET if x.device.type == "cpu" else budget.tokens  # for any number of threads
    budget = budget._replace(tokens=tokens // _BACKWARD)
    parts = []
    for at, made in in_batches(lengths, summed, budget):
        parts.append(made)
        if progress is not None:
            progress(len(at))
    return torch.stack(parts).sum(0) / n_steps


def _end(
    caller: Caller, row: NDArray[np.uint8], column: int, device: torch.device
) -> tuple[Tensor, float]:
    """Return the input of the first layer, shape=(L, D), and the term's logit."""
    packed = pack([row], device, fill=False)
    x = caller.encoder.embed(packed)
    return x, float(_logits(caller, x, packed, column))


def _logits(caller: Caller, x: Tensor, packed: Packed, column: int) -> Tensor:
    """Return a term's logits from the input of the first layer, differentiably; shape=(B,)."""
    n_layers = len(caller.encoder.layers)
    is_large = n_layers * caller.width > _HELD
    scores: Tensor = caller.head(caller.pooled(x, packed, recompute=is_large))[:, column]
    return scores
