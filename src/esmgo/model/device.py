"""Choice of the device and the number format of the computation."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch

from esmgo.errors import NOTICE, UsageError, printable, reports_out_of_memory

log = logging.getLogger(__name__)


def choose_device(name: str | None) -> torch.device:
    """Return the requested device, or the best available one: CUDA, MPS, CPU.

    The first time that a process gets another one than CUDA unasked, a notice is logged. There is
    none if the environment hides the CUDA devices.

    Raises UsageError if the requested device is not available.
    """
    if name is None:
        best = "mps" if torch.backends.mps.is_available() else "cpu"
        device = torch.device("cuda" if torch.cuda.is_available() else best)
        if device.type != "cuda" and "CUDA_VISIBLE_DEVICES" not in os.environ:
            _notice(device.type)
        return device
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError, ImportError):
        raise UsageError(
            f"{printable(name, 30)} is not available; use `device=cpu` or leave it out",
            field="device",
        ) from None
    if device.type == "meta":
        raise UsageError("meta computes nothing; use `device=cpu`", field="device")
    return device


def resolved(device: torch.device, dtype: str) -> str:
    """Return ``bf16`` or ``fp32``; for ``auto`` bf16 if the hardware multiplies it faster."""
    if dtype == "auto":
        return "bf16" if _has_bf16(device) else "fp32"
    return dtype


@contextmanager
def fast_arithmetic() -> Iterator[None]:
    """Allow TF32 in fp32 matrix products, and restore the setting afterwards.

    On a CPU numbers below 1e-38 become 0. Gradients of sharp attention contain many of them, and
    each takes a hundred times as long as a normal one. Threads inherit this from their parent.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_float32_matmul_precision(before)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` reports that memory ran out, on any device."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and reports_out_of_memory(error)


@cache
def _notice(kind: str) -> None:
    log.log(NOTICE, "no CUDA device found: running on %s (set `device` to choose)", kind)


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        cpu: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.11
        if cpu.get("avx512_bf16") and "Intel" not in str(cpu.get("cpu_name", "Intel")):
            return True  # on Intel's without AMX, bf16 has half the speed of fp32 (docs/LOG.md)
        return bool(cpu.get("amx_bf16"))
    return False
