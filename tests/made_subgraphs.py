"""Small subgraphs of the ontology, and names that try to break a page."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from esmgo.go.labels import LabelSpace
from esmgo.go.terms import Aspect, Term
from esmgo.render.subgraph import subgraph_of

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz' dot is not installed")
NASTY = '</script><script>alert("1")</script> & \\N \\" \u202egnp.exe\u2066 \x1b[31m\n <!-- é'


def diamond() -> LabelSpace:
    """Two aspects; in MF a diamond (root, left, right, shared) and one term beside it.

    ::

        3674 root      5575 root
        /    \\            |
      left   right       inside
        \\    /
        shared    other (child of right)
    """
    rows = [
        ("GO:0000001", "left", Aspect.MF, ["GO:0003674"]),
        ("GO:0000002", "right", Aspect.MF, ["GO:0003674"]),
        ("GO:0000003", "shared", Aspect.MF, ["GO:0000001", "GO:0000002"]),
        ("GO:0000004", "other", Aspect.MF, ["GO:0000002"]),
        ("GO:0000005", "inside", Aspect.CC, ["GO:0005575"]),
        ("GO:0003674", "molecular_function", Aspect.MF, []),
        ("GO:0005575", "cellular_component", Aspect.CC, []),
    ]
    column = {row[0]: j for j, row in enumerate(rows)}
    terms = tuple(Term(id, name, aspect) for id, name, aspect, _ in rows)
    return LabelSpace(terms, tuple(tuple(column[p] for p in up) for *_, up in rows), "2025-10-10")


PROBABILITIES = np.array([0.7, 0.8, 0.6, 0.1, 0.5, 0.9, 0.95], np.float32)


def small(protein_id="sp|P04637|P53_HUMAN"):
    return subgraph_of(
        protein_id,
        PROBABILITIES,
        diamond(),
        [2, 4],
        description="Cellular tumor antigen <p53>",
        selection="the two best",
    )


def flat(n=30, protein_id="p1"):
    """A label space made without an ontology: ids for names, no aspect, no parent."""
    labels = LabelSpace.close([f"GO:{i:07d}" for i in range(n)], None)
    return subgraph_of(protein_id, np.linspace(0, 1, n), labels, range(n))


def broad(n=400):
    """Children of one root, as many as asked for."""
    terms = [Term(f"GO:{i:07d}", f"binding of substance {i}", Aspect.MF) for i in range(n)]
    terms.append(Term("GO:0003674", "molecular_function", Aspect.MF))
    labels = LabelSpace(tuple(terms), (*(((n,),) * n), ()))
    return subgraph_of("p1", np.full(n + 1, 0.5), labels, range(n))
