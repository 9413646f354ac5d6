"""Trains by several ranks in forked processes, which share one import of everything.

As a program: ``python tests/many_ranks.py WORK_FOLDER`` prints one JSON line about all trainings.
"""

import hashlib
import json
import os
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

import pyarrow as pa  # noqa: F401 (loaded before forking, as the next two)
import torch
import torch._dynamo
from killing import child, wait, weights_sha256
from torch.utils import tensorboard  # noqa: F401

from esmgo.model.checkpoint import open_checkpoint

SETTINGS = (
    "--base_model=tiny", "--dataset=sample", "--seed=7", "--eval_interval=1", "--device=cpu",
    "--checkpoint_interval=1", "--learning_rate=1e-3", "--context_length=32", "--eval_ratio=1",
    "--checkpoint_path=c.pt", "--run_dir_path=runs",
)  # fmt: skip
FILES = "c.pt", "c.best.pt", "c.index.pt"


def start(folder: Path, n: int, *words: str) -> list[int]:
    """Start a training by n ranks, as torchrun describes them; return their pids."""
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(n)}
    pids = []
    for rank in range(n):
        os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        pids.append(child(["train", *SETTINGS, *words], folder / f"log{rank}"))
    return pids


def train(folder: Path, n: int, *words: str) -> list[int]:
    """Train by n ranks; return their exit codes."""
    return list(map(wait, start(folder, n, *words)))


def await_checkpoint(folder: Path) -> None:
    while not (folder / "c.pt").exists():
        time.sleep(0.02)


def digests(folder: Path) -> list[str]:
    return [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES]


def difference(one: Path, other: Path) -> float:
    """The largest difference between weights of two checkpoints."""
    one, other = (open_checkpoint(path).caller().network.state_dict() for path in (one, other))
    return max((one[name] - other[name]).abs().max().item() for name in one)


def run(work: Path) -> dict:
    """Train in many ways; return what a test compares."""
    found = {}
    ways = {
        "layers": ((1, 2, 3), "--unfreeze_last_k_layers=1"),
        "adapters": ((1, 2), "--lora_rank=2", "--cache_gb=0"),
        "head": ((1, 3),),
    }
    for name, (sizes, *words) in ways.items():
        codes = [train(work / name / str(n), n, *words, "--num_epochs=1") for n in sizes]
        found[name] = codes, [digests(work / name / str(n)) for n in sizes]

    words = "--cache_gb=0", "--substitution_rate=0.1"
    whole, part = work / "whole", work / "resumed"
    codes = [train(whole, 1, *words, "--num_epochs=2"), train(part, 1, *words, "--num_epochs=1"),
             train(part, 2, "--num_epochs=2", "--resume")]  # fmt: skip
    found["one, then two"] = codes, [weights_sha256(f / "c.pt") for f in (whole, part)]

    words = "--unfreeze_last_k_layers=1", "--eval_interval=999"
    for name, stop in (("stopped", signal.SIGTERM), ("killed", signal.SIGKILL)):
        part = work / name
        pids = start(part, 2, *words, "--num_epochs=999")
        await_checkpoint(part)
        os.kill(pids[1], stop)
        found[name] = [list(map(wait, pids))]
    at = open_checkpoint(part / "c.pt").training
    last, whole = f"--num_epochs={at['epoch'] + 1}", work / "not killed"
    codes = [train(part, 1, last, "--resume"), train(whole, 1, *words, last)]
    found["two, then one"] = codes, [weights_sha256(f / "c.pt") for f in (whole, part)]
    part, whole = (shutil.copytree(work / "layers" / "1", work / n) for n in ("part", "unsharded"))
    codes = [train(part, 2, "--resume", "--num_epochs=2", "--shard_weights"),
             train(part, 1, "--resume", "--num_epochs=3"),
             train(whole, 1, "--resume", "--num_epochs=3")]  # fmt: skip
    found["sharded"] = codes, difference(whole / "c.pt", part / "c.pt")
    found["log"] = (work / "killed" / "log0").read_text()
    found["left"] = [str(path) for path in work.rglob(".*")]
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(run(Path(sys.argv[1]).resolve())))
