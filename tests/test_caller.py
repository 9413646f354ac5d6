"""The caller: encoder and head, frozen and unfrozen layers, large encoders."""

import numpy as np
import pytest
import torch
from oracles import SEQUENCES, hidden
from training import config
from transformers import EsmConfig, EsmModel

from esmgo.cli.main import main
from esmgo.dataset.opening import open_dataset
from esmgo.errors import UsageError
from esmgo.go.labels import LabelSpace
from esmgo.learn.finetune import fit
from esmgo.learn.state import State
from esmgo.model import caller as module
from esmgo.model.caller import Caller
from esmgo.model.checkpoint import open_checkpoint, save_checkpoint
from esmgo.model.packing import pack
from esmgo.model.tokens import encode


def test_frozen_layers_have_no_dropout_and_no_gradient(tmp_path):
    data = open_dataset("sample")
    state = State.start(config(tmp_path, dropout=0.5), data, None, torch.device("cpu"))
    caller = state.caller
    caller.train()
    packed = pack([encode(s, 64) for s in data.train.sequences[:4]])
    one, two = (caller.lower(packed) for _ in range(2))
    assert torch.equal(one, two)
    assert not one.requires_grad
    assert not torch.equal(caller(packed), caller(packed))
    assert all(name.startswith("classifier.") for name in caller.trainable())
    caller.unfreeze(1)
    names = set(caller.trainable())
    assert "esm.encoder.emb_layer_norm_after.weight" in names
    last = len(caller.encoder.encoder.layer) - 1
    layers = {int(n.split(".")[3]) for n in names if n.startswith("esm.encoder.layer.")}
    assert layers == {last}
    caller.train()
    one, two = (caller(packed) for _ in range(2))
    assert one.requires_grad
    assert not torch.equal(one, two)
    caller.train(False)
    assert torch.equal(caller(packed), caller(packed))


def test_a_large_encoder_is_kept_in_bf16_and_comes_back_from_a_checkpoint(
    base, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "LARGE", 1)
    small = Caller.start(base, 3, dropout=0.0, seed=1, half=True)
    assert {p.dtype for p in small.encoder.parameters()} == {torch.bfloat16}
    assert {p.dtype for p in small.head.parameters()} == {torch.float32}
    monkeypatch.undo()
    whole = Caller.start(base, 3, dropout=0.0, seed=1, half=True)
    torch.testing.assert_close(hidden(small), hidden(whole), atol=0.05, rtol=0.05)
    labels = open_dataset("sample").labels
    kept = LabelSpace(labels.terms[:1], ((),))
    caller = Caller.start(base, 1, dropout=0.0, seed=1)
    caller.encoder.to(torch.bfloat16)
    training = {"settings": {}, "validation": [], "dataset_sha256": "", "runs_on": "",
                "seed": 0, "epoch": 0, "step": 0, "n_updates": 0, "n_epoch_updates": 0,
                "n_epoch_cells": 0, "threads": 1, "loss_sum": 0.0, "norm_sum": 0.0,
                "best_fmax": -1.0}  # fmt: skip
    save_checkpoint(tmp_path / "c.pt", caller, kept, 99, training)
    again = open_checkpoint(tmp_path / "c.pt").caller()
    assert torch.equal(hidden(again), hidden(caller))


def test_a_layer_count_beyond_the_encoder_is_refused(capsys, tmp_path):
    words = ["train", "--base_model=tiny", "--dataset=sample", "--unfreeze_last_k_layers=99",
             f"--checkpoint_path={tmp_path / 'c.pt'}", "--device=cpu"]  # fmt: skip
    assert main(words) == 2
    assert "layers" in capsys.readouterr().err


def test_unfrozen_layers_of_a_large_encoder_train_in_fp32(base, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LARGE", 1)
    settings = {"base_model": str(base), "dtype": "bf16", "unfreeze_last_k_layers": 1}
    settings |= {"num_epochs": 2, "eval_interval": 9, "learning_rate": 1e-4}
    fit(config(tmp_path, **settings))
    before = Caller.start(base, 1, dropout=0.0, seed=1, half=True).encoder
    checkpoint = open_checkpoint(tmp_path / "c.pt")
    after = checkpoint.caller().encoder
    frozen, trained = after.layers
    assert {p.dtype for p in frozen.parameters()} == {torch.bfloat16}
    assert {p.dtype for p in trained.parameters()} == {torch.float32}
    assert all(torch.equal(*pair) for pair in zip(
        before.layers[0].parameters(), frozen.parameters(), strict=True
    ))  # fmt: skip
    moved = [
        (a != b).double().mean().item()
        for a, b in zip(before.layers[1].parameters(), trained.parameters(), strict=True)
    ]
    assert np.median(moved) > 0.99  # in bf16 most updates are rounded away
    assert {t.dtype for t in checkpoint.optimizer_state().values()} == {torch.float32}


def test_a_training_of_bf16_layers_resumes_in_fp32(base, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LARGE", 1)
    settings = {"base_model": str(base), "dtype": "bf16", "unfreeze_last_k_layers": 1}
    real = Caller.unfreeze

    def in_bf16(caller, k):  # as before
        real(caller, k)
        caller.encoder.bfloat16()

    with monkeypatch.context() as patch:
        patch.setattr(Caller, "unfreeze", in_bf16)
        fit(config(tmp_path, **settings))
    old = open_checkpoint(tmp_path / "c.pt").optimizer_state()
    assert torch.bfloat16 in {t.dtype for t in old.values()}
    fit(config(tmp_path, num_epochs=2, resume=True, **settings), {"num_epochs"})
    new = open_checkpoint(tmp_path / "c.pt")
    assert {t.dtype for t in new.optimizer_state().values()} == {torch.float32}
    assert {p.dtype for p in new.caller().encoder.layers[1].parameters()} == {torch.float32}


def test_the_first_layers_of_a_base_are_those_of_a_shallower_model(base, tmp_path, caplog):
    sizes = EsmConfig.from_pretrained(base, num_hidden_layers=1)
    theirs = EsmModel.from_pretrained(
        base, config=sizes, add_pooling_layer=False, ignore_mismatched_sizes=True
    ).eval()
    caplog.clear()
    caller = Caller.start(base, 3, dropout=0.0, seed=1, layers=1)
    assert not caplog.messages
    assert caller.sizes()["num_hidden_layers"] == len(caller.encoder.layers) == 1
    tokens = encode(SEQUENCES[0], 64)
    with torch.inference_mode():
        (ours,) = caller.hidden(pack([tokens]))
        states = theirs(torch.from_numpy(tokens.astype("int64"))[None]).last_hidden_state[0]
    torch.testing.assert_close(ours, states, atol=1e-5, rtol=1e-5)
    with pytest.raises(UsageError, match="3 is above 2, the layers of this base"):
        Caller.start(base, 3, dropout=0.0, seed=1, layers=3)
    path = fit(config(tmp_path, encoder_layers=1)).path
    assert open_checkpoint(path).encoder["num_hidden_layers"] == 1
