"""The one training loop."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm import tqdm

from esmgo.data.dataset import AnnotatedProteins, Dataset
from esmgo.errors import Interrupted, MachineError, TrainingError, shown
from esmgo.learn.board import Board
from esmgo.learn.config import TrainConfig
from esmgo.learn.finetune import Fitted
from esmgo.learn.state import State
from esmgo.learn.stop import Stopped, StopRequest
from esmgo.learn.validation import Validation, naive_fmax, validate
from esmgo.model.batches import epoch_windows, pad
from esmgo.model.checkpoint import Checkpoint
from esmgo.model.container import best_path
from esmgo.model.device import autocast, fast_matmul, is_out_of_memory
from esmgo.model.tokens import encode

__all__ = ["train"]

log = logging.getLogger(__name__)

PATIENCE = 10
"""Windows in a row whose gradient is not a number before training gives up."""

ATTENTION_BYTES = 2 << 30
"""What attention matrices may take in training on a CPU."""

KEPT_BYTES = 12
"""Bytes of a cell of them: weights and dropped weights in fp32, mask, copies in bf16."""

Window = Sequence[NDArray[np.intp]]
"""The rows of each batch between two optimiser steps."""

Item = TypeVar("Item")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Batch:
    """One pass through the network: token ids, mask and sparse targets."""

    tokens: Tensor  # (B, L)
    mask: Tensor  # (B, L)
    rows: Tensor  # (annotations,) protein of each annotation
    columns: Tensor  # (annotations,) its term


def train(
    config: TrainConfig,
    device: torch.device,
    data: Dataset,
    base: Path | None,
    previous: Checkpoint | None,
) -> Fitted:
    """Train from the start, or from where ``previous`` stands; see `esmgo.learn.finetune.fit`."""
    path, best = Path(config.checkpoint_path), best_path(Path(config.checkpoint_path))
    if previous:
        state = State.resume(config, data, previous, device)
        log.info("Previous checkpoint resumed successfully")
    else:
        state = State.start(config, data, base, device)
    naive = naive_fmax(data)
    last: Validation | None = None
    n_parameters = sum(p.numel() for p in state.caller.trainable().values())
    log.info("Number of trainable parameters: %s", f"{n_parameters:,}")
    log.info("Fine-tuning ...")
    resumed_after = state.epoch if previous else None
    with fast_matmul(), StopRequest() as stop, Board(config.run_dir_path, resumed_after) as board:
        while state.epoch < config.num_epochs:
            try:
                _train_epoch(state, stop, board)
                found = None
                if _is_due(state.epoch + 1, config.eval_interval, config) and len(data.validation):
                    found = last = validate(state, stop)
                    found.log(naive)
                    board.validation(state.epoch + 1, found)
            except Stopped:
                state.save(path)
                raise _interrupted(stop, path) from None
            state.next_epoch()
            if found and found.mean_fmax > state.best_fmax:
                state.best_fmax = found.mean_fmax
                state.save(best, with_optimizer=False)
            if _is_due(state.epoch, config.checkpoint_interval, config):
                if state.best_fmax < 0:
                    best.unlink(missing_ok=True)  # of another training
                state.save(path)
                log.info("Checkpoint saved")
    log.info("Done!")
    fmax = last.fmax if last else {}
    return Fitted(
        path, best if state.best_fmax >= 0 else None, state.epoch, fmax, naive, data.report
    )


def _interrupted(stop: StopRequest, path: Path) -> Interrupted:
    assert stop.signum is not None
    saved = f"checkpoint saved at {shown(path)}, --resume goes on from there"
    return Interrupted(stop.signum, saved)


def _is_due(epoch: int, interval: int, config: TrainConfig) -> bool:
    return epoch % interval == 0 or epoch == config.num_epochs


def _train_epoch(state: State, stop: StopRequest, board: Board) -> None:
    """Run the windows of the epoch that are left, and say how it went.

    Raises
    ------
    Stopped
        After a signal, with the state as it was after the last optimiser step.
    """
    config, proteins = state.config, state.data.train
    lengths = np.array([min(len(s) + 2, config.context_length) for s in proteins.sequences])
    accumulation = config.gradient_accumulation_steps
    windows = epoch_windows(lengths, config.batch_size, accumulation, state.seed, state.epoch + 1)
    n_residues, start = 0, time.monotonic()
    state.caller.train()
    bar = tqdm(
        total=len(windows), initial=state.step, desc=f"Epoch {state.epoch + 1}",
        unit="step", disable=None, leave=False,
    )  # fmt: skip
    with bar:
        left = windows[state.step :]
        made = _ahead(left, lambda window: _batches(state, window), config.num_dataset_processes)
        for window, batches in zip(left, made, strict=True):
            loss, norm = _step(state, window, batches, stop)
            if np.isfinite(loss) and np.isfinite(norm):
                state.norm_sum += norm
                state.loss_sum += loss
                state.n_epoch_updates += 1
                state.n_epoch_cells += sum(map(len, window)) * len(state.data.labels)
                state.n_bad = 0
            else:
                state.n_bad += 1
                _complain(state, window)
            state.step += 1
            n_residues += sum(int(lengths[rows].sum()) for rows in window)
            bar.update()
    if not left:
        return  # stopped in the validation: all that follows was said before
    speed = n_residues / max(time.monotonic() - start, 1e-9)
    cross_entropy, norm = state.epoch_means()
    epoch = state.epoch + 1
    log.info("Epoch %d: Cross Entropy: %.5f, Gradient Norm: %.4f", epoch, cross_entropy, norm)
    board.training(epoch, cross_entropy, norm, config.learning_rate, speed)


def _step(
    state: State, window: Window, batches: Sequence[Batch], stop: StopRequest
) -> tuple[float, float]:
    """Update the weights by one accumulation window; where memory is short, in smaller batches.

    Raises
    ------
    MachineError
        If memory does not hold a single protein.
    """
    while True:
        if max(len(batch.tokens) for batch in batches) > state.batch_size:
            batches = _batches(state, window)  # they were made before memory was found short
        try:
            return _update(state, batches, stop)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        largest = max(len(batch.tokens) for batch in batches)
        if largest == 1:
            raise MachineError("not enough memory for one protein; lower --context_length")
        state.batch_size = largest // 2
        log.warning(
            "not enough memory for %d proteins at a time: going on with %d, %s",
            largest, state.batch_size, "and as many to an optimiser step as before",
        )  # fmt: skip


def _update(state: State, batches: Sequence[Batch], stop: StopRequest) -> tuple[float, float]:
    """Make one optimiser step; return the loss, summed over cells, and the gradient's norm.

    The gradient is that of the mean over all cells of the window, however it is cut
    into batches. Where it is not finite the weights stay as they are.
    """
    n_cells = sum(len(batch.tokens) for batch in batches) * len(state.data.labels)
    state.seed_step()
    state.optimizer.zero_grad(set_to_none=True)
    total = 0.0
    for batch in batches:
        stop.check()
        loss = _loss(state, batch)
        torch.autograd.backward(loss / n_cells)
        total += loss.item()
    parameters = list(state.caller.trainable().values())
    norm = torch.nn.utils.clip_grad_norm_(parameters, state.config.max_gradient_norm).item()
    if np.isfinite(norm) and np.isfinite(total):
        state.optimizer.step()
        state.n_updates += 1
    state.optimizer.zero_grad(set_to_none=True)
    return total, norm


def _loss(state: State, batch: Batch) -> Tensor:
    """Return the cross entropy of a batch, summed over its cells."""
    device = state.device
    with autocast(device, state.config.precision):
        logits = state.caller(batch.tokens.to(device), batch.mask.to(device))  # (B, T)
    target = torch.zeros_like(logits)
    target[batch.rows.to(device), batch.columns.to(device)] = 1.0
    return binary_cross_entropy_with_logits(logits, target, reduction="sum")


def _batches(state: State, window: Window) -> list[Batch]:
    """Make the batches of a window, none larger than memory holds."""
    proteins, context_length = state.data.train, state.config.context_length
    batches = []
    for rows in window:
        longest = min(max(len(proteins.sequences[i]) for i in rows) + 2, context_length)
        size = min(state.batch_size, _most_rows(state, longest))
        cuts = range(0, len(rows), size)
        batches += [_batch(proteins, rows[at : at + size], context_length) for at in cuts]
    return batches


def _most_rows(state: State, length: int) -> int:
    """Return how many proteins of this length go together where attention keeps its matrices.

    With dropout, PyTorch's attention on a CPU keeps some (heads, L, L) matrices of every
    unfrozen layer for the backward pass; elsewhere it keeps none.
    """
    config, encoder = state.config, state.caller.config
    if state.device.type != "cpu" or config.dropout == 0 or config.unfreeze_last_k_layers == 0:
        return config.batch_size
    per_layer = KEPT_BYTES * encoder.num_attention_heads * length**2
    return int(max(1, ATTENTION_BYTES // (per_layer * config.unfreeze_last_k_layers)))


def _batch(proteins: AnnotatedProteins, rows: NDArray[np.intp], context_length: int) -> Batch:
    tokens, mask = pad([encode(proteins.sequences[i], context_length) for i in rows])
    spans = [proteins.indices[proteins.indptr[i] : proteins.indptr[i + 1]] for i in rows]
    row = np.repeat(np.arange(len(rows)), [len(span) for span in spans])
    columns = np.concatenate(spans).astype(np.int64)
    return Batch(tokens, mask, torch.from_numpy(row), torch.from_numpy(columns))


def _ahead(items: Iterable[Item], make: Callable[[Item], Made], n_workers: int) -> Iterator[Made]:
    """Make things in order, a few ahead of who takes them."""
    waiting: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(n_workers) as pool:
        for item in items:
            waiting.append(pool.submit(make, item))
            if len(waiting) > 2 * n_workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _complain(state: State, window: Window) -> None:
    ids = [state.data.train.ids[i] for rows in window for i in rows]
    where = f"epoch {state.epoch + 1}, step {state.step + 1}"
    named = shown(", ".join(ids[:3]), 60) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")
    if state.n_bad >= PATIENCE:
        raise TrainingError(
            f"{where}: loss or gradient not finite {state.n_bad} times in a row ({named});"
            " lower --learning_rate"
        )
    log.warning("%s: loss or gradient not finite, weights kept (%s)", where, named)
