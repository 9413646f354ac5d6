"""Scores of proteins of mixed lengths: this package, the seed's way, and the best peers.

    python benchmarks/inference.py --size=t6_8M --python=PEERS/bin/python
    python benchmarks/inference.py --size=t30_150M --data=CAFA6/all/test.parquet
    python benchmarks/inference.py --quick

Each contender lives in a process of its own that loads once, warms up once and is then asked in
turn, A B C A B C; CPU-seconds of all its threads and wall seconds of a pass over the same
proteins, medians over the rounds, and the largest matrix product of the same core in each round.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lengths
import models
import numpy as np
from contenders import CONTENDERS, PADDED_TO, REFERENCE, Setup
from report import head, one_thread, say, table, versions

SAMPLES = {"t6_8M": (64, 32), "t12_35M": (64, 16), "t30_150M": (24, 8), "t33_650M": (8, 1)}
"""Proteins in a sample, and of them those that the seed's way is measured on.

Padded to 1026 every protein costs the same, so that the seed's time is scaled exactly.
"""

BASELINE = next(iter(CONTENDERS))
GEMM, ONE_BY_ONE = "gemm", "reference"
PACKAGES = ("esmgo", "torch", "transformers", "openvino", "fair-esm", "faesm")


class Worker:
    """A contender in a process of its own, as its parent sees it.

    Raises
    ------
    RuntimeError
        Where it does not start, with the reason.
    """

    def __init__(self, name: str, python: str, folder: Path) -> None:
        self._process = subprocess.Popen(
            [python, __file__, f"--worker={name}", f"--folder={folder}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.started: dict[str, Any] = self._answer()

    def ask(self) -> dict[str, Any]:
        """Have it make one measurement."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return self._answer()

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"error": "ended without a word"}
        if "error" in answer:
            self.end()
            raise RuntimeError(answer["error"])
        return answer


def work(name: str, folder: Path) -> None:
    """Be a worker: load, warm up, then answer each line of standard input by a measurement."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print must not end up among the answers
    warnings.simplefilter("ignore")
    try:
        measure, started = gemm_peak, {}
        if name != GEMM:
            measure, started = prepared(name, folder)
        print(json.dumps(started | {"versions": versions(PACKAGES)}), file=out)
        for _ in sys.stdin:
            print(json.dumps(measure()), file=out)
    except Exception as error:  # whatever a peer raises is told in the result
        told = f"{type(error).__name__}: {error}".splitlines()[0]
        print(json.dumps({"error": told[:200]}), file=out)


def prepared(name: str, folder: Path) -> tuple[Any, dict[str, Any]]:
    """Load a contender, find its best batch size, and return how it is measured."""
    import torch

    torch.set_num_threads(1)
    told = json.loads((folder / "setup.json").read_text())
    setup = Setup(told["size"], Path(told["base"]), told["n_terms"])
    stored = np.load(folder / "rows.npz")
    rows = np.split(stored["tokens"], np.cumsum(stored["lengths"])[:-1])
    contender = REFERENCE if name == ONE_BY_ONE else CONTENDERS[name]
    score = contender.make(setup)
    if name == ONE_BY_ONE:
        np.save(folder / "reference.npy", score(rows, 1))
        return None, {}
    rows = rows[: told["n_baseline"]] if name == BASELINE else rows
    size = contender.batches[0]
    if name == BASELINE:
        score(rows[:1], 1)
        n_passes = 1
    else:
        score(rows, size)
        taken = {each: cpu_seconds(lambda s=each: score(rows, s)) for each in contender.batches}
        if len(taken) > 1:  # the first time around, shapes were new
            taken = {each: cpu_seconds(lambda s=each: score(rows, s)) for each in taken}
        size = min(taken, key=taken.__getitem__)
        n_passes = max(1, math.ceil(told["at_least"] / taken[size]))
    reference = np.load(folder / "reference.npy")[: len(rows)]

    def measure() -> dict[str, Any]:
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(n_passes):
            found = score(rows, size)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        scale = told["n_proteins"] / len(rows) / n_passes
        drift = float(np.abs(found - reference).max())
        return {"cpu": cpu * scale, "wall": wall * scale, "drift": drift}

    return measure, {"batch": size, "passes": n_passes}


def cpu_seconds(run: Any) -> float:
    before = time.process_time()
    run()
    return time.process_time() - before


def gemm_peak() -> dict[str, float]:
    """Return the best FLOP/s of large square products of this core, per precision."""
    import torch

    torch.set_num_threads(1)
    best = {}
    for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        rates = []
        for n in (2048, 3072, 4096):
            a, b = (torch.randn(n, n).to(dtype) for _ in range(2))
            products = (lambda a=a, b=b: a @ b, lambda a=a, b=b: a @ b.T)
            rates += [2 * n**3 / cpu_seconds(product) for product in products for _ in range(2)]
        best[precision] = max(rates)
    return best


def encoded(sequences: Sequence[str]) -> list[np.ndarray]:
    from esmgo.model.tokens import encode

    return [encode(sequence, PADDED_TO) for sequence in sequences]


def start(names: Sequence[str], pythons: dict[str, str], folder: Path) -> tuple[Any, Any]:
    """Start the workers; return them, and why some did not start."""
    workers: dict[str, Worker] = {}
    refused: dict[str, str] = {}
    for name in names:
        kind = name.partition(" ")[0].rstrip(",").lower()
        python = pythons.get(kind, pythons["peers"])
        if kind in (ONE_BY_ONE, GEMM, "esmgo", "seed's", "transformers"):
            python = pythons.get(kind, sys.executable)
        try:
            workers[name] = Worker(name, python, folder)
            say("ready:", name, workers[name].started)
        except RuntimeError as error:
            refused[name] = str(error)
            say("not run:", name, error)
    return workers, refused


def compare(given: argparse.Namespace, sequences: list[str], title: str) -> str:
    """Measure all contenders on one sample; return the result as Markdown."""
    rows = encoded(sequences)
    pythons = {"peers": sys.executable}
    for word in given.python:
        kind, _, path = word.rpartition(":")
        pythons[kind or "peers"] = path
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        told = {
            "size": given.size, "base": str(models.base_folder(given.size, given.models)),
            "n_terms": given.terms, "n_proteins": len(rows), "at_least": given.at_least,
            "n_baseline": min(given.baseline_proteins, len(rows)),
        }  # fmt: skip
        (folder / "setup.json").write_text(json.dumps(told))
        sizes = [len(row) for row in rows]
        np.savez(folder / "rows.npz", tokens=np.concatenate(rows), lengths=sizes)
        Worker(ONE_BY_ONE, sys.executable, folder).end()
        names = [n for n in CONTENDERS if all(word not in n for word in given.without)]
        workers, refused = start([*names, GEMM], pythons, folder)
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in workers}
        for number in range(given.rounds):
            for name, worker in workers.items():
                runs[name].append(worker.ask())
                told_now = ", ".join(f"{k} {v:.3g}" for k, v in runs[name][-1].items())
                say(f"{number + 1}/{given.rounds} {name}: {told_now}")
        started = {name: worker.started for name, worker in workers.items()}
        for worker in workers.values():
            worker.end()
    packages = sorted({p for s in started.values() for p in s["versions"].split(", ")})
    peaks = runs.pop(GEMM)
    about = (
        f"ESM2 {given.size}, random weights, a head of {given.terms} terms; "
        f"{lengths.described(sequences)}. Token ids in, probabilities out. {given.rounds} rounds; "
        f"the seed's way on {told['n_baseline']} of the proteins, scaled (padded, all cost the "
        "same). Drift: largest difference of a probability from fp32 transformers, one protein "
        "at a time.\n"
    )
    lines = [
        head(title, ", ".join(packages)),
        about,
        result(given.size, sizes, runs, started, peaks),
        *(f"\nNot run: {name} ({why})" for name, why in refused.items()),
    ]
    return "\n".join(lines)


def result(
    size: str,
    sizes: Sequence[int],
    runs: dict[str, list[dict[str, float]]],
    started: dict[str, Any],
    peaks: list[dict[str, float]],
) -> str:
    """Return the table and what belongs under it."""
    peak = {p: max(each[p] for each in peaks) for p in ("fp32", "bf16")}
    whole, needed = models.flops(size, sizes), models.flops(size, sizes, cls_only=True)
    medians = {
        name: {key: statistics.median(r[key] for r in each) for key in ("cpu", "wall")}
        for name, each in runs.items()
    }
    first = medians[next(iter(medians))]
    rows, notes = [], []
    for name, median in medians.items():
        precision = CONTENDERS[name].precision
        share = whole / median["cpu"] / peak[precision]
        drift = max(run["drift"] for run in runs[name])
        batch = started[name]["batch"]
        rows.append([
            name, f"{median['cpu']:.2f}", f"{median['wall']:.2f}",
            f"{first['cpu'] / median['cpu']:.1f}", f"{drift:.0e}",
            f"{whole / median['cpu'] / 1e9:.1f}", f"{100 * share:.0f} %",
            "tokens" if batch is None else str(batch),
        ])  # fmt: skip
        if name.startswith("esmgo"):
            less = 100 * share * needed / whole
            notes.append(f"{name}: {less:.0f} % where of the last layer only that is counted "
                         "which `<cls>` needs")  # fmt: skip
    columns = ["contender", "CPU, s", "wall, s", "×", "drift", "useful GFLOP/s", "of GEMM peak",
               "batch"]  # fmt: skip
    middle = {p: statistics.median(each[p] for each in peaks) / 1e9 for p in peak}
    gemm = ", ".join(
        f"{p} {peak[p] / 1e9:.0f} GFLOP/s (median of rounds {middle[p]:.0f})" for p in peak
    )
    return (
        f"{table(columns, rows)}\n\n× is CPU time over that of the first row. Useful: "
        f"{whole / 1e9:,.1f} GFLOP, 2 for each linear weight and token and 4 L² D a layer, no "
        f"padding, no head. GEMM peak, best of all rounds: {gemm}; each row against the peak of "
        f"its own precision. {'; '.join(notes)}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--size", choices=list(models.SIZES), default="t6_8M")
    parser.add_argument("--data", type=Path, help="Parquet file of real proteins, a second table")
    parser.add_argument("--proteins", type=int, help="in a sample")
    parser.add_argument("--baseline_proteins", type=int, help="of them for the seed's way")
    parser.add_argument("--terms", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--at_least", type=float, default=2.0,
                        help="CPU-seconds of a measurement; short passes are repeated")  # fmt: skip
    parser.add_argument("--python", action="append", default=[],
                        help="interpreter for peers, or KIND:PATH (openvino, fair-esm, faesm, "
                             "transformers) for one")  # fmt: skip
    parser.add_argument("--without", action="append", default=[],
                        help="leave out contenders whose name holds this")  # fmt: skip
    parser.add_argument("--models", type=Path, default=models.CACHE, help="folder for base models")
    parser.add_argument("--only_data", action="store_true", help="the table of --data alone")
    parser.add_argument("--quick", action="store_true", help="a few proteins, one round")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        work(given.worker, given.folder)
        return
    one_thread()
    n_proteins, n_baseline = (6, 1) if given.quick else SAMPLES[given.size]
    given.proteins = given.proteins or n_proteins
    given.baseline_proteins = given.baseline_proteins or n_baseline
    if given.quick:
        given.rounds, given.at_least = 1, 0.0
    samples = [] if given.only_data else [
        ("Scores, lengths as in Swiss-Prot", lengths.swiss_prot_like(given.proteins))
    ]  # fmt: skip
    if given.data:
        samples.append((f"Scores, proteins of {given.data.name}",
                        lengths.real(given.data, given.proteins)))  # fmt: skip
    for title, sequences in samples:
        print(compare(given, sequences, title), flush=True)
        print()


if __name__ == "__main__":
    main()
