"""Ten real terms, a protein's scores of them, and evidence made of scores."""

import numpy as np

from esmgo.data.accessions import parse_id
from esmgo.evidence.sources import EvidenceSource
from esmgo.go.calls import Purpose
from esmgo.go.labels import LabelSpace
from esmgo.go.scores import Scores
from esmgo.go.terms import Aspect, Term
from esmgo.predict.prediction import Evidence
from esmgo.render.writer import About

#  0 MF      2 BP      4 CC                   8 CC: cell
#  |         |         |        \
#  1 kinase  3 cycle   5 complex 7 nucleus
#  |                   |
#  9 its child         6 ribosome (a complex)
TERMS = [
    ("GO:0003674", "molecular_function", Aspect.MF, ()),
    ("GO:0004672", "protein kinase activity", Aspect.MF, (0,)),
    ("GO:0008150", "biological_process", Aspect.BP, ()),
    ("GO:0007059", "chromosome segregation", Aspect.BP, (2,)),
    ("GO:0005575", "cellular_component", Aspect.CC, ()),
    ("GO:0032991", "protein-containing complex", Aspect.CC, (4,)),
    ("GO:0005840", 'ribosome, "the"', Aspect.CC, (5,)),
    ("GO:0005634", "nucleus", Aspect.CC, (4,)),
    ("GO:0005623", "cell", Aspect.CC, (4,)),
    ("GO:0004674", "protein serine kinase activity", Aspect.MF, (1,)),
]
ORDER = sorted(range(len(TERMS)), key=lambda j: TERMS[j][0])
LABELS = LabelSpace(
    tuple(Term(*TERMS[j][:3]) for j in ORDER),
    tuple(tuple(sorted(ORDER.index(p) for p in TERMS[j][3])) for j in ORDER),
    "releases/2025-01-01",
)
ROOT_MF, KINASE, ROOT_BP, CYCLE, ROOT_CC, COMPLEX, RIBOSOME, NUCLEUS, CELL, SERINE = (
    ORDER.index(j) for j in range(len(TERMS))
)
NAN = float("nan")
BITS = np.array([0, 3.125, 0, 5, 0, 1, 2, 3, 4, 9.25])[ORDER]
ABOUT = About(
    labels=LABELS, model="ab12", version="0.1.0",
    kept={purpose.word: "a score of 0.1 or more" for purpose in Purpose},
    sources=tuple(str(flag.name).lower() for flag in EvidenceSource), parse_id=parse_id,
    date="2025-01-02", reference="PMID:1", assigned_by="lab", taxon=9606,
)  # fmt: skip


def evidence(*rows, precision=None, decoy_rate=None, sources=None, windows=1, novelty=NAN):
    """Evidence of proteins p0, p1, …, whose scores are given by column."""
    values = np.zeros((len(rows), len(LABELS)), np.float32)
    for i, row in enumerate(rows):
        for j, score in row.items():
            values[i, j] = score
    n = len(rows)
    return Evidence(
        Scores(tuple(f"p{i}" for i in range(n)), values, LABELS),
        np.full(values.shape, NAN, np.float32) if precision is None else precision,
        np.full(values.shape, NAN, np.float32) if decoy_rate is None else decoy_rate,
        BITS, np.full(values.shape, 1, np.uint8) if sources is None else sources,
        np.full(n, NAN, np.float32), np.full(n, novelty, np.float32), np.full(n, NAN, np.float32),
        np.full(n, windows), np.zeros(n, np.intp),
    )  # fmt: skip


ROW = {
    ROOT_MF: 0.9, KINASE: 0.8, SERINE: 0.5, ROOT_BP: 0.6, CYCLE: 0.6, ROOT_CC: 0.7, COMPLEX: 0.3,
    RIBOSOME: 0.3, NUCLEUS: 0.2, CELL: 0.05,
}  # fmt: skip
