"""The gradient of an accumulation window, computed batch by batch.

Each rank computes every W-th batch. The gradients are added in the order of the batches, so any
number W of ranks gives the same bits. On a CPU without dropout, a rank computes its batches in
parallel, one thread each. This is faster than all threads on one batch. The number of threads
determines how a window is cut into batches, so the same number gives the same bits.

If only the head is trained, all ranks compute the gradient of the whole window from the vectors of
the encoder. To exchange the gradients of the head would take longer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, wait
from contextlib import closing
from functools import cache, partial
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from esmgo.learn.loss import coherent_bce, sparse_bce
from esmgo.learn.ranks import Ranks
from esmgo.learn.sharding import divide_again
from esmgo.learn.state import State
from esmgo.learn.stop import StopRequest
from esmgo.learn.windows import Window, workers_of
from esmgo.model.crew import Crew
from esmgo.model.device import is_out_of_memory
from esmgo.model.packing import sent

Made = TypeVar("Made")

MOST_SHARED = 1 << 28
"""Maximal number of trainable weights whose gradient is exchanged per batch: 1 GB."""


def add_gradient(state: State, window: Window, stop: StopRequest) -> float:
    """Add the gradient of a window's mean loss to the parameters; return the summed loss.

    Raises Stopped after a signal, and OutOfMemory on all ranks if memory is short on one.
    """
    n_cells = sum(batch.n for batch in window.batches) * len(state.data.labels)
    stop.check()
    parameters = list(state.caller.trainable().values())
    ranks, n = state.ranks, len(window.batches)
    if _is_whole(state):
        return _of_head(state, window, n_cells)
    if ranks.in_step or sum(each.numel() for each in parameters) > MOST_SHARED:
        return _summed(state, window, parameters, n_cells)
    own = _computed(state, window, range(ranks.rank, n, ranks.size), n_cells)
    total = 0.0
    with closing(own):
        for first in range(0, n, ranks.size):
            if ranks.size == 1:
                stop.check()
            made = _guarded(lambda: next(own), ranks) if first + ranks.rank < n else None
            for owner in range(min(ranks.size, n - first)):
                loss, gradients = _shared(state, made, parameters, owner)
                total += loss
                for parameter, gradient in zip(parameters, gradients, strict=True):
                    if parameter.grad is None:  # in a layout that does not depend on the rank
                        parameter.grad = torch.empty_like(parameter).copy_(gradient)
                    else:
                        parameter.grad += gradient
    return total


class OutOfMemory(MemoryError):
    """Memory is short on one of the ranks."""


_Made = tuple[float, tuple[Tensor, ...]]


def _guarded(compute: Callable[[], Made], ranks: Ranks) -> Made | None:
    """Return what is computed, or None if memory is short; in step with others, that is fatal."""
    try:
        return compute()
    except (RuntimeError, MemoryError) as error:
        if ranks.in_step or not is_out_of_memory(error):
            raise
        return None


def _on_all(compute: Callable[[], Made], ranks: Ranks) -> Made:
    """Return what is computed; raise OutOfMemory on all ranks if memory is short on one."""
    made = _guarded(compute, ranks)
    if ranks.highest(float(made is None)) or made is None:
        raise OutOfMemory
    return made


def _shared(state: State, made: _Made | None, like: list[nn.Parameter], owner: int) -> _Made:
    """Return loss and gradients of the batch of rank ``owner``, whose own are ``made``."""
    ranks = state.ranks
    head = torch.zeros(2, dtype=torch.float64)
    if owner == ranks.rank and made is not None:
        head = torch.tensor([1.0, made[0]], dtype=torch.float64)
    ranks.share(head, owner)
    is_good, loss = head.tolist()
    if not is_good:
        raise OutOfMemory
    if ranks.size == 1:
        assert made is not None
        return made
    if owner == ranks.rank:
        assert made is not None
        flat = torch.cat([each.reshape(-1) for each in made[1]])
    else:
        flat = torch.empty(sum(each.numel() for each in like), device=state.device)
    ranks.share(flat, owner)
    parts = torch.split(flat, [each.numel() for each in like])
    return loss, tuple(a.view_as(b) for a, b in zip(parts, like, strict=True))


def _computed(
    state: State, window: Window, own: range, n_cells: int
) -> Generator[_Made, None, None]:
    """Yield loss and gradients of some batches, in order; on a CPU computed ahead in parallel."""
    parameters = list(state.caller.trainable().values())

    def computed(b: int, x: Tensor) -> _Made:
        logits = state.caller.upper(x, window.batches[b].packed, state.features.half)
        loss = loss_of(state, logits, *window.targets[b])
        gradients = torch.autograd.grad(loss / n_cells, parameters)
        return loss.item(), gradients  # waits for a GPU, which by now has all of its work

    workers = workers_of(state)
    if workers == 1 or len(own) == 1:
        for b in own:
            x = state.features.lower(window.batches[b])
            state.seed_batch(b)
            yield computed(b, x)
        return
    crew, running = _crew(workers, torch.get_num_threads()), deque[Future[_Made]]()
    waiting = deque(own)
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                b = waiting.popleft()
                running.append(crew.submit(computed, b, state.features.lower(window.batches[b])))
            yield crew.result(running.popleft())
    finally:
        wait(running)


@cache
def _crew(workers: int, _threads: int) -> Crew:
    """Return the crew of this number of PyTorch's threads; it lives as long as the process."""
    return Crew(workers, "gradient")


def _is_whole(state: State) -> bool:
    """Whether all ranks compute the whole window in one pass: if only the head is trained."""
    return state.caller.is_lower_pooled and state.batch_size >= state.config.batch_size


def _of_head(state: State, window: Window, n_cells: int) -> float:
    """Add the gradient of the head for the whole window, and return the loss."""
    lowered = _vectors(state, window)
    starts = np.cumsum([0, *(len(x) for x in lowered[:-1])])
    rows = torch.cat([row + int(at) for (row, _), at in zip(window.targets, starts, strict=True)])
    columns = torch.cat([column for _, column in window.targets])
    state.seed_batch(0)
    ranks = state.ranks
    n_times = ranks.size if ranks.in_step else 1  # divided weights add the gradients of all ranks

    def computed() -> _Made:
        logits = state.caller.upper(torch.cat(lowered), None)  # (window, T)
        loss = loss_of(state, logits, rows, columns)
        torch.autograd.backward(loss / (n_cells * n_times))
        return loss.item(), ()

    made = _on_all(computed, ranks)
    if ranks.in_step:
        divide_again(state.caller)
    return made[0]


def _vectors(state: State, window: Window) -> list[Tensor]:
    """Return the vectors of each batch, shape=(B, D): stored ones, or each computed by one rank."""
    features, ranks, width = state.features, state.ranks, state.caller.width
    if features.has_vectors or ranks.size == 1:
        return [features.lower(batch) for batch in window.batches]
    found = []
    for first in range(0, len(window.batches), ranks.size):
        some = window.batches[first : first + ranks.size]
        own = min(ranks.rank, len(some) - 1)  # at the end some ranks repeat the last batch
        x = _on_all(partial(features.lower, some[own]), ranks)
        for owner, batch in enumerate(some):
            empty = torch.empty(batch.n, width, device=state.device)
            found.append(x if owner == ranks.rank else empty)
            ranks.share(found[-1], owner)
    return found


def _summed(state: State, window: Window, parameters: list[nn.Parameter], n_cells: int) -> float:
    """Add the gradient of large trainable parts, summed over ranks once; return the loss.

    The order of summation depends on the number of ranks. With sharded weights all ranks compute
    as many batches: some repeat the last one, without effect.
    """
    ranks, n, is_good = state.ranks, len(window.batches), True
    total = torch.zeros(1, dtype=torch.float64)
    for first in range(0, n, ranks.size):
        b = first + ranks.rank
        is_extra, b = b >= n, min(b, n - 1)
        if is_extra and not ranks.in_step:
            break

        def computed(b: int = b, scale: float = (not is_extra) / n_cells) -> float:
            batch = window.batches[b]
            x = state.features.lower(batch)
            state.seed_batch(b)
            logits = state.caller.upper(x, batch.packed, state.features.half)
            loss = loss_of(state, logits, *window.targets[b])
            torch.autograd.backward(loss * scale)
            return loss.item()

        loss = _guarded(computed, ranks)
        is_good = is_good and loss is not None
        total += 0.0 if is_extra or loss is None else loss
    if ranks.highest(float(not is_good)):
        raise OutOfMemory
    ranks.add(total)
    if ranks.in_step:
        divide_again(state.caller)
        return total.item()
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        ranks.add(parameter.grad)
    return total.item()


def loss_of(state: State, logits: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return the loss of logits, shape=(B, T), summed over cells, with the true cells' places."""
    rows, columns = (sent(each.numpy(), logits.device) for each in (rows, columns))
    if state.climb is None:
        return sparse_bce(logits, rows, columns)
    return coherent_bce(logits, rows, columns, state.climb)
