"""The training loop: what it prints, keeps, refuses, and repeats to the bit."""

import json
import logging
import math
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from killing import START, flags, weights_sha256

from esmgo.cli.main import main
from esmgo.errors import TrainingError, UsageError
from esmgo.learn.config import TrainConfig
from esmgo.learn.finetune import fit
from esmgo.learn.lock import exclusive
from esmgo.model.checkpoint import open_checkpoint

ROOT = Path(__file__).parents[1]
GOLDEN = Path(__file__).parent / "golden" / "losses.json"


def train(folder, *words):
    return main(flags(folder, *START, "--num_epochs=2", *words))


def config(folder, **changes):
    settings = {
        "base_model": "tiny", "dataset": "sample", "num_epochs": 1, "seed": 3, "device": "cpu",
        "context_length": 32, "precision": "fp32",
        "checkpoint_path": str(folder / "c.pt"), "run_dir_path": str(folder / "runs"),
    }  # fmt: skip
    return TrainConfig(**(settings | changes))


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
        import re

        assert re.search(pattern, text), pattern


def test_losses_are_the_golden_ones(tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="esmgo"):
        fit(config(tmp_path, num_epochs=20, eval_interval=99, learning_rate=1e-3))
    found = [float(m.split("Entropy: ")[1].split(",")[0]) for m in caplog.messages if "Cross" in m]
    golden = json.loads(GOLDEN.read_text())
    np.testing.assert_allclose(found, golden["cross_entropy"], atol=2e-5)


def test_the_output_bias_starts_at_the_log_odds_of_each_term(tmp_path):
    from esmgo.dataset.opening import open_dataset
    from esmgo.learn.state import State

    data = open_dataset("sample")
    state = State.start(config(tmp_path), data, None, torch.device("cpu"))
    counts = np.bincount(data.train.indices, minlength=len(data.labels))
    rate = (counts + 0.5) / (len(data.train) + 1)
    bias = state.caller.head.out_proj.bias.detach().numpy()
    np.testing.assert_allclose(bias, np.log(rate / (1 - rate)), rtol=1e-5, atol=1e-6)


def test_residues_are_substituted_anew_at_each_epoch_and_never_where_scores_are_asked(tmp_path):
    from esmgo.dataset.opening import open_dataset
    from esmgo.learn.state import State

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


def test_a_linear_schedule_goes_up_and_then_down_to_nothing(tmp_path):
    from esmgo.dataset.opening import open_dataset
    from esmgo.learn.state import State

    chosen = config(tmp_path, schedule="linear", learning_rate=1.0, num_epochs=10)
    state = State.start(chosen, open_dataset("sample"), None, torch.device("cpu"))
    rates = []
    for state.epoch in range(10):
        for state.step in range(50):
            rates.append(state.set_learning_rate(50))
    assert state.optimizer.param_groups[0]["lr"] == rates[-1] == pytest.approx(1 / 500)
    np.testing.assert_allclose(rates[:9], np.arange(1, 10) / 10)  # 2 % of 500 steps
    np.testing.assert_allclose(rates[10:], 1 - np.arange(10, 500) / 500)


def test_frozen_layers_have_no_dropout_and_no_gradient(tmp_path):
    from esmgo.dataset.opening import open_dataset
    from esmgo.learn.state import State
    from esmgo.model.packing import pack
    from esmgo.model.tokens import encode

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


def test_the_gradient_does_not_depend_on_how_a_window_is_cut(tmp_path):
    results = []
    for batch_size, steps in ((16, 4), (64, 1)):
        folder = tmp_path / str(batch_size)
        fit(config(folder, dropout=0.0, batch_size=batch_size, learning_rate=1e-3,
                   gradient_accumulation_steps=steps, eval_interval=99))  # fmt: skip
        results.append(open_checkpoint(folder / "c.pt").training["n_updates"])
    assert results[0] == results[1]
    from esmgo.dataset.opening import open_dataset
    from esmgo.learn.gradient import window_of
    from esmgo.learn.loop import _step
    from esmgo.learn.state import State
    from esmgo.learn.stop import StopRequest

    data = open_dataset("sample")
    gradients = []
    for cut in (1, 3):
        state = State.start(config(tmp_path, dropout=0.0), data, None, torch.device("cpu"))
        parameters = list(state.caller.trainable().values())

        def keep(parameters=parameters):
            gradients.append([p.grad.clone() for p in parameters])

        state.optimizer.step = keep
        window = np.array_split(np.arange(20), cut)
        _step(state, window, window_of(state, window), StopRequest())
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_batches_side_by_side_have_the_gradient_of_one_after_the_other(tmp_path, threads):
    from esmgo.dataset.opening import open_dataset
    from esmgo.learn.gradient import add_gradient, window_of
    from esmgo.learn.state import State
    from esmgo.learn.stop import StopRequest

    data = open_dataset("sample")
    gradients = []
    for n in (1, 3, 3):
        threads(n)
        chosen = config(tmp_path, dropout=0.0, unfreeze_last_k_layers=2)
        state = State.start(chosen, data, None, torch.device("cpu"))
        window = window_of(state, [np.arange(16), np.arange(16, 23)])
        assert [batch.n for batch in window.batches] == ([16, 7] if n == 1 else [6, 6, 4, 3, 3, 1])
        loss = add_gradient(state, window, StopRequest())
        assert torch.get_num_threads() == n
        found = [p.grad.clone() for p in state.caller.trainable().values()]
        gradients.append([torch.tensor(loss), *found])
    for one, *others in zip(*gradients, strict=True):
        assert torch.equal(*others)
        torch.testing.assert_close(one, others[0], rtol=1e-4, atol=1e-7)


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


@pytest.mark.parametrize(
    ("signum", "more"),
    [(signal.SIGTERM, ()), (signal.SIGINT, ("--substitution_rate=0.2",))],
)
def test_a_signal_saves_and_leaves_and_resume_ends_with_the_same_bits(
    tmp_path, signum, more, capsys
):
    assert train(tmp_path / "whole", *more) == 0
    wanted = weights_sha256(tmp_path / "whole" / "c.pt")
    from esmgo.learn import loop

    real, steps = loop._step, [0]

    def step(*args):
        steps[0] += 1
        if steps[0] == 11:
            os.kill(os.getpid(), signum)
        return real(*args)

    loop._step = step
    try:
        assert train(tmp_path / "stopped", *more) == 128 + signum
    finally:
        loop._step = real
    err = capsys.readouterr().err
    assert "--resume" in err
    at = open_checkpoint(tmp_path / "stopped" / "c.pt").training
    assert (at["epoch"], at["step"]) == (1, 10 - at_steps(at))
    assert main(flags(tmp_path / "stopped", "--resume")) == 0
    assert "Previous checkpoint resumed successfully" in capsys.readouterr().out
    assert weights_sha256(tmp_path / "stopped" / "c.pt") == wanted


def at_steps(at) -> int:
    """Windows of an epoch of the sample."""
    return -(-at["n_train"] // 64)


def test_resume_takes_settings_from_the_checkpoint_and_more_epochs_go_on(tmp_path, capsys):
    assert train(tmp_path) == 0
    assert main(flags(tmp_path, "--resume", "--num_epochs=3", "--learning_rate=2e-3")) == 0
    at = open_checkpoint(tmp_path / "c.pt").training
    assert at["epoch"] == 3
    assert at["settings"]["learning_rate"] == 2e-3
    assert at["settings"]["seed"] == 7


def test_resume_names_every_setting_that_must_not_change(tmp_path, capsys):
    assert train(tmp_path) == 0
    before = (tmp_path / "c.pt").read_bytes()
    capsys.readouterr()
    assert main(flags(tmp_path, "--resume", "--dropout=0.3", "--batch_size=2")) == 2
    err = capsys.readouterr().err
    assert "--dropout" in err
    assert "--batch_size" in err
    assert main(flags(tmp_path, "--resume", "--dataset_subset=mf")) == 2
    assert "--dataset_subset" in capsys.readouterr().err
    assert (tmp_path / "c.pt").read_bytes() == before


def test_resume_refuses_another_data_set(tmp_path, capsys):
    rows = [{"id": f"p{i}", "sequence": "MKTAYIAK" * 4, "terms": ["GO:0000001"]} for i in range(9)]
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    fit(config(tmp_path, dataset=str(path)))
    rows[0]["sequence"] = "MKTAYIAR" * 4
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(UsageError, match="data set changed"):
        fit(config(tmp_path, dataset=str(path), resume=True))


def test_resume_without_a_checkpoint_starts_and_says_so(tmp_path, capsys):
    assert train(tmp_path, "--resume") == 0
    assert "starting from the beginning" in capsys.readouterr().err


def test_the_best_epoch_stays_beside_the_last_and_predicts(tmp_path):
    fitted = fit(config(tmp_path, num_epochs=2, eval_interval=1))
    assert fitted.best_path == tmp_path / "c.best.pt"
    best = open_checkpoint(fitted.best_path)
    best.caller()
    assert best.training["epoch"] <= 2
    assert not best.optimizer_state()


def test_the_validation_split_is_kept(tmp_path):
    fit(config(tmp_path))
    first = open_checkpoint(tmp_path / "c.pt").training["validation"]
    fit(config(tmp_path, num_epochs=2, resume=True))
    assert open_checkpoint(tmp_path / "c.pt").training["validation"] == first


def test_a_batch_without_a_finite_loss_leaves_the_weights(tmp_path, monkeypatch, capsys):
    from esmgo.learn import gradient

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
    from esmgo.learn import gradient

    real = gradient.sparse_bce

    def scarce(logits, rows, columns):
        if len(logits) > 5:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return real(logits, rows, columns)

    settings = {"dropout": 0.0, "learning_rate": 1e-3, "eval_interval": 99}
    fit(config(tmp_path / "plenty", **settings))
    monkeypatch.setattr(gradient, "sparse_bce", scarce)
    fit(config(tmp_path / "scarce", **settings))
    assert "going on with 4," in caplog.text
    plenty, scarce_ = (open_checkpoint(tmp_path / n / "c.pt") for n in ("plenty", "scarce"))
    for one, two in zip(*(c.caller().trainable().values() for c in (plenty, scarce_)), strict=True):
        torch.testing.assert_close(one, two, atol=2e-5, rtol=0)

    monkeypatch.setattr(gradient, "sparse_bce", lambda *_: (_ for _ in ()).throw(MemoryError()))
    assert main(flags(tmp_path / "none", *START)) == 5


def test_a_second_writer_is_refused_and_told_who_is_first(tmp_path):
    with exclusive(tmp_path / "c.pt"):
        found = []

        def second():
            try:
                with exclusive(tmp_path / "c.pt"):
                    found.append("entered")
            except UsageError as error:
                found.append(str(error))

        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
        assert f"pid {os.getpid()}" in found[0]
    with exclusive(tmp_path / "c.pt"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told_before_training(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(flags(tmp_path / "file" / "x", *START)) == 5
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("path", ["", ".", "/", "here"])
def test_a_checkpoint_path_that_is_a_folder_is_refused_at_once(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    for resume, code in ([], 2), (["--resume"], 6):
        words = ["train", *START, "--device=cpu", f"--checkpoint_path={path}", *resume]
        assert main(words) == code
        assert "folder" in capsys.readouterr().err


def test_a_second_signal_leaves_at_once_and_the_last_checkpoint_is_whole(tmp_path, monkeypatch):
    from esmgo.learn import state

    assert train(tmp_path) == 0
    before = (tmp_path / "c.pt").read_bytes()

    def save(path, *args):
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("the second signal should have ended the save")

    real, steps = state.State.seed_step, [0]

    def seed_step(self):
        steps[0] += 1
        if steps[0] == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        real(self)

    monkeypatch.setattr(state, "save_checkpoint", save)
    monkeypatch.setattr(state.State, "seed_step", seed_step)
    assert train(tmp_path, "--resume", "--num_epochs=4") == 143
    assert (tmp_path / "c.pt").read_bytes() == before


def test_the_split_of_the_checkpoint_is_used_on_resume_not_drawn_again(tmp_path, monkeypatch):
    from esmgo.dataset import splits

    fit(config(tmp_path))
    monkeypatch.setattr(splits, "held_out_by_hash", lambda ids, ratio: np.zeros(len(ids), bool))
    fit(config(tmp_path, num_epochs=2, resume=True))
    assert open_checkpoint(tmp_path / "c.pt").training["validation"]


def test_the_best_of_another_training_does_not_stay(tmp_path):
    (tmp_path / "c.best.pt").write_text("of another training")
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


def test_tensorboard_gets_the_tags_of_the_contract(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    fit(config(tmp_path, num_epochs=2))
    events = EventAccumulator(str(tmp_path / "runs"))
    events.Reload()
    assert {
        "Cross Entropy", "Gradient Norm", "F1 Score", "Precision", "Recall", "Fmax/MF", "Fmax/BP",
        "Fmax/CC", "Learning Rate", "Residues per Second",
    } <= set(events.Tags()["scalars"])  # fmt: skip


def losses(caplog) -> list[str]:
    return [m.split("Entropy: ")[1].split(",")[0] for m in caplog.messages if "Entropy" in m]


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
    from esmgo.learn.features import Features

    fit(config(tmp_path))
    monkeypatch.setattr(Features, "_values", lambda *_: pytest.fail("computed again"))
    fit(config(tmp_path, learning_rate=1e-2))


def test_activations_that_do_not_fit_are_computed_at_each_visit(tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="esmgo"):
        fit(config(tmp_path, cache_gb=1e-6))
    assert "(--cache_gb): computed at each visit" in caplog.text


def test_bf16_stores_float16_and_trains_within_its_rounding(tmp_path, caplog):
    found = []
    for name, gigabytes in (("stored", None), ("anew", 0.0)):
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="esmgo"):
            fit(config(tmp_path / name, dropout=0.0, precision="bf16", cache_gb=gigabytes))
        found.append(float(losses(caplog)[0]))
    assert found[0] == pytest.approx(found[1], abs=2e-4)


def test_a_full_disk_ends_the_storing_and_not_the_training(tmp_path, monkeypatch, caplog):
    from esmgo.errors import MachineError
    from esmgo.learn.activations import Store

    def full(self, values):
        raise MachineError("activations: no space left on device")

    monkeypatch.setattr(Store, "append", full)
    fit(config(tmp_path))
    assert "no space left" in caplog.text
    assert "computing activations at each visit" in caplog.text
    assert list((tmp_path / "activations").iterdir()) == []


def test_validation_and_index_see_the_weights_of_the_last_step_in_bf16(tmp_path):
    from esmgo.dataset.opening import open_dataset
    from esmgo.evidence.index import open_index
    from esmgo.predict.scorer import Scorer

    found = fit(
        config(tmp_path, num_epochs=2, eval_interval=1, precision="bf16", dropout=0.0,
               learning_rate=3e-3, unfreeze_last_k_layers=2, eval_ratio=1.0)
    )  # fmt: skip
    predictor = Scorer.load(found.path, device="cpu", context_length=32, precision="bf16")
    data = open_dataset("sample", eval_ratio=1.0)
    some = [sequence[:30] for sequence in data.train.sequences[:40]]
    _, vectors, _ = predictor.states(some)
    index = open_index(open_checkpoint(found.path)).vectors[:40].astype(np.float32)
    np.testing.assert_allclose(index, vectors, atol=0.1)  # what bf16 rounds
