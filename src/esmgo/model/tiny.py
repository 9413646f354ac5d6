"""The embedded base model ``tiny``: a small ESM2 encoder whose weights are computed, not learned.

The architecture is that of ESM2 (transformers' ``EsmModel``), so code for ESM2 works with it. The
weights are a *local-motif initialisation*: designed by hand, the same at each call and on each
machine, and not pre-trained. The only biology in them is the frequency of each residue in
Swiss-Prot. Use ``tiny`` for first steps and tests, and a real ESM2 for results.

With plain random weights attention is nearly uniform, so ``<cls>`` receives little more than the
residue composition, and gradient descent needs many steps to find a motif. Here

- the first layer's heads compute query and key from their biases alone. With rotary positions
  such a head attends to one fixed distance, whatever the residues. Seven heads copy the codes of
  the residues at −3 to −1 and 1 to 4 next to the residue's own code. The feed-forward layer is
  random and sparse and detects short patterns in this window: a random one-dimensional convolution;
- the last layer's heads pool over the protein. Their keys are random directions over the detected
  patterns and shift attention towards residues that match, so the result is between a mean and a
  maximum. Two heads attend only near the N-terminus, where targeting signals are;
- codes and patterns average to zero over residues in background proportions, so that the mean over
  a protein shows how it differs from the background.

Nothing here knows about training. Only raw bits of PCG64 are drawn, which NumPy promises never to
change. Orthogonal matrices are built from Hadamard matrices, without LAPACK.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]

SEED = 20261122
WIDTH, N_LAYERS, N_HEADS, N_HIDDEN = 128, 2, 8, 256
HEAD = WIDTH // N_HEADS
HALF = HEAD // 2
FREQUENCY = 10000.0 ** (-np.arange(HALF) / HALF)  # of rotary positions, in radians per residue

OFFSETS = (-1, 1, -2, 2, -3, 3, 4)  # of the first layer's heads; the eighth averages nearby
SHARPNESS = 12.0  # attention logit of an offset head, per frequency, at most
SPARSITY, PATTERN_GAIN, PATTERN_BIAS = 2, 1.0, -0.5  # of patterns, each over SPARSITY positions
N_TERMINAL = 2  # heads of the last layer that attend near the N-terminus
CONTENT_GAIN, POOL_GAIN, MIX_GAIN = 2.0, 6.0, 0.5

RESIDUES = "LAGVSERTIDPKQNFYMHWC"  # tokens 4 to 23, in ESM2's order
FIRST_RESIDUE = 4
# Per cent of residues in UniProtKB/Swiss-Prot (release statistics, 2024), in that order.
BACKGROUND = np.array([
    9.64, 8.25, 7.07, 6.85, 6.65, 6.71, 5.52, 5.36, 5.91, 5.46,
    4.74, 5.80, 3.93, 4.06, 3.86, 2.92, 2.41, 2.27, 1.10, 1.38,
])  # fmt: skip


def tiny_sizes() -> dict[str, Any]:
    """Return the entries of the ``config.json`` of ``tiny``: 2 layers, 8 heads, 128 wide."""
    return {
        "vocab_size": 33,
        "mask_token_id": 32,
        "pad_token_id": 1,
        "hidden_size": WIDTH,
        "num_hidden_layers": N_LAYERS,
        "num_attention_heads": N_HEADS,
        "intermediate_size": N_HIDDEN,
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "max_position_embeddings": 1026,
        "layer_norm_eps": 1e-5,
        "position_embedding_type": "rotary",
        "emb_layer_norm_before": False,
        "token_dropout": True,
    }


def tiny_weights() -> dict[str, Tensor]:
    """Compute the encoder's weights, float32, by the names of ``EsmModel``'s state dict.

    The contact head, which esmgo never runs, and the rotary frequencies are left out.
    """
    draw = _Draw(SEED)
    arrays = {"embeddings.word_embeddings.weight": _embeddings(draw)}
    for index, layer in enumerate((_window_layer(draw), _pooling_layer(draw))):
        arrays |= {f"encoder.layer.{index}.{name}": array for name, array in layer.items()}
    arrays |= _norm("encoder.emb_layer_norm_after")
    return {name: torch.from_numpy(array.astype(np.float32)) for name, array in arrays.items()}


class _Draw:
    """Random numbers that do not depend on any version, such as NumPy's."""

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def unit(self, *shape: int) -> Array:
        """Uniform numbers in [0, 1)."""
        raw = np.asarray(self._bits.random_raw(math.prod(shape)), np.uint64) >> np.uint64(11)
        return raw.astype(np.float64).reshape(shape) * 2.0**-53

    def spread(self, *shape: int) -> Array:
        """Uniform numbers of mean 0 and variance 1."""
        return (2 * self.unit(*shape) - 1) * math.sqrt(3)

    def rotation(self, n: int) -> Array:
        """Return an orthogonal matrix: Hadamard, shuffled, random signs; ``n`` is a power of 2."""
        hadamard = np.ones((1, 1))
        while len(hadamard) < n:
            hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]])
        signs = np.where(self.unit(n) < 0.5, -1.0, 1.0)
        shuffled = hadamard[np.argsort(self.unit(n))][:, np.argsort(self.unit(n))]
        return shuffled * signs / math.sqrt(n)


def _embeddings(draw: _Draw) -> Array:
    """Give each token a code in the first block of the residual stream; the others are 0."""
    table = np.zeros((33, WIDTH))
    code = draw.spread(33, HEAD)
    code[1] = code[28:] = 0  # padding, and tokens that no sequence contains
    residues = code[FIRST_RESIDUE : FIRST_RESIDUE + len(RESIDUES)]
    share = BACKGROUND / BACKGROUND.sum()
    residues -= (share[:, None] * residues).sum(0)  # zero on average over a protein
    code -= code.mean(1, keepdims=True)  # a layer norm keeps vectors of mean 0 and variance 1
    code /= np.sqrt((code**2).mean(1, keepdims=True)).clip(1e-9)
    table[:, :HEAD] = code
    return table


def _window_layer(draw: _Draw) -> dict[str, Array]:
    """Copy the codes of nearby residues to each residue, then detect random patterns in them."""
    query, key = np.zeros((N_HEADS, HEAD)), np.zeros((N_HEADS, HEAD))
    value, output = np.zeros((WIDTH, WIDTH)), np.zeros((WIDTH, WIDTH))
    sharp = np.where(FREQUENCY > 0.005, SHARPNESS, 0.0)
    around = np.where(FREQUENCY > 0.2, 2.0, 6.0) * (FREQUENCY < 0.5) * (FREQUENCY > 0.005)
    for head, offset in enumerate((*OFFSETS, 0)):
        query[head], key[head] = _look_at(offset, sharp if offset else around)
        own = slice(head * HEAD, (head + 1) * HEAD)
        value[own, :HEAD] = np.eye(HEAD) / math.sqrt(N_HEADS)
        if offset:
            output[(head + 1) * HEAD : (head + 2) * HEAD, own] = np.eye(HEAD)
        else:
            output[:HEAD, own] = draw.rotation(HEAD)
    up = np.zeros((N_HIDDEN, N_HEADS, HEAD))
    for pattern in up:
        blocks = np.argsort(draw.unit(N_HEADS))[:SPARSITY]
        pattern[blocks] = draw.spread(SPARSITY, HEAD)
    up *= PATTERN_GAIN / np.sqrt((up**2).sum((1, 2), keepdims=True))
    down = draw.spread(WIDTH, N_HIDDEN) / math.sqrt(N_HIDDEN)
    return {
        **_linear("attention.self.query", np.zeros((WIDTH, WIDTH)), query.ravel()),
        **_linear("attention.self.key", np.zeros((WIDTH, WIDTH)), key.ravel()),
        **_linear("attention.self.value", value),
        **_linear("attention.output.dense", output),
        **_linear(
            "intermediate.dense", up.reshape(N_HIDDEN, WIDTH), np.full(N_HIDDEN, PATTERN_BIAS)
        ),
        **_linear("output.dense", down, -down.sum(1) * _mean_gelu(PATTERN_BIAS, PATTERN_GAIN)),
        **_norm("attention.LayerNorm"),
        **_norm("LayerNorm"),
    }


def _pooling_layer(draw: _Draw) -> dict[str, Array]:
    """Pool the detected patterns of all residues at ``<cls>`` (and, unused, at all others)."""
    query, key = np.zeros((N_HEADS, HEAD)), np.zeros((N_HEADS, HEAD))
    content = np.zeros((N_HEADS, HEAD, WIDTH))
    content[:, HALF - 1] = draw.spread(N_HEADS, WIDTH) * CONTENT_GAIN / math.sqrt(WIDTH)
    query[:, HALF - 1] = math.sqrt(HEAD)  # the slowest frequency: the same at all distances
    near = np.where((FREQUENCY > 0.005) & (FREQUENCY < 0.05), 20.0, 0.0)
    for head in range(N_HEADS - N_TERMINAL, N_HEADS):
        position = _look_at(0, near)
        query[head] += position[0]
        key[head] += position[1]
        content[head] *= 0.1
    up = draw.spread(N_HIDDEN, WIDTH) * 1.5 / math.sqrt(WIDTH)
    down = draw.spread(WIDTH, N_HIDDEN) * MIX_GAIN / math.sqrt(N_HIDDEN)
    return {
        **_linear("attention.self.query", np.zeros((WIDTH, WIDTH)), query.ravel()),
        **_linear("attention.self.key", content.reshape(WIDTH, WIDTH), key.ravel()),
        **_linear("attention.self.value", draw.rotation(WIDTH)),
        **_linear("attention.output.dense", draw.rotation(WIDTH) * POOL_GAIN),
        **_linear("intermediate.dense", up),
        **_linear("output.dense", down),
        **_norm("attention.LayerNorm"),
        **_norm("LayerNorm"),
    }


def _look_at(offset: int, weight: Array) -> tuple[Array, Array]:
    """Return the query and key biases of a head that attends ``offset`` residues ahead.

    Rotary positions rotate the pair of dimensions ``m`` and ``m + HALF`` by ``position *
    FREQUENCY[m]``. A key rotated back by ``offset * FREQUENCY[m]`` is in phase with the query
    at that distance: the logit is ``sum(weight * cos((distance - offset) * FREQUENCY))``, highest
    where all frequencies agree. Attention divides by √HEAD.
    """
    length = np.sqrt(weight * math.sqrt(HEAD))
    query = np.concatenate([length, np.zeros(HALF)])
    angle = offset * FREQUENCY
    return query, np.concatenate([length * np.cos(angle), -length * np.sin(angle)])


def _mean_gelu(mean: float, deviation: float) -> float:
    """Return the mean of GELU over normally distributed numbers."""
    scale = math.sqrt(1 + deviation**2)
    density = math.exp(-((mean / scale) ** 2) / 2) / math.sqrt(2 * math.pi)
    below = (1 + math.erf(mean / scale / math.sqrt(2))) / 2
    return mean * below + deviation**2 / scale * density


def _linear(name: str, weight: Array, bias: Array | None = None) -> dict[str, Array]:
    bias = np.zeros(len(weight)) if bias is None else bias
    return {f"{name}.weight": weight, f"{name}.bias": bias}


def _norm(name: str) -> dict[str, Array]:
    return {f"{name}.weight": np.ones(WIDTH), f"{name}.bias": np.zeros(WIDTH)}
