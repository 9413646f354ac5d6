"""Write an ESM2 encoder with first, untrained weights, to be trained from scratch.

    python recipes/untrained_base.py FOLDER --layers=4 --width=256 --heads=8 --seed=0

``esmgo train --base_model=FOLDER --unfreeze_last_k_layers=4`` then trains all of its layers;
the embeddings of the 33 tokens stay as they are drawn.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from esmgo.model.encoder import Encoder


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    for name, default in (("layers", 4), ("width", 256), ("heads", 8), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
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
    options.folder.mkdir(parents=True)
    weights = {f"esm.{name}": tensor.contiguous() for name, tensor in encoder.state_dict().items()}
    save_file(weights, options.folder / "model.safetensors", metadata={"format": "pt"})
    text = json.dumps(sizes, indent=1, sort_keys=True) + "\n"
    (options.folder / "config.json").write_text(text)


if __name__ == "__main__":
    main()
