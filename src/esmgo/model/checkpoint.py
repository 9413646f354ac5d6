"""Checkpoints: files with all that prediction needs and all that exact resuming needs.

A checkpoint contains label space, names, parents and GO release, so prediction, propagation
and drawing need no other file. Batches and dropout are functions of seed, epoch and step, so
these three numbers are the complete random state.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open

from esmgo.errors import CheckpointError, brief, printable
from esmgo.go.labels import LabelSpace
from esmgo.model.bases import check_config
from esmgo.model.container import Header, TensorInfo, read_header, shape_text, write_container
from esmgo.model.tensors import SCALE, raw, scaled, split, uncompiled

if TYPE_CHECKING:
    from torch import Tensor

    from esmgo.model.caller import Caller

FORMAT = 1
MAX_CONTEXT = 100_002
OPTIMIZER = "optimizer."

_COUNTS = (
    "seed", "epoch", "step", "n_updates", "n_epoch_updates", "n_epoch_cells", "n_worse", "threads",
)  # fmt: skip
_TRAINING: dict[str, Any] = dict.fromkeys(_COUNTS, int) | {
    "settings": dict, "dataset_sha256": str, "loss_sum": (int, float), "norm_sum": (int, float),
    "best_fmax": (int, float), "runs_on": str,
}  # fmt: skip


@dataclass(frozen=True)  # without slots, for the cached fingerprint
class Checkpoint:
    """An opened checkpoint; `caller` reads the weights.

    ``training`` contains the state for resuming: settings, seed, epoch, step, split. ``blend``
    describes how to combine the head with other sources, in JSON values. It names the only files
    that it fits: ``index_sha256`` is the fingerprint of the index, ``model_sha256`` that of the
    weights. Blends of version 0.1 have no such names.
    """

    path: Path
    labels: LabelSpace
    context_length: int
    encoder: dict[str, Any]
    training: dict[str, Any]
    header: Header
    blend: dict[str, Any] | None = None

    __repr__ = brief

    def caller(self, *, merged: bool = True) -> Caller:
        """Build the caller, in evaluation mode on the CPU; adapters are merged unless training.

        Raises CheckpointError if a tensor is missing, unknown, misshapen, or not finite.
        """
        from esmgo.model.caller import Caller  # importing torch takes seconds

        weights: dict[str, Tensor] = {}
        for name, tensor in _read_tensors(self.header, _is_weight):
            if name in weights:
                raise CheckpointError(self.path, f"{printable(name)} occurs twice")
            weights[name] = tensor
        caller = Caller.restore(self.path, self.encoder, weights)
        if merged:
            caller.merge()
        return caller

    @cached_property
    def encoder_fingerprint(self) -> str:
        """SHA-256 of the encoder: equal fingerprints mean equal embeddings."""
        sizes = json.dumps(self.encoder | {"num_labels": 0}, sort_keys=True)
        return self._digest("esm.", sizes)

    @property
    def model_fingerprint(self) -> str:
        """SHA-256 of encoder, head and labels: equal fingerprints mean equal scores."""
        return self._digest("classifier.", self.encoder_fingerprint + self.labels.fingerprint)

    def _digest(self, prefix: str, text: str) -> str:
        digest = hashlib.sha256(text.encode())
        names = {uncompiled(name): name for name in self.header.tensors}
        for plain, name in sorted(names.items()):
            if plain.startswith(prefix):
                digest.update(f"{plain} {self.header.tensors[name].dtype}".encode())
                digest.update(self.header.read(name).data)
        return digest.hexdigest()

    def optimizer_state(self) -> dict[str, Tensor]:
        """Return the optimiser's tensors: ``exp_avg.<name>``, ``exp_avg_sq.<name>``."""
        found = _read_tensors(self.header, lambda name: name.startswith(OPTIMIZER))
        return {name.removeprefix(OPTIMIZER): tensor for name, tensor in found}


def save_checkpoint(
    path: Path,
    caller: Caller,
    labels: LabelSpace,
    context_length: int,
    training: Mapping[str, Any],
    optimizer_state: Mapping[str, Tensor] | None = None,
    *,
    small: bool = False,
    weights: Mapping[str, Tensor] | None = None,
) -> None:
    """Write a checkpoint; an interruption leaves the complete old or new file at ``path``.

    With ``small`` matrices are stored in int8, with a scale for each row, and metadata deflated:
    a quarter of the bytes, with nearly the same weights. ``weights`` replace those of
    the caller, if it has only a part of them. Raises MachineError if the disk is full or refuses.
    """
    found = caller.network.state_dict() if weights is None else weights
    tensors = dict(sorted(found.items()))
    if small:
        tensors = {k: t for item in tensors.items() for k, t in split(*item).items()}
    for name, tensor in sorted((optimizer_state or {}).items()):
        tensors[OPTIMIZER + name] = tensor
    metadata = {
        "format": FORMAT,
        "esmgo": version("esmgo"),
        "encoder": caller.sizes(),
        "labels": labels.to_json(),
        "labels_sha256": labels.fingerprint,
        "context_length": context_length,
        "training": dict(training),
    }
    write_container(path, (raw(name, t) for name, t in tensors.items()), metadata, small=small)


def open_checkpoint(path: str | Path) -> Checkpoint:
    """Open a checkpoint and check all but the finiteness of its weights.

    Raises CheckpointError if the file is not a complete checkpoint of this format.
    """
    header = read_header(_file_of(Path(path)))
    if header.metadata is None:
        raise CheckpointError(path, _diagnosis(header))
    meta = header.metadata
    if meta.get("format") != FORMAT:
        reason = f"format {printable(meta.get('format'), 20)}: written by a newer version of esmgo"
        if meta.get("format") is None:
            reason = "a safetensors file of esmgo, but no checkpoint (an index?)"
        raise CheckpointError(path, reason)
    try:
        labels = LabelSpace.from_json(meta["labels"])
        checkpoint = Checkpoint(
            Path(path), labels, _context_length(meta["context_length"]), dict(meta["encoder"]),
            _training(dict(meta["training"])), header,
            None if meta.get("blend") is None else dict(meta["blend"]),
        )  # fmt: skip
        stored = str(meta["labels_sha256"])
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise CheckpointError(path, f"damaged metadata ({printable(repr(error), 60)})") from None
    if stored != labels.fingerprint:
        raise CheckpointError(path, _labels_differ(stored, labels.fingerprint))
    check_config(path, checkpoint.encoder)
    if checkpoint.encoder.get("num_labels") != len(labels):
        raise CheckpointError(path, f"{len(labels)} terms for a head of another size")
    return checkpoint


def replace_blend(path: Path, blend: Mapping[str, Any]) -> None:
    """Write a blend into a checkpoint; an interruption leaves the complete old or new file.

    The blend gets the name of the model that the checkpoint contains. The caller must exclude
    other writers. Raises CheckpointError if it is not a checkpoint.
    Raises MachineError if the disk is full or refuses.
    """
    checkpoint = open_checkpoint(path)
    header = checkpoint.header
    blend = {**blend, "model_sha256": checkpoint.model_fingerprint}
    data = np.memmap(path, np.uint8, "r", header.data_start).data
    tensors = (
        (name, info.dtype, info.shape, data[info.begin : info.end])
        for name, info in sorted(header.tensors.items(), key=lambda item: item[1].begin)
    )
    metadata = (header.metadata or {}) | {"blend": blend}
    write_container(path, tensors, metadata, small=header.is_deflated)


def _context_length(value: Any) -> int:
    if type(value) is not int or not 3 <= value <= MAX_CONTEXT:
        raise ValueError(f"context_length {printable(value, 20)}")
    return value


def _training(found: dict[str, Any]) -> dict[str, Any]:
    """Check the state for resuming; a model without one only predicts."""
    found = found and {"n_worse": 0} | found  # younger than the format
    for name, kind in _TRAINING.items() if found else ():
        value = found[name]
        is_kind = isinstance(value, kind) and not isinstance(value, bool)
        if not is_kind or (name in _COUNTS and not 0 <= value < 1 << 63):
            raise ValueError(f"{name} {printable(value, 20)}")
    held_out = found.get("validation", [])
    if not isinstance(held_out, list) or not all(isinstance(id, str) for id in held_out):
        raise ValueError("validation is not a list of ids")
    return found


def _file_of(path: Path) -> Path:
    """Return the file to open: in a model folder the weights, so that they are diagnosed."""
    inside = path / "model.safetensors"
    try:
        return inside if inside.is_file() else path
    except OSError:  # such as a name that is too long: opening it gives the reason
        return path


def _is_weight(name: str) -> bool:
    """Whether a tensor is a weight, not of the optimiser, a scale or rotary frequencies."""
    return not name.startswith(OPTIMIZER) and not name.endswith((".inv_freq", SCALE))


def _read_tensors(header: Header, wanted: Any) -> Iterator[tuple[str, Tensor]]:
    try:
        with safe_open(header.path, framework="pt") as file:
            for name in header.tensors:
                if wanted(uncompiled(name)):
                    tensor = file.get_tensor(name)
                    if name + SCALE in header.tensors:
                        tensor = scaled(header.path, name, tensor, file.get_tensor(name + SCALE))
                    if problem := _problem(name, tensor):
                        raise CheckpointError(header.path, problem)
                    yield uncompiled(name), tensor
    except SafetensorError as error:
        raise CheckpointError(header.path, f"damaged: {printable(error, 80)}") from None


def _problem(name: str, tensor: Tensor) -> str | None:
    from esmgo.model.weights import is_finite  # imports torch, which is loaded by now

    if not tensor.is_floating_point():
        return f"{printable(name)} holds {tensor.dtype}, expected floating point"
    if not is_finite(tensor):
        return f"{printable(name)} holds values that are not finite"
    return None


def _labels_differ(stored: str, found: str) -> str:
    return f"label fingerprint {printable(stored, 17)} stored with the weights, {found[:16]} found"


def _diagnosis(header: Header) -> str:
    """Return what is wrong with a safetensors file that this project did not write."""
    beside = header.path.with_name("labels.json")
    if "labels_sha256" in header.notes and beside.is_file():
        found = hashlib.sha256(beside.read_bytes()).hexdigest()
        if found != header.notes["labels_sha256"]:
            return _labels_differ(header.notes["labels_sha256"], found)
    for name, info in header.tensors.items():
        if info.dtype not in ("F64", "F32", "F16", "BF16"):
            return f"{printable(name)} holds {info.dtype}, expected floating point"
    for name in header.tensors:
        if problem := _unpaired(name, header.tensors):
            return problem
    for _ in _read_tensors(header, lambda _: True):
        pass
    return "not a checkpoint of esmgo (metadata missing); use fine-tune.py to make one"


def _unpaired(name: str, tensors: Mapping[str, TensorInfo]) -> str | None:
    """Return what is wrong if a bias has no weight with as many rows."""
    if not name.endswith(".bias"):
        return None
    weight = name.removesuffix("bias") + "weight"
    if weight not in tensors:
        return f"incomplete: without {printable(weight)}"
    found, rows = tensors[weight].shape, tensors[name].shape[:1]
    if found[:1] != rows:
        return (
            f"{printable(weight)} is {shape_text(found)}, expected {shape_text(rows + found[1:])}"
        )
    return None
