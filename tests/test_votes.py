"""Votes of training proteins, against a plain computation."""

import random

import numpy as np
import pytest

from esmgo.dataset.proteins import AnnotatedProteins
from esmgo.evidence import votes as voting
from esmgo.evidence.search import Hits
from esmgo.evidence.votes import preferring_species, vote, votes_by_bits
from esmgo.go.labels import LabelSpace
from esmgo.go.sparse import SparseRows
from esmgo.go.terms import Aspect, Term


def hits(*rows):
    columns = zip(*rows, strict=True)
    full = np.full(len(rows), 100.0)
    return Hits(*(np.array(c) for c in columns), full, full, full)


def trained(rows, n_terms):
    indices = np.array([j for row in rows for j in row], np.int32)
    names = tuple(f"t{i}" for i in range(len(rows)))
    terms = tuple(Term(f"GO:{j:07}", "", Aspect.MF) for j in range(n_terms))
    closed = SparseRows.of(list(map(len, rows)), indices)
    taxa = np.zeros(len(rows), np.int32)
    return AnnotatedProteins(names, names, closed, taxa), LabelSpace(terms, ((),) * n_terms)


def test_the_vote_equals_a_plain_computation(monkeypatch):
    monkeypatch.setattr(voting, "BLOCK", 3)
    draw = random.Random(3)
    rows = [sorted(draw.sample(range(20), draw.randint(1, 8))) for _ in range(30)]
    train, labels = trained(rows, 20)
    pairs = sorted(
        {(draw.randrange(7), draw.randrange(30)) for _ in range(60)} - {(4, i) for i in range(30)}
    )
    found = hits(*((q, s, draw.uniform(30, 900)) for q, s in pairs))
    blocks = list(
        vote(
            votes_by_bits(found.query, found.subject, found.bits, 7),
            list("abcdefg"),
            train.terms,
            labels,
        )
    )
    assert [block.proteins for block in blocks] == [tuple("abc"), tuple("def"), ("g",)]
    values = np.concatenate([block.values for block in blocks])
    assert values.dtype == np.float32
    for q in range(7):
        mine = [(s, b) for (p, s), b in zip(pairs, found.bits, strict=True) if p == q]
        for j in range(20):
            carried = sum(b for s, b in mine if j in rows[s])
            expected = carried / sum(b for _, b in mine) if mine else 0.0
            assert values[q, j] == pytest.approx(expected, abs=1e-6)


def test_a_protein_of_the_same_species_weighs_half_as_much_again():
    found = hits((0, 0, 40.0), (0, 1, 60.0), (1, 0, 50.0))
    votes = votes_by_bits(found.query, found.subject, found.bits, 2)
    training = np.int32([9606, 0])
    same = preferring_species(votes, training, np.int32([9606, 10090]))
    assert same.weight.tolist() == [60, 60, 50]
    assert same.total.tolist() == [120, 50]
    unknown = preferring_species(votes, np.int32([0, 0]), np.int32([0, 0]))
    assert unknown.weight.tolist() == votes.weight.tolist()


def test_a_protein_without_hits_gets_zeros_and_an_ancestor_is_never_lower():
    train, labels = trained([[0, 1], [0], [0, 1, 2]], 3)
    found = hits((1, 0, 0.1), (1, 1, 0.2), (1, 2, 0.3))
    (block,) = vote(
        votes_by_bits(found.query, found.subject, found.bits, 2), ["a", "b"], train.terms, labels
    )
    assert not block.values[0].any()
    assert block.values[1].tolist() == pytest.approx([1, 2 / 3, 0.5])
    assert block.values.max() <= 1


def test_no_proteins_and_no_hits_are_fine():
    train, labels = trained([[0]], 1)
    none = Hits(*(np.zeros(0, np.int64),) * 2, *(np.zeros(0),) * 4)
    assert (
        list(vote(votes_by_bits(none.query, none.subject, none.bits, 0), [], train.terms, labels))
        == []
    )
    (block,) = vote(
        votes_by_bits(none.query, none.subject, none.bits, 1), ["a"], train.terms, labels
    )
    assert block.values.tolist() == [[0]]
