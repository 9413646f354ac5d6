"""Activations of the frozen layers: computed once and stored, or computed in each epoch.

The same loop trains either way. Nothing here knows about terms.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from esmgo.errors import escaped, printable
from esmgo.learn.activations import size_of
from esmgo.learn.ranks import ALONE, Ranks
from esmgo.learn.sharding import divide_again, whole
from esmgo.learn.stop import StopRequest
from esmgo.learn.stores import NotStored, Stores
from esmgo.learn.substitution import substituted
from esmgo.model.caller import Caller
from esmgo.model.device import resolved
from esmgo.model.packing import Packed, pack
from esmgo.model.scoring import token_budget
from esmgo.model.tokens import encode

log = logging.getLogger(__name__)

FREE_SHARE = 0.5
"""The fraction of the free disk that stored activations may take by default."""

VERSION = 2
"""Version of the computation. Stored activations of another version are not used."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Proteins ready for the network: packed tokens, activations of the frozen layers, or both."""

    n: int
    packed: Packed | None
    stored: Tensor | None


class Features:
    """The activations that the frozen layers compute for the proteins of a training.

    Parameters
    ----------
    caller : Caller
        The network, on ``device``.
    ids, sequences : sequence of str
        Training or validation proteins.
    context_length : int
        Tokens per protein; longer sequences are cut.
    device : torch.device
        Where to compute.
    dtype : str
        See `esmgo.model.device.resolved`. With fp32 the store holds fp32, and training has the
        same bits with and without it. With bf16 the store holds float16.
    substitution_rate, seed : float, int
        The fraction of residues that training replaces, and the seed for choosing them; see
        `esmgo.learn.substitution`. With a rate above 0 nothing is stored.
    ranks : Ranks
        Those that compute and read the activations together.
    """

    def __init__(
        self,
        caller: Caller,
        ids: Sequence[str],
        sequences: Sequence[str],
        context_length: int,
        device: torch.device,
        dtype: str,
        *,
        substitution_rate: float = 0.0,
        seed: int = 0,
        ranks: Ranks = ALONE,
    ) -> None:
        self._rate, self._seed = substitution_rate, seed
        self.caller, self.device, self.context_length = caller, device, context_length
        self.half = resolved(device, dtype) == "bf16"
        self._ids, self._sequences = ids, sequences
        self.lengths = np.array([min(len(s) + 2, context_length) for s in sequences], np.int64)
        self._ranks = ranks
        self._store: Stores | None = None

    def store(self, folder: Path, gigabytes: float | None, stop: StopRequest) -> int:
        """Compute and store all activations, or the rest that an earlier run left.

        ``folder`` contains all stores, each in a folder named by its fingerprint. At most
        ``gigabytes`` are stored; None allows half of the free disk. Returns the stored bytes: 0 if
        there is no room or no layer is frozen. A signal stops the computation; stored activations
        stay.
        """
        if gigabytes == 0 or self._rate or self.caller.n_frozen == 0 or not self._ids:
            return 0
        order = np.argsort(-self.lengths, kind="stable")  # as in `token_batches`
        rows = np.ones_like(self.lengths) if self._is_pooled else self.lengths
        dtype: np.dtype[np.floating] = np.dtype(np.float16) if self.half else np.dtype(np.float32)
        need = size_of(rows, self.caller.width, dtype)
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        limit = FREE_SHARE * free if gigabytes is None else gigabytes * 1e9
        limit = -self._ranks.highest(-limit)
        if need > limit:
            log.info(
                "Activations would take %.1f GB of %.1f GB (`cache_gb`): computed in each epoch",
                need / 1e9, limit / 1e9,
            )  # fmt: skip
            return 0
        fingerprint = self._fingerprint(order)
        place = folder / fingerprint[:16]
        store = Stores(place, order, rows, self.caller.width, dtype, self._ranks)
        budget = token_budget(self.caller, self.device)
        try:
            store.open(fingerprint, self._ids)
        except NotStored as error:  # another training uses it
            store.close()
            log.warning("%s; computing activations in each epoch", printable(error, 110))
            return 0
        self._store = store
        try:
            store.compute(lambda rows: self._values(rows, dtype), self.lengths, budget, stop)
        except NotStored as error:  # a full disk; training can do without a store
            log.warning("%s; computing activations in each epoch", printable(error, 110))
            self._drop()
            return 0
        return need

    @property
    def has_vectors(self) -> bool:
        """Whether the output of a completely frozen encoder is stored."""
        return self._store is not None and self._is_pooled

    @property
    def _is_pooled(self) -> bool:
        return self.caller.is_lower_pooled

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Close the store.

        Vectors of a frozen encoder are small and stay for the next training. Activations of
        residues are large and are removed when the training is done.
        """
        if self._store is not None and kind is None and not self._is_pooled:
            self._ranks.meet()
            self._drop()
        elif self._store is not None:
            self._store.close()

    def _drop(self) -> None:
        """Remove the store."""
        assert self._store is not None
        self._store.remove()
        self._store = None

    def batch(self, rows: NDArray[np.intp], epoch: int | None = None) -> Batch:
        """Prepare proteins, with the substitutions of ``epoch`` if given; thread-safe."""
        if self._store is not None and self.has_vectors:
            found = self._store.rows(rows).astype(np.float32)
            return Batch(len(rows), None, torch.from_numpy(found))
        tokens = [encode(self._sequences[i], self.context_length) for i in rows]
        if self._rate and epoch is not None:
            tokens = [
                substituted(each, self._rate, np.random.default_rng([self._seed, epoch, i]))
                for each, i in zip(tokens, rows, strict=True)
            ]
        packed = pack(tokens, self.device)
        if self._store is None:
            return Batch(len(rows), packed, None)
        found = self._store.rows(rows[packed.order])
        padding = len(packed.tokens) - len(found)
        if self.device.type == "cuda":
            return Batch(len(rows), packed, torch.from_numpy(found).pin_memory())
        found = np.pad(found.astype(np.float32), ((0, padding), (0, 0)))
        return Batch(len(rows), packed, torch.from_numpy(found))

    def lower(self, batch: Batch) -> Tensor:
        """Return the result of `Caller.lower` for a batch, stored or computed now."""
        if batch.stored is not None:
            return batch.stored.to(self.device, non_blocking=True).float()
        assert batch.packed is not None
        return self.caller.lower(batch.packed, self.half)

    @torch.no_grad()
    def scores(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the probabilities with the current weights, shape=(B, T)."""
        batch = self.batch(rows)
        found = self.caller.probabilities(self.lower(batch), batch.packed, self.half)
        values: NDArray[np.float32] = found.cpu().numpy()
        return values

    @torch.no_grad()
    def vectors(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return what the head reads, with the current weights, shape=(B, D)."""
        batch = self.batch(rows)
        found = self.caller.vectors(self.lower(batch), batch.packed, self.half)
        values: NDArray[np.float32] = found.float().cpu().numpy()
        return values

    @torch.no_grad()
    def _values(self, rows: NDArray[np.intp], dtype: np.dtype[np.floating]) -> NDArray[np.floating]:
        packed = pack([encode(self._sequences[i], self.context_length) for i in rows], self.device)
        found = self.caller.lower(packed, self.half)
        if not self._is_pooled:  # from the order of ``packed`` back to the given order
            found = torch.cat(packed.split(found))
        largest = float(np.finfo(dtype).max)
        values: NDArray[np.floating] = found.clamp(-largest, largest).cpu().numpy().astype(dtype)
        return values

    def _fingerprint(self, order: NDArray[np.intp]) -> str:
        """Return SHA-256 of all that determines the activations, in hexadecimal digits."""
        caller = self.caller
        if self._ranks.in_step:
            divide_again(caller)
        settings = [
            VERSION, caller.n_frozen, self._is_pooled, self.half, self.context_length,
            caller.encoder.scales, caller.encoder.eps, caller.encoder.frequencies,
            caller.width, caller.n_heads, self.device.type,
        ]  # fmt: skip
        if self._is_pooled and caller.pool != "cls":
            settings.append(caller.pool)
        digest = hashlib.sha256(repr(settings).encode())
        kept = [caller.encoder.embeddings, *caller.encoder.layers[: caller.n_frozen]]
        if caller.n_unfrozen == 0:
            kept.append(caller.encoder.encoder.emb_layer_norm_after)
        for module in kept:
            for parameter in module.parameters():
                plain = whole(parameter.detach()).cpu().contiguous()
                digest.update(plain.view(torch.uint8).numpy().data)
        for i in order:
            digest.update(f">{escaped(self._ids[i])}\n{self._sequences[i]}\n".encode())
        return digest.hexdigest()
