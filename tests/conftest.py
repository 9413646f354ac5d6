"""What several tests share: a trained caller, and the data that only developers have."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from esmgo.cli.main import main
from esmgo.go.labels import LabelSpace
from esmgo.go.terms import Aspect, Term
from esmgo.learn.blending import BlendConfig, blend

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"  # children, too: threads that wait for each other cost more
torch.set_num_threads(1)

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real proteins and malformed files; no part of the project."""
    path = ROOT.parent / "shared"
    if not (path / "bad_inputs").is_dir():
        pytest.skip("needs the development data beside the repository")
    return path


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory) -> Path:
    """A caller trained for one epoch on the sample; do not write to it."""
    folder = tmp_path_factory.mktemp("caller")
    path = folder / "checkpoint.pt"
    code = main([
        "train", "--base_model=tiny", "--dataset=sample", "--num_epochs=1", "--seed=1",
        "--device=cpu", "--precision=fp32", f"--checkpoint_path={path}",
        f"--run_dir_path={folder / 'runs'}",
    ])  # fmt: skip
    assert code == 0
    return path


@pytest.fixture(scope="session")
def blended(tmp_path_factory):
    """A caller of four epochs with an index and a blend, and its summary; do not write to it."""
    folder = tmp_path_factory.mktemp("blended")
    path = folder / "checkpoint.pt"
    code = main([
        "train", "--base_model=tiny", "--dataset=sample", "--num_epochs=4", "--learning_rate=0.003",
        "--eval_ratio=1", "--seed=1", "--device=cpu", "--precision=fp32",
        f"--checkpoint_path={path}", f"--run_dir_path={folder / 'runs'}",
    ])  # fmt: skip
    assert code == 0
    return path, blend(BlendConfig(checkpoint_path=str(path), dataset="sample", device="cpu"))


@pytest.fixture(scope="session")
def packed(blended, tmp_path_factory) -> Path:
    """The blended caller packed as one that comes with the program; do not write to it."""
    folder = tmp_path_factory.mktemp("packed") / "bundled"
    recipe = [sys.executable, str(ROOT / "recipes" / "bundle.py"), str(blended[0]), str(folder)]
    subprocess.run(recipe, check=True, capture_output=True, timeout=120)
    return folder


@pytest.fixture
def bundled(packed, tmp_path, monkeypatch) -> Path:
    """A copy of it where the program looks for its own, and a working folder without another."""
    folder = tmp_path / "bundled"
    shutil.copytree(packed, folder)
    monkeypatch.setattr("esmgo.model.bundled.FOLDER", folder)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return folder


@pytest.fixture(scope="session")
def diamond() -> LabelSpace:
    """A root, two terms below it, and one below both."""
    terms = tuple(
        Term(f"GO:000000{i}", name, Aspect.MF)
        for i, name in enumerate(["root", "left", "right", "shared"], 1)
    )
    return LabelSpace(terms, ((), (0,), (0,), (1, 2)), "test")
