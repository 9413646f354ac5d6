"""Training: labels and loss of a batch, twenty epochs of a frozen encoder, an epoch with k = 1.

    python benchmarks/training.py --dataset=CAFA6
    python benchmarks/training.py --parts=labels,loss
    python benchmarks/training.py --dataset=CAFA6 --quick

``labels`` and ``loss`` need no data. ``epochs`` and ``k1`` take proteins of a data set laid out
as SUBSET/SPLIT.parquet and run `esmgo train` as whole processes; the seed's way (encoder with
dropout, eager attention, padded to 1026, batches of 16, 4 to a step, dense labels, fp32) is
measured on a part of an epoch and extrapolated. Medians of CPU-seconds, A B A B.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import contenders
import lengths
import models
import numpy as np
from report import head, measured_in_turn, one_thread, say, table, versions

PARTS = ("labels", "loss", "epochs", "k1")
N_TERMS, BATCH, ANNOTATIONS = 31_000, 64, 75
"""Terms of all aspects in CAFA's data, proteins to an optimiser step, terms of a protein there."""

SEED_BATCH, SEED_ACCUMULATION = 16, 4
K1_EPOCHS = 3


def in_turn(ways: dict[str, Callable[[], object]], rounds: int, at_least: float) -> list[float]:
    """Return the median CPU-seconds of each way; short ones are repeated within a measurement."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    repeats = {name: max(1, int(at_least / max(cpu_seconds(w), 1e-6))) for name, w in ways.items()}
    for _ in range(rounds):
        for name, way in ways.items():
            taken[name].append(cpu_seconds(way, repeats[name]) / repeats[name])
            say(f"{name}: {1e3 * taken[name][-1]:.3f} ms, {repeats[name]} times")
    return [statistics.median(each) for each in taken.values()]


def cpu_seconds(run: Callable[[], object], repeats: int = 1) -> float:
    before = time.process_time()
    for _ in range(repeats):
        run()
    return time.process_time() - before


def zeros_and_ones(columns: list[list[int]], n_terms: int) -> list[list[float]]:
    """Return the targets of a batch as the seed makes them: a dense list for each protein."""
    rows = []
    for chosen in columns:
        row = [0.0] * n_terms
        for column in chosen:
            row[column] = 1.0
        rows.append(row)
    return rows


def labels(given: argparse.Namespace) -> list[list[str]]:
    """Targets of a batch: a list of zeros and ones for each protein, and index lists."""
    import torch

    random = np.random.default_rng(0)
    spans = [np.sort(random.choice(N_TERMS, ANNOTATIONS, replace=False)) for _ in range(BATCH)]
    indices = np.concatenate(spans).astype(np.int32)
    indptr = np.arange(BATCH + 1) * ANNOTATIONS
    chosen = [span.tolist() for span in spans]

    def lists() -> Any:
        return torch.tensor(zeros_and_ones(chosen, N_TERMS))

    def index_lists() -> Any:  # as esmgo.learn makes them from the sparse rows of a data set
        rows = [indices[indptr[i] : indptr[i + 1]] for i in range(BATCH)]
        row = np.repeat(np.arange(BATCH), [len(span) for span in rows])
        columns = np.concatenate(rows).astype(np.int64)
        return torch.from_numpy(row), torch.from_numpy(columns)

    dense = torch.zeros(BATCH, N_TERMS)
    dense[index_lists()] = 1
    assert torch.equal(dense, lists()), "both say the same"
    old, new = in_turn(
        {"Python lists": lists, "index lists": index_lists}, given.rounds, given.at_least
    )
    what = f"labels of {BATCH} proteins, {N_TERMS:,} terms, ms (Python lists; index lists)"
    return [[what, f"{1e3 * old:,.1f}", f"{1e3 * new:.3f}", f"{old / new:,.0f} ×", "500 ×"]]


def loss(given: argparse.Namespace) -> list[list[str]]:
    """Binary cross entropy and its gradient: dense target, and the package's own."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    what = f"cross entropy and gradient, ({BATCH}, {N_TERMS:,}), ms (dense; sparse_bce)"
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(BATCH, N_TERMS, generator=random).requires_grad_()
    rows = torch.arange(BATCH).repeat_interleave(ANNOTATIONS)
    columns = torch.cat(
        [torch.randperm(N_TERMS, generator=random)[:ANNOTATIONS] for _ in range(BATCH)]
    )

    def dense() -> Any:
        logits.grad = None
        target = torch.zeros(BATCH, N_TERMS)
        target[rows, columns] = 1.0
        value = binary_cross_entropy_with_logits(logits, target, reduction="sum")
        value.backward()
        return value.item(), logits.grad

    try:
        from esmgo.learn.loss import sparse_bce  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return [[what, "–", "–", "esmgo.learn.loss is not there", "–"]]

    def sparse() -> Any:
        logits.grad = None
        value = sparse_bce(logits, rows, columns)
        value.backward()
        return value.item(), logits.grad

    (value, gradient), (other, other_gradient) = dense(), sparse()
    scale = value / other  # a mean where the other is a sum
    torch.testing.assert_close(other_gradient * scale, gradient, rtol=1e-4, atol=1e-5)
    old, new = in_turn({"dense": dense, "sparse_bce": sparse}, given.rounds, given.at_least)
    return [[what, f"{1e3 * old:.1f}", f"{1e3 * new:.1f}", f"{old / new:.1f} ×", "–"]]


def cut_out(source: Path, subset: str, folder: Path, n_train: int) -> tuple[list[str], Any]:
    """Write a small data set with proteins of a large one; return its sequences and their terms."""
    import pyarrow.compute as compute
    import pyarrow.parquet as parquet

    (folder / subset).mkdir(parents=True)
    for split, n in (("test", max(2, n_train // 10)), ("train", n_train)):
        whole = parquet.read_table(source / subset / f"{split}.parquet")
        plain = compute.match_substring_regex(whole["sequence"], f"^[{lengths.RESIDUES}]+$")
        whole = whole.filter(plain)
        at = np.random.default_rng(0).permutation(len(whole))[:n]
        part = whole.take(np.sort(at))
        parquet.write_table(part, folder / subset / f"{split}.parquet")
    return part["sequence"].to_pylist(), part["terms"].to_pylist()


class Trainings:
    """`esmgo train` on one data set, each run in a folder of its own, with nothing stored."""

    def __init__(self, folder: Path, base: Path, data: Path, given: argparse.Namespace) -> None:
        self._folder, self._base, self._data, self._given = folder, base, data, given
        self._n_runs = 0

    def flags(self, **settings: object) -> list[str]:
        """Return the words after `esmgo train`."""
        self._n_runs += 1
        run = self._folder / f"run{self._n_runs}"
        run.mkdir()
        settings = {
            "base_model": self._base, "dataset": self._data, "dataset_subset": self._given.subset,
            "checkpoint_path": run / "checkpoint.pt", "run_dir_path": run / "board",
            "device": "cpu", "seed": 1,
        } | settings  # fmt: skip
        return [*(f"--{name}={value}" for name, value in settings.items()), *self._given.train_flag]

    def command(self, **settings: object) -> list[str]:
        """Return the whole command; caches of other runs are out of its sight."""
        flags = self.flags(**settings)
        cache = self._folder / f"run{self._n_runs}"
        esmgo = Path(sysconfig.get_path("scripts")) / "esmgo"
        return ["/usr/bin/env", f"XDG_CACHE_HOME={cache}", str(esmgo), "train", *flags]


def epochs(given: argparse.Namespace, folder: Path) -> list[list[str]]:
    """Twenty epochs with a frozen encoder, against the seed's and against one encoder pass."""
    base = models.base_folder(given.size, given.models)
    data = folder / "data"
    sequences, terms = cut_out(given.dataset, given.subset, data, given.proteins)
    column = {term: j for j, term in enumerate(sorted({t for each in terms for t in each}))}
    n_terms = len(column)
    told = {"base": str(base), "sequences": sequences, "n_terms": n_terms}
    told["columns"] = [[column[term] for term in each] for each in terms]
    (folder / "told.json").write_text(json.dumps(told | {"n_batches": given.seed_batches}))
    trainings = Trainings(folder, base, data, given)
    seed = asked("seed", folder)
    n_measured = min(given.seed_batches * SEED_BATCH, len(sequences))
    twenty = seed["cpu"] * len(sequences) / n_measured * given.epochs
    say(f"seed's way: {seed['cpu']:.1f} CPU-s for {n_measured} proteins")
    whole, fitted, passed = [], [], []
    for _ in range(given.rounds):
        run = {"whole": lambda: trainings.command(num_epochs=given.epochs)}
        whole.append(measured_in_turn(run, 1)["whole"])
        flags = trainings.flags(num_epochs=given.epochs)
        fitted.append(asked("fit", folder, *flags)["cpu"])
        passed.append(asked("pass", folder)["cpu"])
        say(f"training itself {fitted[-1]:.2f}, one encoder pass {passed[-1]:.2f} CPU-s")
    ours = statistics.median(cpu for _, cpu, _ in whole)
    memory = statistics.median(memory for *_, memory in whole)
    fit, one = statistics.median(fitted), statistics.median(passed)
    whole_job = (
        f"{given.epochs} epochs, k = 0, {len(sequences)} proteins, {n_terms:,} terms, ESM2 "
        f"{given.size}, CPU-s (seed's way, extrapolated from {n_measured} proteins in one epoch; "
        f"esmgo train, whole process, {memory:,.0f} MiB)"
    )
    epochs_alone = (
        f"the {given.epochs} epochs themselves, imports apart, CPU-s (one encoder pass; all epochs)"
    )
    ratio = f"{fit / one:.2f} × the pass"
    return [
        [whole_job, f"{twenty:,.0f}", f"{ours:.1f}", f"{twenty / ours:,.0f} ×", "300 ×"],
        [epochs_alone, f"{one:.1f}", f"{fit:.1f}", ratio, "≤ 1.8 ×"],
    ]


def k1(given: argparse.Namespace, folder: Path) -> list[list[str]]:
    """An epoch that trains the last layer, from stored activations and without a store."""
    from esmgo.learn.config import TrainConfig

    base, data = models.base_folder(given.size, given.models), folder / "k1"
    sequences, _ = cut_out(given.dataset, given.subset, data, given.k1_proteins)
    what = f"an epoch, k = 1, {len(sequences)} proteins, CPU-s (recomputed; stored activations)"
    if "cache_gb" not in {field.name for field in fields(TrainConfig)}:
        return [[what, "–", "–", "esmgo train has no --cache_gb", "2 ×"]]
    trainings = Trainings(folder, base, data, given)

    def program(n_epochs: int, **more: object) -> Callable[[], list[str]]:
        return lambda: trainings.command(
            num_epochs=n_epochs, unfreeze_last_k_layers=1, eval_interval=100,
            checkpoint_interval=100, **more,
        )  # fmt: skip

    runs = measured_in_turn(
        {
            "recomputed, 1 epoch": program(1, cache_gb=0),
            "stored, 1 epoch": program(1),
            f"recomputed, {K1_EPOCHS} epochs": program(K1_EPOCHS, cache_gb=0),
            f"stored, {K1_EPOCHS} epochs": program(K1_EPOCHS),
        },
        given.rounds,
    )
    old, new = (
        (runs[f"{way}, {K1_EPOCHS} epochs"][1] - runs[f"{way}, 1 epoch"][1]) / (K1_EPOCHS - 1)
        for way in ("recomputed", "stored")
    )
    return [[what, f"{old:.2f}", f"{new:.2f}", f"{old / new:.1f} ×", "2 ×"]]


def asked(worker: str, folder: Path, *words: str) -> dict[str, Any]:
    """Run a worker of this file in a fresh process; return what it measured."""
    command = [sys.executable, __file__, f"--worker={worker}", f"--folder={folder}", "--", *words]
    environment = os.environ | {"XDG_CACHE_HOME": tempfile.mkdtemp(dir=folder)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def work(worker: str, folder: Path, words: list[str]) -> dict[str, float]:
    """Be a worker: measure one thing, imports apart."""
    import torch

    torch.set_num_threads(1)
    told = json.loads((folder / "told.json").read_text())
    return {"seed": seed_work, "pass": pass_work, "fit": fit_work}[worker](told, words)


def seed_work(told: dict[str, Any], words: list[str]) -> dict[str, float]:
    """Train for a part of an epoch as the seed does, labels included."""
    import torch

    from esmgo.model.tokens import encode

    del words
    n_terms = told["n_terms"]
    model = models.classifier(Path(told["base"]), n_terms, "eager", dropout=0.1)
    model.esm.requires_grad_(requires_grad=False)
    model.train()
    optimizer = torch.optim.AdamW(model.classifier.parameters(), lr=1e-4)
    rows = [encode(s, contenders.PADDED_TO) for s in told["sequences"]]
    rows = rows[: told["n_batches"] * SEED_BATCH]
    model(*contenders.padded(rows[:1], len(rows[0])))  # warm-up
    before = time.process_time()
    for number, at in enumerate(range(0, len(rows), SEED_BATCH), 1):
        batch = rows[at : at + SEED_BATCH]
        tokens, mask = contenders.padded(batch, contenders.PADDED_TO)
        target = torch.tensor(zeros_and_ones(told["columns"][at : at + SEED_BATCH], n_terms))
        found = model(input_ids=tokens, attention_mask=mask, labels=target)
        (found.loss / SEED_ACCUMULATION).backward()
        if number % SEED_ACCUMULATION == 0:
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
    return {"cpu": time.process_time() - before}


def pass_work(told: dict[str, Any], words: list[str]) -> dict[str, float]:
    """Score all proteins once, in the precision that training chooses for itself."""
    import torch

    from esmgo.model.caller import Caller
    from esmgo.model.scoring import probabilities
    from esmgo.model.tokens import encode

    del words
    caller = Caller.start(Path(told["base"]), told["n_terms"], dropout=0.0, seed=0)
    rows = [encode(s, contenders.PADDED_TO) for s in told["sequences"]]
    device = torch.device("cpu")
    list(probabilities(caller, rows[:1], device, "auto"))  # warm-up
    return {"cpu": cpu_seconds(lambda: list(probabilities(caller, rows, device, "auto")))}


def fit_work(told: dict[str, Any], words: list[str]) -> dict[str, float]:
    """Train as `esmgo train` would with these flags, from reading the data to the checkpoint."""
    import esmgo.learn.loop  # noqa: F401 - what fit would import, apart from the measurement
    from esmgo.cli import flags
    from esmgo.learn.config import TrainConfig
    from esmgo.learn.finetune import fit

    del told
    config, given = flags.parse(TrainConfig, words, prog="esmgo train", description="")
    return {"cpu": cpu_seconds(lambda: fit(config, given))}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--parts", help=f"of {','.join(PARTS)}; default: all that can be run")
    parser.add_argument("--dataset", type=Path, help="folder laid out as SUBSET/SPLIT.parquet")
    parser.add_argument("--subset", default="mf")
    parser.add_argument("--size", choices=list(models.SIZES), default="t6_8M")
    parser.add_argument("--models", type=Path, default=models.CACHE, help="folder for base models")
    parser.add_argument("--proteins", type=int, default=512)
    parser.add_argument("--k1_proteins", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed_batches", type=int, default=4,
                        help="batches of 16 that the seed's way is measured on")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--at_least", type=float, default=1.0,
                        help="CPU-seconds of a measurement of labels or loss")  # fmt: skip
    parser.add_argument("--train_flag", action="append", default=[],
                        help="for every esmgo train, as --train_flag=--dtype=fp32")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="a few proteins, one round")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        print(json.dumps(work(given.worker, given.folder, given.words)))
        return
    one_thread()
    if given.quick:
        given.rounds, given.at_least, given.seed_batches = 1, 0.1, 1
        given.proteins, given.k1_proteins, given.epochs = 16, 16, 3
    parts = given.parts.split(",") if given.parts else PARTS[: 4 if given.dataset else 2]
    rows = []
    # programs first: the memory of this process, once torch is in, would count as theirs
    for part in sorted(parts, key=PARTS.index, reverse=True):
        say(part)
        if part in ("labels", "loss"):
            import torch

            torch.set_num_threads(1)
            rows = {"labels": labels, "loss": loss}[part](given) + rows
            continue
        if given.dataset is None:
            raise SystemExit(f"--parts={part} needs --dataset=FOLDER")
        with tempfile.TemporaryDirectory() as temporary:
            rows = {"epochs": epochs, "k1": k1}[part](given, Path(temporary)) + rows
    print(head("Training", versions(("esmgo", "torch", "transformers", "numpy"))))
    print(f"CPU time, {given.rounds} rounds, medians; an epoch with k = 1 is the difference of "
          f"trainings of {K1_EPOCHS} epochs and of one.\n")  # fmt: skip
    print(table(["what (baseline; ours)", "baseline", "ours", "ratio", "aim"], rows))


if __name__ == "__main__":
    main()
