"""The state of a training: weights, optimiser and position; how it is saved and resumed."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from esmgo.dataset.opening import Dataset
from esmgo.errors import CheckpointError, UsageError
from esmgo.files.hub import revision_of
from esmgo.learn.config import TrainConfig
from esmgo.learn.features import Features
from esmgo.learn.loss import Climb
from esmgo.learn.ranks import ALONE, Ranks
from esmgo.learn.sharding import divide_again, divided, on_first, shard
from esmgo.model.caller import Caller
from esmgo.model.checkpoint import Checkpoint, save_checkpoint
from esmgo.model.device import resolved

log = logging.getLogger(__name__)

_MOMENTS = ("exp_avg", "exp_avg_sq")
_POSITION = (
    "epoch", "step", "loss_sum", "norm_sum", "n_updates", "n_epoch_updates", "n_epoch_cells",
    "best_fmax", "n_worse",
)  # fmt: skip


@dataclass(slots=True)
class State:
    """The complete state of a training between two optimiser steps; equal on all ranks.

    ``epoch`` epochs are done, and ``step`` accumulation windows of the next one; ``loss_sum``
    and ``norm_sum`` sum over these windows. ``n_bad`` counts the latest consecutive windows
    without a finite gradient, ``n_worse`` the latest consecutive validations without a higher mean
    Fmax than ``best_fmax``. ``batch_size`` is the number of proteins that fit into memory.
    ``features`` and ``held_out`` compute activations of training and validation proteins.
    ``base_revision`` is the commit of a base model of the hub. ``climb`` is set if the loss obeys
    the true-path rule.
    """

    config: TrainConfig
    data: Dataset
    caller: Caller
    optimizer: torch.optim.AdamW
    device: torch.device
    seed: int
    batch_size: int
    features: Features
    held_out: Features
    climb: Climb | None
    ranks: Ranks = ALONE
    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    norm_sum: float = 0.0
    n_updates: int = 0
    n_epoch_updates: int = 0
    n_epoch_cells: int = 0
    best_fmax: float = -1.0
    n_worse: int = 0
    base_revision: str | None = None
    n_bad: int = 0

    @classmethod
    def start(
        cls,
        config: TrainConfig,
        data: Dataset,
        base: Path | None,
        device: torch.device,
        ranks: Ranks = ALONE,
    ) -> State:
        """Add a new head to the base model; output biases are the log-odds of the terms."""
        seed = ranks.number(int(torch.seed() >> 1)) if config.seed is None else config.seed
        half = resolved(device, config.dtype) == "bf16"
        n_terms = len(data.labels)
        caller = Caller.start(
            base, n_terms, dropout=config.dropout, seed=seed, half=half,
            layers=config.encoder_layers, pool=config.pool,
        )  # fmt: skip
        counts = data.train.terms.frequency(len(data.labels))
        if config.lora_rank:
            alpha = config.lora_alpha or 2.0 * config.lora_rank
            caller.adapt(config.lora_rank, alpha, config.lora_dropout, config.lora_layers, seed)
        caller.set_output_bias(torch.from_numpy(counts), len(data.train))
        state = cls._on(device, config, data, caller, seed, ranks)
        state.base_revision = revision_of(base)
        return state

    @classmethod
    def resume(
        cls,
        config: TrainConfig,
        data: Dataset,
        previous: Checkpoint,
        device: torch.device,
        ranks: Ranks = ALONE,
    ) -> State:
        """Continue from the state in ``previous``.

        Raises UsageError if it holds no optimiser state. Raises CheckpointError if an optimiser
        tensor has a wrong shape.
        """
        at = previous.training
        caller = previous.caller(merged=False)
        state = cls._on(device, config, data, caller, int(at["seed"]), ranks)
        for name in _POSITION:
            setattr(state, name, at[name])
        state.base_revision = at.get("base_revision")
        state._restore_optimizer(previous)
        for then, now in ((f"{at['threads']} threads", f"{torch.get_num_threads()} threads"),
                          (at["runs_on"], state._runs_on())):  # fmt: skip
            if then != now:
                log.warning("resumed with %s instead of %s: the last bits will differ", now, then)
        return state

    @classmethod
    def _on(
        cls,
        device: torch.device,
        config: TrainConfig,
        data: Dataset,
        caller: Caller,
        seed: int,
        ranks: Ranks,
    ) -> State:
        if config.lora_rank:
            caller.train_adapters()
        else:
            caller.unfreeze(config.unfreeze_last_k_layers)
        caller.recomputes = config.activation_checkpointing
        if config.shard_weights:
            shard(caller, ranks, device)
        else:
            caller.network.to(device)
        is_fused = device.type in ("cpu", "cuda")
        optimizer = torch.optim.AdamW(
            _groups(config, caller), weight_decay=config.weight_decay, fused=is_fused
        )
        features, held_out = (
            Features(
                caller, p.ids, p.sequences, config.context_length, device, config.dtype,
                substitution_rate=rate, seed=seed, ranks=ranks,
            )
            for p, rate in ((data.train, config.substitution_rate), (data.validation, 0.0))
        )  # fmt: skip
        climb = None
        if config.loss == "coherent" and any(data.labels.parents):
            climb = Climb(data.labels, device)
        elif config.loss == "coherent":
            log.warning("`loss` coherent: no term has a parent (no `ontology`), so it is bce")
        size = config.batch_size
        return cls(
            config, data, caller, optimizer, device, seed, size, features, held_out, climb, ranks
        )

    def save(self, path: Path, *, with_optimizer: bool = True) -> None:
        """Write a checkpoint on rank 0: complete or absent."""
        config, weights = self.config, None
        tensors = self._optimizer_tensors() if with_optimizer else {}
        if self.ranks.in_step:
            divide_again(self.caller)
            weights = on_first(self.caller.network.state_dict(), self.ranks)
            tensors = on_first(tensors, self.ranks)
        if not self.ranks.is_first:
            return
        training = {
            "settings": asdict(config),
            "seed": self.seed,
            **{name: getattr(self, name) for name in _POSITION},
            "threads": torch.get_num_threads(),
            "runs_on": self._runs_on(),
            "base_revision": self.base_revision,
            "dataset_revision": revision_of(self.data.name),
            "dataset_sha256": self.data.fingerprint,
            "n_train": len(self.data.train),
            "validation": list(self.data.validation.ids),
        }
        save_checkpoint(
            path, self.caller, self.data.labels, config.context_length, training, tensors,
            weights=weights,
        )  # fmt: skip

    def facts(self) -> dict[str, Any]:
        """Return what must be equal on all ranks."""
        is_gpu = self.device.type == "cuda"
        return {
            "version": self._runs_on(),
            "number of threads": torch.get_num_threads(),
            "set of flags": asdict(self.config),
            "data set": [self.data.fingerprint, self.data.labels.fingerprint],
            "position": [self.seed, self.epoch, self.step, self.n_updates],
            "hardware": torch.cuda.get_device_name(self.device) if is_gpu
            else torch.backends.cpu.get_cpu_capability(),
        }  # fmt: skip

    def equalise(self) -> None:
        """Take weights and moments of rank 0, with a warning, if they differ between ranks.

        Ranks with different hardware may round an optimiser step differently.
        """
        if self.ranks.size == 1 or self.ranks.in_step:
            return
        trained = self.caller.trainable()
        digest = hashlib.sha256()
        for parameter in trained.values():
            digest.update(parameter.detach().cpu().contiguous().view(torch.uint8).numpy().data)
        number = int.from_bytes(digest.digest()[:6])
        if self.ranks.highest(number) == -self.ranks.highest(-number):
            return
        log.warning(
            "epoch %d: weights differ between ranks: taking those of rank 0", self.epoch + 1
        )
        for tensor in (*trained.values(), *self._optimizer_tensors().values()):
            self.ranks.share(tensor.detach(), 0)

    def seed_batch(self, batch: int) -> None:
        """Seed the dropout of a batch of the next window from seed, epoch, step and batch."""
        text = f"{self.seed}/{self.epoch}/{self.step}/{batch}"
        torch.manual_seed(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1)

    def next_epoch(self) -> None:
        """Count the current epoch as done."""
        self.epoch += 1
        self.step = self.n_epoch_updates = self.n_epoch_cells = 0
        self.loss_sum = self.norm_sum = 0.0

    def epoch_means(self) -> tuple[float, float]:
        """Return cross entropy per cell and gradient norm per update of the epoch so far."""
        n_cells = self.n_epoch_cells
        return self.loss_sum / max(n_cells, 1), self.norm_sum / max(self.n_epoch_updates, 1)

    def _runs_on(self) -> str:
        """Return what determines the last bits, besides the number of threads."""
        dtype = resolved(self.device, self.config.dtype)
        return f"{self.device.type} {dtype} torch {torch.__version__}"

    def _optimizer_tensors(self) -> dict[str, Tensor]:
        return {
            f"{moment}.{name}": self.optimizer.state[parameter][moment]
            for name, parameter in self.caller.trainable().items()
            for moment in _MOMENTS
            if parameter in self.optimizer.state
        }

    def _restore_optimizer(self, previous: Checkpoint) -> None:
        if self.n_updates == 0:
            return
        stored = previous.optimizer_state()
        for name, parameter in self.caller.trainable().items():
            moments = {}
            for moment in _MOMENTS:
                tensor = stored.get(f"{moment}.{name}")
                if tensor is None:
                    raise UsageError(
                        f"{previous.path.name} holds no optimiser state: resume from the last"
                        " checkpoint, not from the best"
                    )
                if tensor.shape != parameter.shape:
                    raise CheckpointError(previous.path, f"optimizer.{moment}.{name}: wrong shape")
                moments[moment] = divided(tensor, parameter)
            step = torch.tensor(float(self.n_updates))
            self.optimizer.state[parameter] = {"step": step.to(self.device), **moments}


def _groups(config: TrainConfig, caller: Caller) -> list[dict[str, Any]]:
    """Return the parameters of head and encoder with their learning rates, ``whole``."""
    head = list(caller.head.parameters())
    encoder = [p for p in caller.encoder.parameters() if p.requires_grad]
    rates = config.learning_rate, config.encoder_learning_rate or config.learning_rate
    return [
        {"params": some, "lr": rate, "whole": rate}
        for some, rate in zip((head, encoder), rates, strict=True)
        if some
    ]
