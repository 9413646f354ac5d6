"""Base models of the true ESM2 sizes with random weights, in Hugging Face layout; heads; FLOPs.

    python benchmarks/models.py --folder=FOLDER t6_8M t12_35M

Speed does not depend on what the weights are, and drift hardly where activations are of
natural size: matrices have the variance 1/columns, so that attention is neither flat nor
sharp; norms and biases differ from 1 and 0, so that a loader that forgets one is found out.
"""

import argparse
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

SIZES = {
    "t6_8M": (6, 320, 20, 1280),
    "t12_35M": (12, 480, 20, 1920),
    "t30_150M": (30, 640, 20, 2560),
    "t33_650M": (33, 1280, 20, 5120),
}
"""Layers, width, heads and feed-forward width of facebook/esm2_<name>_UR50D."""

LARGE = {"t36_3B": (36, 2560, 40, 10240), "t48_15B": (48, 5120, 40, 20480)}
"""The same of the two that are measured on a GPU only."""

CACHE = Path(tempfile.gettempdir()) / "esmgo-benchmark-models"


def base_folder(size: str, cache: Path = CACHE) -> Path:
    """Return the folder of a base model, made at the first call: an `EsmForMaskedLM`, as the hub's.

    Parameters
    ----------
    size : str
        One of `SIZES`.
    cache : Path
        Where folders are kept.
    """
    folder = cache / f"esm2_{size}_random"
    if not (folder / "model.safetensors").is_file():
        # in a process of its own: what torch takes would count as memory of children measured later
        subprocess.run([sys.executable, __file__, size, f"--folder={cache}"], check=True,
                       stdout=sys.stderr)  # fmt: skip
    return folder


def make_base(size: str, folder: Path) -> None:
    """Write a base model: whole or not at all."""
    import torch
    from transformers import EsmConfig, EsmForMaskedLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    n_layers, width, n_heads, n_hidden = SIZES[size]
    config = EsmConfig(
        vocab_size=33, mask_token_id=32, pad_token_id=1, hidden_size=width,
        num_hidden_layers=n_layers, num_attention_heads=n_heads, intermediate_size=n_hidden,
        max_position_embeddings=1026, layer_norm_eps=1e-5, position_embedding_type="rotary",
        emb_layer_norm_before=False, token_dropout=True,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    model = EsmForMaskedLM(config)
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=random)
            if "word_embeddings" in name:
                weight.copy_(noise)
            elif weight.ndim == 2:
                weight.copy_(noise / weight.shape[1] ** 0.5)
            else:
                weight.copy_(0.1 * noise + ("norm" in name.lower() and "bias" not in name))
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        made = Path(temporary) / "made"
        model.save_pretrained(made)
        made.rename(folder)


def head_weights(width: int, n_terms: int) -> dict[str, Any]:
    """Return the weights of a head, by their names in transformers; the same in every process.

    Logits come out at a deviation of about 1, so that drift shows.
    """

    def draw(name: str, *shape: int) -> Any:
        random = np.random.default_rng(zlib.crc32(name.encode()))
        return random.standard_normal(shape, np.float32) / np.float32(width**0.5)

    return {
        "dense.weight": draw("dense.weight", width, width),
        "dense.bias": draw("dense.bias", width),
        "out_proj.weight": draw("out_proj.weight", n_terms, width) * np.float32(2),
        "out_proj.bias": draw("out_proj.bias", n_terms),
    }


def fill_head(head: Any, width: int, n_terms: int) -> None:
    """Give a head, of transformers or of esmgo, the weights of `head_weights`, in place."""
    import torch

    weights = head_weights(width, n_terms)
    parameters = dict(head.named_parameters())
    assert set(parameters) == set(weights), sorted(parameters)
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(torch.from_numpy(weights[name]))


def classifier(folder: Path, n_terms: int, attention: str, dropout: float = 0.0) -> Any:
    """Return ``EsmForSequenceClassification`` with the base's encoder and the head of this file."""
    from transformers import EsmForSequenceClassification
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    model = EsmForSequenceClassification.from_pretrained(
        folder, num_labels=n_terms, attn_implementation=attention, dtype="float32",
        problem_type="multi_label_classification",
        hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout,
    )  # fmt: skip
    fill_head(model.classifier, model.config.hidden_size, n_terms)
    return model.eval()


def fair_names(weights: dict[str, Any]) -> dict[str, Any]:
    """Rename the weights of transformers' ESM2 encoder to those of fair-esm."""
    parts = {
        "attention.self.query": "self_attn.q_proj", "attention.self.key": "self_attn.k_proj",
        "attention.self.value": "self_attn.v_proj", "attention.output.dense": "self_attn.out_proj",
        "attention.LayerNorm": "self_attn_layer_norm", "intermediate.dense": "fc1",
        "output.dense": "fc2", "LayerNorm": "final_layer_norm",
    }  # fmt: skip
    renamed = {}
    for name, weight in weights.items():
        if name == "embeddings.word_embeddings.weight":
            renamed["embed_tokens.weight"] = weight
        elif name.startswith("encoder.emb_layer_norm_after."):
            renamed[name.removeprefix("encoder.")] = weight
        elif name.startswith("encoder.layer.") and "inv_freq" not in name:
            number, _, rest = name.removeprefix("encoder.layer.").partition(".")
            part, _, kind = rest.rpartition(".")
            renamed[f"layers.{number}.{parts[part]}.{kind}"] = weight
    return renamed


def flops(size: str, lengths: Sequence[int], *, cls_only: bool = False) -> float:
    """Return the floating-point operations of the encoder over proteins of these lengths.

    Two for each weight of the linear layers and token, and 4 L² D a layer for attention;
    padding, norms, softmax and the head are not counted.

    Parameters
    ----------
    lengths : sequence of int
        In tokens, ``<cls>`` and ``<eos>`` included.
    cls_only : bool
        Count of the last layer only what ``<cls>`` needs: keys and values everywhere,
        all else at one position.
    """
    n_layers, width, _, n_hidden = (SIZES | LARGE)[size]
    tokens = np.asarray(lengths, float)
    attention, feed_forward = 2 * 4 * width**2, 2 * 2 * width * n_hidden
    layer = (attention + feed_forward) * tokens + 4 * width * tokens**2
    last = attention / 2 * (tokens + 1) + feed_forward + 4 * width * tokens if cls_only else layer
    return float(((n_layers - 1) * layer + last).sum())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("sizes", nargs="*", choices=list(SIZES), help="default: t6_8M")
    parser.add_argument("--folder", type=Path, default=CACHE)
    given = parser.parse_args()
    for size in given.sizes or ["t6_8M"]:
        target = given.folder / f"esm2_{size}_random"
        if not target.exists():
            make_base(size, target)
        print(target)
