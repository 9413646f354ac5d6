"""The recipes for schedulers: the bytes of one run, also after a kill and a requeue."""

import os
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from documents import tools
from killing_predict import proteome_of

from esmgo.cli.main import main

ROOT = Path(__file__).parents[1]
RECIPES = ROOT / "recipes" / "cluster"
KILLED = """
import os, signal, sys
from esmgo.cli import main
from esmgo.proteome import parts
real, left = parts.write_atomically, [3]
def write(*given):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    real(*given)
parts.write_atomically = write
main.run()
"""


@pytest.fixture
def run(tmp_path):
    """Run a program where esmgo is a command; return the exit code."""

    def run(*command, **environment):
        path = f"{tools(tmp_path)}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        place = {"PYTHONPATH": str(ROOT / "src"), "PATH": path, "HOME": str(tmp_path)}
        command = list(map(str, command))
        done = subprocess.run(
            command, cwd=tmp_path, env=os.environ | place | environment, capture_output=True,
            text=True, timeout=300,
        )  # fmt: skip
        return done.returncode, done.stderr

    return run


@pytest.fixture
def flags(checkpoint):
    return [f"--checkpoint_path={checkpoint}", "--device=cpu", "--dtype=fp32"]


def test_an_array_with_a_requeue_gives_the_bytes_of_one_run(run, flags, predict, tmp_path):
    job, shards = tmp_path / "job", tmp_path / "shards"
    source = proteome_of(tmp_path / "x.fasta", 40)
    assert main(["plan", str(source), f"-o={job}", "--block_size=4", "--rejects_ok"]) == 0
    shards.mkdir()
    one, two = ({"SLURM_ARRAY_TASK_ID": i, "SLURM_ARRAY_TASK_COUNT": "2"} for i in "12")
    killed = ["--shard=1/2", f"-i={job}", f"-o={shards / '1.shard'}"]
    done = run(sys.executable, "-c", KILLED, "predict", *killed, *flags)
    assert done[0] == -signal.SIGKILL
    assert len(list((shards / "1.shard.parts").glob("*/part-*"))) == 1
    for task in (one, two, one):  # the last one is requeued when all is done
        code, text = run("bash", RECIPES / "array.sh", job, shards, *flags, **task)
        assert code == 0, text
    assert main(["merge", "-o", str(tmp_path / "x.tsv"), *map(str, shards.iterdir())]) == 0
    assert predict(tmp_path / "whole.tsv", input=source) == 4
    assert (tmp_path / "x.tsv").read_bytes() == (tmp_path / "whole.tsv").read_bytes()


@pytest.mark.skipif(find_spec("snakemake") is None, reason="Snakemake is not installed")
def test_snakemake_gives_the_bytes_of_one_run(run, flags, predict, proteome, tmp_path):
    code, text = run(
        sys.executable, "-m", "snakemake", "-s", RECIPES / "Snakefile", "--cores=2", "--config",
        f"fasta={proteome}", "output=out.tsv", "shards=2", f"flags={' '.join(flags)}",
    )  # fmt: skip
    assert code == 0, text
    assert predict(tmp_path / "whole.tsv") == 4
    assert (tmp_path / "out.tsv").read_bytes() == (tmp_path / "whole.tsv").read_bytes()


def test_the_recipe_for_nextflow_has_flags_that_exist(capsys):
    if shutil.which("nextflow") is None:
        text = (RECIPES / "main.nf").read_text()
        for verb, names in {"plan": ["rejects_ok"], "predict": ["shard"], "merge": []}.items():
            assert f"esmgo {verb} " in text
            assert main([verb, "--help"]) == 0
            help = capsys.readouterr().out
            assert all(f"--{name}" in help and f"--{name}" in text for name in names)
