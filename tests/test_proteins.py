"""Annotated proteins: closed terms, rare terms cut, fingerprints."""

import numpy as np
from made_rows import BP, MF, A, B, C, M, annotations, row, sequence

from esmgo.dataset.opening import open_dataset


def test_annotations_are_closed_and_sorted(write_rows, ontology):
    name = write_rows([row("a", C), row("b", M, MF), row("c", B, A)])
    data = open_dataset(name, ontology=ontology)
    assert [term.id for term in data.labels.terms] == sorted({t.id for t in data.labels.terms})
    every = annotations(data.train, data.labels) | annotations(data.validation, data.labels)
    whole = {"a": [A, B, C, BP], "b": [MF, M], "c": [A, B, BP]}
    for id in data.train.ids:
        assert every[id] == sorted(whole[id])


def test_rare_terms_are_cut_after_propagation(write_rows, ontology):
    rows = [row("a", C), row("b", A), row("c", A), row("d", M), row("e", C)]
    data = open_dataset(write_rows(rows), ontology=ontology, eval_ratio=1e-9, min_term_count=3)
    assert data.validation.ids
    kept = {term.id for term in data.labels.terms}
    assert kept <= {A, BP}
    assert all(p < len(data.labels) for up in data.labels.parents for p in up)


def test_a_protein_whose_terms_are_all_too_rare_is_left_out(write_rows):
    rows = [row(f"p{i}", A) for i in range(9)] + [row("odd", B)]
    data = open_dataset(write_rows(rows), min_term_count=2)
    assert "odd" not in data.train.ids
    assert "odd" in " ".join(data.report.warnings) or "odd" in data.validation.ids


def test_a_subset_of_proteins_keeps_their_rows(write_rows, ontology):
    data = open_dataset(
        write_rows([row(f"p{i}", (A, C, M)[i % 3]) for i in range(9)]), ontology=ontology
    )
    some = data.train.subset([3, 1])
    whole = annotations(data.train, data.labels)
    assert annotations(some, data.labels) == {id: whole[id] for id in some.ids}
    assert some.ids == (data.train.ids[3], data.train.ids[1])
    assert len(data.train.subset(np.array([], int))) == 0


def test_the_fingerprint_follows_every_residue_and_term(write_rows, ontology):
    rows = [row("a", A), row("b", A), row("c", B)]
    prints = set()
    for change in ({}, {"sequence": sequence(50)}, {"terms": [C]}, {"id": "z"}):
        changed = [rows[0] | change, *rows[1:]]
        prints.add(open_dataset(write_rows(changed), ontology=ontology).fingerprint)
    assert len(prints) == 4
