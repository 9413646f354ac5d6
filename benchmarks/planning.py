"""Time and memory of `esmgo plan` on made-up proteins of short sequences.

The memory is the largest of the process, for two numbers of proteins: what it grows by is what a
protein costs.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from evaluation import measured
from report import head, say, table, versions

LETTERS = np.frombuffer(b"ACDEFGHIKLMNPQRSTVWY", np.uint8)


def write_proteins(path: Path, n: int, length: int) -> None:
    """Write proteins of about ``length`` residues with ids as UniProt has them."""
    random = np.random.default_rng(0)
    with path.open("wb") as file:
        for start in range(0, n, 100_000):
            some = min(100_000, n - start)
            lengths = random.integers(length // 2, 3 * length // 2, some)
            ends = np.cumsum(lengths)
            letters = LETTERS[random.integers(0, 20, int(ends[-1]), np.uint8)].tobytes()
            for i, (z, k) in enumerate(zip(ends.tolist(), lengths.tolist(), strict=True), start):
                file.write(b">tr|A%09d|A%09d_X made up\n%s\n" % (i, i, letters[z - k : z]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--proteins", type=int, default=2_500_000)
    parser.add_argument("--length", type=int, default=60, help="mean residues")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for n in (arguments.proteins // 10, arguments.proteins):
            fasta, job = Path(folder) / f"{n}.fasta", Path(folder) / f"job-{n}"
            write_proteins(fasta, n, arguments.length)
            say(f"{n:,} proteins, {fasta.stat().st_size / 1e6:,.0f} MB")
            plan = ["-m", "esmgo", "plan", f"--input={fasta}", f"--output_dir={job}"]
            wall, cpu, memory = measured([sys.executable, *plan])
            size = sum(path.stat().st_size for path in job.iterdir())
            code = (
                "import resource; from esmgo.proteome.plan import Plan; from pathlib import Path;"
                f"plan = Plan.open(Path({str(job)!r}));"
                "import time; begin = time.perf_counter();"
                "n = sum(len(plan.read(b)) for b in range(0, len(plan.blocks), 10));"
                "print(1e6 * (time.perf_counter() - begin) / n)"
            )
            read = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
            numbers = (wall, cpu, 1e6 * cpu / n, memory, size / 1e3, float(read.stdout))
            rows.append([f"{n:,}", *(f"{x:,.1f}" for x in numbers)])
    print(head("Planning made-up proteins", versions(["esmgo", "numpy"])))
    names = ["proteins", "wall s", "CPU-s", "CPU-µs a protein", "peak MiB", "plan kB",
             "µs a protein to read a block of it"]  # fmt: skip
    print(table(names, rows))


if __name__ == "__main__":
    main()
