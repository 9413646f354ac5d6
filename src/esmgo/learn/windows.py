"""Batches and accumulation windows: the order of the training proteins in an epoch.

A window is cut into batches that fit into memory, one or more for each parallel worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from esmgo.dataset.proteins import AnnotatedProteins
from esmgo.learn.features import Batch
from esmgo.learn.state import State

POOL = 64
"""Accumulation windows in a pool, whose proteins are sorted by length to reduce padding."""

MOST_WORKERS = 8
"""Maximal number of parallel batches; each holds its own gradient in memory."""

ATTENTION_BYTES = 2 << 30
"""Maximal memory for attention matrices in training on a CPU."""

KEPT_BYTES = 12
"""Bytes per cell of them: weights and dropped weights in fp32, mask, copies in bf16."""

Rows = Sequence[NDArray[np.intp]]
"""The proteins of each batch between two optimiser steps."""


@dataclass(frozen=True, slots=True)
class Window:
    """The batches of one optimiser step, and their annotations."""

    rows: tuple[NDArray[np.intp], ...]  # the proteins of each batch
    batches: tuple[Batch, ...]  # those of other ranks without data
    targets: tuple[tuple[Tensor, Tensor], ...]  # (annotations,) protein in the batch, term


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


def workers_of(state: State) -> int:
    """Return the number of parallel batches; dropout needs one, since the generator is shared."""
    has_dropout = state.config.dropout or state.config.lora_dropout
    if state.device.type != "cpu" or state.caller.n_unfrozen == 0 or has_dropout:
        return 1
    return min(torch.get_num_threads(), MOST_WORKERS)


def window_of(state: State, rows: Rows) -> Window:
    """Cut a window into batches that fit into memory."""
    cut = []
    for some in rows:
        longest = int(state.features.lengths[some].max())
        share = -(-len(some) // workers_of(state))
        size = min(state.batch_size, _most_rows(state, longest), share)
        cut += [some[at : at + size] for at in range(0, len(some), size)]
    targets = tuple(_targets(state.data.train, each) for each in cut)
    ranks, features = state.ranks, state.features
    batches = tuple(
        features.batch(each, state.epoch + 1)
        if features.has_vectors or b % ranks.size == ranks.rank or b == len(cut) - 1
        else Batch(len(each), None, None)
        for b, each in enumerate(cut)
    )
    return Window(tuple(cut), batches, targets)


def _most_rows(state: State, length: int) -> int:
    """Return how many proteins of this length fit into a batch with their attention matrices.

    With dropout on a CPU, PyTorch keeps (heads, L, L) matrices of every unfrozen layer for
    the backward pass. Otherwise it keeps none.
    """
    config, n_layers = state.config, state.caller.n_unfrozen
    if state.device.type != "cpu" or config.dropout == 0 or n_layers == 0:
        return config.batch_size
    kept = 1 if config.activation_checkpointing else n_layers
    per_layer = KEPT_BYTES * state.caller.n_heads * length**2
    return int(max(1, ATTENTION_BYTES // (per_layer * kept)))


def _targets(proteins: AnnotatedProteins, rows: NDArray[np.intp]) -> tuple[Tensor, Tensor]:
    """Return the annotations of a batch: row of the protein, and column of the term."""
    column, place = proteins.terms.cells(rows)
    return torch.from_numpy(place), torch.from_numpy(column)
