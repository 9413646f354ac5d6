"""The gradient of an accumulation window, computed batch by batch.

On a CPU without dropout, batches run in parallel, one thread each. This is faster than all
threads on one batch. Gradients are added in the order of the batches, so the same number of
threads gives the same bits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from esmgo.dataset.proteins import AnnotatedProteins
from esmgo.learn.features import Batch
from esmgo.learn.loss import coherent_bce, sparse_bce
from esmgo.learn.state import State
from esmgo.learn.stop import StopRequest
from esmgo.model.crew import Crew

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
    batches: tuple[Batch, ...]
    targets: tuple[tuple[Tensor, Tensor], ...]  # (annotations,) protein in the batch, term


def add_gradient(state: State, window: Window, stop: StopRequest) -> float:
    """Add the gradient of a window's mean loss to the parameters; return the summed loss.

    Raises Stopped after a signal.
    """
    n_cells = sum(batch.n for batch in window.batches) * len(state.data.labels)
    workers = _workers(state)
    if workers == 1 or len(window.batches) == 1:
        total = 0.0
        for value in _losses(state, window, stop):
            torch.autograd.backward(value / n_cells)
            total += value.item()
        return total
    parameters = list(state.caller.trainable().values())

    def computed(
        x: Tensor, batch: Batch, rows: Tensor, columns: Tensor
    ) -> tuple[float, tuple[Tensor, ...]]:
        logits = state.caller.upper(x, batch.packed, state.features.half)
        loss = loss_of(state, logits, rows, columns)
        return loss.item(), torch.autograd.grad(loss / n_cells, parameters)

    total = 0.0
    crew, running = _crew(workers, torch.get_num_threads()), deque[Future[_Computed]]()
    waiting = deque(zip(window.batches, window.targets, strict=True))
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                stop.check()
                batch, targets = waiting.popleft()
                x = state.features.lower(batch)
                running.append(crew.submit(computed, x, batch, *targets))
            loss, gradients = crew.result(running[0])
            running.popleft()
            total += loss
            for parameter, gradient in zip(parameters, gradients, strict=True):
                if parameter.grad is None:
                    parameter.grad = gradient
                else:
                    parameter.grad += gradient
    finally:
        wait(running)
    return total


_Computed = tuple[float, tuple[Tensor, ...]]


@cache
def _crew(workers: int, _threads: int) -> Crew:
    """Return the crew of this number of PyTorch's threads; it lives as long as the process."""
    return Crew(workers, "gradient")


def _workers(state: State) -> int:
    """Return the number of parallel batches; dropout needs one, since the generator is shared."""
    has_dropout = state.config.dropout or state.config.lora_dropout
    if state.device.type != "cpu" or state.caller.n_unfrozen == 0 or has_dropout:
        return 1
    return min(torch.get_num_threads(), MOST_WORKERS)


def _losses(state: State, window: Window, stop: StopRequest) -> Iterator[Tensor]:
    """Yield the cross entropy of each batch, summed over its cells.

    If only the head is trained, it computes the window in one pass unless memory is short.
    """
    features, caller = state.features, state.caller
    is_whole = caller.is_lower_pooled and state.batch_size >= state.config.batch_size
    lowered = []
    for batch, (row, column) in zip(window.batches, window.targets, strict=True):
        stop.check()
        x = features.lower(batch)
        if is_whole:
            lowered.append(x)
            continue
        logits = caller.upper(x, batch.packed, features.half)  # (B, T)
        yield loss_of(state, logits, row, column)
    if lowered:
        logits = caller.upper(torch.cat(lowered), None)  # (window, T)
        starts = np.cumsum([0, *(len(x) for x in lowered[:-1])])
        rows = torch.cat(
            [row + int(at) for (row, _), at in zip(window.targets, starts, strict=True)]
        )
        columns = torch.cat([column for _, column in window.targets])
        yield loss_of(state, logits, rows, columns)


def loss_of(state: State, logits: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return the loss of logits, shape=(B, T), summed over cells, with the true cells' places."""
    rows, columns = rows.to(logits.device), columns.to(logits.device)
    if state.climb is None:
        return sparse_bce(logits, rows, columns)
    return coherent_bce(logits, rows, columns, state.climb)


def window_of(state: State, rows: Rows) -> Window:
    """Cut a window into batches that fit into memory."""
    cut = []
    for some in rows:
        longest = int(state.features.lengths[some].max())
        share = -(-len(some) // _workers(state))
        size = min(state.batch_size, _most_rows(state, longest), share)
        cut += [some[at : at + size] for at in range(0, len(some), size)]
    targets = tuple(_targets(state.data.train, each) for each in cut)
    batches = tuple(state.features.batch(each, state.epoch + 1) for each in cut)
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
