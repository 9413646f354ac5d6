"""Hold out training proteins that no other training protein is close to.

A blend learns on held-out proteins how far neighbours and homology can be trusted. Where
the proteins of interest have no close relative among those trained on, the held-out ones
must have none either. A part of the training proteins is compared with all of them; those
without another of 30 % identity over 80 % of either are held out.

    python recipes/hold_out.py DATASET OUTPUT [--share=0.15] [--threads=2]

writes OUTPUT/{all,mf,bp,cc}/{train,test}.parquet; the data set's own test split is not read.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from esmgo.data.splits import chosen
from esmgo.predict.homology import search

IDENTITY, COVERAGE = 30.0, 80.0


def main() -> None:
    """Write the cut data set."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--share", type=float, default=0.15, help="of the proteins to look at")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    table = pq.read_table(options.dataset / "all" / "train.parquet")
    ids, sequences = table["id"].to_pylist(), table["sequence"].to_pylist()
    candidates = np.flatnonzero(chosen(ids, options.share))
    hits = search([sequences[i] for i in candidates], sequences, threads=options.threads)
    close = (
        (hits.subject != candidates[hits.query])
        & (hits.identity >= IDENTITY)
        & ((hits.query_coverage >= COVERAGE) | (hits.subject_coverage >= COVERAGE))
    )
    held_out = {ids[i] for i in np.delete(candidates, np.unique(hits.query[close]))}
    print(f"{len(candidates):,} looked at, {len(held_out):,} of {len(ids):,} held out")
    for subset in ("all", "mf", "bp", "cc"):
        whole = pq.read_table(options.dataset / subset / "train.parquet")
        is_out = np.array([id in held_out for id in whole["id"].to_pylist()])
        folder = options.output / subset
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(whole.filter(pa.array(~is_out)), folder / "train.parquet")
        pq.write_table(whole.filter(pa.array(is_out)), folder / "test.parquet")


if __name__ == "__main__":
    main()
