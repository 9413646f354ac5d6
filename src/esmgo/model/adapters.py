"""Low-rank adapters (LoRA): small trained matrices beside frozen ones.

A layer with an adapter computes ``W x + b + alpha / rank * B (A x)``. ``W`` and ``b`` are frozen,
``A`` of shape (rank, inputs) and ``B`` of shape (outputs, rank) are trained. ``B`` starts at 0.
Formula and names are those of the package peft; tests compare with it. It is not needed to train:
its layers rename the frozen weights, and multiply ``A`` and ``B`` in fp32 also if the rest is bf16.

References
----------
Hu et al., LoRA, arXiv:2106.09685 (2021).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F  # noqa: N812 (its name everywhere)
from torch import Tensor, nn

from esmgo.errors import UsageError
from esmgo.model.encoder import Encoder, Linear, dropped

PLACES = (
    "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
)  # fmt: skip
"""The linear layers, within a layer of the encoder, that get an adapter."""


class Adapted(Linear):
    """A linear layer with an adapter; ``rate`` is the adapter's dropout at present."""

    def __init__(self, plain: Linear, rank: int, scale: float) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = plain.in_features, plain.out_features
        self.weight, self.bias = plain.weight, plain.bias
        at = plain.weight.device
        self.lora_A = nn.Linear(self.in_features, rank, bias=False, device=at)
        self.lora_B = nn.Linear(rank, self.out_features, bias=False, device=at)
        self.scale, self.rate = scale, 0.0

    def forward(self, x: Tensor, half: bool = False) -> Tensor:
        """Return the linear layer's output plus that of the adapter, in fp32."""
        plain = super().forward(x, half).float()
        x, a, b = dropped(x, self.rate), self.lora_A.weight, self.lora_B.weight
        if half:
            x, a, b = x.bfloat16(), a.bfloat16(), b.bfloat16()
        return plain + self.scale * F.linear(F.linear(x, a), b).float()

    @torch.no_grad()
    def merged(self) -> Linear:
        """Return a linear layer that computes the same, with weights of the same type.

        Sums are in float64, so that the weights do not depend on the number of threads.
        """
        change = self.scale * (self.lora_B.weight.double() @ self.lora_A.weight.double())
        plain = Linear(self.in_features, self.out_features, device="meta")
        weight = (self.weight.double() + change).to(self.weight.dtype)
        plain.weight, plain.bias = nn.Parameter(weight, requires_grad=False), self.bias
        return plain


def add_adapters(encoder: Encoder, rank: int, alpha: float, layers: int) -> None:
    """Add adapters with any weights to the last ``layers`` layers.

    Raises UsageError if the encoder has fewer layers, or is narrower than ``rank``.
    """
    n_layers = len(encoder.layers)
    if layers > n_layers:
        reason = f"{layers} is above {n_layers}, the layers of this encoder"
        raise UsageError(reason, field="lora_layers")
    if rank > encoder.width:
        reason = f"{rank} is above {encoder.width}, the width of this encoder"
        raise UsageError(reason, field="lora_rank")
    for layer in encoder.layers[-layers:]:
        for name in PLACES:
            _set(layer, name, Adapted(layer.get_submodule(name), rank, alpha / rank))  # type: ignore[arg-type]


def draw_adapters(encoder: Encoder, seed: int) -> None:
    """Give the adapters of an encoder on the CPU the weights that peft starts with."""
    random = torch.Generator().manual_seed(seed)
    for each in adapters(encoder):
        bound = each.in_features**-0.5
        nn.init.uniform_(each.lora_A.weight, -bound, bound, generator=random)
        nn.init.zeros_(each.lora_B.weight)


def merge_adapters(encoder: Encoder) -> None:
    """Replace layers with adapters by plain ones that compute the same."""
    for layer in encoder.layers:
        for name in PLACES:
            if isinstance(each := layer.get_submodule(name), Adapted):
                _set(layer, name, each.merged())


def adapters(encoder: Encoder) -> Iterator[Adapted]:
    """Yield the layers with adapters, lowest first."""
    return (each for each in encoder.modules() if isinstance(each, Adapted))


def _set(layer: nn.Module, name: str, module: Linear) -> None:
    parent, _, last = name.rpartition(".")
    setattr(layer.get_submodule(parent), last, module)
