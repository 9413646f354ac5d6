"""Trains in child processes that are killed at chosen or random moments.

The imports are paid once: this process loads everything, computes nothing, and forks.
As a program: ``python tests/killing.py WORK_FOLDER N_KILLS [SEED]`` prints one JSON line.
"""

import hashlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from esmgo.cli.main import main
from esmgo.errors import EsmgoError
from esmgo.files import atomic as files
from esmgo.learn import loop  # noqa: F401 (loaded before forking)
from esmgo.model import caller, checkpoint, container
from esmgo.model.checkpoint import open_checkpoint

KILLS_IN_A_SAVE = 3
"""Every third kill strikes inside a save."""


def flags(folder: Path, *more: str) -> list[str]:
    """A training of a few seconds that uses everything: dropout, clipping, an unfrozen layer."""
    return [
        "train", f"--checkpoint_path={folder / 'c.pt'}", f"--run_dir_path={folder / 'runs'}",
        "--device=cpu", *more,
    ]  # fmt: skip


START = (
    "--base_model=tiny", "--dataset=sample", "--num_epochs=3", "--seed=7", "--eval_interval=1",
    "--checkpoint_interval=1", "--unfreeze_last_k_layers=1", "--learning_rate=1e-3",
    "--context_length=32",
)  # fmt: skip


def weights_sha256(path: Path) -> str:
    """The digest of all tensors of a checkpoint, optimiser included."""
    header = container.read_header(path)
    return hashlib.sha256(path.read_bytes()[header.data_start :]).hexdigest()


def child(words: list[str], log: Path, *, die_in_save: float | None = None) -> int:
    """Fork a process that runs the command; return its pid."""
    pid = os.fork()
    if pid:
        return pid
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    torch.set_num_threads(1)
    if die_in_save is not None:
        _die_in_save(die_in_save)
    try:
        os._exit(main(words))
    except BaseException as error:  # the parent reads it
        os.write(2, f"Traceback: {error!r}".encode())
        os._exit(99)


def _die_in_save(point: float) -> None:
    """Make the process kill itself at a fraction of a save: between writes, syncs, the rename."""
    steps = ("write", "flush", "fsync", "replace", "after")
    step = steps[int(point * len(steps))]
    nth = 1 + int(point * 1000) % 4
    seen = [0]

    def due(name: str) -> None:
        if name == step:
            seen[0] += 1
            if seen[0] == nth:
                os.kill(os.getpid(), signal.SIGKILL)

    real_fsync, real_replace, real_write = os.fsync, Path.replace, container.write_container

    def fsync(handle):
        due("fsync")
        real_fsync(handle)

    def replace(self, target):
        due("replace")
        result = real_replace(self, target)
        due("after")
        return result

    def write_container(path, tensors, metadata, **more):
        def watched():
            for i, tensor in enumerate(tensors):
                if i % 3 == 0:
                    due("flush")
                yield tensor
            due("write")

        real_write(path, watched(), metadata, **more)

    files.os.fsync = fsync
    Path.replace = replace

    checkpoint.write_container = write_container


def wait(pid: int) -> int:
    """Return the exit code, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def check_whole(path: Path) -> str | None:
    """Say what is wrong with a checkpoint that is there."""
    if not path.exists():
        return None
    try:
        open_checkpoint(path).caller()
    except EsmgoError as error:
        return str(error)
    return None


def run(work: Path, n_kills: int, seed: int) -> dict:
    """Train uninterrupted once, then with kills; compare the final weights."""
    work.mkdir(parents=True, exist_ok=True)
    reference = work / "reference"
    start = time.monotonic()
    assert wait(child(flags(reference, *START), work / "log")) == 0, (work / "log").read_text()
    seconds = time.monotonic() - start
    wanted = weights_sha256(reference / "c.pt")
    chance = random.Random(seed)
    wrong, unreadable, left, killed, in_save, folder_at = [], [], [], 0, 0, 0
    while killed < n_kills:
        folder_at += 1
        folder = work / f"run{folder_at}"
        words = flags(folder, *START)
        for _ in range(3):  # up to three kills on the way of one training
            inside = killed % KILLS_IN_A_SAVE == 0
            pid = child(words, work / "log", die_in_save=chance.random() if inside else None)
            if not inside:
                time.sleep(chance.uniform(0.05, 1.0) * seconds)
                os.kill(pid, signal.SIGKILL)
            code = wait(pid)
            if code == -signal.SIGKILL:
                killed += 1
                in_save += inside
            elif code != 0:
                wrong.append([folder.name, code])
            problems = {name: check_whole(folder / name) for name in ("c.pt", "c.best.pt")}
            unreadable += [[folder.name, *found] for found in problems.items() if found[1]]
            words = flags(folder, "--resume", *(() if (folder / "c.pt").exists() else START))
        code = wait(child(words, work / "log"))
        if code or weights_sha256(folder / "c.pt") != wanted:
            wrong.append([folder.name, code, "weights differ"])
        left += [p.name for p in folder.glob(".*")]
    return {
        "killed": killed, "in_a_save": in_save, "wrong": wrong, "unreadable": unreadable,
        "left": left, "trainings": folder_at, "weights_sha256": wanted,
    }  # fmt: skip


if __name__ == "__main__":
    _ = caller
    print(json.dumps(run(Path(sys.argv[1]), int(sys.argv[2]), int((sys.argv[3:] or ["1"])[0]))))
