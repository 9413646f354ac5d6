"""Binary cross entropy with sparse targets, of independent or coherent scores.

Coherent scores obey the true-path rule. Targets are lists of the true cells, never a matrix.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (the usual name)
from torch import Tensor

from esmgo.go.labels import LabelSpace

_CELLS = 1 << 18
"""Logits processed at once on a CPU: 1 MB, which fits into the cache."""

_ROWS = {"cpu": 64, "cuda": 256}
"""Proteins processed together: 14 MB of keys for all of GO on a CPU, 55 MB on a GPU."""

_LOW, _SIGN = (1 << 31) - 1, torch.iinfo(torch.int64).min


def sparse_bce(logits: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return the binary cross entropy with logits, summed over all cells.

    It is the sum of softplus over all cells, minus the logits of the true cells. One pass
    over the logits computes value and gradient.

    Parameters
    ----------
    logits : Tensor, shape=(B, T), dtype=float32
    rows, columns : Tensor, shape=(annotations,), dtype=int64
        The true cells, sorted by row, without duplicates.

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
        gradient.index_put_((rows, columns), gradient.new_full((), -1.0), accumulate=True)
        ctx.save_for_backward(gradient)
        return torch.stack(parts).sum() - logits[rows, columns].sum()

    @staticmethod
    def backward(ctx: Any, *outer: Any) -> Any:
        (gradient,) = ctx.saved_tensors
        return gradient.mul_(outer[0]), None, None


class Climb:
    """The edges from children to parents, as tensors on the training device."""

    def __init__(self, labels: LabelSpace, device: torch.device) -> None:
        self.steps = []  # parents, shape=(P,); parents with their k children, shape=(P, 1 + k)
        for parents, children in labels.upward:
            family = np.column_stack([parents, children])
            self.steps.append(
                (torch.from_numpy(parents).to(device), torch.from_numpy(family).to(device))
            )

    def winners(self, logits: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """Return the column that supplies the logit of each cell, shape=(T, B), dtype=int64.

        It has the highest logit among the term and its descendants; for a true cell, among
        those of them that are true. On ties, it is the last one.

        Parameters
        ----------
        logits : Tensor, shape=(T, B), dtype=float32
            One row per term.
        rows, columns : Tensor, shape=(annotations,), dtype=int64
            The true cells, propagated to all ancestors.
        """
        bits = logits.view(torch.int32)
        order = (bits >> 31).bitwise_and_(_LOW).bitwise_xor_(bits)  # same order as the floats
        own = torch.arange(len(logits), device=logits.device)[:, None]
        # A key orders by truth (the sign), then the logit (32 bits), then the column (31 bits).
        # A false cell has no true descendant; a true cell prefers true descendants.
        key = torch.add(own - (1 << 62), order, alpha=1 << 31)  # (T, B)
        key[columns, rows] ^= _SIGN
        for parents, family in self.steps:
            found = key.index_select(0, family.view(-1)).view(*family.shape, -1)
            key.index_copy_(0, parents, found.amax(dim=1))
        return key.bitwise_and_(_LOW)


def coherent_bce(logits: Tensor, rows: Tensor, columns: Tensor, climb: Climb) -> Tensor:
    """Return the binary cross entropy of scores that obey the true-path rule, over all cells.

    The score of a term is the highest logit among the term and its descendants, as in
    prediction. If the term is true, only true descendants count, so a false descendant never
    raises a true ancestor. The gradient of a cell goes to the one logit that it uses.

    Parameters
    ----------
    logits : Tensor, shape=(B, T), dtype=float32
    rows, columns : Tensor, shape=(annotations,), dtype=int64
        The true cells, sorted by row, without duplicates, propagated to all ancestors.
    climb : Climb
        The edges between the T terms.

    References
    ----------
    Giunchiglia and Lukasiewicz, Coherent hierarchical multi-label classification networks,
    NeurIPS 33:9662 (2020).
    """
    return _CoherentBce.apply(logits, rows, columns, climb)  # type: ignore[no-any-return, no-untyped-call]


class _CoherentBce(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, rows: Tensor, columns: Tensor, climb: Climb) -> Tensor:
        gradient = torch.empty_like(logits)
        size = _ROWS.get(logits.device.type, 64)
        starts = torch.arange(0, len(logits) + size, size, device=rows.device)
        ends = torch.searchsorted(rows.contiguous(), starts).tolist()
        parts = []
        for i, some in enumerate(torch.split(logits, size)):
            true = slice(ends[i], ends[i + 1])
            cells = rows[true] - i * size, columns[true]
            value, slope = _coherent(some.t().contiguous(), *cells, climb)
            parts.append(value)
            gradient[i * size : i * size + len(some)] = slope.t()
        ctx.save_for_backward(gradient)
        return torch.stack(parts).sum()

    @staticmethod
    def backward(ctx: Any, *outer: Any) -> Any:
        (gradient,) = ctx.saved_tensors
        return gradient * outer[0], None, None, None


def _coherent(logits: Tensor, rows: Tensor, columns: Tensor, climb: Climb) -> tuple[Tensor, Tensor]:
    """Return value and gradient of some proteins; logits and gradient, shape=(T, B)."""
    n = logits.shape[1]
    at = climb.winners(logits.float(), rows, columns)
    at = at.mul_(n).add_(torch.arange(n, device=logits.device)).view(-1)
    true = columns * n + rows
    z = logits.view(-1).index_select(0, at)
    value = F.softplus(z).sum() - z[true].sum()
    slope = z.sigmoid_()
    slope[true] -= 1
    gradient = torch.zeros_like(slope)
    if gradient.is_cuda:  # cells share a logit: the deterministic way to add
        gradient.index_put_((at,), slope, accumulate=True)
    else:
        gradient.index_add_(0, at, slope)
    return value, gradient.view_as(logits)
