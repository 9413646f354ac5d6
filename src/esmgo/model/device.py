"""Where the computation runs, and in what precision."""

from __future__ import annotations

import logging

import torch

from esmgo.errors import UsageError, shown

__all__ = ["autocast", "choose_device", "is_out_of_memory"]

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
    except (RuntimeError, AssertionError, NotImplementedError):
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
    use = precision == "bf16" or (precision == "auto" and _has_bf16(device))
    return torch.autocast(device.type, torch.bfloat16, enabled=use)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that memory ran out, on whatever device."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    words = ("can't allocate memory", "not enough memory", "out of memory", "bad_alloc")
    return isinstance(error, RuntimeError) and any(word in str(error) for word in words)


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        known: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # since torch 2.11
        return bool(known.get("avx512_bf16") or known.get("amx_bf16"))
    return False
