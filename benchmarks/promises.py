"""Whether precision that `esmgo predict --precision` promises is kept on other proteins.

    python benchmarks/promises.py CHECKPOINT DATASET ONTOLOGY [--num_proteins=N] [--sources=…]

The test proteins of a data set, which neither training nor blend has seen, are called at promises
of 0.7, 0.8 and 0.9. Per aspect, per group of proteins by how close the nearest training protein is,
and per band of informative terms, as the calibration has them: how many proteins with a known term
of the aspect are called, how many of their calls are right, and whether fewer than promised are
more than chance (one-sided 5 %, of the effective number of calls; see `esmgo.metrics.promise`). All
calls that the program writes are counted, those of ancestors included. Below the table: how many
proteins have an informative call at each promise.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from report import head, table, versions

from esmgo.data.rejects import ReadReport
from esmgo.dataset.opening import locate_dataset, open_split
from esmgo.go.obo import read_obo
from esmgo.metrics.promise import _tail, effective_size
from esmgo.predict.inputs import open_named, open_predictor
from esmgo.predict.novelty import MAX_NOVELTY
from esmgo.predict.predictor import BLOCK, Predictor

PROMISES = (0.7, 0.8, 0.9)
CHANCE = 0.05


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    for name in ("checkpoint", "dataset", "ontology"):
        parser.add_argument(name)
    parser.add_argument("--num_proteins", type=int, help="a random part; all when left out")
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
    bands = predictor.variant.bands
    kinds = bands.kinds(predictor.labels)
    informative: defaultdict[float, int] = defaultdict(int)
    sums: defaultdict[tuple, list[tuple[int, int]]] = defaultdict(list)  # calls, right
    asked: defaultdict[tuple, int] = defaultdict(int)
    chosen = np.random.default_rng(0).permutation(len(proteins))[: options.num_proteins]
    for at in range(0, len(chosen), BLOCK):
        rows = chosen[at : at + BLOCK]
        evidence = predictor.evidence(proteins.subset(rows).records)
        truth = np.zeros(evidence.scores.values.shape, bool)
        for place, i in enumerate(rows):
            own = column[proteins.terms.row(i)]
            truth[place, own[own >= 0]] = True
        for promise in PROMISES:
            called = predictor.is_promised(evidence, promise)
            called &= ~(evidence.novelty > MAX_NOVELTY)[:, None]  # as `esmgo predict` does
            informative[promise] += int(called[:, kinds % len(bands) > 0].any(1).sum())
            for key, n, right in counts(called, truth, evidence.group, predictor):
                asked[promise, *key] += 1
                if n:
                    sums[promise, *key].append((n, right))
        print(f"{at + len(rows):,} proteins", file=sys.stderr)
    print(head("Promised precision on proteins of another split", versions(("torch", "numpy"))))
    lines = []
    for key in sorted(asked, key=lambda key: (key[0], key[1].name, key[2], str(key[3]))):
        promise, aspect, edge, group = key
        lines.append((f"{promise:g}", aspect.name, f"{edge:g}", str(group), f"{asked[key]:,}",
                      *outcome(np.array(sums[key]).reshape(-1, 2), promise)))  # fmt: skip
    columns = (
        "promised",
        "aspect",
        "bits from",
        "group",
        "proteins",
        "called",
        "calls",
        "right",
        "verdict",
    )
    print(table(columns, lines))
    for promise, n in informative.items():
        print(f"{n / len(chosen):.3f} of {len(chosen):,} proteins have a call at {promise:g}")


def counts(
    called: np.ndarray, truth: np.ndarray, group: np.ndarray, predictor: Predictor
) -> Iterator[tuple[tuple, int, int]]:
    """Yield aspect, lower edge of the band and group; calls; right calls, of each protein."""
    bands, labels = predictor.variant.bands, predictor.labels
    kinds = bands.kinds(labels)
    for a, aspect in enumerate(labels.aspects):
        known = np.flatnonzero(truth[:, labels.columns_of(aspect)].any(1))
        for band, edge in enumerate(bands.edges, 1):
            some = kinds == a * len(bands) + band
            n, right = called[:, some].sum(1), (called & truth)[:, some].sum(1)
            for place in known:
                for bin in (int(group[place]), "all"):
                    yield (aspect, edge, bin), int(n[place]), int(right[place])


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
