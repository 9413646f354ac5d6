"""CAFA's text: what is written, in what order, with how many figures."""

import io
import time

import numpy as np
import pytest

from esmgo.go.labels import LabelSpace
from esmgo.go.scores import Scores
from esmgo.go.terms import Aspect, Term
from esmgo.render.cafa import MIN_SCORE, cafa_lines, write_cafa


def space(n):
    terms = tuple(Term(f"GO:{i:07}", f"term {i}", Aspect.BP) for i in range(n))
    return LabelSpace(terms, tuple(() for _ in terms))


def written(values, labels, **how):
    ids = tuple(f"p{i}" for i in range(len(values)))
    text = b"".join(cafa_lines(Scores(ids, np.float32(values), labels), **how)).decode()
    return [tuple(line.split("\t")) for line in text.splitlines()]


def test_scores_have_three_significant_figures():
    values = [1, 0.99951, 0.9994, 0.5, 0.12345, 0.1, 0.09996, 0.012345, 0.009996, 0.0012345, 0.001]
    texts = ["1.00", "1.00", "0.999", "0.500", "0.123", "0.100", "0.100", "0.0123", "0.0100",
             "0.00123", "0.00100"]  # fmt: skip
    assert [text for *_, text in written([values], space(len(values)))] == texts


def test_every_score_is_written_as_python_would_round_it():
    values = np.random.default_rng(1).uniform(0.001, 1, (3, 5000)).astype(np.float32) ** 2
    values = values.clip(0.001)
    rows = written(values, space(5000), most=5000)
    expected = {f"{v:#.3g}" for v in np.sort(values[0])[::-1].astype(float)}
    assert {text for protein, _, text in rows if protein == "p0"} == expected
    assert len(rows) == values.size


def test_zeros_low_and_undefined_scores_are_left_out_and_none_is_above_one():
    rows = written([[0, 0.0009, MIN_SCORE, 1.5, np.nan]], space(5))
    assert rows == [("p0", "GO:0000003", "1.00"), ("p0", "GO:0000002", "0.00100")]


def test_highest_first_and_deeper_terms_first_on_ties(diamond):
    rows = written([[0.9, 0.3, 0.8, 0.3]], diamond)
    assert [term for _, term, _ in rows] == [f"GO:000000{i}" for i in (1, 3, 4, 2)]


def test_only_the_highest_are_written_where_there_are_too_many(diamond):
    values = np.random.default_rng(0).random((4, 700)).round(1)
    labels = space(700)
    everything = written(values, labels, most=700)
    for most in (1, 10, 350, 699):
        rows = written(values, labels, most=most)
        for protein in ("p0", "p3"):
            mine = [row for row in everything if row[0] == protein][:most]
            assert [row for row in rows if row[0] == protein] == mine


def test_roots_stay_and_proteins_without_scores_have_no_line(diamond):
    file = io.BytesIO()
    blocks = [Scores((id,), np.float32([row]), diamond) for id, row in
              [("a", [1, 0, 0, 0]), ("b", [0, 0, 0, 0])]]  # fmt: skip
    assert write_cafa(blocks, file) == (2, 1)
    assert file.getvalue() == b"a\tGO:0000001\t1.00\n"


def test_names_of_proteins_can_be_changed_and_never_break_a_line(diamond):
    scores = Scores(("sp|P1|X\t\n\0ü",), np.float32([[1, 0, 0, 0]]), diamond)
    assert list(cafa_lines(scores)) == ["sp|P1|X\\t\\n\\x00ü\tGO:0000001\t1.00\n".encode()]
    assert list(cafa_lines(scores, name=lambda _: "P1")) == [b"P1\tGO:0000001\t1.00\n"]


@pytest.mark.slow
def test_a_whole_test_set_takes_seconds():
    labels = space(25_000)
    values = np.random.default_rng(0).random((512, 25_000), np.float32)
    blocks = (Scores(tuple(map(str, range(512))), values, labels) for _ in range(12))
    start = time.process_time()
    assert write_cafa(blocks, io.BytesIO()) == (6144, 6144 * 1500)
    assert time.process_time() - start < 20
