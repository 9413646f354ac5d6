"""Where a training starts: what is refused, and what resuming takes from a checkpoint."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from killing import START, flags
from training import config, train

from esmgo.cli.main import main
from esmgo.dataset import splits
from esmgo.errors import UsageError
from esmgo.learn.finetune import fit
from esmgo.model.checkpoint import open_checkpoint, save_checkpoint


def test_resume_takes_settings_from_the_checkpoint_and_more_epochs_go_on(trained):
    assert main(flags(trained, "--resume", "--num_epochs=3", "--learning_rate=2e-3")) == 0
    at = open_checkpoint(trained / "c.pt").training
    assert at["epoch"] == 3
    assert at["settings"]["learning_rate"] == 2e-3
    assert at["settings"]["seed"] == 7


def test_resume_names_every_setting_that_must_not_change(trained, capsys):
    before = (trained / "c.pt").read_bytes()
    assert main(flags(trained, "--resume", "--dropout=0.3", "--batch_size=2")) == 2
    err = capsys.readouterr().err
    assert "--dropout" in err
    assert "--batch_size" in err
    assert main(flags(trained, "--resume", "--dataset_subset=mf")) == 2
    assert "--dataset_subset" in capsys.readouterr().err
    assert (trained / "c.pt").read_bytes() == before


def test_the_revisions_of_the_hub_are_recorded_and_named(tmp_path, base):
    commit, other = "a" * 40, "b" * 40
    rows = [{"id": f"p{i}", "sequence": "MKTAYIAK" * 4, "terms": ["GO:0000001"]} for i in range(9)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    for each, change in ((commit, ""), (other, "R")):
        path = tmp_path / "snapshots" / each / "all" / "train.jsonl"
        path.parent.mkdir(parents=True)
        path.write_text(text.replace("MKT", f"MKT{change}", 1))
    shutil.copytree(base, tmp_path / "base" / "snapshots" / commit)
    fit(config(tmp_path, dataset=str(tmp_path / "snapshots" / commit),
               base_model=str(tmp_path / "base" / "snapshots" / commit)))  # fmt: skip
    at = open_checkpoint(tmp_path / "c.pt").training
    assert (at["dataset_revision"], at["base_revision"]) == (commit, commit)
    again = config(tmp_path, dataset=str(tmp_path / "snapshots" / commit), num_epochs=2)
    fit(replace(again, resume=True), {"dataset", "num_epochs"})
    assert open_checkpoint(tmp_path / "c.pt").training["base_revision"] == commit
    changed = config(tmp_path, dataset=str(tmp_path / "snapshots" / other), resume=True)
    with pytest.raises(UsageError, match=f"`dataset=NAME@{commit}` is that one"):
        fit(changed, {"dataset"})


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


def test_the_validation_split_is_kept(tmp_path):
    fit(config(tmp_path))
    first = open_checkpoint(tmp_path / "c.pt").training["validation"]
    fit(config(tmp_path, num_epochs=2, resume=True))
    assert open_checkpoint(tmp_path / "c.pt").training["validation"] == first


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


def test_the_split_of_the_checkpoint_is_used_on_resume_not_drawn_again(tmp_path, monkeypatch):
    fit(config(tmp_path))
    monkeypatch.setattr(splits, "held_out_by_hash", lambda ids, ratio: np.zeros(len(ids), bool))
    fit(config(tmp_path, num_epochs=2, resume=True))
    assert open_checkpoint(tmp_path / "c.pt").training["validation"]


def test_a_checkpoint_that_does_not_know_of_losses_goes_on_with_the_default(tmp_path):
    path = fit(config(tmp_path)).path
    old = open_checkpoint(path)
    del old.training["settings"]["loss"]
    save_checkpoint(
        path, old.caller(), old.labels, old.context_length, old.training, old.optimizer_state()
    )
    with pytest.raises(UsageError, match=r"resume: cannot change `loss` \(was bce\)"):
        fit(config(tmp_path, resume=True, loss="coherent"))
    fit(config(tmp_path, resume=True, num_epochs=2))
    assert open_checkpoint(path).training["settings"]["loss"] == "bce"


def test_a_checkpoint_that_names_dtype_precision_resumes(tmp_path, capsys):
    path = fit(config(tmp_path, dtype="bf16")).path
    old = open_checkpoint(path)
    old.training["settings"]["precision"] = old.training["settings"].pop("dtype")
    save_checkpoint(
        path, old.caller(), old.labels, old.context_length, old.training, old.optimizer_state()
    )
    words = ["train", "--resume", f"--checkpoint_path={path}", "--device=cpu", "--num_epochs=2"]
    assert main([*words, "--precision=fp32"]) == 2
    assert "--resume cannot change --dtype (was bf16)" in capsys.readouterr().err
    assert main([*words, "--precision=bf16"]) == 0
    settings = open_checkpoint(path).training["settings"]
    assert (settings["dtype"], "precision" in settings) == ("bf16", False)
