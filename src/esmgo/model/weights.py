"""Read the weights of a base model from safetensors files into an encoder.

Tensors are read one at a time, so no weight is in memory twice. Nothing is unpickled.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from esmgo.errors import CheckpointError, printable
from esmgo.model.base_folder import weight_files
from esmgo.model.bases import FREQUENCIES, LORA, POOL, read_config
from esmgo.model.container import read_header, shape_text
from esmgo.model.encoder import Encoder
from esmgo.model.packing import frequencies
from esmgo.model.tensors import uncompiled

log = logging.getLogger(__name__)

_SPELLINGS = {"gamma": "weight", "beta": "bias"}
"""Names of layer norm weights: transformers 5 writes the old ones."""

_KINDS = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
}  # fmt: skip

_OPTIONAL = "contact_head."
"""Prefix of weights that are never used; they are read if they fit."""

_HEADS = "lm_head.", "classifier.", "pooler.", _OPTIONAL
_BUFFERS = ".inv_freq", "position_ids", "position_embeddings.weight"
"""Weights of transformers' ESM classes that change no hidden state of an encoder with rotary
positions."""

_ADAPTER = re.compile(
    r"lora_|adapter|ia3_|hada_|oft_|vera_|prompt_|base_layer|modules_to_save|magnitude_vector"
    r"|parametrizations"
)


def read_base(folder: Path, encoder: Encoder, n_layers: int) -> None:
    """Fill an encoder with the weights of a base model of ``n_layers``, saved as any ESM2 class.

    The encoder may have fewer layers: the first ones of the base.

    Weights that ESM2 does not have are named in a warning. Raises CheckpointError if a file
    cannot be read, if a weight is missing, misshapen, not finite or occurs twice, or if there are
    weights of an adapter.
    """
    waiting = dict(encoder.named_parameters())
    seen, surplus = set[str](), list[str]()
    unread = *_HEADS, *(f"encoder.layer.{i}." for i in range(len(encoder.layers), n_layers))
    for key, kind, shape, read in _tensors_of(folder):
        name = _name(key)
        if name in seen:
            raise CheckpointError(folder, f"{printable(name)} occurs twice in its weights")
        seen.add(name)
        if _ADAPTER.search(name):
            raise CheckpointError(
                folder, f"{printable(key, 60)} is of an adapter: merge it first (merge_and_unload)"
            )
        if (target := waiting.pop(name, None)) is not None:
            _fill(target, name, kind, shape, read, folder)
        elif not name.startswith(unread) and not name.endswith(_BUFFERS):
            surplus.append(key)
    if absent := sorted(name for name in waiting if not name.startswith(_OPTIONAL)):
        instead = f" ({printable(surplus[0], 30)} instead)" if surplus else ""
        reason = f"weights do not fit config.json: {printable(absent[0], 48)} is missing{instead}"
        raise CheckpointError(folder, reason)
    if surplus:
        log.warning(
            "%s: %d weights are not of ESM2 and not used: %s",
            printable(folder, 60), len(surplus), printable(", ".join(surplus[:3]), 90),
        )  # fmt: skip


def sizes_of(base: Path) -> dict[str, Any]:
    """Return the configuration of a base, with its rotary frequencies if they are not ESM2's."""
    sizes = read_config(base)
    for entry in (FREQUENCIES, POOL, LORA):  # of checkpoints; bases have a tensor of frequencies
        sizes.pop(entry, None)
    own = read_frequencies(base, sizes["hidden_size"] // sizes["num_attention_heads"])
    return sizes if own is None else sizes | {FREQUENCIES: own}


def read_frequencies(folder: Path, head_width: int) -> list[float] | None:
    """Return the rotary frequencies of a base model, or None if they are those of ESM2.

    Some files contain them rounded, and transformers uses them as they are. Raises CheckpointError
    if they are not positive numbers, or differ between layers.
    """
    found = set[tuple[float, ...]]()
    for key, kind, shape, read in _tensors_of(folder):
        if key.endswith("rotary_embeddings.inv_freq"):
            if kind not in _KINDS or shape != (head_width // 2,):
                raise CheckpointError(folder, f"{printable(key)} has another type or shape")
            stored = torch.empty(shape, dtype=_KINDS[kind])
            read(stored)
            found.add(tuple(stored.float().tolist()))
    if len(found) > 1:
        raise CheckpointError(folder, "its layers have different rotary frequencies")
    values = next(iter(found), frequencies(head_width))
    if not all(0 < value < float("inf") for value in values):
        raise CheckpointError(folder, "its rotary frequencies are not positive numbers")
    return None if values == frequencies(head_width) else list(values)


_Tensor: TypeAlias = tuple[str, str, tuple[int, ...], Callable[[Tensor], None]]


def _tensors_of(folder: Path) -> Iterator[_Tensor]:
    """Yield the tensors of all files of weights; see `_tensors`."""
    for path, listed in weight_files(folder).items():
        left = set(listed)
        try:
            for key, kind, shape, read in _tensors(path):
                left.discard(key)
                yield uncompiled(key), kind, shape, read
        except CheckpointError:
            raise
        except (OSError, ValueError) as error:
            reason = f"its weights cannot be read: {printable(error, 90)}"
            raise CheckpointError(folder, reason) from None
        if left:
            reason = f"without {printable(min(left), 60)}, which the list of shards places there"
            raise CheckpointError(path, reason)


def _tensors(path: Path) -> Iterator[_Tensor]:
    """Yield name, type and shape of each tensor, and a function that reads it into another.

    Files are read, not mapped, because mapped pages count as memory of the process.
    """
    header = read_header(path)
    with path.open("rb") as file:
        for key, info in header.tensors.items():

            def read(into: Tensor, start: int = header.data_start + info.begin) -> None:
                file.seek(start)
                data = into.detach().view(-1).view(torch.uint8).numpy().data
                if file.readinto(data) != len(data):
                    raise ValueError("the file is shorter than it was")

            yield key, info.dtype, info.shape, read


def is_finite(tensor: Tensor) -> bool:
    """Whether all values are finite; testing only the extremes is ten times as fast."""
    if tensor.numel() == 0:
        return True
    low, high = tensor.detach().aminmax()
    return bool(low.isfinite() & high.isfinite())


def _name(key: str) -> str:
    """Return the name of a weight in this program."""
    parts = key.removeprefix("esm.").split(".")
    return ".".join([*parts[:-1], _SPELLINGS.get(parts[-1], parts[-1])])


def _fill(
    target: nn.Parameter,
    name: str,
    kind: str,
    shape: tuple[int, ...],
    read: Callable[[Tensor], None],
    folder: Path,
) -> None:
    if shape != tuple(target.shape):
        if name.startswith(_OPTIONAL):
            return
        reason = f"{name} is {shape_text(shape)}, config.json expects {shape_text(target.shape)}"
        raise CheckpointError(folder, reason)
    if kind not in _KINDS:
        raise CheckpointError(
            folder, f"{name} holds {printable(kind, 20)}, expected floating point"
        )
    if _KINDS[kind] == target.dtype:
        read(target)
    else:
        values = torch.empty(shape, dtype=_KINDS[kind])
        read(values)
        with torch.no_grad():
            target.copy_(values)
    if not is_finite(target):
        raise CheckpointError(folder, f"{name} holds values that are not finite")
