"""Annotations resolved to current terms, in blocks."""

import io

import pytest
from annotating import GAF, gaf_row
from hypothesis import given
from hypothesis import strategies as st

from esmgo.data.evidence_codes import parse_evidence
from esmgo.data.rejects import ReadReport
from esmgo.dataset.matching import current_terms
from esmgo.errors import AnnotationError
from esmgo.go.ontology import Ontology
from esmgo.go.terms import Aspect, Term

ALL = parse_evidence("all")


def read(text, ontology=None, report=None, **options):
    source = io.BytesIO(text.encode())
    return current_terms(source, ontology, report or ReadReport(), evidence=ALL, **options)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 6), st.integers(0, 2)), min_size=1))
def test_terms_are_those_of_each_protein_and_isoform(rows):
    text = GAF
    expected: dict[str, set[str]] = {}
    for protein, term, form in rows:
        id, go = f"P0000{protein}", f"GO:000000{term}"
        text += gaf_row(id, go, form=f"UniProtKB:{id}-{form}" if form else "")
        expected.setdefault(f"{id}-{form}" if form else id, set()).add(go)
    found = read(text)
    assert {id: at.terms for id, at in found.items()} == expected
    assert list(found) == list(expected)


def test_a_term_in_another_aspect_than_that_of_its_row_rejects_the_row():
    terms = [Term("GO:0000001", "a", Aspect.MF), Term("GO:0000002", "b", Aspect.BP)]
    ontology = Ontology({t.id: t for t in terms}, {t.id: () for t in terms}, {}, "test")
    text = "EntryID\tterm\taspect\na\tGO:0000001\tBPO\nb\tGO:0000002\tBPO\n"
    report = ReadReport()
    assert list(read(text, ontology, report)) == ["b"]
    assert [(r.line, r.id, r.reason) for r in report.rejects] == [
        (2, "a", "GO:0000001 is in molecular_function, not in biological_process")
    ]
    assert report.n_records == 2


def test_the_first_unknown_term_is_named_with_its_line(ontology):
    text = "a\tGO:0000001\nb\tGO:7777778\nc\tGO:7777777\nd\tGO:7777778\n"
    text = text.replace("GO:0000001", next(iter(ontology.terms)))
    with pytest.raises(AnnotationError, match=":2: b: GO:7777778 is not in the ontology"):
        read(text, ontology)
    report = ReadReport()
    assert list(read(text, ontology, report, drop_unknown_terms=True)) == ["a"]
    (found,) = [each for each in report.warnings if "not in the ontology" in each]
    assert "3 annotations with terms not in the ontology" in found
    assert "(first: b, line 2)" in found
