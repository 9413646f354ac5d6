"""Whether precision that `esmgo predict --precision` promises is kept on other proteins.

    python benchmarks/promises.py CHECKPOINT DATASET ONTOLOGY [--sources=…] [--homology=…]

The test proteins of a data set, which neither training nor blend has seen, are called at promises
of 0.7, 0.8 and 0.9. Per aspect and per group of proteins by how close the nearest training protein
is, as the calibration has them: how many proteins with a known term of the aspect are called, how
many of their calls are right, and whether fewer than promised are more than chance (one-sided
5 %, of the effective number of calls; see `esmgo.metrics.promise`).
"""

import argparse
import sys
from collections import defaultdict

import numpy as np
from report import head, table, versions

from esmgo.data.fasta import Protein
from esmgo.data.rejects import ReadReport
from esmgo.dataset.opening import locate_dataset, open_split
from esmgo.go.obo import read_obo
from esmgo.metrics.promise import _tail, effective_size
from esmgo.predict.inputs import open_named, open_predictor

PROMISES = (0.7, 0.8, 0.9)
BLOCK = 256
CHANCE = 0.05


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    for name in ("checkpoint", "dataset", "ontology"):
        parser.add_argument(name)
    parser.add_argument("--sources")
    parser.add_argument("--homology")
    options = parser.parse_args()
    checkpoint = open_named(options.checkpoint)
    predictor = open_predictor(
        checkpoint, device="cpu", context_length=checkpoint.context_length, dtype="auto",
        sources=options.sources, homology=options.homology, report=ReadReport(strict=True),
    )  # fmt: skip
    path = locate_dataset(options.dataset, "all")
    proteins, theirs, _ = open_split(path, "test", "all", ontology=read_obo(options.ontology))
    column = np.array([predictor.labels.column.get(term.id, -1) for term in theirs.terms])
    sums: defaultdict[tuple, list[tuple[int, int]]] = defaultdict(list)  # calls, right
    asked: defaultdict[tuple, int] = defaultdict(int)
    for at in range(0, len(proteins), BLOCK):
        rows = range(at, min(at + BLOCK, len(proteins)))
        block = [Protein(proteins.ids[i], proteins.sequences[i]) for i in rows]
        evidence = predictor.evidence(block)
        truth = np.zeros(evidence.scores.values.shape, bool)
        for place, i in enumerate(rows):
            own = column[proteins.terms.row(i)]
            truth[place, own[own >= 0]] = True
        for promise in PROMISES:
            called = predictor.is_promised(evidence, promise)
            for aspect in predictor.labels.aspects:
                some = predictor.labels.columns_of(aspect)
                known = truth[:, some].any(1)
                n, right = called[:, some].sum(1), (called & truth)[:, some].sum(1)
                for place in np.flatnonzero(known):
                    for bin in (int(evidence.group[place]), "all"):
                        asked[promise, aspect, bin] += 1
                        if n[place]:
                            sums[promise, aspect, bin].append((n[place], right[place]))
        print(f"{rows[-1] + 1:,} proteins", file=sys.stderr)
    print(head("Promised precision on proteins of another split", versions(("torch", "numpy"))))
    lines = []
    for key in sorted(asked, key=lambda key: (key[0], key[1].name, str(key[2]))):
        promise, aspect, bin = key
        lines.append((f"{promise:g}", aspect.name, str(bin), f"{asked[key]:,}",
                      *outcome(np.array(sums[key]).reshape(-1, 2), promise)))  # fmt: skip
    columns = ("promised", "aspect", "group", "proteins", "called", "calls", "right", "verdict")
    print(table(columns, lines))


def outcome(found: np.ndarray, promise: float) -> tuple[str, ...]:
    """Return proteins with a call, calls, the share of right ones, and the verdict."""
    n, right = found.astype(float).T
    if not len(n):
        return "0", "0", "", "abstains"
    squares = (n * n).sum(), (n * right).sum(), (right * right).sum()
    sums = (float(len(n)), n.sum(), right.sum(), *squares)
    effective = effective_size(*(np.array([each]) for each in sums))[1]
    share = right.sum() / n.sum()
    chance = _tail((1 - share) * effective, effective, 1 - promise)[0]
    verdict = "kept" if share >= promise else "within chance" if chance > CHANCE else "SHORT"
    return f"{len(n):,}", f"{int(n.sum()):,}", f"{share:.3f}", verdict


if __name__ == "__main__":
    main()
