"""Read the weights of a base model from safetensors files into an encoder.

Tensors are read one at a time, so no weight is in memory twice. Nothing is unpickled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from esmgo.errors import CheckpointError, printable
from esmgo.model.container import read_header, shape_text

_SPELLINGS = {"gamma": "weight", "beta": "bias"}
"""Names of layer norm weights: transformers 5 writes the old ones."""

_KINDS = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
}  # fmt: skip

_OPTIONAL = "contact_head."
"""Prefix of weights that are never used; they are read if they fit."""


def read_base(folder: Path, encoder: nn.Module) -> None:
    """Fill an encoder with the weights of a base model, saved as any ESM2 class.

    Raises CheckpointError if a file cannot be read, a weight is missing or misshapen, or not
    finite.
    """
    waiting = dict(encoder.named_parameters())
    for path in sorted(folder.glob("*.safetensors")):
        try:
            for key, kind, shape, read in _tensors(path):
                name = _name(key)
                if (target := waiting.pop(name, None)) is not None:
                    _fill(target, name, kind, shape, read, folder)
        except CheckpointError:
            raise
        except (OSError, ValueError) as error:
            reason = f"its weights cannot be read: {printable(error, 90)}"
            raise CheckpointError(folder, reason) from None
    if absent := sorted(name for name in waiting if not name.startswith(_OPTIONAL)):
        raise CheckpointError(folder, f"its weights do not fit its config.json: {absent[0]}")


def _tensors(path: Path) -> Iterator[tuple[str, str, tuple[int, ...], Callable[[Tensor], None]]]:
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
