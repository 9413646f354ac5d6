"""Binary cross entropy against sparse targets: no matrix of proteins × terms but the logits."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its name everywhere)
from torch import Tensor

__all__ = ["sparse_bce"]

_CELLS = 1 << 18
"""Logits handled at once on a CPU: 1 MB, so that all steps find them in the cache."""


def sparse_bce(logits: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return the binary cross entropy with logits, summed over all cells.

    The sum of softplus over all cells, less the logits of the true ones. Value and gradient
    come from one walk over the logits.

    Parameters
    ----------
    logits : Tensor, shape=(B, T), dtype=float32
    rows, columns : Tensor, shape=(annotations,), dtype=int64
        The true cells, each once, sorted by row.

    Returns
    -------
    Tensor, shape=(), dtype=float32

    Examples
    --------
    >>> sparse_bce(torch.zeros(1, 2), torch.tensor([0]), torch.tensor([1]))
    tensor(1.3863)
    """
    return _SparseBce.apply(logits, rows, columns)  # type: ignore[no-any-return, no-untyped-call]


class _SparseBce(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        size = max(1, _CELLS // logits.shape[1]) if logits.device.type == "cpu" else len(logits)
        gradient = torch.empty_like(logits)
        parts = []
        for z, g in zip(torch.split(logits, size), torch.split(gradient, size), strict=True):
            torch.sigmoid(z, out=g)
            parts.append(F.softplus(z).sum())
        gradient.index_put_((rows, columns), gradient.new_tensor(-1.0), accumulate=True)
        ctx.save_for_backward(gradient)
        return torch.stack(parts).sum() - logits[rows, columns].sum()

    @staticmethod
    def backward(ctx: Any, *outer: Any) -> Any:
        (gradient,) = ctx.saved_tensors
        return gradient.mul_(outer[0]), None, None
