"""`esmgo evaluate` against CAFA's own evaluator, on the same files in the same run.

    python benchmarks/evaluation.py --predictions=P.tsv --truth=T.tsv --ontology=GO.obo --ia=IA.tsv
    python benchmarks/evaluation.py --made_up=142000,31000,500 --alone

Wall time, CPU time and peak memory of whole processes, one after the other, A B A B;
the medians, and the ratio to the named baseline (``cafaeval``, a separate program).
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np


def measured(command: list[str]) -> tuple[float, float, float]:
    """Run a program; return wall and CPU seconds and peak memory in MiB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"{' '.join(command)}\n{said}")
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def commands(files: dict[str, Path], folder: Path, step: float) -> dict[str, list[str]]:
    """Return the two programs with their arguments; single-threaded both."""
    scripts = Path(sysconfig.get_path("scripts"))
    plain = folder / "plain"  # cafaeval reads a folder, and no gzip
    (plain / "predictions").mkdir(parents=True)
    for name, path in files.items():
        target = plain / "predictions" / path.name if name == "predictions" else plain / name
        shutil.copy(path, target)
    official = [
        shutil.which("cafaeval") or str(scripts / "cafaeval"), str(plain / "ontology"),
        str(plain / "predictions"), str(plain / "truth"), "-no_orphans", "-threads", "1",
        "-th_step", str(step), "-log_level", "error", "-out_dir", str(folder / "official"),
    ]  # fmt: skip
    ours = [
        str(scripts / "esmgo"), "evaluate", *(f"--{name}={plain / name}" for name in files),
        f"--threshold_step={step}", f"--output_dir={folder / 'ours'}", "--overwrite",
    ]  # fmt: skip
    if "ia" in files:
        official += ["-ia", str(plain / "ia")]
    return {"cafaeval": official, "esmgo": ours}


def make_up(folder: Path, n_proteins: int, n_terms: int, n_scores: int) -> dict[str, Path]:
    """Write a random ontology, and truth and predictions over it."""
    random = np.random.default_rng(1)
    roots = {"molecular_function": 3674, "biological_process": 8150, "cellular_component": 5575}
    ids = {name: [root] for name, root in roots.items()}
    files = {name: folder / name for name in ("ontology", "truth", "predictions", "ia")}
    with files["ontology"].open("w") as obo, files["ia"].open("w") as ia:
        obo.write("format-version: 1.2\ndata-version: made-up\nontology: go\n")
        for number in range(n_terms):
            is_root = number < len(roots)
            name = list(ids)[number if is_root else random.choice(3, p=[0.2, 0.68, 0.12])]
            id = roots[name] if is_root else 100_000 + number
            obo.write(f"\n[Term]\nid: GO:{id:07}\nname: term {id}\nnamespace: {name}\n")
            if not is_root:
                n_parents = 1 + (random.random() < 0.5)
                for parent in set(random.choice(ids[name][: len(ids[name]) // 2 + 1], n_parents)):
                    obo.write(f"is_a: GO:{parent:07}\n")
                ids[name].append(id)
            ia.write(f"GO:{id:07}\t{0.0 if is_root else random.exponential(3):.4f}\n")
    every = np.array(sorted(id for each in ids.values() for id in each))
    weight = 1 / np.arange(1, n_terms + 1) ** 0.6
    weight /= weight.sum()
    with files["truth"].open("w") as truth, files["predictions"].open("w") as predictions:
        for p in range(n_proteins):
            truth.writelines(f"P{p:06}\tGO:{t:07}\n" for t in set(random.choice(every, 5)))
            terms = every[np.unique(random.choice(n_terms, n_scores + n_scores // 3, p=weight))]
            scores = random.random(len(terms)) ** 2
            predictions.writelines(
                f"P{p:06}\tGO:{t:07}\t{max(s, 0.001):.3f}\n"
                for t, s in zip(terms[:n_scores], scores, strict=False)
            )
    return files


def table(runs: dict[str, list[tuple[float, float, float]]]) -> str:
    """Return medians, and ratios to the first program."""
    medians = {
        name: [statistics.median(x) for x in zip(*each, strict=True)] for name, each in runs.items()
    }
    lines = ["| program | wall, s | CPU, s | peak memory, MiB |", "|---|---|---|---|"]
    lines += [f"| {n} | {w:.1f} | {c:.1f} | {m:,.0f} |" for n, (w, c, m) in medians.items()]
    baseline, *others = medians.values()
    for name, each in zip(list(medians)[1:], others, strict=True):
        ratio = " | ".join(f"1/{b / o:.0f}" for b, o in zip(baseline, each, strict=True))
        lines.append(f"| {name} to {next(iter(medians))} | {ratio} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    for name in ("predictions", "truth", "ontology", "ia"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument(
        "--made_up", default="2000,8000,200", help="proteins,terms,scores a protein"
    )
    parser.add_argument("--alone", action="store_true", help="leave out the baseline")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threshold_step", type=float, default=0.01)
    given = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files = {
            n: p for n in ("predictions", "truth", "ontology", "ia") if (p := getattr(given, n))
        }
        what = ", ".join(path.name for path in files.values())
        if not files:
            n_proteins, n_terms, n_scores = map(int, given.made_up.split(","))
            what = (
                f"made up: {n_proteins:,} proteins, {n_terms:,} terms, {n_scores} scores a protein"
            )
            files = make_up(folder, n_proteins, n_terms, n_scores)
        programs = commands(files, folder, given.threshold_step)
        if given.alone:
            del programs["cafaeval"]
        runs: dict[str, list[tuple[float, float, float]]] = {name: [] for name in programs}
        for _ in range(given.rounds):
            for name, command in programs.items():
                runs[name].append(measured(command))
                print(name, *(f"{x:.1f}" for x in runs[name][-1]), file=sys.stderr)
        packages = []
        for package in ("esmgo", "cafaeval", "numpy", "pyarrow", "pandas"):
            try:
                packages.append(f"{package} {version(package)}")
            except PackageNotFoundError:
                continue
        print(f"{what}; threshold step {given.threshold_step}; {given.rounds} round(s)\n")
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
              f"{', '.join(packages)}\n")  # fmt: skip
        print(table(runs))


if __name__ == "__main__":
    main()
