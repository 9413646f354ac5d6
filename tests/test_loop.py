"""The training loop: what it prints, keeps, and repeats to the bit."""

import json
import logging
import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from killing import START, flags, weights_sha256
from training import config, train

from esmgo.cli.main import main
from esmgo.errors import TrainingError
from esmgo.learn import gradient
from esmgo.learn.finetune import fit
from esmgo.model.checkpoint import open_checkpoint

GOLDEN = Path(__file__).parent / "golden" / "losses.json"


def test_the_prints_are_those_of_the_contract(tmp_path, capsys):
    assert train(tmp_path) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Number of trainable parameters: ")
    assert lines[1] == "Fine-tuning ..."
    assert lines[-1] == "Done!"
    text = "\n".join(lines)
    for pattern in (
        r"Epoch 1: Cross Entropy: 0\.\d{5}, Gradient Norm: \d+\.\d{4}",
        r"F1: [01]\.\d{3}, Precision: [01]\.\d{3}, Recall: [01]\.\d{3}",
        r"Fmax: MF 0\.\d{3} \(term frequency alone 0\.\d{3}\), BP ",
        "Checkpoint saved",
    ):
        assert re.search(pattern, text), pattern


def test_losses_are_the_golden_ones(tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="esmgo"):
        fit(config(tmp_path, num_epochs=20, eval_interval=99, learning_rate=1e-3))
    found = [float(m.split("Entropy: ")[1].split(",")[0]) for m in caplog.messages if "Cross" in m]
    golden = json.loads(GOLDEN.read_text())
    np.testing.assert_allclose(found, golden["cross_entropy"], atol=2e-5)


def test_a_partial_window_at_the_end_is_stepped_and_fewer_proteins_than_a_batch_are_fine(tmp_path):
    rows = [
        {"id": f"p{i}", "sequence": "MKTAYIAKQR" * 3, "terms": ["GO:0000001"]} for i in range(3)
    ]
    path = tmp_path / "few.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    fit(config(tmp_path, dataset=str(path), batch_size=16, num_epochs=2))
    assert open_checkpoint(tmp_path / "c.pt").training["n_updates"] == 2


def test_killed_and_resumed_training_ends_with_the_same_bits(tmp_path):
    program = [sys.executable, str(Path(__file__).with_name("killing.py")), str(tmp_path), "2", "5"]
    done = subprocess.run(program, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["killed"] >= 2
    assert found["in_a_save"] >= 1
    assert (found["wrong"], found["unreadable"], found["left"]) == ([], [], [])


def test_the_best_epoch_stays_beside_the_last_and_predicts(tmp_path):
    fitted = fit(config(tmp_path, num_epochs=2, eval_interval=1))
    assert fitted.best_path == tmp_path / "c.best.pt"
    best = open_checkpoint(fitted.best_path)
    best.caller()
    assert best.training["epoch"] <= 2
    assert not best.optimizer_state()


def test_a_batch_without_a_finite_loss_leaves_the_weights(tmp_path, monkeypatch, capsys):
    real, calls = gradient.sparse_bce, [0]

    def loss(*args):
        calls[0] += 1
        return real(*args) * (math.nan if calls[0] == 6 else 1.0)

    monkeypatch.setattr(gradient, "sparse_bce", loss)
    assert train(tmp_path) == 0
    err = capsys.readouterr().err
    assert "epoch 1, step 2: loss or gradient not finite" in err
    assert "SYN" in err
    open_checkpoint(tmp_path / "c.pt").caller()

    monkeypatch.setattr(gradient, "sparse_bce", lambda *args: real(*args) * math.nan)
    with pytest.raises(TrainingError, match="times in a row"):
        fit(config(tmp_path / "never", num_epochs=9, eval_interval=99))
    assert not (tmp_path / "never" / "c.pt").exists()


def test_short_memory_halves_the_batches_and_keeps_the_gradient(tmp_path, monkeypatch, caplog):
    real = gradient.sparse_bce

    def scarce(logits, rows, columns):
        if len(logits) > 5 and torch.is_grad_enabled():  # not in a validation
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return real(logits, rows, columns)

    settings = {"dropout": 0.0, "learning_rate": 1e-3, "eval_interval": 99}
    fit(config(tmp_path / "plenty", **settings))
    monkeypatch.setattr(gradient, "sparse_bce", scarce)
    fit(config(tmp_path / "scarce", **settings))
    assert "continuing with 4;" in caplog.text
    plenty, scarce_ = (open_checkpoint(tmp_path / n / "c.pt") for n in ("plenty", "scarce"))
    for one, two in zip(*(c.caller().trainable().values() for c in (plenty, scarce_)), strict=True):
        torch.testing.assert_close(one, two, atol=2e-5, rtol=0)

    monkeypatch.setattr(gradient, "sparse_bce", lambda *_: (_ for _ in ()).throw(MemoryError()))
    assert main(flags(tmp_path / "none", *START)) == 5


def test_the_best_of_another_training_does_not_stay(tmp_path):
    fit(config(tmp_path / "other"))
    (tmp_path / "other" / "c.pt").rename(tmp_path / "c.best.pt")
    path = tmp_path / "one.jsonl"  # nothing to validate on, so no best epoch
    row = {"id": "p", "sequence": "MKTAYIAK", "terms": ["GO:0000001"]}
    path.write_text(json.dumps(row) + "\n")
    fitted = fit(config(tmp_path, dataset=str(path)))
    assert fitted.best_path is None
    assert not (tmp_path / "c.best.pt").exists()


def test_two_workers_prepare_the_same_batches_as_one(tmp_path):
    for workers in (1, 3):
        fit(config(tmp_path / str(workers), num_dataset_processes=workers))
    one, three = (weights_sha256(tmp_path / str(n) / "c.pt") for n in (1, 3))
    assert one == three


def test_patience_stops_a_training_that_no_longer_improves_and_more_of_it_trains_on(
    tmp_path, caplog
):
    settings = {"num_epochs": 9, "patience": 2, "eval_interval": 1, "learning_rate": 1e-9}
    with caplog.at_level("INFO", logger="esmgo"):
        fitted = fit(config(tmp_path, **settings))
    assert fitted.epoch == 3  # the first is the best
    assert "Stopped after epoch 3: 2 validations without a higher mean Fmax" in caplog.messages
    at = open_checkpoint(tmp_path / "c.pt").training
    assert (at["epoch"], at["n_worse"]) == (3, 2)
    again = config(tmp_path, **settings, resume=True)
    with caplog.at_level("INFO", logger="esmgo"):
        assert fit(again).epoch == 3
    assert caplog.messages[-1].endswith("epoch 3 of 9 is done; a larger `patience` trains on")
    assert fit(replace(again, patience=3)).epoch == 4
