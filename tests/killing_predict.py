"""Predicts a proteome in child processes that are killed at random moments and resumed.

The imports are paid once: this process loads everything, computes nothing, and forks.
As a program: ``python tests/killing_predict.py WORK_FOLDER N_KILLS [SEED]`` trains a caller
first and prints one JSON line.
"""

import hashlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from killing import child, wait

from esmgo.dataset.sample import sample_rows
from esmgo.files import atomic as files
from esmgo.predict import predictor  # noqa: F401 (loaded before forking)
from esmgo.proteome import blocks  # noqa: F401
from esmgo.proteome import run as proteome

FORMATS = "tsv,jsonl,parquet,cafa,gaf,gpad"
BLOCK = 8


def proteome_of(path: Path, n: int = 64, seed: int = 1) -> Path:
    """Write proteins, some of them twice, and some records that are none."""
    chance = random.Random(seed)
    sequences = [row["sequence"] for row in sample_rows()["test"]]
    lines = []
    for i in range(n):
        bad = "!" if i % 17 == 5 else ""
        lines.append(f">sp|A{i:05}|N{i}_X made up\n{chance.choice(sequences)}{bad}\n")
    path.write_text("".join(lines))
    return path


def flags(checkpoint: Path, fasta: Path, output: Path, *more: str) -> list[str]:
    """A prediction of some seconds in every format."""
    return [
        "predict", f"--input={fasta}", f"--output={output}", f"--checkpoint_path={checkpoint}",
        f"--format={FORMATS}", "--taxon=9606", "--device=cpu", "--dtype=fp32", *more,
    ]  # fmt: skip


def digests(folder: Path) -> dict[str, str]:
    """Name and SHA-256 of all files in a folder, hidden ones too."""
    found = [p for p in folder.rglob("*") if p.is_file()]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


def start(words: list[str], log: Path, die_at: int | None) -> int:
    """Fork a prediction; with ``die_at`` it kills itself at that rename, before or after."""
    real = Path.replace
    if die_at is not None:
        left = [die_at]

        def replace(self, target):
            left[0] -= 1
            if left[0] == 0 and die_at % 2:
                os.kill(os.getpid(), signal.SIGKILL)
            result = real(self, target)
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        Path.replace = replace
    try:
        return child(words, log)
    finally:
        Path.replace = real


def is_done(folder: Path, wanted: dict[str, str]) -> bool:
    """Whether all files are there and no job waits to be gone on with."""
    found = digests(folder)
    return set(wanted) <= set(found) and "x.parts/job.json" not in found


def run(work: Path, checkpoint: Path, n_kills: int, seed: int) -> dict:
    """Predict uninterrupted once, then with kills; compare the files, and look for litter."""
    proteome.BLOCK = BLOCK
    assert files.Path is Path
    work.mkdir(parents=True, exist_ok=True)
    fasta = proteome_of(work / "proteins.fasta")
    (work / "whole").mkdir()
    begin = time.monotonic()
    code = wait(start(flags(checkpoint, fasta, work / "whole" / "x"), work / "log", None))
    assert code == 4, (work / "log").read_text()
    seconds = time.monotonic() - begin
    wanted = digests(work / "whole")
    chance = random.Random(seed)
    wrong, killed, in_a_rename, runs = [], 0, 0, 0
    while killed < n_kills:
        runs += 1
        folder = work / f"run{runs}"
        folder.mkdir()
        words = flags(checkpoint, fasta, folder / "x")
        for _ in range(3):  # up to three kills on the way of one prediction
            inside = killed % 3 == 0
            die_at = chance.randint(1, 20) if inside else None
            pid = start(words, work / "log", die_at)
            if not inside:
                time.sleep(chance.uniform(0.1, 1.0) * seconds)
                os.kill(pid, signal.SIGKILL)
            code = wait(pid)
            if is_done(folder, wanted):
                break
            killed += 1
            in_a_rename += inside
            if code != -signal.SIGKILL:
                wrong.append([folder.name, code])
            words = flags(checkpoint, fasta, folder / "x", "--resume")
        if not is_done(folder, wanted):
            code = wait(child(words, work / "log"))
        found = digests(folder)
        if code == -signal.SIGKILL:  # all was there when it came
            found = {name: found[name] for name in wanted}
        if code not in (4, -signal.SIGKILL) or found != wanted:
            wrong.append([folder.name, code, sorted(found)])
    return {"killed": killed, "in_a_rename": in_a_rename, "wrong": wrong, "runs": runs}


if __name__ == "__main__":
    here = Path(sys.argv[1])
    here.mkdir(parents=True, exist_ok=True)
    given = [argument for argument in sys.argv[2:] if not argument.startswith("--")]
    path = next((a.split("=")[1] for a in sys.argv if a.startswith("--checkpoint=")), None)
    if path is None:
        path = str(here / "checkpoint.pt")
        training = [
            "train", "--base_model=tiny", "--dataset=sample", "--num_epochs=1", "--device=cpu",
            f"--checkpoint_path={path}", f"--run_dir_path={here / 'runs'}",
        ]  # fmt: skip
        assert wait(child(training, here / "log")) == 0
    print(json.dumps(run(here / "work", Path(path), int(given[0]), int((given[1:] or ["1"])[0]))))
