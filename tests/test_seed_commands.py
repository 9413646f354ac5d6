"""Every command of the seed document runs as printed.

Hub names need the hub. Out of its reach each fails within two seconds, in one line that
names the id and the local alternatives.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from esmgo.cli.main import main

ROOT = Path(__file__).parents[1]

TRAIN = [
    "python fine-tune.py",
    (
        'python fine-tune.py --base_model="facebook/esm2_t33_650M_UR50D" '
        '--dataset_subset="biological_process"'
    ),
    "python fine-tune.py --batch_size=16 --gradient_accumulation_step=4 --learning_rate=5e-4",
    (
        'python fine-tune.py --checkpoint_path="./checkpoints/biological-process-large.pt" '
        "--checkpoint_interval=3"
    ),
    'python fine-tune.py --checkpoint_path="./checkpoints/checkpoint.pt" --resume',
]
RANK = 'python predict-rank.py --checkpoint_path="./checkpoints/checkpoint.pt" --top_k=5'


def run(command: str, folder: Path, **more) -> subprocess.CompletedProcess:
    """Run a command as printed, but in a folder of its own and out of the hub's reach."""
    python, script, *rest = shlex.split(command)
    assert python == "python"
    outside = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(folder / "hub")}
    environment = {k: v for k, v in os.environ.items() if k != "HF_HUB_OFFLINE"} | outside
    return subprocess.run(
        [sys.executable, str(ROOT / script), *rest],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120, **more,
    )  # fmt: skip


@pytest.mark.parametrize("command", TRAIN)
def test_out_of_the_hubs_reach_a_command_fails_at_once_and_names_what_to_do(command, tmp_path):
    start = os.times()
    done = run(command, tmp_path)
    end = os.times()
    assert done.returncode == 5, done.stderr
    name = "esm2_t33_650M_UR50D" if "650M" in command else "esm2_t6_8M_UR50D"
    *_, line = done.stderr.splitlines()
    assert f"facebook/{name}" in line
    assert "--base_model=tiny" in line
    assert "FOLDER" in line
    assert len(line) < 200
    # two seconds of this process's own work, whatever else the machine does
    assert end.children_user - start.children_user < 2
    assert not list(tmp_path.glob("checkpoints/*"))


@pytest.mark.parametrize("command", TRAIN[2:4])
def test_training_commands_run_as_printed_on_embedded_data(command, tmp_path):
    done = run(
        command + " --base_model=tiny --dataset=sample --num_epochs=1 --context_length=64", tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("Done!")
    name = "biological-process-large.pt" if "large" in command else "checkpoint.pt"
    assert (tmp_path / "checkpoints" / name).exists()
    assert list((tmp_path / "runs" / "instruction-tune").iterdir())


def test_ranking_runs_as_printed(checkpoint, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "checkpoint.pt").symlink_to(checkpoint)
    sequence = "MASMAGVGGGSGKRVPPTRVWWRLYEFALGLLGVVFFAAAATSGKTSRLVSVLIG"
    done = run(RANK, tmp_path, input=sequence)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:3] == ["Checkpoint loaded successfully", "", "Top 5 GO Terms:"]
    assert len(lines) == 8


def test_the_data_set_out_of_reach_names_itself(tmp_path, capsys):
    assert main(["train", "--base_model=tiny", f"--checkpoint_path={tmp_path / 'c.pt'}"]) == 5
    err = capsys.readouterr().err
    assert "andrewdalpino/CAFA5" in err
    assert "--dataset=sample" in err


def test_help_comes_without_torch_or_numpy():
    code = (
        "import sys; from esmgo.cli.main import main; main(['--help']);"
        "assert not {'torch', 'numpy', 'transformers'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_ranking_imports_nothing_of_training(checkpoint):
    code = (
        "import sys; from esmgo.cli.main import main;"
        f"main(['rank', '--checkpoint_path={checkpoint}', '--sequence=MKT', '--device=cpu']);"
        "unused = {'tensorboard', 'datasets', 'transformers', 'pyarrow', 'esmgo.learn.loop'};"
        "assert not unused & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_reader_who_leaves_is_no_error(checkpoint):
    command = f"{sys.executable} -m esmgo rank --checkpoint_path={checkpoint} --sequence=MKT"
    done = subprocess.run(
        ["bash", "-c", f"{command} --device=cpu | head -c 1; exit ${{PIPESTATUS[0]}}"],
        capture_output=True, text=True, cwd=ROOT, timeout=60,
    )  # fmt: skip
    assert done.returncode in (0, 141)
    assert "Traceback" not in done.stderr
    assert "Broken" not in done.stderr
