"""One vector per protein from the final states of its tokens; nothing here knows the encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from esmgo.model.encoder import in_chunks
from esmgo.model.packing import Packed


def pooled(x: Tensor, packed: Packed, pool: str, query: nn.Linear | None = None) -> Tensor:
    """Return one vector per protein, in input order; shape=(B, D), dtype=float32.

    The result of a protein does not depend on the other proteins of the batch, to the last bit.

    Parameters
    ----------
    x : Tensor, shape=(n, D), dtype=float32
        States of all tokens of a batch.
    packed : Packed
        The proteins that the rows belong to.
    pool : str
        ``cls``, the state at this token; or, over the residues, ``mean``, ``max``, or
        ``attention``: a mean weighted by the softmax of the products with ``query``.
    query : Linear, optional
        The trained vector of ``attention``, shape=(1, D), as the weight of a layer.
    """
    if pool == "cls":
        return x[packed.cls]
    rows, lengths = packed.residues
    x = x[rows]
    if pool == "attention":
        assert query is not None
        scores = (x * query.weight).sum(1, keepdim=True)  # (residues, 1)
        owner = torch.repeat_interleave(lengths, output_size=len(x))
        highest = _reduced(scores.detach(), "max", lengths)
        weights = in_chunks(torch.exp, scores - highest[owner])
        found = _reduced(weights * x, "sum", lengths) / _reduced(weights, "sum", lengths)
    else:
        found = _reduced(x, pool, lengths)
    return found[packed.unsorted]


def _reduced(rows: Tensor, how: str, lengths: Tensor) -> Tensor:
    """Reduce the rows of each protein to one; ``unsafe`` avoids a check that waits for the GPU."""
    return torch.segment_reduce(rows, how, lengths=lengths, axis=0, unsafe=True)
