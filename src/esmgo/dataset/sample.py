"""The embedded data set ``sample``: synthetic proteins for tests and first steps, not for science.

Every protein has random residues in the proportions of Swiss-Prot, motifs at random positions, and
the Gene Ontology terms of proteins with those motifs. A model learns the sample in a minute, and
tests can compare with the right answer. The proteins do not exist, so results on them do not
transfer to real proteins.

The motifs are published patterns: PROSITE entries where a number (PS00028 …) is given, else the
textbook form of the motif in the same syntax. ``C-x(2,4)-[ILV]-{P}-H`` is a Cys, two to four
residues of any kind, one of Ile, Leu and Val, any residue but Pro, and a His. A letter that is
repeated inside brackets is drawn more often. ``<`` puts a pattern at the N-terminus, ``>`` at the
C-terminus.

A protein has up to three *domains*, which determine its molecular functions and biological
processes, and one *location*: targeting signals, which determine its cellular component. Without
a signal it is in the cytosol. All randomness is `random.Random.random` from fixed seeds, so the
rows are the same on every machine and in every version of Python. The terms are not propagated.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import TypedDict

from esmgo.dataset.sample_motifs import DOMAINS, LOCATIONS, Domain


class SampleRow(TypedDict):
    """One protein of the sample, in the columns of a data set."""

    id: str
    sequence: str
    terms: list[str]
    taxon_id: str


N_TRAIN, N_TEST = 480, 120
SEED, EXAMPLE_SEED = 2, 7
TAXON = "32630"  # NCBI Taxonomy: synthetic construct
MEDIAN_LENGTH, LENGTH_SPREAD = 160, 0.4  # log-normal; half of the natural length, to save time
MIN_LENGTH, MAX_LENGTH = 70, 400

# Per cent of residues in UniProtKB/Swiss-Prot (release statistics, 2024).
BACKGROUND = {
    "A": 8.25, "R": 5.52, "N": 4.06, "D": 5.46, "C": 1.38, "Q": 3.93, "E": 6.71, "G": 7.07,
    "H": 2.27, "I": 5.91, "L": 9.64, "K": 5.80, "M": 2.41, "F": 3.86, "P": 4.74, "S": 6.65,
    "T": 5.36, "W": 1.10, "Y": 2.92, "V": 6.85,
}  # fmt: skip

EXAMPLES: dict[str, tuple[str, str]] = {
    "zinc finger": ("zinc finger", "nucleus"),
    "P-loop ATPase": ("P-loop ATPase", "cytosol"),
    "DEAD box": ("DEAD box", "nucleus"),
    "EF hand": ("EF hand", "cytosol"),
    "protein kinase": ("protein kinase", "cytosol"),
    "secreted": ("no domain", "extracellular"),
    "membrane": ("no domain", "plasma membrane"),
}
"""Names that `example` accepts, with the domain and the location of the protein."""


def sample_ontology_path() -> Path:
    """Return the path of the part of the Gene Ontology that the sample uses."""
    return Path(str(resources.files("esmgo.dataset") / "sample.obo"))


@cache
def _all_rows() -> tuple[SampleRow, ...]:
    rng = Random(SEED)  # noqa: S311 - not for cryptography
    return tuple(_protein(rng, f"SYN{i:04d}") for i in range(1, N_TRAIN + N_TEST + 1))


def sample_rows() -> dict[str, list[SampleRow]]:
    """Return the rows of the splits ``train`` (480) and ``test`` (120), the same at each call.

    Examples
    --------
    >>> rows = sample_rows()
    >>> len(rows["train"]), len(rows["test"]), rows["train"][0]["id"]
    (480, 120, 'SYN0001')
    """
    rows: list[SampleRow] = [{**row, "terms": list(row["terms"])} for row in _all_rows()]
    return {"train": rows[:N_TRAIN], "test": rows[N_TRAIN:]}


def example(name: str) -> SampleRow:
    """Return one of the `EXAMPLES`: a protein with one named motif, which is in neither split.

    Examples
    --------
    >>> "GO:0008270" in example("zinc finger")["terms"]   # zinc ion binding
    True
    """
    domain, location = EXAMPLES[name]
    rng = Random(EXAMPLE_SEED + sorted(EXAMPLES).index(name))  # noqa: S311
    return _assemble(rng, f"EXAMPLE_{name.replace(' ', '_')}", [domain], location)


def _protein(rng: Random, id: str) -> SampleRow:
    """Draw a domain, one of its locations, then up to two more domains of that location."""
    names = [name for name, domain in DOMAINS.items() for _ in range(domain.share)]
    first = _pick(rng, names)
    location = _pick(rng, DOMAINS[first].at)
    chosen = [first]
    also = [n for n in names if location in DOMAINS[n].at and n not in (first, "no domain")]
    for chance in (0.25, 0.2):
        if rng.random() < chance and also and first != "no domain":
            chosen.append(_pick(rng, also))
            also = [n for n in also if n != chosen[-1]]
    return _assemble(rng, id, chosen, location)


def _assemble(rng: Random, id: str, domains: Sequence[str], location: str) -> SampleRow:
    """Put the motifs of ``domains`` and ``location`` among random residues."""
    place = LOCATIONS[location]
    head, middle, tail = "", list[str](), ""
    for motif in place.motifs:
        if motif.startswith("<"):
            head = write_motif(motif[1:], rng)
        elif motif.endswith(">"):
            tail = write_motif(motif[:-1], rng)
        else:
            for _ in range(_between(rng, *place.copies)):
                middle.insert(_between(rng, 0, len(middle)), write_motif(motif, rng))
    for name in domains:
        at = _between(rng, 0, len(middle))
        middle[at:at] = _domain(DOMAINS[name], rng)
    n_motif = len(head) + sum(map(len, middle)) + len(tail)
    n_free = max(_length(rng) - n_motif, 8 * (len(middle) + 1))
    gaps = _spread(rng, n_free, len(middle) + 1)
    parts = [head or "M", _residues(rng, gaps[0])]
    for motif, gap in zip(middle, gaps[1:], strict=True):
        parts += [motif, _residues(rng, gap)]
    terms = {*place.terms, *(term for name in domains for term in DOMAINS[name].terms)}
    return {
        "id": id,
        "sequence": "".join([*parts, tail]),
        "terms": sorted(terms),
        "taxon_id": TAXON,
    }


def _domain(domain: Domain, rng: Random) -> list[str]:
    copies = _between(rng, *domain.copies)
    motifs = [write_motif(motif, rng) for _ in range(copies) for motif in domain.motifs]
    return ["".join(motifs)] if domain.linked else motifs


_ELEMENT = re.compile(r"(x|[A-Z]|\[[A-Z]+\]|\{[A-Z]+\})(?:\((\d+)(?:,(\d+))?\))?")


def write_motif(pattern: str, rng: Random) -> str:
    """Return residues that match a pattern in PROSITE's syntax (``|`` separates alternatives)."""
    residues: list[str] = []
    for element in _pick(rng, pattern.split("|")).split("-"):
        match = _ELEMENT.fullmatch(element)
        assert match, f"{element} is not an element of a pattern"
        what, low, high = match.groups()
        n = _between(rng, int(low or 1), int(high or low or 1))
        residues += [_one_of(rng, what) for _ in range(n)]
    return "".join(residues)


def _one_of(rng: Random, what: str) -> str:
    if what.startswith("["):
        return _pick(rng, what[1:-1])
    if what == "x":
        return _residues(rng, 1)
    if what.startswith("{"):
        return _pick(rng, [r for r in BACKGROUND if r not in what])
    return what


def _residues(rng: Random, n: int) -> str:
    """Return ``n`` residues in background proportions."""
    total = sum(BACKGROUND.values())
    return "".join(_at(rng.random() * total) for _ in range(n))


def _at(point: float) -> str:
    """Return the residue whose interval of the cumulative background contains ``point``."""
    for residue, weight in BACKGROUND.items():
        point -= weight
        if point < 0:
            return residue
    return "V"  # the sum is smaller by rounding


def _length(rng: Random) -> int:
    normal = (
        sum(rng.random() for _ in range(12)) - 6
    )  # nearly normal, and the same on every machine
    length = int(MEDIAN_LENGTH * math.exp(LENGTH_SPREAD * normal))
    return min(max(length, MIN_LENGTH), MAX_LENGTH)


def _spread(rng: Random, total: int, n: int) -> list[int]:
    """Cut ``total`` into ``n`` random parts of at least 4."""
    cuts = sorted(_between(rng, 0, total - 4 * n) for _ in range(n - 1))
    edges = [0, *cuts, total - 4 * n]
    return [high - low + 4 for low, high in pairwise(edges)]


def _between(rng: Random, low: int, high: int) -> int:
    return low + int(rng.random() * (high - low + 1))


def _pick(rng: Random, items: Sequence[str]) -> str:
    return items[int(rng.random() * len(items))]
