"""The encoder against transformers, one protein at a time."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from oracles import SIZES, configuration, drawn, oracle, same_head, sequence
from torch.nn.functional import scaled_dot_product_attention

from esmgo.model.caller import Caller
from esmgo.model.encoder import _jagged
from esmgo.model.packing import pack
from esmgo.model.tokens import MASK, encode

GOLDEN = json.loads((Path(__file__).parent / "golden" / "logits.json").read_text())


@torch.inference_mode()
def logits_alone(model, rows) -> torch.Tensor:
    return torch.cat([model(torch.from_numpy(r.astype(np.int64))[None]).logits for r in rows])


@pytest.mark.parametrize("name", ["8M", "35M", pytest.param("150M", marks=pytest.mark.slow)])
def test_logits_equal_transformers_one_at_a_time(name, tmp_path):
    model = oracle(tmp_path, *SIZES[name])
    caller = same_head(Caller.start(tmp_path, 7, dropout=0.0, seed=0), model)
    rows = [encode(sequence(n), 1026) for n in (5, 300, 64, 129, 64)]
    with torch.inference_mode():
        ours = caller(pack(rows))
    torch.testing.assert_close(ours, logits_alone(model, rows), atol=2e-6, rtol=0)


@pytest.mark.parametrize("name", SIZES)
def test_logits_of_every_size_are_the_golden_ones_of_transformers(name):
    config = configuration(*SIZES[name])
    empty = Caller(config, config["num_labels"]).network.state_dict()
    weights = {key: drawn(key, tuple(each.shape)) for key, each in empty.items()}
    caller = Caller.restore("golden", config, weights)
    with torch.inference_mode():
        found = caller(pack([encode(sequence(n), 1026) for n in GOLDEN["lengths"]]))
    np.testing.assert_allclose(found, GOLDEN["logits"][name], rtol=1e-4, atol=2e-5)


def test_hidden_states_of_all_tokens_equal_transformers(caller_and_oracle):
    caller, model = caller_and_oracle
    rows = [encode(sequence(n), 99) for n in (30, 5, 61)]
    for row, states in zip(rows, caller.hidden(pack(rows)), strict=True):
        with torch.inference_mode():
            theirs = model.esm(torch.from_numpy(row.astype(np.int64))[None]).last_hidden_state[0]
        torch.testing.assert_close(states, theirs, atol=5e-6, rtol=0)


def test_masked_residues_are_scaled_as_transformers_scales_them(caller_and_oracle):
    caller, model = caller_and_oracle
    rows = [encode(sequence(40), 99), encode(sequence(60), 99)]
    rows[0][5:15] = MASK
    with torch.inference_mode():
        ours = caller(pack(rows))
    torch.testing.assert_close(ours, logits_alone(model, rows), atol=2e-6, rtol=0)


def test_bf16_stays_within_its_bound(caller_and_oracle):
    caller, _ = caller_and_oracle
    rows = [encode(sequence(n), 1026) for n in (50, 200, 17)]
    with torch.inference_mode():
        full, half = (caller(pack(rows), h).sigmoid() for h in (False, True))
    assert not torch.equal(full, half)
    torch.testing.assert_close(full, half, atol=2e-2, rtol=0)


def test_weights_kept_ready_for_bf16_follow_the_weights(caller_and_oracle, tmp_path):
    folder = tmp_path
    model = oracle(folder, 2, 32, 4, 64)
    caller = same_head(Caller.start(folder, 7, dropout=0.0, seed=0), model)
    packed = pack([encode(sequence(50), 99)])
    with torch.inference_mode():
        before = caller(packed, True)
    with torch.no_grad():
        for parameter in caller.encoder.layers.parameters():
            parameter.mul_(1.5)
    with torch.inference_mode():
        assert not torch.equal(caller(packed, True), before)


def test_only_cls_is_computed_where_only_cls_is_read(caller_and_oracle):
    caller, _ = caller_and_oracle
    packed = pack([encode(sequence(n), 99) for n in (20, 40)])
    vectors = caller.lower(packed)
    states = list(caller.hidden(packed))
    assert vectors.shape == (2, 32)
    torch.testing.assert_close(vectors, torch.stack([s[0] for s in states]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_gradients_of_unfrozen_layers_are_those_of_transformers(k, tmp_path):
    model = oracle(tmp_path, 3, 32, 4, 64)
    caller = same_head(Caller.start(tmp_path, 7, dropout=0.0, seed=0), model)
    caller.unfreeze(k)
    caller.train()
    rows = [encode(sequence(n), 99) for n in (20, 40)]
    caller(pack(rows)).square().sum().backward()
    for row in rows:
        model(torch.from_numpy(row.astype(np.int64))[None]).logits.square().sum().backward()
    theirs = dict(model.named_parameters())
    assert len(caller.trainable()) == 4 + 2 + 16 * k
    for name, parameter in caller.trainable().items():
        torch.testing.assert_close(parameter.grad, theirs[name].grad, atol=2e-5, rtol=1e-4)


def test_recomputed_activations_give_the_same_gradient(tmp_path):
    oracle(tmp_path, 2, 32, 4, 64)
    gradients = []
    for recomputes in (False, True):
        caller = Caller.start(tmp_path, 7, dropout=0.3, seed=0)
        caller.unfreeze(2)
        caller.train()
        caller.recomputes = recomputes
        torch.manual_seed(5)
        caller(pack([encode(sequence(30), 99)])).square().sum().backward()
        gradients.append([p.grad for p in caller.trainable().values()])
    for one, two in zip(*gradients, strict=True):
        torch.testing.assert_close(one, two)


def test_attention_of_jagged_tensors_is_that_of_each_protein():
    torch.manual_seed(0)
    packed = pack([encode(sequence(n), 1026) for n in (3, 40, 7)], fill=False)
    qkv = torch.randn(packed.n_tokens, 3, 2, 8, requires_grad=True)
    found = _jagged(qkv, packed, 0.0)
    parts = [each.transpose(0, 2).unbind(1) for each in qkv.split(list(packed.lengths))]
    expected = torch.cat([scaled_dot_product_attention(*qkv).transpose(0, 1) for qkv in parts])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    slopes = [
        torch.autograd.grad((each * expected.detach()).sum(), qkv) for each in (found, expected)
    ]
    torch.testing.assert_close(*slopes, atol=1e-5, rtol=1e-5)


def test_masked_tokens_are_seen_when_proteins_are_packed():
    tokens = encode("MKTAY", 64)
    assert not pack([tokens]).has_mask
    tokens[2] = MASK
    packed = pack([encode("MKTAY", 64), tokens])
    assert packed.has_mask
    plain = replace(pack([encode("MKTAY", 64)]), has_mask=True)
    caller = Caller.start(None, 1, dropout=0.0, seed=0)
    assert torch.equal(
        caller.encoder.embed(plain), caller.encoder.embed(replace(plain, has_mask=False))
    )
