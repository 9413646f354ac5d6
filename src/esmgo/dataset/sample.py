"""The embedded data set ``sample``: synthetic proteins, for tests and first steps, not for science.

Every protein is random residues in Swiss-Prot proportions, with motifs written into it and
the Gene Ontology terms that those motifs stand for in nature. So a model can learn it in a
minute, and a test knows the right answer. No protein here exists; what a model learns here
says nothing about real ones.

The motifs are published patterns: PROSITE entries where a number (PS00028 …) is given,
else the textbook form of the motif, written in the same syntax: ``C-x(2,4)-[ILV]-{P}-H`` is a
Cys, two to four residues of any kind, one of Ile, Leu and Val, anything but Pro, and a His.
A letter repeated inside brackets is that much likelier. ``<`` ties a pattern to the N-terminus,
``>`` to the C-terminus.

A protein gets none to three *domains*, which give it its molecular functions and biological
processes, and one *address*, the targeting signal that gives it its cellular component; without
a signal it stays in the cytosol. All randomness is `random.Random.random` from fixed seeds, so
the rows are the same on every machine and in every version of Python.

Nothing here knows how the rows are stored or read; the terms are direct ones, not propagated.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import TypedDict

__all__ = ["EXAMPLES", "SampleRow", "example", "sample_ontology_path", "sample_rows"]


class SampleRow(TypedDict):
    """One protein of the sample, in the columns of a data set."""

    id: str
    sequence: str
    terms: list[str]
    taxon_id: str


N_TRAIN, N_TEST = 480, 120
SEED, EXAMPLE_SEED = 2, 7
TAXON = "32630"  # NCBI Taxonomy: synthetic construct
MEDIAN_LENGTH, LENGTH_SPREAD = 160, 0.4  # log-normal; half of what nature has, so half the work
MIN_LENGTH, MAX_LENGTH = 70, 400

# Per cent of residues in UniProtKB/Swiss-Prot (release statistics, 2024).
BACKGROUND = {
    "A": 8.25, "R": 5.52, "N": 4.06, "D": 5.46, "C": 1.38, "Q": 3.93, "E": 6.71, "G": 7.07,
    "H": 2.27, "I": 5.91, "L": 9.64, "K": 5.80, "M": 2.41, "F": 3.86, "P": 4.74, "S": 6.65,
    "T": 5.36, "W": 1.10, "Y": 2.92, "V": 6.85,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Domain:
    """Motifs in order from N to C, how many times over, and what they do.

    ``share`` is how often the domain is drawn, against the others; ``at`` the addresses
    that fit it, each as often as it is listed.
    """

    share: int
    motifs: tuple[str, ...]
    terms: tuple[str, ...]
    at: tuple[str, ...]
    copies: tuple[int, int] = (1, 1)
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Address:
    """The targeting signals that bring a protein to one cellular component."""

    motifs: tuple[str, ...]
    terms: tuple[str, ...]
    copies: tuple[int, int] = (1, 1)


_ATP, _ATPASE = "GO:0005524", "GO:0016887"
_TRANSCRIPTION = ("GO:0000981", "GO:0000978", "GO:0006357")
_GLYCINE_LOOP = (
    "[LIV]-G-[EKRST]-G-[STAG]-[FY]-[GS]-x-V-x(3)-x(4,8)-[VI]-A-[IVM]-K-x-[LIV]"  # PS00107
)
_SIGNAL = "<M-[KRNSTQ](2,5)-[LLLLLAAVVFI](9,13)-[LAGSC]-x-A-[QSTDE]-A-[QEDSTAK]"
_HELIX = "[RK]-[LLLIIVVFAAGMWT](19,22)-[RKNQS]-[KR]"

# fmt: off
DOMAINS = {
    "zinc finger": Domain(  # PS00028, in arrays with the TGEKP linker
        4,
        ("[YF]-[KRSTVE]-C-x(2)-C-[GNSED]-[KR]-[STA]-F-x(5)-L-x(2)-H-x(3)-H-T-G-E-K-P",),
        ("GO:0008270", *_TRANSCRIPTION),
        ("nucleus",),
        copies=(2, 5),
        linked=True,
    ),
    "P-loop ATPase": Domain(  # Walker A, PS00017, and Walker B
        4,
        ("[LIV](2)-[GA]-[PEDS]-[PST]-G-[STVAC]-G-K-[ST]-[TSL]-[LAV]", "[LIVF](4)-D-E-[ASP]"),
        (_ATP, _ATPASE),
        ("cytosol", "cytosol", "mitochondrion", "plasma membrane", "peroxisome"),
    ),
    "DEAD box": Domain(  # motifs I, Ia, II (PS00039), III and VI
        3,
        (
            "A-[QE]-T-G-[ST]-G-K-T-[LA]-[AS]-[FY]",
            "P-T-R-E-L-[AC]",
            "[LIVM](2)-D-E-A-D-[RKEN]-[ML]-[LIVMFY]-[DGN]",
            "[FM]-S-A-T-[MWF]",
            "H-R-[IVS]-G-R-[TA]-[GA]-R",
        ),
        ("GO:0003724", "GO:0003723", _ATP, _ATPASE),
        ("cytosol", "nucleus"),
    ),
    "EF hand": Domain(  # PS00018
        4,
        ("F-x(2)-[FILM]-D-[KRTAE]-[DNS]-[GNK]-[DNST]-G-[YTFKE]-[ILV]-[DST]-x(2)-E-[LFM]",),
        ("GO:0005509",),
        ("cytosol", "cytosol", "endoplasmic reticulum", "extracellular"),
        copies=(2, 4),
    ),
    "protein kinase": Domain(  # PS00107, PS00108
        4,
        (_GLYCINE_LOOP, "[IVLC]-[IVLFYA]-[HY]-R-D-[LIVM]-K-[PAL]-x-N-[LIV]-[LV]-[LIV]",
         "D-F-G-[LFS]-[AS]", "G-[TS]-x(2)-[YWF]-[MLV]-[AS]-P-E"),
        ("GO:0004674", "GO:0006468", _ATP),
        ("cytosol", "cytosol", "nucleus"),
    ),
    "tyrosine kinase": Domain(  # PS00107, PS00109
        2,
        (_GLYCINE_LOOP, "[FYLIV]-[IV]-H-R-D-L-[RA]-[AR]-[RA]-N-[CIV]-[LM]-[LVI]",
         "D-F-G-[LFS]-[AS]", "[FVL]-P-[IVL]-[KR]-W-[MT]-[AS]-[PI]-E"),
        ("GO:0004713", "GO:0006468", _ATP),
        ("plasma membrane", "cytosol"),
    ),
    "homeobox": Domain(  # PS00027
        2,
        ("R-x(3)-[FYS]-[TS]-x(2)-Q-[LVI]-x(2)-[LM]-E-x(2)-F",
         "[LIV]-[ASL]-x(2)-[LIVT]-x-[LIV]-[TSNK]-x(2)-[QR]-[VI]-[KQ]-[IVT]-W-F-[QK]-N-[RKH]-R-x(2)-[WL]-[KR]"),
        _TRANSCRIPTION,
        ("nucleus",),
    ),
    "trypsin": Domain(  # PS00134, PS00135
        2,
        ("I-[VI]-[GN]-G", "[LIVM]-[ST]-A-[AG]-H-C", "D-[SA]-C-[QKEN]-G-D-S-G-G-[PAS]-[LVF]-[VALM]"),
        ("GO:0004252", "GO:0006508"),
        ("extracellular",),
    ),
    "zinc metalloprotease": Domain(  # PS00142
        2,
        ("[VIALGTS]-[AVLIT]-[AFVTLG]-H-E-[LIVFW]-[GATS]-H-[ANTSVL]-[LIVMFWG]-[GN]",),
        ("GO:0004222", "GO:0008270", "GO:0006508"),
        ("extracellular", "plasma membrane", "mitochondrion"),
    ),
    "aspartic protease": Domain(  # PS00141
        2,
        ("[LIVF]-[LIVMTA]-[LIVFA]-D-[ST]-G-[STA]-[STAPDEN]-[DNSTA]-[LIVFTN]-[WFHNST]-[LIV]",),
        ("GO:0004190", "GO:0006508"),
        ("extracellular",),
        copies=(2, 2),
    ),
    "thioredoxin": Domain(  # PS00194
        2,
        ("[LIVMF]-[LIVA]-[DEK]-[FY]-[FYTWH]-A-[PED]-W-C-[GP]-[PHY]-C-[KRQ]-x-[LMF]-x-P-x-[LFW]",),
        ("GO:0015035", "GO:0045454"),
        ("cytosol", "mitochondrion", "endoplasmic reticulum"),
    ),
    "rhodopsin-like receptor": Domain(  # PS00237, among the helices of its address
        2,
        ("[AST]-[LIVMF]-[SA]-[LIVMFAG]-D-R-[YFW]-[LIVFWA]-[AGSC]-[IVL]",),
        ("GO:0004930", "GO:0007186"),
        ("receptor",),
    ),
    "RING finger": Domain(  # PS00518, whole
        2,
        ("C-x-[IVLA]-C-x(10,14)-C-x-H-x-[FILMY]-C-x(2)-C-[ILVMAYK]-x(10,12)-C-P-x-C",),
        ("GO:0061630", "GO:0016567", "GO:0008270"),
        ("cytosol", "nucleus"),
    ),
    "small GTPase": Domain(  # G1 to G5
        3,
        ("[KRY]-[LIVM]-[VIL]-[VLI]-[VLIG]-G-[DAE]-[SGA]-[GAYES]-V-G-K-[ST]-[SACN]-[LIM]",
         "[YFE]-x-P-T-[IVF]", "[LIVF]-[WFLV]-D-T-A-G-[QL]-[EDR]", "[LIVG]-[VGI]-N-K-[CSAT]-D-L",
         "[FYML]-[IVFM]-E-[TC]-S-A-[KL]"),
        ("GO:0003924", "GO:0005525"),
        ("cytosol", "plasma membrane"),
    ),
    "cytochrome c": Domain(  # PS00190
        2,
        ("[FLIY]-x(2)-[KRN]-C-[ASKQ]-[QSAT]-C-H-[TSVAG]-[VCIL]", "[LIMF]-[IVTA]-[AGP]-[YF]-[LI]"),
        ("GO:0020037", "GO:0009055"),
        ("mitochondrion",),
    ),
    "ferredoxin": Domain(  # PS00198
        2,
        ("C-[ITVGNSD]-x-C-[GMKLRQ]-x-C-[VAIEMSTK]-[AEVKRDT]-[VANSDTEI]-C-P-[VTFAEK]",),
        ("GO:0051539", "GO:0009055"),
        ("cytosol", "mitochondrion"),
        copies=(1, 2),
    ),
    "RNA recognition motif": Domain(  # RNP-2; RNP-1, PS00030
        2,
        ("[LIVK]-[FYW]-[VI]-[GK]-[NGR]-[LI]", "[RK]-G-[FYSQ]-[GA]-[FY]-[VI]-[EKTR]-[FYM]"),
        ("GO:0003723",),
        ("nucleus", "cytosol"),
    ),
    "nothing known": Domain(  # no motif at all
        3, (), (), ("cytosol", "extracellular", "nucleus", "plasma membrane", "peroxisome"),
    ),
}
# fmt: on

ADDRESSES = {
    "cytosol": Address((), ("GO:0005829",)),
    "nucleus": Address(  # monopartite and bipartite (Dingwall and Laskey)
        ("P-[KR]-K-K-R-K-[VAL]|[KR]-[KR]-x(10)-[KR]-K-K-[KR]-[KR]",), ("GO:0005634",), (1, 2)
    ),
    "extracellular": Address((_SIGNAL,), ("GO:0005576",)),
    "endoplasmic reticulum": Address((_SIGNAL, "[KH]-D-E-L>"), ("GO:0005788",)),  # PS00014
    "plasma membrane": Address((_HELIX,), ("GO:0005886",), (1, 4)),
    "receptor": Address((_HELIX,), ("GO:0005886",), (7, 7)),
    "mitochondrion": Address(  # amphipathic, R and no acids; cleaved after R-x-[FY]
        ("<M-[LA](1,2)-[LASRRT](8,12)-[RRLASTQ](6,8)-R-x-[FY]-[ASTS]",), ("GO:0005759",)
    ),
    "peroxisome": Address(("[SA]-K-L>",), ("GO:0005782",)),  # PS00342
}

EXAMPLES: dict[str, tuple[str, str]] = {
    "zinc finger": ("zinc finger", "nucleus"),
    "P-loop ATPase": ("P-loop ATPase", "cytosol"),
    "DEAD box": ("DEAD box", "nucleus"),
    "EF hand": ("EF hand", "cytosol"),
    "protein kinase": ("protein kinase", "cytosol"),
    "secreted": ("nothing known", "extracellular"),
    "membrane": ("nothing known", "plasma membrane"),
}
"""Names that `example` takes, with the domain and the address of that protein."""


def sample_ontology_path() -> Path:
    """Return the path of the slice of the Gene Ontology that the sample's terms come from."""
    return Path(str(resources.files("esmgo.dataset") / "sample.obo"))


@cache
def _all_rows() -> tuple[SampleRow, ...]:
    rng = Random(SEED)  # noqa: S311 - no secrets here
    return tuple(_protein(rng, f"SYN{i:04d}") for i in range(1, N_TRAIN + N_TEST + 1))


def sample_rows() -> dict[str, list[SampleRow]]:
    """Return the rows of the splits ``train`` (480) and ``test`` (120); the same at each call.

    Examples
    --------
    >>> rows = sample_rows()
    >>> len(rows["train"]), len(rows["test"]), rows["train"][0]["id"]
    (480, 120, 'SYN0001')
    """
    rows: list[SampleRow] = [{**row, "terms": list(row["terms"])} for row in _all_rows()]
    return {"train": rows[:N_TRAIN], "test": rows[N_TRAIN:]}


def example(name: str) -> SampleRow:
    """Return a protein with one named motif, which is in neither split.

    Parameters
    ----------
    name : str
        One of `EXAMPLES`.

    Raises
    ------
    KeyError
        If there is no such example.

    Examples
    --------
    >>> "GO:0008270" in example("zinc finger")["terms"]   # zinc ion binding
    True
    """
    domain, address = EXAMPLES[name]
    rng = Random(EXAMPLE_SEED + sorted(EXAMPLES).index(name))  # noqa: S311
    return _assemble(rng, f"EXAMPLE_{name.replace(' ', '_')}", [domain], address)


def _protein(rng: Random, id: str) -> SampleRow:
    """Draw one protein: an address that fits the first domain, then more that fit the address."""
    names = [name for name, domain in DOMAINS.items() for _ in range(domain.share)]
    first = _pick(rng, names)
    address = _pick(rng, DOMAINS[first].at)
    chosen = [first]
    also = [n for n in names if address in DOMAINS[n].at and n not in (first, "nothing known")]
    for chance in (0.25, 0.2):
        if rng.random() < chance and also and first != "nothing known":
            chosen.append(_pick(rng, also))
            also = [n for n in also if n != chosen[-1]]
    return _assemble(rng, id, chosen, address)


def _assemble(rng: Random, id: str, domains: Sequence[str], address: str) -> SampleRow:
    """Write the motifs of ``domains`` and ``address`` into random residues."""
    place = ADDRESSES[address]
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
    """Return the residue whose stretch of the summed-up background holds ``point``."""
    for residue, weight in BACKGROUND.items():
        point -= weight
        if point < 0:
            return residue
    return "V"  # the sum fell short by rounding


def _length(rng: Random) -> int:
    normal = sum(rng.random() for _ in range(12)) - 6  # near enough, and the same everywhere
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
