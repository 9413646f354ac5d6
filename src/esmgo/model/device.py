"""Where the computation runs, and in what precision."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from esmgo.errors import UsageError, says_no_memory, shown

__all__ = ["autocast", "choose_device", "fast_matmul", "is_out_of_memory", "resolved"]

log = logging.getLogger(__name__)


def choose_device(name: str | None) -> torch.device:
    """Return the device asked for, or the best there is: CUDA, MPS, CPU.

    Raises
    ------
    UsageError
        If a device was asked for that is not there.
    """
    if name is None:
        best = "mps" if torch.backends.mps.is_available() else "cpu"
        device = torch.device("cuda" if torch.cuda.is_available() else best)
        if device.type != "cuda":
            log.warning("no CUDA device found: running on %s (--device=… chooses)", device.type)
        return device
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError, ImportError):
        raise UsageError(
            f"--device={shown(name, 30)} is not there; use --device=cpu or leave it out"
        ) from None
    if device.type == "meta":
        raise UsageError("--device=meta computes nothing; use --device=cpu")
    return device


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return the autocast context: bf16 where the hardware has it (``auto``), as told otherwise.

    Parameters
    ----------
    device : torch.device
        Where the computation runs.
    precision : str
        ``auto``, ``bf16`` or ``fp32``.
    """
    use = resolved(device, precision) == "bf16"
    return torch.autocast(device.type, torch.bfloat16, enabled=use)


def resolved(device: torch.device, precision: str) -> str:
    """Return ``bf16`` or ``fp32``: what ``auto`` stands for on this device."""
    if precision == "auto":
        return "bf16" if _has_bf16(device) else "fp32"
    return precision


@contextmanager
def fast_matmul() -> Iterator[None]:
    """Let fp32 products use TF32 where the hardware has it, and put the setting back."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that memory ran out, on whatever device."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and says_no_memory(error)


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        known: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # since torch 2.11
        return bool(known.get("avx512_bf16") or known.get("amx_bf16"))
    return False
