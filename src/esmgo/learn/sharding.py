"""Weights divided among ranks, for encoders that do not fit on one device (FSDP2).

Each rank keeps a part of every weight. A layer's weights come together while it is computed, so
all ranks compute batches in step. Sums have another order than without, so last bits differ.

References
----------
Zhao et al., PyTorch FSDP, arXiv:2304.11277 (2023).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from esmgo.errors import UsageError
from esmgo.learn.ranks import Ranks
from esmgo.model.caller import Caller
from esmgo.model.encoder import Linear


def shard(caller: Caller, ranks: Ranks, device: torch.device) -> None:
    """Divide the weights of a caller among ranks, each part on its ``device``.

    Raises UsageError if there is only one rank.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

    if ranks.size == 1:
        raise UsageError("needs several ranks: start them with torchrun", field="shard_weights")
    if caller.pool == "attention":
        raise UsageError("cannot divide the weights of `pool` attention", field="shard_weights")
    mesh = init_device_mesh(device.type, (ranks.size,))
    encoder, head = caller.encoder, caller.head
    parts = [fully_shard(module, mesh=mesh) for module in (*encoder.layers, encoder)]
    parts.append(fully_shard(head, mesh=mesh, reshard_after_forward=False))  # runs in chunks
    for name in ("embed", "run"):
        register_fsdp_forward_method(encoder, name)
    for part in parts:
        part.set_gradient_divide_factor(1.0)  # losses are divided by the cells of all ranks
        part.set_force_sum_reduction_for_comms(True)  # gloo has no other
    for module in caller.network.modules():
        if isinstance(module, Linear):
            module.keeps_copy = False
    ranks.in_step = True


def divide_again(caller: Caller) -> None:
    """Divide weights again that a forward pass has left whole."""
    from torch.distributed.fsdp import FSDPModule

    for module in caller.network.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def whole(tensor: Tensor) -> Tensor:
    """Return a divided tensor as a whole, any other as it is; all ranks must call it together."""
    gather = getattr(tensor, "full_tensor", None)
    return tensor if gather is None else gather()


def on_first(tensors: Mapping[str, Tensor], ranks: Ranks) -> dict[str, Tensor]:
    """Return tensors as a whole, on the CPU of rank 0; no other rank keeps them."""
    found = {}
    for name, tensor in tensors.items():
        value = whole(tensor)
        if ranks.is_first:
            found[name] = value.cpu()
    return found


def divided(tensor: Tensor, like: Tensor) -> Tensor:
    """Return a tensor with device and type of another, and divided as that one is."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    if not isinstance(like, DTensor):
        return tensor.to(like)
    local = tensor.to(like.device, like.dtype)
    return distribute_tensor(local, like.device_mesh, like.placements, src_data_rank=None)
