"""Whether `esmgo explain` finds the motifs that were written into the sample's proteins.

    python benchmarks/motifs.py --write=DATA
    esmgo train --base_model=tiny --dataset=DATA --ontology=DATA/go.obo \\
      --unfreeze_last_k_layers=2 --dropout=0 --seed=1 --batch_size=16 \\
      --gradient_accumulation_steps=1 --learning_rate=1.5e-3 --num_epochs=8 --eval_ratio=1 \\
      --device=cpu --checkpoint_path=CHECKPOINT
    python benchmarks/motifs.py CHECKPOINT [PROTEINS]

The first writes 6,000 more proteins of the sample's kind to train on, since the sample's 480 are
too few to learn all motifs from; the test proteins are the sample's.

For each test protein and each of its called terms (own probability of a half or more) that
motifs stand for: where the residues that they fixed rank among all others; where each motif as a
whole ranks among equally long stretches that touch none; how much of what is marked lies in
motifs; and how far the score falls with the marked residues, the motifs, or as many residues as
marked at random masked.
"""

import json
import re
import sys
from pathlib import Path
from random import Random

import numpy as np
import torch

from esmgo import Protein
from esmgo.dataset.sample import _ELEMENT, SampleRow, _protein, sample_ontology_path, sample_rows
from esmgo.dataset.sample_motifs import DOMAINS, LOCATIONS
from esmgo.explanation.attribution import logits
from esmgo.explanation.explaining import explained
from esmgo.model.tokens import MASK, encode
from esmgo.predict.predictor import Predictor

COLUMNS = (
    "rank of residues", "the same, mean of 7", "rank of motifs", "of motifs that matter",
    "motifs that matter", "marked in motifs", "of all residues", "fall, marked", "fall, motifs",
    "fall, random", "supported",
)  # fmt: skip

MORE, SEED = 6000, 99
"""Training proteins to write, and what draws them."""

MATTERS = 1.0
"""How far the score falls at least where a motif that the caller reads is masked, alone."""


def expressions(pattern: str) -> list[re.Pattern[str]]:
    """Return what matches a motif; groups hold what it fixes, all but ``x``."""
    ends = "^" * pattern.startswith("<"), "$" * pattern.endswith(">")
    found = []
    for alternative in pattern.strip("<>").split("|"):
        parts = []
        for what, low, high in (_ELEMENT.fullmatch(e).groups() for e in alternative.split("-")):
            times = f"{{{low or 1},{high or low or 1}}}"
            letters = "." if what == "x" else re.sub(r"\{(.*)\}", r"[^\1]", what)
            parts.append(f"{letters}{times}" if what == "x" else f"({letters}{times})")
        found.append(re.compile(f"{ends[0]}(?={''.join(parts)}{ends[1]})"))
    return found


def motifs_of(row: SampleRow, term: str) -> list[list[int]]:
    """Return what each motif that gives a protein a term has fixed: sorted residues; maybe none."""
    found = set()
    for source in (*DOMAINS.values(), *LOCATIONS.values()):
        if term in source.terms and set(source.terms) <= set(row["terms"]):
            hits = [[h for e in expressions(m) for h in e.finditer(row["sequence"])]
                    for m in source.motifs]  # fmt: skip
            if all(hits):  # motif by motif
                for hit in (h for each in hits for h in each):
                    spans = [range(*hit.span(i)) for i in range(1, hit.re.groups + 1)]
                    found.add(tuple(at for span in spans for at in span))
    return [list(each) for each in sorted(found)]


def measured(
    predictor: Predictor, row: SampleRow, term: str, motifs: list[list[int]]
) -> list[float]:
    """Return the figures of one protein and term, as in `COLUMNS`."""
    column, caller = predictor.labels.column[term], predictor.scorer.caller
    (found,) = explained(predictor, [Protein(row["id"], row["sequence"])], column)
    values, fixed = found.track.values, np.unique(np.concatenate(motifs))
    ones = np.ones(7)
    smooth = np.convolve(values, ones, "same") / np.convolve(np.ones(len(values)), ones, "same")
    tokens = encode(row["sequence"], 1026)
    masked = [tokens.copy() for _ in range(len(motifs) + 1)]
    for each, places in zip(masked, [fixed, *map(np.array, motifs)], strict=True):
        each[1 + places] = MASK
    whole, without, *alone = logits(caller, [tokens, *masked], column, torch.device("cpu"))
    ranks, matter = ranks_of_motifs(values, motifs), whole - np.array(alone) >= MATTERS
    marked = found.track.marked
    return [
        rank(values, fixed), rank(smooth, fixed), mean(ranks), mean(ranks[matter]), matter.mean(),
        mean(np.isin(marked, fixed)), len(fixed) / len(values), found.masking.fall,
        whole - without, found.masking.random.mean(), found.masking.is_supported,
    ]  # fmt: skip


def rank(values: np.ndarray, motif: np.ndarray) -> float:
    """Return the mean percentile of the motif among the other residues, 0 to 1."""
    others = np.delete(values, motif)
    above, equal = values[motif, None] > others, values[motif, None] == others
    return float((above + equal / 2).mean())


def ranks_of_motifs(values: np.ndarray, motifs: list[list[int]]) -> np.ndarray:
    """Return each motif's percentile among stretches of its length that touch none."""
    touched = np.zeros(len(values))
    for motif in motifs:
        touched[motif[0] : motif[-1] + 1] = 1
    ranks = []
    for motif in motifs:
        n = motif[-1] + 1 - motif[0]
        sums, taken = (np.convolve(x, np.ones(n), "valid") for x in (values, touched))
        ranks.append(mean(sums[motif[0]] > sums[taken < 0.5]))
    return np.array(ranks)


def mean(values: np.ndarray) -> float:
    """Return the mean without what is not a number; of nothing, no number."""
    kept = values[~np.isnan(values)]
    return float(kept.mean()) if len(kept) else np.nan


def write_data(folder: Path) -> None:
    """Write a data set: many training proteins, and the sample's test proteins."""
    (folder / "all").mkdir(parents=True)
    rng = Random(SEED)
    rows = {"train": [_protein(rng, f"MORE{i:05d}") for i in range(MORE)],
            "test": sample_rows()["test"]}  # fmt: skip
    for split, proteins in rows.items():
        text = "".join(json.dumps(row) + "\n" for row in proteins)
        (folder / "all" / f"{split}.jsonl").write_text(text)
    (folder / "go.obo").write_bytes(sample_ontology_path().read_bytes())


def main() -> None:
    """Measure all pairs and print means and medians."""
    if sys.argv[1].startswith("--write="):
        write_data(Path(sys.argv[1].removeprefix("--write=")))
        return
    predictor = Predictor.load(sys.argv[1], device="cpu", dtype="fp32", sources="head")
    n = int(sys.argv[2]) if len(sys.argv) > 2 else None
    rows = []
    for row in sample_rows()["test"][:n]:
        own, _, _ = predictor.scorer.states([row["sequence"]])
        for term in row["terms"]:
            motifs = motifs_of(row, term)
            if motifs and own[0, predictor.labels.column[term]] >= 0.5:
                rows.append(measured(predictor, row, term, motifs))
        print(f"{row['id']}: {len(rows)} pairs", file=sys.stderr)
    print(f"{len(rows)} pairs of protein and called term\n")
    for name, column in zip(COLUMNS, np.transpose(rows), strict=True):
        print(f"{name:<22} mean {mean(column):6.3f}   median {np.nanmedian(column):6.3f}")


if __name__ == "__main__":
    main()
