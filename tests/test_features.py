"""What the frozen layers compute: stored once or computed again, with the same result."""

import logging

import numpy as np
import pytest
import torch
from killing import weights_sha256
from training import config, losses

from esmgo.dataset.opening import open_dataset
from esmgo.errors import MachineError
from esmgo.learn.activations import Store
from esmgo.learn.finetune import fit
from esmgo.learn.state import State
from esmgo.model.caller import Caller


def test_residues_are_substituted_anew_at_each_epoch_and_never_where_scores_are_asked(tmp_path):
    settings = config(tmp_path, substitution_rate=0.3, context_length=200)
    state = State.start(settings, open_dataset("sample"), None, torch.device("cpu"))
    rows = np.arange(40)
    plain, first, again, second = (
        state.features.batch(rows, epoch).packed.tokens.numpy() for epoch in (None, 1, 1, 2)
    )
    assert (first == again).all()
    assert (first != second).mean() > 0.2
    assert (first != plain).mean() == pytest.approx(0.3, abs=0.03)
    assert (plain == state.features.batch(rows).packed.tokens.numpy()).all()


@pytest.mark.parametrize("k", [0, 1])
def test_training_from_stored_activations_has_the_bits_of_computing_them_anew(k, tmp_path, caplog):
    weights = []
    for name, gigabytes in (("stored", None), ("anew", 0.0)):
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="esmgo"):
            fit(config(tmp_path / name, num_epochs=2, dropout=0.0, learning_rate=1e-3,
                       unfreeze_last_k_layers=k, cache_gb=gigabytes))  # fmt: skip
        weights.append((weights_sha256(tmp_path / name / "c.pt"), losses(caplog)))
    assert weights[0] == weights[1]
    assert len(weights[0][1]) == 2
    kept = list((tmp_path / "stored" / "activations").iterdir())
    assert len(kept) == (2 if k == 0 else 0)  # vectors serve the next training; residues are large
    assert not (tmp_path / "anew" / "activations").exists()


def test_nothing_is_stored_where_no_layer_is_frozen(tmp_path):
    fit(config(tmp_path, dropout=0.0, unfreeze_last_k_layers=2))
    assert not (tmp_path / "activations").exists()


def test_a_second_training_reads_what_the_first_has_stored(tmp_path, monkeypatch):
    fit(config(tmp_path))
    monkeypatch.setattr(Caller, "lower", lambda *_: pytest.fail("computed again"))
    fit(config(tmp_path, learning_rate=1e-2))


def test_activations_that_do_not_fit_are_computed_at_each_visit(tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="esmgo"):
        fit(config(tmp_path, cache_gb=1e-6))
    assert "(`cache_gb`): computed in each epoch" in caplog.text


def test_bf16_stores_float16_and_trains_within_its_rounding(tmp_path, caplog):
    found = []
    for name, gigabytes in (("stored", None), ("anew", 0.0)):
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="esmgo"):
            fit(config(tmp_path / name, dropout=0.0, dtype="bf16", cache_gb=gigabytes))
        found.append(float(losses(caplog)[0]))
    assert found[0] == pytest.approx(found[1], abs=2e-4)


def test_a_full_disk_ends_the_storing_and_not_the_training(tmp_path, monkeypatch, caplog):
    def full(self, values):
        raise MachineError("activations: no space left on device")

    monkeypatch.setattr(Store, "append", full)
    fit(config(tmp_path))
    assert "no space left" in caplog.text
    assert "computing activations in each epoch" in caplog.text
    assert list((tmp_path / "activations").iterdir()) == []
