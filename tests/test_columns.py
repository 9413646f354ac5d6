"""Columns of tables: a block parsed at once and one read line by line are the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmgo.data.columns import _careful, _fast, ink_lines, read_columns

CELL = st.text(st.sampled_from("ab \"',;#!é\x00\u00a0"), max_size=4)


def rows_of(found):
    values = [[column.of(i) for column in found.columns] for i in range(len(found.line))]
    return [
        (line, width, *cells)
        for line, width, cells in zip(
            found.line.tolist(), found.width.tolist(), values, strict=True
        )
    ]


@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=6), st.booleans())
def test_both_ways_read_the_same(rows, ends):
    block = ("\n".join("\t".join(row) for row in rows) + "\n" * ends).encode()
    fast = _fast(7, block, (2, 0, 5), b"!")
    if fast is not None:
        lines = list(ink_lines(block, b"!"))
        assert rows_of(fast) == rows_of(_careful(7, block, lines, (2, 0, 5), 0))


@given(st.binary(max_size=60))
def test_ink_lines_are_the_lines_with_ink(data):
    lines = data.split(b"\n")
    found = [(i, data[start:end]) for i, start, end in ink_lines(data, b"!")]
    assert found == [(i, line) for i, line in enumerate(lines) if line.strip() and line[:1] != b"!"]


@pytest.mark.parametrize("more", ["", "\n", "\n\n!note\n", " \t \n", "\t\t\n"])
def test_blank_lines_and_comments_keep_the_numbers_of_lines(more):
    block = ("a\tb\tc\n" + more + "d\te\tf\n").encode()
    (found,) = read_columns([(1, block)], (0, 2), comment=b"!")
    assert rows_of(found) == [(1, 3, "a", "c"), (2 + more.count("\n"), 3, "d", "f")]


def test_rows_of_any_width_are_read():
    (found,) = read_columns([(1, b"a\nb\tc\nd\te\tf\n")], (0, 1), comment=b"!")
    assert rows_of(found) == [(1, 1, "a", ""), (2, 2, "b", "c"), (3, 3, "d", "e")]
    (found,) = read_columns([(1, b"a  b c d\n e f\n")], (0, 1), comment=b"!", in_words=2)
    assert rows_of(found) == [(1, 2, "a", "b c d"), (2, 2, "e", "f")]
