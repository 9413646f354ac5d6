"""Random models of transformers, and what an encoder makes of a protein alone."""

import json
import math
import zlib

import numpy as np
import torch
from transformers import EsmConfig, EsmModel
from transformers.models.esm.modeling_esm import EsmForSequenceClassification

from esmgo.model.caller import Caller
from esmgo.model.packing import pack
from esmgo.model.tokens import encode

LETTERS = "LAGVSERTIDPKQNFYMHWC"
SIZES = {"8M": (6, 320, 20, 1280), "35M": (12, 480, 20, 1920), "150M": (30, 640, 20, 2560)}
"""Layers, width, heads and feed-forward width of ESM2."""

SEQUENCES = ["MKTAYIAKQRQISFVKSHFSRQLEERLG", "MASMAGVGGGSGKRVPPTRVWWRLYEFALGLLGVVFFAAAATSGK", "MU"]


def sequence(n: int, seed: int = 0) -> str:
    """A random protein, the same for each length and seed."""
    return "".join(LETTERS[i] for i in np.random.PCG64([seed, n]).random_raw(n) % np.uint64(20))


def configuration(n_layers: int, width: int, n_heads: int, n_hidden: int) -> dict:
    """An ESM2 with a head of seven terms, as config.json has it."""
    return {
        "model_type": "esm", "vocab_size": 33, "mask_token_id": 32, "pad_token_id": 1,
        "hidden_size": width, "num_labels": 7, "num_hidden_layers": n_layers,
        "num_attention_heads": n_heads,
        "intermediate_size": n_hidden, "position_embedding_type": "rotary", "token_dropout": True,
        "emb_layer_norm_before": False, "layer_norm_eps": 1e-5, "max_position_embeddings": 1026,
    }  # fmt: skip


def oracle(folder, *sizes: int):
    """A random ESM2 of transformers, saved, whose biases are not zero."""
    torch.manual_seed(0)
    model = EsmForSequenceClassification(EsmConfig(**configuration(*sizes))).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.1)
    model.save_pretrained(folder)
    return model


def drawn(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Weights that are the same on every machine and with every version: bits of PCG64, scaled.

    Matrices have a variance of 1/columns, so that attention is neither flat nor sharp, and those
    of the output twice the deviation; norms are near 1, biases near 0.
    """
    bits = np.random.PCG64(zlib.crc32(name.encode())).random_raw(math.prod(shape))
    uniform = torch.from_numpy((bits >> np.uint64(40)).astype(np.float32) / 2**23 - 1)
    values = uniform.reshape(shape) * math.sqrt(3)  # of variance 1
    if "word_embeddings" in name:
        return values
    if len(shape) == 2:
        return values * (2 if "out_proj" in name else 1) / math.sqrt(shape[1])
    return 0.1 * values + ("norm" in name.lower() and name.endswith("weight"))


def same_head(caller: Caller, model) -> Caller:
    """Give a caller the head of a model of transformers."""
    caller.head.load_state_dict(model.classifier.state_dict())
    return caller


def states(tiny, text):
    """The final hidden states of ``<cls>``, the residues and ``<eos>`` of one protein, alone."""
    (found,) = tiny.hidden(pack([encode(text, 100_000)]))
    return found.numpy()


def hidden(caller):
    """All final states of some proteins."""
    return torch.cat(list(caller.hidden(pack([encode(s, 99) for s in SEQUENCES]))))


def theirs(folder):
    """All final states of the same proteins by transformers, in float32."""
    model = EsmModel.from_pretrained(
        folder, add_pooling_layer=False, dtype=torch.float32, ignore_mismatched_sizes=True
    ).eval()
    with torch.inference_mode():
        tokens = (torch.tensor(encode(s, 99).astype(int)[None]) for s in SEQUENCES)
        return torch.cat([model(each).last_hidden_state[0] for each in tokens])


def edit(folder, **changes):
    """Change entries of the config.json of a folder."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
