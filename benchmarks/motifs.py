"""Whether `esmgo explain` finds the motifs that were written into the sample's proteins.

    python benchmarks/motifs.py CHECKPOINT [PROTEINS]

For each test protein and each of its called terms (own probability of a half or more) that a
motif stands for: where the residues that the motif fixes rank among all that belong to no motif
of the term, how much of what is marked lies in the motif, and how far the score falls with the
marked residues, the motif, or as many residues at random masked.
"""

import re
import sys

import numpy as np
import torch

from esmgo import Predictor, Protein
from esmgo.data.sample import _ELEMENT, ADDRESSES, DOMAINS, SampleRow, sample_rows
from esmgo.model.attribution import logits
from esmgo.model.tokens import MASK, encode
from esmgo.predict.explaining import explained

COLUMNS = ("rank", "rank, mean of 7", "marked in motif", "of all residues", "fall, marked",
           "fall, motif", "fall, random", "supported")  # fmt: skip


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


def fixed(row: SampleRow, term: str) -> np.ndarray:
    """Return the residues fixed by the motifs that give a protein a term; maybe none."""
    places: set[int] = set()
    for source in (*DOMAINS.values(), *ADDRESSES.values()):
        if term in source.terms and set(source.terms) <= set(row["terms"]):
            hits = [[h for e in expressions(m) for h in e.finditer(row["sequence"])]
                    for m in source.motifs]  # fmt: skip
            if all(hits):  # motif by motif
                for hit in (h for each in hits for h in each):
                    for group in range(1, hit.re.groups + 1):
                        places.update(range(*hit.span(group)))
    return np.array(sorted(places), int)


def measured(predictor: Predictor, row: SampleRow, term: str, motif: np.ndarray) -> list[float]:
    """Return the figures of one protein and term, as in `COLUMNS`."""
    column = predictor.labels.column[term]
    found = explained(predictor, None, Protein(row["id"], row["sequence"]), column)
    values = found.track.values
    ones = np.ones(7)
    smooth = np.convolve(values, ones, "same") / np.convolve(np.ones(len(values)), ones, "same")
    tokens = encode(row["sequence"], 1026)
    masked = tokens.copy()
    masked[1 + motif] = MASK
    whole, without = logits(predictor.caller, [tokens, masked], column, torch.device("cpu"))
    inside = np.isin(found.track.marked, motif).mean() if len(found.track.marked) else 0.0
    return [
        rank(values, motif), rank(smooth, motif), inside, len(motif) / len(values),
        found.masking.fall, whole - without, found.masking.random.mean(),
        found.masking.is_supported,
    ]  # fmt: skip


def rank(values: np.ndarray, motif: np.ndarray) -> float:
    """Return the mean percentile of the motif among the other residues, 0 to 1."""
    others = np.delete(values, motif)
    above, equal = values[motif, None] > others, values[motif, None] == others
    return float((above + equal / 2).mean())


def main() -> None:
    """Measure all pairs and print the means, by what the motifs are and over all."""
    predictor = Predictor.load(sys.argv[1], device="cpu", precision="fp32")
    n = int(sys.argv[2]) if len(sys.argv) > 2 else None
    rows = []
    for row in sample_rows()["test"][:n]:
        own, _, _ = predictor.states([row["sequence"]])
        for term in row["terms"]:
            motif = fixed(row, term)
            if len(motif) and own[0, predictor.labels.column[term]] >= 0.5:
                rows.append(measured(predictor, row, term, motif))
        print(f"{row['id']}: {len(rows)} pairs", file=sys.stderr)
    print(f"{len(rows)} pairs of protein and called term\n")
    for name, mean, median in zip(COLUMNS, np.mean(rows, 0), np.median(rows, 0), strict=True):
        print(f"{name:<16} mean {mean:6.3f}   median {median:6.3f}")


if __name__ == "__main__":
    main()
