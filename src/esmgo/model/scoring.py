"""Compute probabilities from token ids, in batches that fit in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from esmgo.errors import MachineError
from esmgo.model.batches import token_batches
from esmgo.model.caller import Caller
from esmgo.model.crew import Crew
from esmgo.model.device import is_out_of_memory, resolved
from esmgo.model.packing import pack

Made = TypeVar("Made")

BUDGET = 8_192
"""Tokens in a batch on a CPU; eight proteins of full context."""

_MOST_WORKERS = 8
"""More would make batches of single proteins; further threads are shared among the workers."""

_MOST = 1 << 18
_BYTES = 48
"""Memory of a token in a layer, in bytes per number of its hidden state, with a margin."""


class Budget(NamedTuple):
    """Tokens in a batch, and batches that are computed in parallel."""

    tokens: int
    workers: int = 1


def token_budget(caller: Caller, device: torch.device) -> Budget:
    """Return a budget for half of a GPU's free memory, or on a CPU `BUDGET` divided by threads.

    On a CPU one batch per thread is faster than all threads on one batch: two threads have 1.9
    instead of 1.1 times the speed of one. For a GPU two threads prepare and fetch batches in turn,
    so that it does not wait for the host.
    """
    if device.type != "cuda":
        workers = min(torch.get_num_threads(), _MOST_WORKERS) if device.type == "cpu" else 1
        return Budget(BUDGET // workers, workers)
    free, _ = torch.cuda.mem_get_info(device)
    n_tokens = min(_MOST, free // 2 // (_BYTES * caller.width))
    return Budget(max(BUDGET, n_tokens // 2), 2)


def probabilities(
    caller: Caller,
    rows: Sequence[NDArray[np.uint8]],
    device: torch.device,
    dtype: str = "fp32",
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.float32]]]:
    """Score proteins in batches of similar length; a batch that exceeds memory is halved.

    Raises MachineError if memory does not hold a single protein.

    Parameters
    ----------
    caller : Caller
        In evaluation mode, on ``device``.
    rows : sequence of ndarray, shape=(L,), dtype=uint8
        Token ids of each protein.
    device : torch.device
        Where to compute.
    dtype : str
        See `esmgo.model.device.resolved`.

    Yields
    ------
    rows : ndarray, shape=(B,)
        Which of ``rows`` were scored; each occurs once, in no particular order.
    probabilities : ndarray, shape=(B, T), dtype=float32
    vectors : ndarray, shape=(B, D), dtype=float32
        The final states at ``<cls>``.
    """
    half = resolved(device, dtype) == "bf16"

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
    lengths: NDArray[np.int64],
    compute: Callable[[NDArray[np.intp]], Made],
    budget: Budget = Budget(BUDGET),  # noqa: B008 (immutable)
) -> Iterator[tuple[NDArray[np.intp], Made]]:
    """Apply a function to batches of similar length; a batch that exceeds memory is halved.

    Raises MachineError if memory does not hold a single protein.

    Parameters
    ----------
    lengths : ndarray, shape=(N,), dtype=int64
        Tokens per protein.
    compute : callable
        Takes the row numbers of a batch. Several workers call it from their threads.
    budget : Budget
        Tokens in a batch, and how many batches are computed in parallel.

    Yields
    ------
    rows : ndarray, shape=(B,)
        Each occurs once, longest first.
    made : object
        What ``compute`` returned.
    """
    waiting = deque(token_batches(lengths, budget.tokens))
    if budget.workers == 1:
        while waiting:
            batch = waiting.popleft()
            try:
                made = compute(batch)
            except (RuntimeError, MemoryError) as error:
                waiting.extendleft(reversed(_halved(batch, lengths, error)))
                continue
            yield batch, made
        return
    running: deque[tuple[NDArray[np.intp], Future[Made]]] = deque()
    with Crew(budget.workers, "batch") as crew:
        try:
            while waiting or running:
                while waiting and len(running) < crew.workers + 1:
                    batch = waiting.popleft()
                    running.append((batch, crew.submit(compute, batch)))
                batch, future = running.popleft()
                try:
                    made = crew.result(future)
                except (RuntimeError, MemoryError) as error:
                    again = [*_halved(batch, lengths, error), *(each for each, _ in running)]
                    wait([future for _, future in running])
                    running.clear()
                    waiting.extendleft(reversed(again))  # in order
                    continue
                yield batch, made
        finally:
            for _, future in running:
                future.cancel()


def _halved(
    batch: NDArray[np.intp], lengths: NDArray[np.int64], error: Exception
) -> list[NDArray[np.intp]]:
    """Halve a batch that exceeded memory; raise any other error."""
    if not is_out_of_memory(error):
        raise error
    if len(batch) == 1:
        n = int(lengths[batch[0]])
        reason = f"not enough memory for {n:,} tokens; lower `context_length`"
        raise MachineError(reason) from None
    return [batch[: len(batch) // 2], batch[len(batch) // 2 :]]
