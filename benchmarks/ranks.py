"""Train the tiny caller by 1, 2 and 3 ranks of torchrun, and compare; some minutes on two cores.

``python benchmarks/ranks.py`` prints a table: SHA-256 of the checkpoint per way and number of
ranks, and the largest difference of a step's loss between divided and whole weights.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
SETTINGS = (
    "--base_model=tiny", "--dataset=sample", "--seed=7", "--num_epochs=2", "--device=cpu",
    "--dtype=fp32", "--learning_rate=1e-3", "--context_length=32", "--checkpoint_path=c.pt",
    "--run_dir_path=runs",
)  # fmt: skip
WAYS = {
    "head": (),
    "head, nothing stored": ("--cache_gb=0",),
    "last layer": ("--unfreeze_last_k_layers=1",),
    "LoRA": ("--lora_rank=4",),
}


def train(folder: Path, n_ranks: int, *words: str) -> None:
    """Train in a folder; raise CalledProcessError if it fails."""
    folder.mkdir(parents=True)
    torchrun = (
        "-m", "torch.distributed.run", f"--nproc-per-node={n_ranks}", "--local-addr=127.0.0.1",
        "--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0",
    )  # fmt: skip
    command = [sys.executable, *(torchrun if n_ranks > 1 else ()), str(ROOT / "fine-tune.py")]
    one = os.environ | {"OMP_NUM_THREADS": "1"}  # threads of a rank, as torchrun sets it
    subprocess.run(
        [*command, *SETTINGS, *words], cwd=folder, env=one, check=True, capture_output=True
    )


def losses(folder: Path) -> list[float]:
    """Return the loss of each step, as TensorBoard has it."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (run,) = (folder / "runs").iterdir()
    events = EventAccumulator(str(run))
    events.Reload()
    return [event.value for event in events.Scalars("Cross Entropy/Step")]


def main() -> None:
    print("| What is trained | Ranks | SHA-256 of the checkpoint |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        for name, words in WAYS.items():
            for n in (1, 2, 3):
                folder = work / name / str(n)
                train(folder, n, *words)
                digest = hashlib.sha256((folder / "c.pt").read_bytes()).hexdigest()
                print(f"| {name} | {n} | {digest[:16]} |", flush=True)
        print("\n| What is trained, divided among 2 ranks | Largest difference of a step's loss |")
        print("|---|---|")
        for name, words in WAYS.items():
            folder = work / name / "divided"
            train(folder, 2, "--shard_weights", *words)
            pairs = zip(losses(work / name / "1"), losses(folder), strict=True)
            print(f"| {name} | {max(abs(a - b) for a, b in pairs):.1e} |", flush=True)


if __name__ == "__main__":
    main()
