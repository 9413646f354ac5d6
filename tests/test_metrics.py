"""Fmax and micro averages, against their definitions written out."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from esmgo.go.labels import LabelSpace
from esmgo.go.scores import Scores
from esmgo.go.terms import Aspect, Term
from esmgo.metrics.baselines import term_frequency
from esmgo.metrics.curve import THRESHOLDS, curve_sums, micro_sums, truth_matrix


def flat(n: int) -> LabelSpace:
    return LabelSpace(tuple(Term(f"GO:{j:07}", "", Aspect.CC) for j in range(n)), ((),) * n)


def fmax_by_definition(values, truth):
    best = 0.0
    has_truth = truth.any(1)
    for threshold in THRESHOLDS:
        precisions, recalls = [], []
        for row, true in zip(values[has_truth], truth[has_truth], strict=True):
            called = row >= threshold
            if called.any():
                precisions.append((called & true).sum() / called.sum())
            recalls.append((called & true).sum() / true.sum())
        if precisions and recalls:
            p, r = np.mean(precisions), np.mean(recalls)
            best = max(best, 2 * p * r / (p + r) if p + r else 0.0)
    return best


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 7), st.integers(1, 6))
def test_fmax_is_its_definition_however_proteins_are_cut_into_blocks(seed, n, t, cut):
    random = np.random.default_rng(seed)
    values = random.random((n, t)).round(2).astype(np.float32)
    truth = random.random((n, t)) < 0.4
    labels, columns = flat(t), np.arange(t)
    ids = tuple(map(str, range(n)))
    parts = [
        curve_sums(Scores(ids[a:b], values[a:b], labels), truth[a:b], columns)
        for a, b in [(0, min(cut, n)), (min(cut, n), n)]
    ]
    total = parts[0] + parts[1]
    expected = fmax_by_definition(values.astype(np.float64), truth)
    assert abs(total.fmax - expected) < 1e-12


def test_perfect_calls_have_fmax_one_and_no_call_zero():
    truth = np.eye(3, dtype=bool)
    labels, columns, ids = flat(3), np.arange(3), ("a", "b", "c")
    assert curve_sums(Scores(ids, truth.astype(np.float32), labels), truth, columns).fmax == 1
    nothing = Scores(ids, np.zeros((3, 3), np.float32), labels)
    assert curve_sums(nothing, truth, columns).fmax == 0
    assert curve_sums(nothing, truth & False, columns).fmax == 0


def test_micro_averages_are_zero_instead_of_undefined():
    nothing = Scores(("a",), np.zeros((1, 2), np.float32), flat(2))
    sums = micro_sums(nothing, np.zeros((1, 2), bool), np.arange(2))
    assert (sums.f1, sums.precision, sums.recall) == (0, 0, 0)
    all_called = Scores(("a",), np.ones((1, 2), np.float32), flat(2))
    sums = micro_sums(all_called, np.array([[True, False]]), np.arange(2)) + sums
    assert (sums.precision, sums.recall, round(sums.f1, 4)) == (0.5, 1.0, 0.6667)


def test_the_term_frequency_baseline_scores_each_term_by_its_share():
    indices = np.array([0, 1, 0, 0], np.int32)
    scores = term_frequency(["x", "y"], indices, 4, flat(2))
    assert scores.values.tolist() == [[0.75, 0.25], [0.75, 0.25]]


def test_sparse_rows_become_dense():
    truth = truth_matrix(np.array([0, 2, 2]), np.array([0, 2], np.int32), 3)
    assert truth.tolist() == [[True, False, True], [False, False, False]]
