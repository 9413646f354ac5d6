"""The training loop."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from tqdm import tqdm

from esmgo.dataset.opening import Dataset
from esmgo.errors import Interrupted, MachineError, TrainingError, printable
from esmgo.go.terms import Aspect
from esmgo.learn.config import Fitted, TrainConfig
from esmgo.learn.gradient import MOST_SHARED, add_gradient
from esmgo.learn.indexing import index_training, is_indexed
from esmgo.learn.ranks import ALONE, RankLost, Ranks
from esmgo.learn.schedule import set_learning_rate
from esmgo.learn.sharding import whole
from esmgo.learn.state import State
from esmgo.learn.stop import Stopped, StopRequest
from esmgo.learn.tensorboard import Board
from esmgo.learn.validation import Validation, naive_fmax, validate
from esmgo.learn.windows import Rows, Window, epoch_windows, window_of
from esmgo.model.checkpoint import Checkpoint
from esmgo.model.container import best_path
from esmgo.model.device import is_out_of_memory

log = logging.getLogger(__name__)

PATIENCE = 10
"""Consecutive windows without a finite gradient after which training stops."""

Item = TypeVar("Item")
Made = TypeVar("Made")


def train(
    config: TrainConfig,
    device: torch.device,
    data: Dataset,
    base: Path | None,
    previous: Checkpoint | None,
    ranks: Ranks = ALONE,
) -> Fitted:
    """Train from scratch, or resume from ``previous``; see `esmgo.learn.finetune.fit`."""
    path = Path(config.checkpoint_path)
    if previous:
        state = State.resume(config, data, previous, device, ranks)
        log.info("Previous checkpoint resumed successfully")
    else:
        state = State.start(config, data, base, device, ranks)
    ranks.compare(state.facts())
    naive = naive_fmax(data)
    last: Validation | None = None
    if config.patience and not len(data.validation):
        log.warning("no protein is held out, so `patience` has no effect")
    if previous and _is_last(state) and ranks.number(is_indexed(previous)):
        log.info(
            "Nothing is left to do: epoch %d of %d is done; a larger `%s` trains on",
            state.epoch, config.num_epochs,
            "num_epochs" if state.epoch >= config.num_epochs else "patience",
        )  # fmt: skip
        return _fitted(state, last, naive)
    n_parameters = sum(p.numel() for p in state.caller.trainable().values())
    log.info("Number of trainable parameters: %s", f"{n_parameters:,}")
    if ranks.size > 1 and n_parameters > MOST_SHARED:
        log.warning("gradients are summed over ranks: the last bits depend on the number of ranks")
    log.info("Fine-tuning ...")
    board = Board(config.run_dir_path if ranks.is_first else None)
    with StopRequest(ranks) as stop, board, state.features, state.held_out:
        with _saved(state, stop, path):
            left = config.cache_gb
            for each in (state.features, state.held_out):
                used = each.store(path.parent / "activations", left, stop)
                left = left and max(0.0, left - used / 1e9)
        while not _is_last(state):
            with _saved(state, stop, path):
                _train_epoch(state, stop, board)
                found = None
                if _is_due(state.epoch + 1, config.eval_interval, config) and len(data.validation):
                    found = last = validate(state, stop)
                    found.log(naive)
                    board.validation(state.epoch + 1, found, naive)
                state.equalise()
            state.next_epoch()
            _save(state, path, found)
            ranks.meet()
        if state.epoch < config.num_epochs:
            log.info("Stopped after epoch %d: %d validations without a higher mean Fmax",
                     state.epoch, state.n_worse)  # fmt: skip
        try:
            index_training(state, path, stop)
        except Stopped:
            raise _interrupted(stop, path) from None
    log.info("Done!")
    return _fitted(state, last, naive)


def _fitted(state: State, last: Validation | None, naive: dict[Aspect | None, float]) -> Fitted:
    path = Path(state.config.checkpoint_path)
    best = best_path(path) if state.best_fmax >= 0 else None
    return Fitted(path, best, state.epoch, last.fmax if last else {}, naive, state.data.report)


def _save(state: State, path: Path, found: Validation | None) -> None:
    """Save an epoch if it is the best so far, and if its checkpoint is due."""
    if found and found.mean_fmax > state.best_fmax:
        state.best_fmax, state.n_worse = found.mean_fmax, 0
        state.save(best_path(path), with_optimizer=False)
    elif found:
        state.n_worse += 1
    if _is_due(state.epoch, state.config.checkpoint_interval, state.config) or _is_last(state):
        if state.best_fmax < 0:
            best_path(path).unlink(missing_ok=True)  # written by an earlier training
        state.save(path)
        log.info("Checkpoint saved")


@contextmanager
def _saved(state: State, stop: StopRequest, path: Path) -> Iterator[None]:
    """Save the position if training stops within: after a signal, or if a rank is lost."""
    try:
        yield
    except Stopped:
        state.save(path)
        state.ranks.meet()
        raise _interrupted(stop, path) from None
    except RankLost:
        if not state.ranks.in_step:
            state.save(path)
        raise


def _interrupted(stop: StopRequest, path: Path) -> Interrupted:
    assert stop.signum is not None
    saved = f"checkpoint saved at {printable(path)}, `resume` continues from there"
    return Interrupted(stop.signum, saved)


def _is_last(state: State) -> bool:
    """Whether training ends: after the last epoch, or early."""
    config = state.config
    is_early = config.patience is not None and state.n_worse >= config.patience
    return state.epoch >= config.num_epochs or is_early


def _is_due(epoch: int, interval: int, config: TrainConfig) -> bool:
    return epoch % interval == 0 or epoch == config.num_epochs


def _train_epoch(state: State, stop: StopRequest, board: Board) -> None:
    """Run the remaining windows of the epoch, and log its results; `Stopped` after a signal."""
    config = state.config
    lengths = state.features.lengths
    accumulation = config.gradient_accumulation_steps
    windows = epoch_windows(lengths, config.batch_size, accumulation, state.seed, state.epoch + 1)
    n_residues, start = 0, time.monotonic()
    state.caller.train()
    bar = tqdm(
        total=len(windows), initial=state.step, desc=f"Epoch {state.epoch + 1}",
        unit="step", disable=state.ranks.hides_bars, leave=False,
    )  # fmt: skip
    with bar:
        left = windows[state.step :]
        made = _ahead(left, lambda rows: window_of(state, rows), config.num_dataset_processes)
        for rows, window in zip(left, made, strict=True):
            rate = set_learning_rate(state, len(windows))
            loss, norm = _step(state, rows, window, stop)
            if np.isfinite(loss) and np.isfinite(norm):
                state.norm_sum += norm
                state.loss_sum += loss
                state.n_epoch_updates += 1
                n_cells = sum(map(len, rows)) * len(state.data.labels)
                state.n_epoch_cells += n_cells
                board.step(state.n_updates, loss / n_cells)
                state.n_bad = 0
            else:
                state.n_bad += 1
                _report_non_finite(state, rows)
            state.step += 1
            n_residues += sum(int(lengths[some].sum()) for some in rows)
            bar.update()
    if not left:
        return  # resumed in the validation: the epoch has been logged
    speed = n_residues / max(time.monotonic() - start, 1e-9)
    cross_entropy, norm = state.epoch_means()
    epoch = state.epoch + 1
    log.info("Epoch %d: Cross Entropy: %.5f, Gradient Norm: %.4f", epoch, cross_entropy, norm)
    board.training(epoch, cross_entropy, norm, rate, speed)


def _step(state: State, rows: Rows, window: Window, stop: StopRequest) -> tuple[float, float]:
    """Update the weights with one accumulation window, in smaller batches if memory is short."""
    while True:
        if max(batch.n for batch in window.batches) > state.batch_size:
            window = window_of(state, rows)  # prepared before memory ran short
        try:
            return _update(state, window, stop)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        largest = max(batch.n for batch in window.batches)
        if largest == 1:
            raise MachineError("not enough memory for one protein; lower `context_length`")
        state.batch_size = largest // 2
        log.warning(
            "not enough memory for %d proteins at a time: continuing with %d; an optimiser step"
            " uses as many as before",
            largest, state.batch_size,
        )  # fmt: skip


def _update(state: State, window: Window, stop: StopRequest) -> tuple[float, float]:
    """Do one optimiser step; return the loss, summed over cells, and the gradient's norm.

    The loss is averaged over all cells of the window, whatever its batches. If the gradient
    is not finite, the weights do not change.
    """
    state.optimizer.zero_grad(set_to_none=True)
    total = add_gradient(state, window, stop)
    parameters = list(state.caller.trainable().values())
    found = torch.nn.utils.clip_grad_norm_(parameters, state.config.max_gradient_norm)
    norm = whole(found).item()
    if np.isfinite(norm) and np.isfinite(total):
        state.optimizer.step()
        state.n_updates += 1
    state.optimizer.zero_grad(set_to_none=True)
    return total, norm


def _ahead(items: Iterable[Item], make: Callable[[Item], Made], n_workers: int) -> Iterator[Made]:
    """Yield ``make(item)`` in order; threads compute a few items ahead."""
    waiting: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(n_workers) as pool:
        for item in items:
            waiting.append(pool.submit(make, item))
            if len(waiting) > 2 * n_workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _report_non_finite(state: State, rows: Rows) -> None:
    """Log a warning; raise TrainingError after `PATIENCE` windows in a row."""
    ids = [state.data.train.ids[i] for some in rows for i in some]
    where = f"epoch {state.epoch + 1}, step {state.step + 1}"
    named = printable(", ".join(ids[:3]), 60) + (
        f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    )
    if state.n_bad >= PATIENCE:
        raise TrainingError(
            f"{where}: loss or gradient not finite {state.n_bad} times in a row ({named});"
            " lower `learning_rate`"
        )
    log.warning("%s: loss or gradient not finite, weights kept (%s)", where, named)
