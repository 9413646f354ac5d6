"""`esmgo.evaluate` matches proteins as the command line does: by accession on both sides."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import esmgo
from esmgo.go.labels import LabelSpace
from esmgo.go.sparse import SparseRows
from esmgo.go.terms import Aspect, Term
from esmgo.metrics.result import evaluate

LABELS = LabelSpace(
    tuple(Term(f"GO:{n:07d}", "", Aspect.MF) for n in (3674, 5488, 16740)), ((), (0,), (0,))
)
FORMS = ("{}", "sp|{}|X_HUMAN", "tr|{}|", "UniProtKB:{}", "{}.2", "lcl|{}")
NUMBERS = range(10000, 10004)


def truth(ids):
    columns = np.array([0, 1, 0, 2] * (len(ids) // 2) + [0, 1] * (len(ids) % 2), np.int32)
    return esmgo.Truth(tuple(ids), SparseRows.of([2] * len(ids), columns), LABELS)


def scores(ids, values=None):
    drawn = np.random.default_rng(len(ids)).random((len(ids), 3), np.float32)
    values = drawn if values is None else values
    values[:, 0] = values.max(axis=1)
    return esmgo.Scores(tuple(ids), values, LABELS)


def figures(found):
    return {aspect: (each.fmax, each.smin, each.aupr) for aspect, each in found.items()}


@given(st.lists(st.sampled_from(FORMS), min_size=4, max_size=4),
       st.lists(st.sampled_from(FORMS), min_size=4, max_size=4))  # fmt: skip
def test_every_form_of_an_id_is_the_protein(ours, theirs):
    plain = [f"P{n}" for n in NUMBERS]
    right = figures(evaluate([scores(plain)], truth(plain)))
    ids = [form.format(id) for form, id in zip(ours, plain, strict=True)]
    others = [form.format(id) for form, id in zip(theirs, plain, strict=True)]
    assert figures(esmgo.evaluate([scores(ids)], truth(others))) == right


def test_an_id_as_written_goes_before_an_accession():
    ids = ["sp|P10000|X_HUMAN", "P10000"]
    right = np.float32([[1, 1, 0], [1, 0, 1]])
    assert esmgo.evaluate([scores(ids, right)], truth(ids))[Aspect.MF].fmax == 1
    assert esmgo.evaluate([scores(ids[::-1], right[::-1])], truth(ids))[Aspect.MF].fmax == 1


def test_a_second_row_and_other_proteins_are_left_out():
    ids, right = ["P10000", "P10001"], np.float32([[1, 1, 0], [1, 0, 1]])
    whole = figures(esmgo.evaluate([scores(ids, right)], truth(ids)))
    blocks = [scores(["sp|P10000|X", "sp|P10001|Y"], right), scores(["P10000", "Q9"], 1 - right)]
    assert figures(esmgo.evaluate(blocks, replace(truth(ids), proteins=tuple(ids)))) == whole
