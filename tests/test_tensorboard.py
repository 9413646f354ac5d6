"""TensorBoard gets the tags of the contract, each training a run of its own."""

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from training import config

from esmgo.dataset.opening import open_dataset
from esmgo.errors import MachineError
from esmgo.go.truepath import propagate
from esmgo.learn.finetune import fit
from esmgo.learn.tensorboard import NAIVE, VALIDATION, Board
from esmgo.model.checkpoint import open_checkpoint
from esmgo.predict.scorer import Scorer


def curves(run):
    """The points of each tag of a run, as (step, value)."""
    events = EventAccumulator(str(run))
    events.Reload()
    return {
        tag: [(each.step, each.value) for each in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def runs(folder):
    return sorted((folder / "runs").iterdir())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("board")
    return folder, fit(config(folder, num_epochs=2, eval_interval=1, eval_ratio=1.0, dropout=0.0))


def test_a_run_has_the_tags_of_the_contract(trained):
    (run,) = runs(trained[0])
    assert {
        "Cross Entropy", "Gradient Norm", "F1 Score", "Precision", "Recall", "Fmax/MF", "Fmax/BP",
        "Fmax/CC", "Learning Rate", "Residues per Second",
    } <= curves(run).keys()  # fmt: skip


def test_the_loss_of_every_step_averages_to_that_of_the_epoch(trained):
    found = curves(runs(trained[0])[0])
    steps, epochs = found["Cross Entropy/Step"], found["Cross Entropy"]
    assert [at for at, _ in steps] == list(range(1, len(steps) + 1))
    n = len(steps) // 2
    assert [at for at, _ in epochs] == [1, 2]
    for i, (_, mean) in enumerate(epochs):  # the last window of an epoch is smaller
        assert np.mean([loss for _, loss in steps[i * n : (i + 1) * n]]) == pytest.approx(mean, 0.1)


def test_the_baseline_is_a_second_curve_of_the_same_charts(trained):
    folder, fitted = trained
    found = curves(runs(folder)[0] / NAIVE)
    assert found.keys() == {"Fmax/MF", "Fmax/BP", "Fmax/CC"}
    for aspect, value in fitted.naive_fmax.items():
        assert found[f"Fmax/{aspect.name}"] == [
            (1, pytest.approx(value)),
            (2, pytest.approx(value)),
        ]


@pytest.mark.parametrize("loss", ["bce", "coherent"])
def test_the_validation_loss_is_the_training_loss_on_validation_proteins(tmp_path, loss):
    fitted = fit(config(tmp_path, eval_ratio=1.0, loss=loss))
    ((at, found),) = curves(runs(tmp_path)[0] / VALIDATION)["Cross Entropy"]
    assert at == 1
    data = open_dataset("sample", eval_ratio=1.0)
    held_out = data.validation
    wanted = np.zeros((len(held_out), len(data.labels)), np.float32)
    for row in range(len(held_out)):
        column, _ = held_out.terms.cells(np.array([row]))
        wanted[row, column] = 1
    scorer = Scorer.of(open_checkpoint(fitted.path), device="cpu", dtype="fp32")
    probabilities, _, _ = scorer.states([each[:30] for each in held_out.sequences])
    low = high = probabilities
    if loss == "coherent":  # a true term is as probable as its most probable true descendant
        low, high = propagate(low * wanted, data.labels), propagate(high, data.labels)
    cells = np.where(wanted == 1, -np.log(np.where(wanted == 1, low, 1)), -np.log1p(-high))
    assert found == pytest.approx(cells.mean(), rel=1e-4)


def test_a_resumed_training_is_a_run_of_its_own_and_a_finished_one_is_none(tmp_path, caplog):
    caplog.set_level("INFO", logger="esmgo")
    fit(config(tmp_path))
    again = config(tmp_path, num_epochs=2, resume=True)
    fit(again)
    first, second = runs(tmp_path)
    assert [at for at, _ in curves(first)["Cross Entropy"]] == [1]
    assert [at for at, _ in curves(second)["Cross Entropy"]] == [2]
    before = (tmp_path / "c.pt").read_bytes()
    caplog.clear()
    assert fit(again).epoch == 2
    assert "Nothing is left to do: epoch 2 of 2 is done" in caplog.text
    assert "Fine-tuning ..." not in caplog.messages
    assert len(runs(tmp_path)) == 2
    assert (tmp_path / "c.pt").read_bytes() == before


def test_a_finished_training_without_its_index_gets_it(tmp_path, caplog):
    caplog.set_level("INFO", logger="esmgo")
    fit(config(tmp_path))
    index = tmp_path / "c.index.pt"
    for damage in (index.unlink, lambda: index.write_bytes(index.read_bytes()[:-1])):
        damage()
        fit(config(tmp_path, resume=True))
        assert not any("Nothing is left" in line for line in caplog.messages)
    fit(config(tmp_path, resume=True))
    assert any("Nothing is left" in line for line in caplog.messages)


def test_two_trainings_in_a_second_have_two_folders(tmp_path, monkeypatch):
    monkeypatch.setattr("time.strftime", lambda _: "2026-11-27_14-05-00")
    for _ in range(3):
        with Board(str(tmp_path)):
            pass
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"2026-11-27_14-05-00{end}" for end in ("", "_2", "_3")]


def test_a_path_that_is_no_folder_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(MachineError, match=r"`run_dir_path` .* cannot be written: "):
            Board(str(path))
