"""Low-rank adapters: formula, training, and what a checkpoint makes of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from killing import weights_sha256
from oracles import SEQUENCES
from training import config, losses

from esmgo.cli.main import main
from esmgo.errors import CheckpointError, UsageError
from esmgo.evidence.index import as_stored
from esmgo.evidence.index_file import open_index
from esmgo.learn import gradient, windows
from esmgo.learn.finetune import fit
from esmgo.model.adapters import PLACES, Adapted, adapters
from esmgo.model.bases import check_config
from esmgo.model.caller import Caller
from esmgo.model.checkpoint import open_checkpoint
from esmgo.model.embeddings import embed
from esmgo.model.packing import pack
from esmgo.model.tokens import encode

LORA = {
    "lora_rank": 4, "lora_layers": 1, "encoder_learning_rate": 1e-2, "learning_rate": 1e-3,
    "num_epochs": 2, "lora_dropout": 0.1, "checkpoint_interval": 1, "schedule": "cosine",
    "warm_up": 0.3, "weight_decay": 0.1, "patience": 3, "eval_interval": 1,
}  # fmt: skip


def adapted(seed: int = 3, layers: int | None = None) -> Caller:
    """A caller whose adapters change its logits."""
    caller = Caller.start(None, 5, dropout=0.1, seed=1)
    caller.adapt(4, 8.0, 0.1, layers, seed)
    for each in adapters(caller.encoder):
        torch.nn.init.normal_(each.lora_B.weight, std=0.1)
    return caller


def logits(caller: Caller, half: bool = False) -> torch.Tensor:
    with torch.inference_mode():
        return caller(pack([encode(sequence, 64) for sequence in SEQUENCES]), half)


def test_new_adapters_change_nothing_and_merged_ones_compute_the_same():
    plain, caller = Caller.start(None, 5, dropout=0.1, seed=1), adapted()
    before = logits(caller)
    assert (before - logits(plain)).abs().max() > 0.01
    caller.merge()
    torch.testing.assert_close(logits(caller), before, atol=1e-5, rtol=1e-5)
    assert caller.lora is None
    assert not list(adapters(caller.encoder))
    assert set(caller.network.state_dict()) == set(plain.network.state_dict())
    plain.adapt(4, 8.0, 0.0, None, 0)
    torch.testing.assert_close(logits(plain), logits(Caller.start(None, 5, dropout=0.1, seed=1)))


def test_adapters_in_bf16_are_near_those_in_fp32():
    caller = adapted()
    torch.testing.assert_close(logits(caller, True), logits(caller), atol=0.1, rtol=0.1)


def test_only_adapters_of_the_last_layers_and_the_head_are_trained():
    caller = adapted(layers=1)
    caller.train_adapters()
    assert (caller.n_frozen, caller.n_unfrozen) == (1, 1)
    names = [name for name in caller.trainable() if not name.startswith("classifier.")]
    place = "esm.encoder.layer.1."
    assert names == [f"{place}{p}.lora_{x}.weight" for p in PLACES for x in "AB"]
    caller.train()
    assert {each.rate for each in adapters(caller.encoder)} == {0.1}
    caller.train(False)
    assert {each.rate for each in adapters(caller.encoder)} == {0.0}


def test_killed_and_resumed_training_of_adapters_ends_with_the_same_bits(tmp_path, monkeypatch):
    fit(config(tmp_path / "whole", **LORA))
    first = config(tmp_path / "parts", **LORA)
    with monkeypatch.context() as patch:
        patch.setattr("esmgo.learn.loop._is_last", lambda state: state.epoch == 1)
        fit(first)
    fit(replace(first, resume=True))
    whole, parts = (tmp_path / name / "c.pt" for name in ("whole", "parts"))
    assert weights_sha256(whole) == weights_sha256(parts)
    kept = open_checkpoint(whole).caller(merged=False).network.state_dict()
    start = Caller.start(None, 1, dropout=0.0, seed=0).encoder.state_dict()
    for name, weight in start.items():
        assert torch.equal(kept[f"esm.{name}"], weight)


def test_the_index_has_vectors_of_the_merged_encoder(tmp_path):
    path = fit(config(tmp_path, **LORA)).path
    checkpoint = open_checkpoint(path)
    index = open_index(checkpoint)
    cut = [sequence[:30] for sequence in list(index.sequences)[:50]]
    found = embed(checkpoint.caller(), cut, 32, torch.device("cpu"))
    np.testing.assert_array_equal(as_stored(found), index.vectors[:50])


def test_training_in_parallel_and_without_stored_activations_is_the_same(
    tmp_path, caplog, monkeypatch
):
    settings = LORA | {"lora_dropout": 0.0, "dropout": 0.0}
    found = []
    for name, cache, workers in (("a", None, 1), ("b", 0, 1), ("c", None, 2)):
        caplog.clear()
        for module in (gradient, windows):
            monkeypatch.setattr(module, "workers_of", lambda state, n=workers: n)
        with caplog.at_level("INFO", logger="esmgo"):
            fit(config(tmp_path / name, **settings, cache_gb=cache))
        found.append([float(each) for each in losses(caplog)])
    assert found[0] == found[1] == pytest.approx(found[2], rel=1e-4)
    assert found[0][1] < found[0][0]


def test_adapters_that_the_encoder_cannot_have_are_refused(tmp_path, capsys):
    with pytest.raises(UsageError, match="3 is above 2, the layers of this encoder"):
        fit(config(tmp_path, lora_rank=4, lora_layers=3))
    with pytest.raises(UsageError, match="129 is above 128, the width"):
        fit(config(tmp_path, lora_rank=129))
    words = ["train", "--base_model=tiny", f"--checkpoint_path={tmp_path / 'x.pt'}"]
    assert main([*words, "--lora_alpha=3"]) == 2
    assert "--lora_alpha has no effect without --lora_rank" in capsys.readouterr().err
    assert main([*words, "--lora_rank=3", "--unfreeze_last_k_layers=1"]) == 2
    assert "leave out --unfreeze_last_k_layers" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [{"rank": 0}, {"rank": 129}, {"layers": 3}, {"layers": True}, {"alpha": -1.0}, {"alpha": 1},
     {"dropout": 1.0}, {"more": 1}],
)  # fmt: skip
def test_a_damaged_configuration_of_adapters_is_refused(change):
    sizes = adapted().sizes()
    check_config("x", sizes)
    with pytest.raises(CheckpointError, match="no adapters of this encoder"):
        check_config("x", sizes | {"lora": sizes["lora"] | change})


def test_adapters_are_those_of_peft():
    peft = pytest.importorskip("peft", reason="needs the package peft")
    torch.manual_seed(1)
    plain = adapted().encoder.layers[0].attention.self.query.merged()
    other = torch.nn.Sequential()
    other.query = torch.nn.Linear(plain.in_features, plain.out_features)
    other.query.load_state_dict(plain.state_dict())
    ours = Adapted(plain, 4, 2.0)
    for each in (ours.lora_A, ours.lora_B):
        torch.nn.init.normal_(each.weight, std=0.1)
    settings = peft.LoraConfig(r=4, lora_alpha=8, target_modules=["query"])
    peft.inject_adapter_in_model(settings, other)
    theirs = other.query
    theirs.lora_A["default"].load_state_dict(ours.lora_A.state_dict())
    theirs.lora_B["default"].load_state_dict(ours.lora_B.state_dict())
    x = torch.randn(7, plain.in_features)
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-6, rtol=1e-6)
    theirs.merge()
    merged = ours.merged().weight
    torch.testing.assert_close(merged, theirs.base_layer.weight, atol=1e-6, rtol=1e-6)
