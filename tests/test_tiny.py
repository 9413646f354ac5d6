"""The embedded encoder: stock architecture, the same weights everywhere, sensitive to motifs."""

import hashlib

import pytest
import torch
from transformers import EsmConfig
from transformers.models.esm.modeling_esm import EsmModel

from esmgo.model.tiny import OFFSETS, tiny_sizes, tiny_weights

LETTERS = "LAGVSERTIDPKQNFYMHWC"


@pytest.fixture(scope="module")
def encoder():
    encoder = EsmModel(EsmConfig(**tiny_sizes()), add_pooling_layer=False).eval()
    encoder.load_state_dict(tiny_weights(), strict=False)
    return encoder


def _tokens(sequence):
    return torch.tensor([[0, *(LETTERS.index(residue) + 4 for residue in sequence), 2]])


@torch.inference_mode()
def _cls(encoder, sequence):
    return encoder(_tokens(sequence)).last_hidden_state[0, 0]


def _digest(weights):
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(weights[name].numpy().tobytes())
    return digest.hexdigest()


def test_weights_are_the_same_at_each_call_whatever_the_seed():
    torch.manual_seed(1)
    first = _digest(tiny_weights())
    torch.manual_seed(2)
    assert _digest(tiny_weights()) == first


def test_weights_are_those_of_the_release():
    # rounded: the last bit of a cosine may differ between C libraries
    rounded = {name: (w.double() * 1e4).round().int() for name, w in tiny_weights().items()}
    assert _digest(rounded) == "e68ba4d56a96aef22bb7c74fe9281a6adeb26b0551adfee0db427efebebd9f89"


def test_weights_fit_the_stock_architecture():
    encoder = EsmModel(EsmConfig(**tiny_sizes()), add_pooling_layer=False)
    computed = {
        name: tensor
        for name, tensor in encoder.state_dict().items()
        if name.startswith(("contact_head.", "rotary_embeddings."))
    }
    encoder.load_state_dict(tiny_weights() | computed, strict=True)
    assert all(tensor.isfinite().all() for tensor in encoder.state_dict().values())


@torch.inference_mode()
def test_the_heads_of_the_first_layer_look_at_fixed_distances():
    config = EsmConfig(**tiny_sizes())
    config._attn_implementation = "eager"
    encoder = EsmModel(config, add_pooling_layer=False).eval()
    encoder.load_state_dict(tiny_weights(), strict=False)
    sequence = (LETTERS * 15)[:300]
    weights = encoder(_tokens(sequence), output_attentions=True).attentions[0][0]  # (H, L, L)
    for head, offset in enumerate(OFFSETS):
        at = torch.arange(10, 290)
        assert (weights[head, at, at + offset] > 0.98).all()


@pytest.mark.parametrize("position", [5, 60, 140])
def test_a_planted_motif_changes_the_cls_vector(encoder, position):
    plain = "".join(LETTERS[(7 * i * i + i) % 20] for i in range(160))
    motif = "GPPGTGKT"
    planted = plain[:position] + motif + plain[position + len(motif) :]
    shuffled = plain[:position] + "TGKGPTGP" + plain[position + len(motif) :]
    base, changed = _cls(encoder, plain), _cls(encoder, planted)
    assert (base - changed).norm() > 0.02 * base.norm()
    assert (_cls(encoder, shuffled) - changed).norm() > 0.02 * base.norm()  # order counts


@torch.inference_mode()
def test_padding_does_not_change_the_cls_vector(encoder):
    tokens = _tokens(LETTERS * 4)
    padded = torch.nn.functional.pad(tokens, (0, 30), value=1)
    mask = (padded != 1).long()
    alone = encoder(tokens).last_hidden_state[0, 0]
    together = encoder(padded, attention_mask=mask).last_hidden_state[0, 0]
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=1e-5)
