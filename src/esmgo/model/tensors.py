"""Tensors as files store them: unchanged, or matrices as int8 with a scale for each row.

Torch is imported only when there is a tensor.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from esmgo.errors import CheckpointError, printable
from esmgo.model.compression import in_bytes

if TYPE_CHECKING:
    import torch
    from torch import Tensor

SCALE = ".scale"
"""Suffix of the name of the tensor with the scale of each row of an int8 weight."""


def uncompiled(name: str) -> str:
    """Return the name of a tensor without what torch.compile adds to it."""
    return name.replace("_orig_mod.", "")


def split(name: str, weight: Tensor) -> dict[str, Tensor]:
    """Return a matrix as int8 and scales; any other tensor unchanged."""
    import torch

    if weight.ndim != 2:
        return {name: weight}
    steps, scales = map(torch.from_numpy, in_bytes(weight.float().numpy()))
    return {name: steps, name + SCALE: scales}


def scaled(path: Path, name: str, steps: Tensor, scales: Tensor) -> Tensor:
    """Restore a matrix from the parts made by `split`, in float32.

    Raises CheckpointError if there is not one scale for each row.
    """
    if steps.ndim != 2 or scales.shape != steps.shape[:1] or not scales.is_floating_point():
        raise CheckpointError(path, f"{printable(name)} and its scales do not fit together")
    return steps * scales[:, None]


def raw(name: str, tensor: Tensor) -> tuple[str, str, tuple[int, ...], memoryview]:
    """Return name, type, shape and bytes for `write_container`."""
    import torch

    names: dict[torch.dtype, str] = {
        torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
        torch.int8: "I8",
    }  # fmt: skip
    plain = tensor.detach().cpu().contiguous()
    data = plain.view(torch.uint8).numpy().data if plain.numel() else memoryview(b"")
    return name, names[plain.dtype], tuple(plain.shape), data
