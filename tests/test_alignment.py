"""Local alignments: both backends and the traceback against a plain matrix of three states."""

import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from esmgo.evidence import alignment as module
from esmgo.evidence.alignment import local_alignment, local_scores
from esmgo.evidence.blosum import RESIDUES, blosum62

LETTERS = RESIDUES + "BJOUXZ*x"
sequences = st.text(LETTERS, max_size=30) | st.text("AW", max_size=60) | st.text("PG", max_size=9)


def pair_score(a: str, b: str) -> int:
    return int(blosum62()[RESIDUES.find(a), RESIDUES.find(b)])  # -1 is the last: unknown


def plain_score(query: str, subject: str) -> int:
    """Gotoh's three states, cell by cell."""
    n = len(subject) + 1
    best, above, gap_above = 0, [0] * n, [-99] * n
    for a in query:
        row, gap_left = [0], -99
        for j, b in enumerate(subject, 1):
            gap_left = max(gap_left - 1, row[j - 1] - 12)
            gap_above[j] = max(gap_above[j] - 1, above[j] - 12)
            row.append(max(0, above[j - 1] + pair_score(a, b), gap_left, gap_above[j]))
        best, above = max(best, *row), row
    return best


@pytest.fixture(params=["pyopal", "numpy"], scope="module")
def backend(request):
    """Each way to compute scores; for NumPy, pyopal cannot be imported."""
    patch = pytest.MonkeyPatch()
    if request.param == "numpy":
        patch.setitem(sys.modules, "pyopal", None)
    else:
        pytest.importorskip("pyopal")
    module._aligner.cache_clear()
    assert (module._aligner() is None) == (request.param == "numpy")
    yield request.param
    patch.undo()
    module._aligner.cache_clear()


@settings(max_examples=60, deadline=None)
@given(sequences, st.lists(sequences, max_size=5))
@example("", ["", "A"])
@example("W", ["W", "", "A", "X", "\u00e9"])
def test_scores_are_those_of_the_plain_matrix(backend, query, subjects):
    found = local_scores(query, subjects)
    assert found.dtype == np.int32
    assert found.tolist() == [plain_score(query, subject) for subject in subjects]


@pytest.mark.parametrize("k", [1, 2, 3, 8, 9, 16, 17, 31, 40])
def test_a_gap_of_k_residues_costs_eleven_and_k(backend, k):
    left, right = "WCHWYMFWHC", "FWCYWHMCWW"
    both = sum(pair_score(a, a) for a in left + right)
    gapped = f"{left}{'P' * k}{right}"
    assert local_scores(left + right, [gapped]) == [both - 11 - k]
    assert local_scores(gapped, [left + right]) == [both - 11 - k]
    found = local_alignment(left + right, gapped)
    assert found.score == both - 11 - k
    assert found.query_row == f"{left}{'-' * k}{right}"
    assert local_alignment(gapped, left + right).subject_row == found.query_row


def test_scores_that_need_more_than_16_bits(backend):
    titin = "W" * 3_500
    assert local_scores(titin, [titin, "W" * 20, titin[:3_000]]).tolist() == [38_500, 220, 33_000]


def test_many_subjects_keep_their_order(backend, monkeypatch):
    monkeypatch.setattr(module, "_CELLS", 100)
    random = np.random.default_rng(0)
    subjects = ["".join(random.choice(list(RESIDUES), n)) for n in random.integers(1, 90, 40)]
    query = subjects[7]
    want = [plain_score(query, subject) for subject in subjects]
    assert local_scores(query, subjects).tolist() == want
    assert local_scores(query, subjects).argmax() == 7


def test_a_letter_that_is_no_residue_scores_like_x():
    assert local_scores("WWXWW", ["WWBWW", "WWUWW", "WW*WW", "WWwWW", "WWWWW"]).tolist() == [43] * 5
    found = local_alignment("WWXWW", "WWXWW")
    assert (found.score, found.query_row, found.identity) == (43, "WWXWW", 0.8)


def rescored(found: module.Alignment) -> int:
    """The score of an alignment, from its two rows."""
    score, open_row = 0, ""
    for a, b in zip(found.query_row, found.subject_row, strict=True):
        is_gap = "query" if a == "-" else "subject" if b == "-" else ""
        score += pair_score(a, b) if not is_gap else -1 - 11 * (is_gap != open_row)
        open_row = is_gap
    return score


@settings(max_examples=150, deadline=None)
@given(sequences, sequences)
@example("WAWW" * 20, "WWAW" * 20)
def test_an_alignment_is_worth_its_score_and_lies_where_it_says(query, subject):
    found = local_alignment(query, subject)
    assert found.score == plain_score(query, subject) == rescored(found)
    assert found.query_row.replace("-", "") == query[found.query_start : found.query_end]
    assert found.subject_row.replace("-", "") == subject[found.subject_start : found.subject_end]
    assert found.n_columns == len(found.subject_row)
    if found.score:
        ends = (found.query_row[0], found.subject_row[0], found.query_row[-1])
        assert "-" not in ends
        assert 0 <= found.identity <= 1
    else:
        assert (found.query_end, found.subject_end, found.identity) == (0, 0, 0.0)


def test_an_alignment_of_relatives():
    found = local_alignment("KKMKTAYIAKQRQISFVKSHFSRQ", "PPPPMKTAYIAKQRQIFVKSHFSRQLPP")
    assert (found.query_start, found.query_end) == (2, 24)
    assert (found.subject_start, found.subject_end) == (4, 25)
    assert found.subject_row == "MKTAYIAKQRQI-FVKSHFSRQ"
    assert found.identity == 21 / 22


def test_equally_good_alignments_end_early_and_gaps_go_where_stated():
    found = local_alignment("WWWW", "WWWWAWWWW")
    assert (found.subject_start, found.subject_end) == (0, 4)
    ties = local_alignment("WWWWWWWAAWWWWWWW", "WWWWWWWAWWWWWWW")
    assert ties.subject_row == "WWWWWWW-AWWWWWWW"
