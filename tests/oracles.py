"""Random models of transformers, and what an encoder makes of a protein alone."""

import numpy as np
import torch
from transformers import EsmConfig
from transformers.models.esm.modeling_esm import EsmForSequenceClassification

from esmgo.model.caller import Caller
from esmgo.model.packing import pack
from esmgo.model.tokens import encode

LETTERS = "LAGVSERTIDPKQNFYMHWC"
SEQUENCES = ["MKTAYIAKQRQISFVKSHFSRQLEERLG", "MASMAGVGGGSGKRVPPTRVWWRLYEFALGLLGVVFFAAAATSGK", "MU"]


def sequence(n: int, seed: int = 0) -> str:
    """A random protein, the same for each length and seed."""
    return "".join(np.random.default_rng([seed, n]).choice(list(LETTERS), n))


def oracle(folder, n_layers: int, width: int, n_heads: int, n_hidden: int):
    """A random ESM2 of transformers, saved, whose biases are not zero."""
    torch.manual_seed(0)
    config = EsmConfig(
        vocab_size=33, mask_token_id=32, pad_token_id=1, hidden_size=width, num_labels=7,
        num_hidden_layers=n_layers, num_attention_heads=n_heads, intermediate_size=n_hidden,
        position_embedding_type="rotary", token_dropout=True, emb_layer_norm_before=False,
        layer_norm_eps=1e-5, max_position_embeddings=1026,
    )  # fmt: skip
    model = EsmForSequenceClassification(config).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.1)
    model.save_pretrained(folder)
    return model


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
