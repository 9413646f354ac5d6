"""Information of terms: computed, and read from a file."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmgo.errors import AnnotationError
from esmgo.go.information import (
    information_accretion,
    information_content,
    read_information_accretion,
)
from esmgo.go.labels import LabelSpace
from esmgo.go.sparse import SparseRows
from esmgo.go.terms import Aspect, Term

BAD = Path(__file__).parents[2] / "shared" / "bad_inputs" / "tsv" / "11_ia_negative_nan.tsv"

#       0          a diamond with a tail, and a term that no protein has
#     /   \
#    1     2
#     \   /
#       3
#     /   \
#    4     5
PARENTS = ((), (0,), (0,), (1, 2), (3,), (3,))
LABELS = LabelSpace(tuple(Term(f"GO:{j:07d}", "", Aspect.BP) for j in range(len(PARENTS))), PARENTS)


def sparse(rows: list[list[int]]) -> SparseRows:
    columns = np.array([j for row in rows for j in row], np.int32)
    return SparseRows.of([len(row) for row in rows], columns).closed(LABELS)


def brute_force(rows: list[set[int]]) -> list[float]:
    bits = []
    for j, up in enumerate(PARENTS):
        able = [row for row in rows if row.issuperset(up)]
        n_with = sum(j in row for row in able)
        bits.append(-math.log2(n_with / len(able)) if n_with and up else 0.0)
    return bits


def test_the_bits_are_those_of_clark_and_radivojac():
    rows = [[4], [3], [1], [1], [2], [0], [1, 2], [1, 2]]
    bits = information_accretion(sparse(rows), LABELS)
    # 6 of 8 have 1; 5 of 8 have 2; of the 4 with both, 2 have 3; of these 1 has 4
    expected = [0, -math.log2(6 / 8), -math.log2(5 / 8), 1, 1, 0]
    np.testing.assert_allclose(bits, expected)
    assert bits.dtype == np.float64


@given(st.lists(st.sets(st.integers(0, 5), max_size=3), max_size=12))
def test_the_bits_equal_those_counted_one_by_one(rows):
    terms = sparse([sorted(row) for row in rows])
    closed = [set(terms.row(i).tolist()) for i in range(len(terms))]
    np.testing.assert_allclose(information_accretion(terms, LABELS), brute_force(closed))


@given(st.lists(st.lists(st.integers(0, 5), max_size=4), max_size=8))
def test_content_is_that_counted_one_by_one_and_grows_from_the_root(rows):
    closed = sparse(rows)
    bits = information_content(closed, LABELS)
    n = [sum(j in closed.row(i) for i in range(len(rows))) for j in range(len(LABELS))]
    annotated = sum(map(bool, rows))
    expected = [-math.log2(max(each, 1) / max(annotated, 1)) for each in n]
    np.testing.assert_allclose(bits, expected, atol=1e-12)
    for j, up in enumerate(PARENTS):
        assert all(bits[p] <= bits[j] for p in up)


def test_content_counts_the_proteins_of_the_aspect_alone():
    terms = (Term("GO:0000001", "", Aspect.MF), Term("GO:0000002", "", Aspect.CC))
    two = LabelSpace(terms, ((), ()))
    rows = SparseRows.of([1, 1, 2, 0], np.array([0, 0, 0, 1], np.int32))
    assert information_content(rows, two).tolist() == [0, 0]


def test_without_proteins_there_is_no_information():
    assert not information_accretion(sparse([]), LABELS).any()


def test_bits_are_read_by_id():
    found = read_information_accretion(io.BytesIO(b"GO:0000001\t0.0\r\nGO:0000002\t2.5\r\n"))
    assert found == {"GO:0000001": 0.0, "GO:0000002": 2.5}


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("", None),
        ("GO:0000001\t-3\n", 1),
        ("GO:0000001\t1\nGO:0000002\tnan\n", 2),
        ("GO:0000001\tinf\n", 1),
        ("GO:0000001\tmuch\n", 1),
        ("GO:0000001\n", 1),
        ("GO:0000001\t1\nGO:0000002\t-inf\n", 2),
        ("GO:0000001\t1\nterm\tia\n", 2),
        ("term\tia\n", None),
        ("HP:0000001\t1\n", None),
        ("GO_0000001\t1\n", 1),
        ("GO:0000001\t1\nGO:0000001\t1\n", 2),
    ],
)
def test_what_is_no_information_is_refused_with_its_line(content, line):
    with pytest.raises(AnnotationError) as caught:
        read_information_accretion(io.BytesIO(content.encode()))
    assert caught.value.line == line


@pytest.mark.skipif(not BAD.is_file(), reason="the shared bad inputs are absent")
def test_the_shared_file_is_refused_as_its_manifest_says():
    with pytest.raises(AnnotationError) as caught:
        read_information_accretion(BAD)
    assert caught.value.line == 1
