"""The bundled caller: how it is packed, and when it is used."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

import esmgo
from esmgo.cli.main import main
from esmgo.data.famous import famous_path
from esmgo.dataset.sample import example
from esmgo.evidence.index_file import open_index
from esmgo.model.bundled import context_of
from esmgo.model.checkpoint import open_checkpoint
from esmgo.model.container import index_path, read_header, write_container

ROOT = Path(__file__).parents[1]
SEQUENCE = example("zinc finger")["sequence"]
CPU = "--device=cpu"


def ranked(capsys, *words):
    """Return exit code, ranked lines and standard error of ``esmgo rank``."""
    code = main(["rank", f"--sequence={SEQUENCE}", CPU, "--dtype=fp32", *words])
    out, err = capsys.readouterr()
    return code, [line for line in out.splitlines() if line.startswith("  ")], err


def test_packing_keeps_each_weight_to_half_a_step_and_loads_it_in_float32(blended, packed):
    whole, small = (open_checkpoint(p) for p in (blended[0], packed / "caller.safetensors"))
    before, after = (c.caller().network.state_dict() for c in (whole, small))
    assert before.keys() == after.keys()
    for name, weight in after.items():
        assert weight.dtype is torch.float32
        is_matrix = weight.ndim == 2
        assert small.header.tensors[name].dtype == ("I8" if is_matrix else "F32")
        step = before[name].abs().amax(1, keepdim=True) / 127 if is_matrix else 0
        assert ((weight - before[name]).abs() <= 0.5001 * step).all(), name
    index = open_index(small, with_kmers=False)
    assert (small.labels, small.blend) == (
        whole.labels,
        whole.blend | {"index_sha256": index.fingerprint, "model_sha256": small.model_fingerprint},
    )  # fmt: skip


def test_packing_leaves_out_the_optimiser_the_settings_and_every_path(blended, packed):
    small = open_checkpoint(packed / "caller.safetensors")
    assert small.training == {}
    assert not [name for name in small.header.tensors if name.startswith("optimizer.")]
    for path in packed.iterdir():
        data = path.read_bytes()
        assert str(blended[0].parent).encode() not in data, path.name
        assert str(ROOT).encode() not in data, path.name
    for path in packed.glob("*.safetensors"):
        assert b"training" not in path.read_bytes()  # what is deflated is looked at here
        text = json.dumps(read_header(path).metadata)
        assert not [name for name in (blended[0].parent, ROOT) if str(name) in text]
    with safe_open(index_path(packed / "caller.safetensors"), "pt") as file:
        assert set(file.keys()) == {
            *("steps", "scales", "axes", "centre", "lengths", "terms"),
            *("kmers.keys", "kmers.counts", "kmers.firsts", "kmers.sizes", "kmers.parts"),
            *("near.counts", "near.firsts", "near.sizes", "near.parts"),
            *("kmers.length", "sequences", "sequences.lengths", "taxa"),
        }


def test_a_packed_caller_cannot_be_trained_on(packed, tmp_path, capsys):
    path = tmp_path / "caller.safetensors"
    shutil.copy(packed / path.name, path)
    words = ["--resume", f"--checkpoint_path={path}", "--base_model=tiny", "--dataset=sample", CPU]
    assert main(["train", *words]) == 6
    assert "packed to predict only" in capsys.readouterr().err


def test_packing_hardly_changes_the_blend(blended, packed):
    proteins = list(esmgo.read_fasta(famous_path()))
    words = {"device": "cpu", "homology": "none"}  # sequences are packed without a loss
    before, after = (
        np.concatenate([s.values for s in esmgo.Predictor.load(path, **words).score(proteins)])
        for path in (blended[0], packed / "caller.safetensors")
    )
    assert np.abs(after - before).max() < 0.2
    assert np.abs(after - before).mean() < 0.01


def test_a_checkpoint_without_a_blend_is_not_packed(checkpoint, tmp_path):
    recipe = [sys.executable, ROOT / "recipes" / "bundle.py", checkpoint, tmp_path / "out"]
    done = subprocess.run(recipe, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "esmgo blend" in done.stderr
    assert not (tmp_path / "out").exists()


def test_without_a_checkpoint_the_bundled_caller_answers_and_says_so_once(bundled, capsys):
    code, lines, err = ranked(capsys)
    assert code == 0
    assert err.count("bundled caller") == 1
    assert ranked(capsys, "--checkpoint_path=bundled")[1] == lines
    assert "no checkpoint at" not in ranked(capsys, "--checkpoint_path=bundled")[2]


def test_a_checkpoint_at_the_usual_place_comes_first(bundled, checkpoint, capsys):
    Path("checkpoints").symlink_to(checkpoint.parent)
    code, lines, err = ranked(capsys)
    assert (code, "bundled" in err) == (0, False)
    assert lines == ranked(capsys, f"--checkpoint_path={checkpoint}")[1]


@pytest.mark.parametrize("path", ["./checkpoints/checkpoint.pt", "elsewhere.pt"])
def test_a_path_that_is_given_and_missing_stays_an_error(bundled, capsys, path):
    code, lines, err = ranked(capsys, f"--checkpoint_path={path}")
    assert (code, lines) == (6, [])
    assert "no checkpoint there" in err
    with pytest.raises(esmgo.EsmgoError, match="`checkpoint_path=bundled` is the caller that came"):
        esmgo.Predictor.load(path)


def test_python_takes_the_bundled_caller_by_name_or_without_one(bundled):
    found = [esmgo.Predictor.load(*path).fingerprint for path in ([], ["bundled"])]
    assert found[0] == found[1]


def test_without_a_bundled_caller_the_usual_path_is_what_is_missed(bundled, capsys):
    shutil.rmtree(bundled)
    assert "checkpoints/checkpoint.pt: no checkpoint there" in ranked(capsys)[2]
    code, _, err = ranked(capsys, "--checkpoint_path=bundled")
    assert (code, "no bundled caller" in err) == (6, True)
    with pytest.raises(esmgo.EsmgoError, match="no bundled caller"):
        esmgo.Predictor.load()


def test_every_verb_that_calls_terms_falls_back(bundled, capsys, monkeypatch):
    fasta = f"--fasta={famous_path()}"
    term = open_checkpoint(bundled / "caller.safetensors").labels.terms[5].id
    for words in (
        ["predict", f"--input={famous_path()}", "--output=calls.tsv", CPU],
        ["subgraph", f"--sequence={SEQUENCE}", "--output=graph.html", CPU],
        ["explain", f"--sequence={SEQUENCE}", f"--term={term}", CPU],
        ["export", "--output_dir=model"],
        ["embed", fasta, "--checkpoint_path=bundled", "--output=vectors.npz", CPU],
    ):
        assert main(words) == 0, words
        said = "using the bundled caller" in capsys.readouterr().err
        assert said == ("--checkpoint_path=bundled" not in words)


def test_rank_shows_the_blend_and_raw_the_network_alone(bundled, capsys):
    proteins = [esmgo.Protein("a", SEQUENCE)]
    (blend,) = esmgo.Predictor.load(device="cpu", dtype="fp32").predict(proteins)
    (head,) = esmgo.Predictor.load(device="cpu", dtype="fp32").predict(proteins, raw=True)
    assert not np.allclose(blend.scores, head.scores, atol=1e-3)
    for prediction, words, general, sort in (
        (blend, [], False, "information"), (blend, ["--sort=score"], False, "score"),
        (blend, ["--general"], True, "information"), (head, ["--raw"], True, "score"),
    ):  # fmt: skip
        shown = [re.split("  +", line) for line in ranked(capsys, *words)[1]]
        best = np.concatenate(list(prediction.best(10, general=general, sort=sort).values()))
        names = [prediction.labels.terms[j].name for j in best]
        assert [row[-1].removesuffix(" *") for row in shown] == names
        assert [row[1] for row in shown] == [f"{p:.4f}" for p in prediction.scores[best]]
        assert {len(row) for row in shown} == ({3} if prediction is head else {5})


def test_the_bundled_caller_keeps_the_context_of_its_training(bundled, monkeypatch):
    ours = bundled / "caller.safetensors"
    assert [context_of(ours, given) for given in (None, 50)] == [None, 50]
    assert [context_of(Path("c.pt"), given) for given in (None, 50)] == [1024, 50]


def with_one_scale(path, name):
    header = read_header(path)
    data = path.read_bytes()[header.data_start :]
    tensors = [
        (n, i.dtype, i.shape, memoryview(data[i.begin : i.end])) for n, i in header.tensors.items()
        if n != name
    ]  # fmt: skip
    assert len(tensors) == len(header.tensors) - 1
    one = name, "F32", (1,), memoryview(bytes(4))
    write_container(path, [*tensors, one], header.metadata, small=True)


def test_a_small_index_of_another_shape_is_refused(bundled):
    with_one_scale(bundled / "caller.index.safetensors", "scales")
    with pytest.raises(esmgo.EsmgoError, match="do not fit together"):
        open_index(replace(open_checkpoint(bundled / "caller.safetensors"), blend=None))


def test_weights_without_a_scale_for_each_row_are_refused(bundled, capsys):
    with_one_scale(bundled / "caller.safetensors", "classifier.dense.weight.scale")
    code, out, err = ranked(capsys)
    assert (code, out) == (6, [])
    assert "classifier.dense.weight and its scales do not fit together" in err


def test_a_wheel_holds_what_lies_in_the_package(tmp_path, monkeypatch):
    """Built of a copy, with a stand-in for the artefact."""
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    stand_in = tmp_path / "src" / "esmgo" / "bundled"
    stand_in.mkdir(exist_ok=True)
    for name in ("caller.safetensors", "caller.index.safetensors", "card.json"):
        (stand_in / name).write_bytes(b"x")
    backend = pytest.importorskip("hatchling.build", reason="needs hatchling")
    monkeypatch.chdir(tmp_path)
    wheel = backend.build_wheel("dist")
    names = set(zipfile.ZipFile(tmp_path / "dist" / wheel).namelist())
    for name in ("caller.safetensors", "caller.index.safetensors", "card.json"):
        assert f"esmgo/bundled/{name}" in names
    assert "esmgo/data/famous.fasta" in names
