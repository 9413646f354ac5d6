"""The recipes: bases to train from scratch, what is held out for a blend, the bundled caller."""

import json
import os
import runpy
import shutil
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from esmgo.cli.main import main
from esmgo.dataset.sample import sample_ontology_path, sample_rows
from esmgo.evidence.search import Hits
from esmgo.model.encoder import Encoder
from esmgo.model.packing import frequencies, pack
from esmgo.model.tokens import MASK, encode

RECIPES = Path(__file__).parent.parent / "recipes"


def run(name, *arguments):
    return subprocess.run(
        [sys.executable, RECIPES / name, *map(str, arguments)],
        capture_output=True, text=True, check=True, timeout=300,
    ).stdout  # fmt: skip


def test_a_window_layer_looks_at_one_neighbour_per_head(tmp_path):
    tmp_path /= "base"
    run("untrained_base.py", tmp_path, "--width=64", "--heads=4", "--window")
    sizes = json.loads((tmp_path / "config.json").read_text())
    assert (sizes["num_hidden_layers"], sizes["hidden_size"]) == (2, 64)
    layer = "esm.encoder.layer.0.attention.self"
    weights = load_file(tmp_path / "model.safetensors")
    packed = pack([np.full(40, 5, np.uint8)], fill=False)
    cos, sin = packed.rotation(frequencies(16))  # (40, 8)
    for head, offset in enumerate((-1, 1, -2, 2)):
        own = slice(16 * head, 16 * head + 16)
        q, k = (weights[f"{layer}.{name}.bias"][own] for name in ("query", "key"))
        (qa, qb), (ka, kb) = q.view(2, 8), k.view(2, 8)
        q = torch.cat([qa * cos - qb * sin, qb * cos + qa * sin], 1)
        k = torch.cat([ka * cos - kb * sin, kb * cos + ka * sin], 1)
        seen = (q @ k.T / 4).softmax(1)[20]
        assert seen.argmax() == 20 + offset
        assert seen.max() > 0.9


@pytest.mark.skipif(not shutil.which("diamond"), reason="the program DIAMOND is not there")
def test_what_is_held_out_has_no_close_relative_left(tmp_path):
    random = np.random.default_rng(0)
    alone = ["".join(random.choice(list("ACDEFGHIKLMNPQRSTVWY"), 120)) for _ in range(30)]
    family = [alone[0][:110] + tail for tail in ("AAAA", "CCCC", "DDDD")]
    sequences = alone + family
    rows = {"id": [f"P{i:02d}" for i in range(33)], "sequence": sequences,
            "terms": [["GO:0003674"]] * 33}  # fmt: skip
    for subset in ("all", "mf", "bp", "cc"):
        (tmp_path / "whole" / subset).mkdir(parents=True)
        pq.write_table(pa.table(rows), tmp_path / "whole" / subset / "train.parquet")
    run("hold_out.py", tmp_path / "whole", tmp_path / "cut", "--share=0.5", "--threads=1")
    held_out = set(pq.read_table(tmp_path / "cut" / "all" / "test.parquet")["id"].to_pylist())
    kept = set(pq.read_table(tmp_path / "cut" / "all" / "train.parquet")["id"].to_pylist())
    relatives = {"P00", "P30", "P31", "P32"}
    assert relatives <= held_out or relatives <= kept
    assert len(held_out | kept) == 33
    assert not held_out & kept
    assert 5 < len(held_out) < 28


def test_whoever_has_a_relative_that_stays_is_taken_back():
    without_relatives = runpy.run_path(str(RECIPES / "hold_out.py"))["without_relatives"]
    query, subject = np.array([0, 0, 1, 2, 3]), np.array([0, 1, 2, 4, 5])  # 0-1-2-4 is a chain
    identity = np.array([100, 40, 40, 40, 29.0])
    far = np.full(5, 90.0)
    hits = Hits(query, subject, far, identity, far, far)
    is_out = np.array([True, True, True, True, False, False])
    found = without_relatives(is_out, np.array([0, 1, 2, 3]), hits)
    assert found.tolist() == [False, False, False, True, False, False]


def test_the_tables_of_the_model_card_are_what_evaluate_found(blended, tmp_path):
    for name, sources in (("head", "head"), ("blend", "head,neighbours")):
        code = main([
            "evaluate", f"--checkpoint_path={blended[0]}", "--dataset=sample", "--device=cpu",
            f"--sources={sources}", f"--output_dir={tmp_path / name}",
        ])  # fmt: skip
        assert code == 0
    tables = run("model_card.py", tmp_path, f"--plot={tmp_path / 'plot.svg'}").split("\n\n")
    assert len(tables) == 3
    rows = {line.split("|")[1].strip(): line for line in tables[0].splitlines()}
    for name in ("head", "blend"):
        found = json.loads((tmp_path / name / "evaluation.json").read_text())
        fmax = found["evaluations"][0]["aspects"]["MF"]["best"]["fmax"]["value"]
        assert rows[name].split("|")[2].strip() == f"{round(fmax, 4):.3f}".lstrip("0")
        assert "naive" not in rows
    assert tables[2].count("| MF |") >= 5
    drawing = ET.parse(tmp_path / "plot.svg").getroot()
    dots = [each for each in drawing.iter() if each.get("class", "").startswith("dot")]
    assert len(dots) == len(tables[2].splitlines()) - 2


def test_masked_residues_are_learned_and_a_killed_run_goes_on(tmp_path, capsys, monkeypatch):
    monkeypatch.syspath_prepend(RECIPES)
    pretrain = runpy.run_path(str(RECIPES / "pretrain.py"))
    draw = np.random.default_rng(0)
    letters, weight = list("LAGVSERTIDPKQNFYMHWC"), np.arange(20, 0, -1) ** 2.0
    texts = ["".join(draw.choice(letters, 60, p=weight / weight.sum())) for _ in range(400)]
    (tmp_path / "data" / "all").mkdir(parents=True)
    pq.write_table(pa.table({"sequence": texts[:200]}), tmp_path / "data/all/train.parquet")
    pq.write_table(pa.table({"sequence": texts[100:]}), tmp_path / "more.parquet")
    options = Namespace(
        dataset=tmp_path / "data", more=tmp_path / "more.parquet", folder=tmp_path / "made",
        layers=1, width=16, heads=2, seed=1, minutes=60, updates=60, tokens=1000, context=40,
        rate=1e-2, device="cpu",
    )  # fmt: skip
    pretrain["masked_residues"](options)
    lines = [line.split("\t") for line in (tmp_path / "made/pretrain.tsv").read_text().splitlines()]
    assert float(lines[-1][2]) < 3.1 < np.log(33)  # the loss without training
    options.updates = 80
    pretrain["masked_residues"](options)
    again = (tmp_path / "made/pretrain.tsv").read_text().splitlines()
    assert [int(line.split("\t")[0]) for line in again] == [60, 80]
    base = Encoder(json.loads((tmp_path / "made/base/config.json").read_text()))
    weights = load_file(tmp_path / "made/base/model.safetensors")
    base.load_state_dict({name.removeprefix("esm."): each for name, each in weights.items()})


def test_residues_to_predict_are_masked_replaced_or_kept(monkeypatch):
    monkeypatch.syspath_prepend(RECIPES)
    chosen = runpy.run_path(str(RECIPES / "pretrain.py"))["chosen"]
    packed = pack([encode("MKTAYIAKQR" * 400 + "XX", 5000)] * 5, fill=False)
    found, truth = chosen(packed, torch.Generator().manual_seed(1))
    at = truth >= 0
    assert (truth[at] == packed.tokens[at]).all()
    assert (found.tokens[~at] == packed.tokens[~at]).all()
    assert at.float().mean().item() == pytest.approx(0.15, abs=0.01)
    assert (found.tokens[at] == MASK).float().mean().item() == pytest.approx(0.8, abs=0.03)
    kept = (found.tokens[at] == truth[at]).float().mean().item()
    assert kept == pytest.approx(0.1 + 0.1 / 20, abs=0.03)
    assert not at[packed.tokens == 24].any()  # X is not predicted


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("diamond"), reason="the program DIAMOND is not there")
def test_one_command_makes_a_bundled_caller_and_does_nothing_twice(tmp_path):
    for split, rows in sample_rows().items():
        for subset in ("all", "mf", "bp", "cc"):
            folder = tmp_path / "data" / subset
            folder.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_pylist(list(rows)), folder / f"{split}.parquet")
    words = "bundled_caller.py", tmp_path / "data", sample_ontology_path(), tmp_path / "made"
    first = run(*words)
    card = json.loads((tmp_path / "made" / "bundled" / "card.json").read_text())
    sources = {"blend", "none", "head", "neighbours", "kmers", "homology"}
    sources |= {"mmseqs"} if shutil.which("mmseqs") else set()
    assert set(card["evaluation"]) == {"naive", "diamond", *sources}
    assert card["evaluation"]["blend"]["BP"]["fmax"] > card["evaluation"]["naive"]["BP"]["fmax"]
    assert str(tmp_path) not in json.dumps(card)
    second = run(*words)
    assert ("$ esmgo train" in first, "$" in second) == (True, False)


def test_the_script_for_a_gpu_runs_on_a_cpu():
    root = RECIPES.parent
    paths = os.pathsep.join(str(root / name) for name in ("src", "benchmarks", "recipes"))
    done = subprocess.run(
        [sys.executable, root / "benchmarks" / "gpu.py", "--one=agreement,scoring,training",
         "--device=cpu", "--small", "--sizes=t6_8M", "--trained=t6_8M"],
        env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True,
    )  # fmt: skip
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert [row[0] for row in rows] == ["t6_8M"] * 8, done.stdout
    assert {row[-1] for row in rows[:4]} == {"ok"}
    assert [row[1] for row in rows[5:]] == ["head", "k = 2", "LoRA, rank 16"]
