"""Hold out families of training proteins that have no close relative in the remaining training set.

On the held-out (calibration) proteins `esmgo blend` fits the weights of head, neighbours and
homology, and calibrates the scores. They must therefore resemble the proteins of interest: they
come from families of all sizes, and have no close relative among the training proteins. Relatives
that are held out with them play the role of those that a new protein has in the index.

Proteins are clustered at 30 % identity and 80 % coverage (``diamond cluster``). A fraction of the
clusters is chosen, and their proteins are compared with all others. A protein with a relative
outside, of 30 % identity over 80 % of either sequence, is returned to the training set.

    python recipes/hold_out.py DATASET OUTPUT [--share=0.1] [--threads=2]

writes OUTPUT/{all,mf,bp,cc}/{train,test}.parquet; the data set's own test split is not read.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from esmgo.dataset.splits import held_out_by_hash
from esmgo.evidence.programs import DIAMOND
from esmgo.evidence.search import Hits, search

IDENTITY, COVERAGE = 30.0, 80.0


def main() -> None:
    """Write the data set with held-out proteins."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument(
        "--share", type=float, default=0.1, help="fraction of the clusters to hold out"
    )
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    table = pq.read_table(options.dataset / "all" / "train.parquet")
    ids, sequences = table["id"].to_pylist(), table["sequence"].to_pylist()
    centroid = clusters(sequences, options.threads)
    is_out = held_out_by_hash([ids[i] for i in centroid], options.share)
    candidates = np.flatnonzero(is_out)
    hits = search([sequences[i] for i in candidates], sequences, threads=options.threads)
    is_out = without_relatives(is_out, candidates, hits)
    held_out = {ids[i] for i in np.flatnonzero(is_out)}
    taken = f"{len(np.unique(centroid[candidates])):,} of {len(np.unique(centroid)):,} clusters"
    print(f"{taken} chosen, {len(held_out):,} of {len(ids):,} proteins held out")
    for subset in ("all", "mf", "bp", "cc"):
        whole = pq.read_table(options.dataset / subset / "train.parquet")
        is_out = np.array([id in held_out for id in whole["id"].to_pylist()])
        folder = options.output / subset
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(whole.filter(pa.array(~is_out)), folder / "train.parquet")
        pq.write_table(whole.filter(pa.array(is_out)), folder / "test.parquet")


def clusters(sequences: Sequence[str], threads: int) -> NDArray[np.intp]:
    """Return the row number of each protein's centroid; shape=(N,)."""
    with tempfile.TemporaryDirectory() as folder:
        fasta, found = Path(folder) / "all.fasta", Path(folder) / "clusters.tsv"
        fasta.write_text("".join(f">{i}\n{each}\n" for i, each in enumerate(sequences)))
        subprocess.run(
            [DIAMOND.path(), "cluster", "--db", fasta, "--out", found, "--quiet",
             "--approx-id", str(IDENTITY), "--member-cover", str(COVERAGE),
             "--threads", str(threads)],
            check=True, cwd=folder,
        )  # fmt: skip
        pairs = np.loadtxt(found, np.intp, ndmin=2)
    centroid = np.arange(len(sequences))
    centroid[pairs[:, 1]] = pairs[:, 0]
    return centroid


def without_relatives(
    is_out: NDArray[np.bool_], candidates: NDArray[np.intp], hits: Hits
) -> NDArray[np.bool_]:
    """Return proteins with a close relative in the training set to it, until there are none."""
    close = (hits.identity >= IDENTITY) & (
        (hits.query_coverage >= COVERAGE) | (hits.subject_coverage >= COVERAGE)
    )
    query, subject = candidates[hits.query[close]], hits.subject[close]
    is_out = is_out.copy()
    while (back := np.unique(query[is_out[query] & ~is_out[subject]])).size:
        is_out[back] = False
    return is_out


if __name__ == "__main__":
    main()
