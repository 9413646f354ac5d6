"""The ESM2 encoder for packed batches, which have no padding between proteins.

Linear layers run over all tokens of a batch at once, attention within each protein. Modules
have the names of transformers, so weights need no conversion. The tests compare with
``transformers``; it is not needed to run.

On a CPU linear layers process rows in chunks of fixed size. A chunk fits in the cache, and
a protein's result does not depend on the rest of its batch, to the last bit.

References
----------
Lin et al., Science 379:1123 (2023). Su et al., RoFormer, arXiv:2104.09864 (2021).
"""

# modules have the names of transformers, so many are attributes without a declared type
# mypy: disable-error-code="union-attr, operator, no-any-return, no-untyped-call"

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its name everywhere)
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from esmgo.model.bases import FREQUENCIES
from esmgo.model.packing import CHUNK, Packed, frequencies
from esmgo.model.tokens import MASK

MASKED_IN_TRAINING = 0.15 * 0.8
"""Fraction of residues masked in ESM2's training; embeddings are scaled to match it."""


class Linear(nn.Linear):
    """A linear layer that computes in fp32, or in bf16 with cached bf16 weights."""

    keeps_copy = True  # whether it caches them; not if its weights move in memory
    _ready: tuple[Any, Tensor, Tensor] | None = None

    def forward(self, x: Tensor, half: bool = False) -> Tensor:
        """Return ``x`` times the weights, in fp32, or in bf16 if ``half``."""
        if not half and self.weight.dtype == torch.float32:
            return F.linear(x, self.weight, self.bias)
        is_linked = self.weight.requires_grad or (x.requires_grad and not x.is_cuda)
        if not self.keeps_copy or (torch.is_grad_enabled() and is_linked):
            self._ready = None  # a fused optimiser does not update the version of weights
            return F.linear(x.bfloat16(), self.weight.bfloat16(), self.bias.bfloat16())
        state = self.weight._version, self.weight.data_ptr()
        if self._ready is None or self._ready[0] != state:
            with torch.inference_mode(False):  # so that a later backward pass can use them
                weight, bias = self.weight.detach().bfloat16(), self.bias.detach().bfloat16()
                self._ready = state, _packed_weight(weight), bias
        _, weight, bias = self._ready
        if weight.is_mkldnn:
            return torch.ops.mkldnn._linear_pointwise(x.bfloat16(), weight, bias, "none", [], "")
        return F.linear(x.bfloat16(), weight, bias)


def _packed_weight(weight: Tensor) -> Tensor:
    """Convert bf16 weights to oneDNN's layout if it is available, once instead of at each call."""
    reorder = getattr(torch.ops.mkldnn, "_reorder_linear_weight", None)
    if weight.device.type != "cpu" or reorder is None or not torch.backends.mkldnn.is_available():
        return weight
    return reorder(weight, CHUNK)


class Norm(nn.LayerNorm):
    """A layer norm that computes in its input's type, fp32, for weights of any type."""

    def forward(self, x: Tensor) -> Tensor:
        """Return rows of mean 0 and variance 1, scaled and shifted."""
        shape, dtype = self.normalized_shape, x.dtype
        return F.layer_norm(x, shape, self.weight.to(dtype), self.bias.to(dtype), self.eps)


def _dense(n_in: int, n_out: int) -> nn.Module:
    module = nn.Module()
    module.dense = Linear(n_in, n_out)
    return module


class Layer(nn.Module):
    """Attention and feed-forward, each with a layer norm before it and a residual connection."""

    def __init__(
        self, width: int, n_heads: int, n_hidden: int, eps: float, turns: tuple[float, ...]
    ) -> None:
        super().__init__()
        self.n_heads, self._turns = n_heads, turns
        self.attention = nn.Module()
        self.attention.self = nn.Module()
        for name in ("query", "key", "value"):
            setattr(self.attention.self, name, Linear(width, width))
        self.attention.output = _dense(width, width)
        self.attention.LayerNorm = Norm(width, eps)
        self.intermediate, self.output = _dense(width, n_hidden), _dense(n_hidden, width)
        self.LayerNorm = Norm(width, eps)

    def forward(
        self, x: Tensor, packed: Packed, half: bool, cls_only: bool, dropout: tuple[float, float]
    ) -> Tensor:
        """Return the residual stream after this layer.

        Parameters
        ----------
        x : Tensor, shape=(n, D), dtype=float32
            The residual stream of all tokens of a batch.
        packed : Packed
            The proteins that the rows belong to.
        half : bool
            Compute linear layers in bf16.
        cls_only : bool
            Return only the rows of ``<cls>``, shape=(B, D); the head reads no others.
        dropout : tuple of float
            Rates of hidden and of attention layers.
        """
        rotate = packed.rotation(self._turns)
        qkv = in_chunks(lambda x, *turn: self._qkv(x, turn, half), x, *rotate)  # (n, 3 D)
        context = _attention(qkv, packed, self.n_heads, cls_only, dropout[1])
        if cls_only:
            x = x[packed.cls]
        return in_chunks(lambda x, c: self._mixed(x, c, half, dropout[0]), x, context)

    def _qkv(self, x: Tensor, turn: tuple[Tensor, ...], half: bool) -> Tensor:
        own, normed = self.attention.self, self.attention.LayerNorm(x)
        if half:
            normed = normed.bfloat16()  # once for all three
        dtype = torch.bfloat16 if half and x.is_cuda else torch.float32  # faster there
        query, key = (_turned(part(normed, half).float(), *turn) for part in (own.query, own.key))
        parts = (query, key, own.value(normed, half))
        return torch.cat([part.to(dtype) for part in parts], 1)

    def _mixed(self, x: Tensor, context: Tensor, half: bool, dropout: float) -> Tensor:
        x = x + dropped(self.attention.output.dense(context, half).float(), dropout)
        hidden = F.gelu(self.intermediate.dense(self.LayerNorm(x), half))
        return x + dropped(self.output.dense(hidden, half).float(), dropout)


def dropped(x: Tensor, rate: float) -> Tensor:
    """Apply dropout; a rate of 0 draws no random numbers."""
    return F.dropout(x, rate) if rate else x


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate each head's vectors by position; the halves of a head are the two coordinates."""
    n, width = x.shape
    a, b = x.view(n, -1, 2, cos.shape[1]).unbind(2)  # (n, H, hd / 2)
    cos, sin = cos[:, None], sin[:, None]
    turned = torch.stack([a * cos - b * sin, torch.addcmul(b * cos, a, sin)], 2)
    return turned.view(n, width)


def _attention(qkv: Tensor, packed: Packed, n_heads: int, cls_only: bool, dropout: float) -> Tensor:
    """Compute attention within each protein; shape=(n, D), or (B, D) if ``cls_only``."""
    n, width = qkv.shape[0], qkv.shape[1] // 3
    if qkv.is_cuda and qkv.dtype == torch.bfloat16:
        heads = qkv.view(n, 3, n_heads, -1)
        if not dropout and _has_varlen():
            return _varlen(heads, packed, cls_only).reshape(-1, width)
        found = _jagged(heads, packed, dropout).reshape(n, width)
        return found[packed.cls] if cls_only else found
    parts = []
    for at, length, count in packed.groups:  # proteins of equal length
        rows = qkv[at : at + length * count].view(count, length, 3, n_heads, -1)
        q, k, v = rows.permute(2, 0, 3, 1, 4)  # (count, H, L, hd)
        if cls_only:
            q = q[:, :, :1]
        found = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout)
        parts.append(found.transpose(1, 2).reshape(-1, width))
    if cls_only:
        return torch.cat(parts)[packed.unsorted]
    return torch.cat([*parts, qkv.new_zeros(n - packed.n_tokens, width)])


def _varlen(qkv: Tensor, packed: Packed, cls_only: bool) -> Tensor:
    """Compute attention within each protein in one call, on CUDA; shape=(n or B, H, hd)."""
    from torch.nn.attention.varlen import varlen_attn

    (q, k, v), ends, longest = qkv.unbind(1), packed.ends, packed.longest
    if cls_only:
        q, each = q[ends[:-1].long()], torch.arange(len(ends), dtype=torch.int32, device=q.device)
        found = varlen_attn(q, k, v, each, ends, 1, longest)
    else:
        found = varlen_attn(q, k, v, ends, ends, longest, longest)
    assert isinstance(found, Tensor)
    return found[packed.unsorted] if cls_only else found


def _jagged(qkv: Tensor, packed: Packed, dropout: float) -> Tensor:
    """Compute attention within each protein in one call, with dropout; shape=(n, H, hd)."""
    longest, shortest = packed.longest, packed.lengths[-1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nested tensors are a prototype
        q, k, v = (
            torch.nested.nested_tensor_from_jagged(
                each.contiguous(), packed.ends, min_seqlen=shortest, max_seqlen=longest
            ).transpose(1, 2)
            for each in qkv.unbind(1)
        )
        found = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout).transpose(1, 2)
    rows: Tensor = found.values()
    return rows


@cache
def _has_varlen() -> bool:
    return find_spec("torch.nn.attention.varlen") is not None  # since torch 2.10


def in_chunks(f: Callable[..., Tensor], *rows: Tensor, size: int = CHUNK) -> Tensor:
    """Apply ``f`` to rows; on a CPU in chunks of equal size, the last one padded.

    On some processors the order of summation depends on the shape of a matrix product. If
    gradients are needed, all rows are computed at once.
    """
    n = len(rows[0])
    if torch.is_grad_enabled() or rows[0].device.type != "cpu":
        return f(*rows)
    if n % size:
        rows = tuple(F.pad(each, (0, 0, 0, size - n % size)) for each in rows)
    parts = [f(*each) for each in zip(*(each.split(size) for each in rows), strict=True)]
    return torch.cat(parts)[:n] if len(parts) > 1 else parts[0][:n]


class Encoder(nn.Module):
    """Embeddings and layers of an ESM2; ``sizes`` are the entries of a checked ``config.json``."""

    def __init__(self, sizes: dict[str, Any]) -> None:
        super().__init__()
        width, n_layers = sizes["hidden_size"], sizes["num_hidden_layers"]
        n_heads, eps = sizes["num_attention_heads"], sizes.get("layer_norm_eps", 1e-12)
        self.scales, self.eps = bool(sizes.get("token_dropout", False)), eps
        self.width = width
        self.frequencies = tuple(sizes.get(FREQUENCIES) or frequencies(width // n_heads))
        self.embeddings, self.encoder = nn.Module(), nn.Module()
        # without a given weight it draws one, and for this torch loads its compiler: a second
        table = torch.empty(sizes["vocab_size"], width)
        self.embeddings.word_embeddings = nn.Embedding(len(table), width, _weight=table)
        n_hidden = sizes["intermediate_size"]
        layers = (Layer(width, n_heads, n_hidden, eps, self.frequencies) for _ in range(n_layers))
        self.encoder.layer = nn.ModuleList(layers)
        self.encoder.emb_layer_norm_after = Norm(width, eps)
        self.contact_head = nn.Module()  # never runs; exports need it
        self.contact_head.regression = nn.Linear(n_layers * n_heads, 1)

    @property
    def layers(self) -> nn.ModuleList:
        """The layers, lowest first."""
        return self.encoder.layer  # type: ignore[return-value]

    def embed(self, packed: Packed) -> Tensor:
        """Return the input of the first layer; shape=(n, D), dtype=float32."""
        x = self.embeddings.word_embeddings(packed.tokens).float()
        if not self.scales:
            return x
        if not packed.has_mask:
            return x * (1 - MASKED_IN_TRAINING)
        masked = (packed.tokens == MASK).float()
        share = packed.mean(masked)[packed.owner]
        return x * ((1 - masked) * (1 - MASKED_IN_TRAINING) / (1 - share))[:, None]

    def run(
        self,
        x: Tensor,
        packed: Packed,
        first: int,
        last: int,
        *,
        half: bool = False,
        cls_only: bool = False,
        dropout: tuple[float, float] = (0.0, 0.0),
        recompute: bool = False,
    ) -> Tensor:
        """Return the residual stream after the layers from ``first`` up to ``last``, excluded.

        A norm follows the encoder's last layer. With ``cls_only`` the last of the layers and
        this norm compute only the rows of ``<cls>``. ``recompute`` stores no activations within
        layers for the backward pass: less memory, but one more forward pass.
        """
        n_layers = len(self.layers)
        for i in range(first, last):
            arguments = (packed, half, cls_only and i == last - 1, dropout)
            if recompute and torch.is_grad_enabled():
                x = checkpoint(self.layers[i], x, *arguments, use_reentrant=False)
            else:
                x = self.layers[i](x, *arguments)
        return self.encoder.emb_layer_norm_after(x) if last == n_layers else x


class Head(nn.Module):
    """Dropout, dense, tanh, dropout, output: one logit per term from a vector per protein.

    ``pool`` is a trained query, for a head that reads a weighted mean of the residues' states.
    """

    def __init__(self, width: int, n_terms: int, *, has_query: bool = False) -> None:
        super().__init__()
        self.pool = nn.Linear(width, 1, bias=False) if has_query else None
        self.dense, self.out_proj = nn.Linear(width, width), nn.Linear(width, n_terms)

    def draw(self, seed: int) -> None:
        """Allocate the weights on the CPU and draw them; a query starts at 0, as a plain mean."""
        self.to_empty(device="cpu")
        torch.manual_seed(seed)
        for layer in (self.dense, self.out_proj):
            nn.init.normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)
        if self.pool is not None:
            nn.init.zeros_(self.pool.weight)

    def forward(self, x: Tensor, dropout: float = 0.0) -> Tensor:
        """Return logits, shape=(B, T), from vectors, shape=(B, D)."""
        hidden = dropped(torch.tanh(self.dense(dropped(x, dropout))), dropout)
        return self.out_proj(hidden)
