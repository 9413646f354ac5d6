"""Binary cross entropy against sparse targets, of terms by themselves or by the true-path rule.

Nothing here holds a matrix of targets; the true cells are listed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its name everywhere)
from torch import Tensor

from esmgo.go.labels import LabelSpace

_CELLS = 1 << 18
"""Logits handled at once on a CPU: 1 MB, so that all steps find them in the cache."""

_ROWS = {"cpu": 64, "cuda": 256}
"""Proteins that climb together: 14 MB of keys for all GO on a CPU, 55 MB on a GPU."""

_LOW, _SIGN = (1 << 31) - 1, torch.iinfo(torch.int64).min


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


class Climb:
    """The way of scores from children to parents, on the device that trains.

    Parameters
    ----------
    labels : LabelSpace
        Supplies the parents.
    device : torch.device
    """

    def __init__(self, labels: LabelSpace, device: torch.device) -> None:
        self.steps = []  # parents (P,), and each with its children (P, 1 + k)
        for parents, children in labels.upward:
            family = np.column_stack([parents, children])
            self.steps.append(
                (torch.from_numpy(parents).to(device), torch.from_numpy(family).to(device))
            )

    def winners(self, logits: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """Return the column whose logit speaks for each cell, shape=(T, B), dtype=int64.

        It has the highest logit of the term and its descendants; for a true cell, of those
        among them that are true. Of equals, the last.

        Parameters
        ----------
        logits : Tensor, shape=(T, B), dtype=float32
            One row per term.
        rows, columns : Tensor, shape=(annotations,), dtype=int64
            The true cells; closed: whoever has a term has its ancestors.
        """
        bits = logits.view(torch.int32)
        order = (bits >> 31).bitwise_and_(_LOW).bitwise_xor_(bits)  # ascends as floats do
        own = torch.arange(len(logits), device=logits.device)[:, None]
        # One number to compare: whether true (the sign), the logit (32 bits), the column (31).
        # A negative cell has no true descendant, a true one always prefers them to others.
        key = torch.add(own - (1 << 62), order, alpha=1 << 31)  # (T, B)
        key[columns, rows] ^= _SIGN
        for parents, family in self.steps:
            found = key.index_select(0, family.view(-1)).view(*family.shape, -1)
            key.index_copy_(0, parents, found.amax(dim=1))
        return key.bitwise_and_(_LOW)


def coherent_bce(logits: Tensor, rows: Tensor, columns: Tensor, climb: Climb) -> Tensor:
    """Return the binary cross entropy of scores that obey the true-path rule, over all cells.

    What is scored is not a term's own logit but the highest among the term and its
    descendants, as in prediction; where the term is true, among those of them that are
    true. So a wrong descendant never answers for a right ancestor, and each cell moves
    the one logit that it depends on.

    Parameters
    ----------
    logits : Tensor, shape=(B, T), dtype=float32
    rows, columns : Tensor, shape=(annotations,), dtype=int64
        The true cells, each once, sorted by row; closed.
    climb : Climb
        Of the T terms.

    Returns
    -------
    Tensor, shape=(), dtype=float32

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
    if gradient.is_cuda:  # several cells add to one: the way that does not depend on threads
        gradient.index_put_((at,), slope, accumulate=True)
    else:
        gradient.index_add_(0, at, slope)
    return value, gradient.view_as(logits)
