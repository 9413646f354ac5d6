"""Write an ESM2 encoder with initial weights, for training from scratch.

    python recipes/untrained_base.py FOLDER --layers=2 --width=192 --heads=8 --window --pool

``esmgo train --base_model=FOLDER --unfreeze_last_k_layers=2`` then trains all of its layers;
the random embeddings of the 33 tokens are not trained.

With ``--window`` each head of the first layer initially attends to one neighbour, at the distance
-1, 1, -2, 2 …, as in ``tiny``. With rotary positions the biases of query and key determine the
distance. So the layer starts as a convolution. With ``--pool`` each head of the last layer
initially pools, at ``<cls>``, the residues along one random direction; the result is between their
mean and their maximum. Two heads attend to the N-terminus.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from esmgo.model.encoder import Encoder

CLS = 0
CONTENT, POOLED, N_TERMINAL = 2.0, 6.0, 2
"""Last layer: sharpness of attention, scale of its output, and number of N-terminal heads."""


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    for name, default in (("layers", 2), ("width", 192), ("heads", 8), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name in ("window", "pool"):
        parser.add_argument(f"--{name}", action="store_true")
    options = parser.parse_args()
    sizes = sizes_of(options.layers, options.width, options.heads)
    draw = torch.Generator().manual_seed(options.seed)
    encoder = initialised(sizes, draw)
    with torch.no_grad():
        if options.window:
            look_at_neighbours(encoder.layers[0].attention, options.heads)
        if options.pool:
            gather(encoder, options.heads, draw)
    options.folder.mkdir(parents=True)
    write(options.folder, encoder, sizes)


def sizes_of(n_layers: int, width: int, n_heads: int) -> dict[str, Any]:
    """Return the entries of the ``config.json`` of an ESM2."""
    return {
        "model_type": "esm", "vocab_size": 33, "mask_token_id": 32, "pad_token_id": 1,
        "hidden_size": width, "num_hidden_layers": n_layers,
        "num_attention_heads": n_heads, "intermediate_size": 4 * width,
        "max_position_embeddings": 1026, "layer_norm_eps": 1e-5, "token_dropout": True,
        "position_embedding_type": "rotary", "emb_layer_norm_before": False,
        "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
    }  # fmt: skip


def initialised(sizes: dict[str, Any], draw: torch.Generator) -> Encoder:
    """Return an encoder of these sizes with random weights."""
    encoder, depth = Encoder(sizes), (2 * sizes["num_hidden_layers"]) ** -0.5
    with torch.no_grad():
        for name, weight in encoder.named_parameters():
            if "word_embeddings" in name:
                weight.normal_(0, 1, generator=draw)
            elif weight.ndim == 1:
                weight.fill_(float("LayerNorm" in name or "layer_norm" in name))
                weight.mul_(0 if name.endswith("bias") else 1)
            else:
                weight.normal_(0, weight.shape[1] ** -0.5, generator=draw)
                if name.endswith("output.dense.weight"):
                    weight.mul_(depth)  # so that the residual stream does not grow with depth
    return encoder


def write(folder: Path, encoder: Encoder, sizes: dict[str, Any]) -> None:
    """Write the files of a base into a folder."""
    state = encoder.state_dict()
    weights = {f"esm.{name}": tensor.cpu().contiguous() for name, tensor in state.items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(sizes, indent=1, sort_keys=True) + "\n")


def look_at_neighbours(attention: torch.nn.Module, n_heads: int) -> None:
    """Make each head attend to one distance, independent of the residues."""
    own = attention.self
    frequency = frequencies(own, n_heads)
    weight = torch.where(frequency > 0.005, 12.0, 0.0)
    biases = [biases_at((-1) ** (i + 1) * (1 + i // 2), weight) for i in range(n_heads)]
    for part, found in zip((own.query, own.key), zip(*biases, strict=True), strict=True):
        part.bias.copy_(torch.cat(found))
        part.weight.mul_(0.1)


def gather(encoder: Encoder, n_heads: int, draw: torch.Generator) -> None:
    """Make each head of the last layer weigh residues by one direction, for all queries."""
    encoder.embeddings.word_embeddings.weight[CLS] = 0
    last = encoder.layers[-1].attention
    own, width = last.self, len(last.self.query.bias)
    frequency = frequencies(own, n_heads)
    half = len(frequency)
    query, key = torch.zeros(n_heads, 2 * half), torch.zeros(n_heads, 2 * half)
    content = torch.zeros(n_heads, 2 * half, width)
    # the slowest frequency: nearly constant over all distances
    content[:, half - 1].normal_(0, CONTENT * width**-0.5, generator=draw)
    query[:, half - 1] = math.sqrt(2 * half)
    near = torch.where((frequency > 0.005) & (frequency < 0.05), 20.0, 0.0)
    for head in range(n_heads - N_TERMINAL, n_heads):
        for found, bias in zip((query, key), biases_at(0, near), strict=True):
            found[head] += bias
        content[head] *= 0.1
    own.query.weight.zero_()
    own.query.bias.copy_(query.ravel())
    own.key.weight.copy_(content.view(width, width))
    own.key.bias.copy_(key.ravel())
    last.output.dense.weight.normal_(0, POOLED * width**-0.5, generator=draw)


def frequencies(own: torch.nn.Module, n_heads: int) -> torch.Tensor:
    """Return the angles per residue by which rotary positions rotate a head's vectors."""
    half = len(own.query.bias) // n_heads // 2
    return 10000.0 ** (-torch.arange(half) / half)


def biases_at(offset: int, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the query and key biases of a head that attends ``offset`` residues ahead."""
    half = len(weight)
    length = (weight * math.sqrt(2 * half)).sqrt()
    angle = offset * 10000.0 ** (-torch.arange(half) / half)
    return torch.cat([length, 0 * length]), torch.cat([length * angle.cos(), -length * angle.sin()])


if __name__ == "__main__":
    main()
