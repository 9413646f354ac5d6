"""One vector per protein: cls, mean, max and attention, and trainings with each."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from killing import weights_sha256
from oracles import SEQUENCES
from torch import nn
from training import config, losses

from esmgo.cli.main import main
from esmgo.errors import CheckpointError
from esmgo.evidence.index import as_stored
from esmgo.evidence.index_file import open_index
from esmgo.learn.finetune import fit
from esmgo.model.bases import POOLS, check_config
from esmgo.model.caller import Caller
from esmgo.model.checkpoint import open_checkpoint
from esmgo.model.embeddings import embed
from esmgo.model.packing import pack
from esmgo.model.pooling import pooled
from esmgo.model.tokens import encode

CPU = torch.device("cpu")


def expected(states: torch.Tensor, pool: str, query: torch.Tensor) -> torch.Tensor:
    """The vector of one protein, written out in float64."""
    residues = states[1:-1].double()
    return {
        "cls": lambda: states[0].double(),
        "mean": lambda: residues.mean(0),
        "max": lambda: residues.max(0).values,
        "attention": lambda: (residues @ query.double()).softmax(0) @ residues,
    }[pool]()


@given(st.lists(st.integers(1, 200), min_size=1, max_size=6), st.sampled_from(POOLS))
def test_a_vector_is_that_of_its_protein_alone(lengths, pool):
    torch.manual_seed(0)
    texts = [("MKTAYIAKQR" * 20)[:n] for n in lengths]
    packed = pack([encode(text, 1026) for text in texts])
    x, query = torch.randn(len(packed.tokens), 8), nn.Linear(8, 1, bias=False)
    found = pooled(x, packed, pool, query).detach()
    for states, vector, text in zip(packed.split(x), found, texts, strict=True):
        right = expected(states, pool, query.weight[0].detach())
        torch.testing.assert_close(vector.double(), right, atol=1e-5, rtol=1e-5)
        alone = pack([encode(text, 1026)])
        padding = torch.zeros(len(alone.tokens) - len(states), 8)
        alone = pooled(torch.cat([states, padding]), alone, pool, query).detach()
        assert torch.equal(alone[0], vector)


@pytest.mark.parametrize("pool", POOLS)
def test_gradients_of_the_states_are_those_of_the_formula(pool):
    torch.manual_seed(0)
    query = nn.Linear(8, 1, bias=False)
    packed = pack([encode(text, 64) for text in ("MKT", "ACDEFGHIKL", "W")])
    x = torch.randn(len(packed.tokens), 8, dtype=torch.float64, requires_grad=True)
    query.double()
    slots = torch.randn(3, 8, dtype=torch.float64)
    found = torch.autograd.grad((pooled(x, packed, pool, query) * slots).sum(), x)
    right = torch.stack([expected(s, pool, query.weight[0]) for s in packed.split(x)])
    for one, other in zip(found, torch.autograd.grad((right * slots).sum(), x), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("pool", ["mean", "attention"])
def test_a_training_resumes_and_its_index_and_scores_are_those_of_the_pool(
    pool, tmp_path, monkeypatch, caplog
):
    settings = {"pool": pool, "num_epochs": 2, "learning_rate": 1e-3, "checkpoint_interval": 1}
    with caplog.at_level("INFO", logger="esmgo"):
        fit(config(tmp_path / "whole", **settings))
    first, second = map(float, losses(caplog))
    assert second < first
    start = config(tmp_path / "parts", **settings)
    with monkeypatch.context() as patch:
        patch.setattr("esmgo.learn.loop._is_last", lambda state: state.epoch == 1)
        fit(start)
    fit(replace(start, resume=True))
    whole, parts = (tmp_path / name / "c.pt" for name in ("whole", "parts"))
    assert weights_sha256(whole) == weights_sha256(parts)

    checkpoint = open_checkpoint(whole)
    assert checkpoint.encoder["pool"] == pool
    caller, index = checkpoint.caller(), open_index(checkpoint)
    cut = [sequence[:30] for sequence in list(index.sequences)[:20]]
    np.testing.assert_array_equal(as_stored(embed(caller, cut, 32, CPU)), index.vectors[:20])
    packed = pack([encode(each, 32) for each in cut])
    query = caller.head.pool and caller.head.pool.weight[0]
    with torch.inference_mode():
        right = [expected(states, pool, query) for states in caller.hidden(packed)]
        logits = caller.head(torch.stack(right).float())
    caller.train(False)
    with torch.inference_mode():
        scores = caller.probabilities(caller.lower(packed), packed)
    torch.testing.assert_close(scores, logits.sigmoid(), atol=1e-4, rtol=1e-3)


def test_unfrozen_layers_train_below_a_pool(tmp_path, caplog):
    with caplog.at_level("INFO", logger="esmgo"):
        fit(config(tmp_path, pool="max", unfreeze_last_k_layers=1, num_epochs=2, dropout=0.0,
                   learning_rate=1e-3))  # fmt: skip
    first, second = map(float, losses(caplog))
    assert second < first


def test_a_head_on_residues_is_not_exported(tmp_path, capsys):
    path = fit(config(tmp_path, pool="max")).path
    words = ["export", f"--checkpoint_path={path}", f"--output_dir={tmp_path / 'X'}"]
    assert main(words) == 6
    assert "its head reads the max of residues" in capsys.readouterr().err
    assert not (tmp_path / "X").exists()


def test_a_checkpoint_without_a_pool_reads_cls_and_an_unknown_one_is_refused():
    caller = Caller.start(None, 3, dropout=0.0, seed=0)
    assert "pool" not in caller.sizes()
    assert caller.pool == "cls"
    with pytest.raises(CheckpointError, match="pool is 'sum', expected one of cls, mean"):
        check_config("x", caller.sizes() | {"pool": "sum"})


def test_attention_starts_as_a_mean():
    packed = pack([encode(sequence, 64) for sequence in SEQUENCES])
    found = [
        Caller.start(None, 3, dropout=0.0, seed=0, pool=pool)(packed).detach()
        for pool in ("mean", "attention")
    ]
    torch.testing.assert_close(*found, atol=1e-5, rtol=1e-5)
