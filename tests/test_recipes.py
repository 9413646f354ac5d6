"""The recipes: bases to train from scratch, and what is held out for a blend."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

RECIPES = Path(__file__).parent.parent / "recipes"


def run(name, *arguments):
    return subprocess.run(
        [sys.executable, RECIPES / name, *map(str, arguments)],
        capture_output=True, text=True, check=True, timeout=300,
    ).stdout  # fmt: skip


def test_a_window_layer_looks_at_one_neighbour_per_head(tmp_path):
    from esmgo.model.packing import pack

    tmp_path /= "base"
    run("untrained_base.py", tmp_path, "--width=64", "--heads=4", "--window")
    sizes = json.loads((tmp_path / "config.json").read_text())
    assert (sizes["num_hidden_layers"], sizes["hidden_size"]) == (2, 64)
    layer = "esm.encoder.layer.0.attention.self"
    weights = load_file(tmp_path / "model.safetensors")
    packed = pack([np.full(40, 5, np.uint8)], fill=False)
    cos, sin = packed.rotation(16)  # (40, 8)
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
    run("hold_out.py", tmp_path / "whole", tmp_path / "cut", "--share=1", "--threads=1")
    held_out = set(pq.read_table(tmp_path / "cut" / "all" / "test.parquet")["id"].to_pylist())
    kept = set(pq.read_table(tmp_path / "cut" / "all" / "train.parquet")["id"].to_pylist())
    assert held_out == {f"P{i:02d}" for i in range(1, 30)}
    assert kept == {"P00", "P30", "P31", "P32"}
