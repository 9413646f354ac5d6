"""Write an ESM2 encoder with first, untrained weights, to be trained from scratch.

    python recipes/untrained_base.py FOLDER --layers=2 --width=192 --heads=8 --window --seed=0

``esmgo train --base_model=FOLDER --unfreeze_last_k_layers=2`` then trains all of its layers;
the embeddings of the 33 tokens stay as they are drawn. With ``--window`` the first layer's heads
start by looking at one neighbour each, at -1, 1, -2, 2 …, as those of ``tiny`` do: under rotary
positions the biases of query and key decide that. So the layer starts as a convolution.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import torch
from safetensors.torch import save_file

from esmgo.model.encoder import Encoder


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    for name, default in (("layers", 2), ("width", 192), ("heads", 8), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--window", action="store_true")
    options = parser.parse_args()
    sizes = {
        "model_type": "esm", "vocab_size": 33, "mask_token_id": 32, "pad_token_id": 1,
        "hidden_size": options.width, "num_hidden_layers": options.layers,
        "num_attention_heads": options.heads, "intermediate_size": 4 * options.width,
        "max_position_embeddings": 1026, "layer_norm_eps": 1e-5, "token_dropout": True,
        "position_embedding_type": "rotary", "emb_layer_norm_before": False,
        "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
    }  # fmt: skip
    encoder = Encoder(sizes)
    draw = torch.Generator().manual_seed(options.seed)
    depth = (2 * options.layers) ** -0.5
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
        if options.window:
            look_at_neighbours(encoder.layers[0].attention, options.heads)
    options.folder.mkdir(parents=True)
    weights = {f"esm.{name}": tensor.contiguous() for name, tensor in encoder.state_dict().items()}
    save_file(weights, options.folder / "model.safetensors", metadata={"format": "pt"})
    text = json.dumps(sizes, indent=1, sort_keys=True) + "\n"
    (options.folder / "config.json").write_text(text)


def look_at_neighbours(attention: torch.nn.Module, n_heads: int) -> None:
    """Let each head look at one distance, whatever the residues."""
    own = attention.self
    half = len(own.query.bias) // n_heads // 2
    frequency = 10000.0 ** (-torch.arange(half) / half)
    length = torch.where(frequency > 0.005, 12.0 * math.sqrt(2 * half), 0.0).sqrt()
    offsets = [(-1) ** (i + 1) * (1 + i // 2) for i in range(n_heads)]
    angles = torch.tensor(offsets)[:, None] * frequency  # (H, half)
    own.query.bias.copy_(torch.cat([length, 0 * length]).repeat(n_heads))
    own.key.bias.copy_(torch.cat([length * angles.cos(), -length * angles.sin()], 1).ravel())
    own.query.weight.mul_(0.1)
    own.key.weight.mul_(0.1)


if __name__ == "__main__":
    main()
