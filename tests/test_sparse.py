"""Sparse rows of terms: closed, and reduced to the most specific."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from made_truth import drawn, grown

from esmgo.go.labels import LabelSpace
from esmgo.go.sparse import SparseRows
from esmgo.go.terms import Term


@given(st.data())
def test_rows_are_closed_as_by_walking_up_from_each_term(draw):
    n_terms = draw.draw(st.integers(1, 12))
    parents = tuple(
        tuple(sorted(draw.draw(st.sets(st.integers(0, j - 1), max_size=3)))) if j else ()
        for j in range(n_terms)
    )
    labels = LabelSpace(tuple(Term(f"GO:{j:07d}", "", None) for j in range(n_terms)), parents)
    row = st.lists(st.integers(0, n_terms - 1), max_size=4)
    rows = draw.draw(st.lists(row, max_size=5)) * draw.draw(st.sampled_from([1, 300]))
    flat = np.array([j for each in rows for j in each], np.int32)
    found = SparseRows.of(list(map(len, rows)), flat).closed(labels)
    assert (found.indptr.dtype, found.indices.dtype, len(found)) == (np.int64, np.int32, len(rows))
    walked = [sorted({j for k in each for j in (k, *labels.ancestors(k))}) for each in rows]
    assert [found.row(i).tolist() for i in range(len(rows))] == walked


@given(st.integers(0, 2**32 - 1))
def test_closing_a_closed_truth_changes_nothing(seed):
    labels = grown(seed, 15)
    truth, _ = drawn(seed + 1, 5, labels)
    again = truth.terms.closed(labels)
    assert again.indptr.tolist() == truth.terms.indptr.tolist()
    assert again.indices.tolist() == truth.terms.indices.tolist()


def test_most_specific_terms_are_those_that_no_other_implies(diamond):
    rows = SparseRows(np.array([0, 1, 3, 3, 4]), np.array([3, 1, 2, 0], np.int32))
    leaves = rows.closed(diamond).leaves(diamond)
    assert leaves.indptr.tolist() == [0, 1, 3, 3, 4]
    assert leaves.indices.tolist() == [3, 1, 2, 0]


def test_rows_are_closed_sorted_and_without_repeats(diamond):
    rows = SparseRows(np.array([0, 1, 1, 3]), np.array([3, 1, 1], np.int32)).closed(diamond)
    assert rows.indptr.tolist() == [0, 4, 4, 6]
    assert rows.indices.tolist() == [0, 1, 2, 3, 0, 1]
