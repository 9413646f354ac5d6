"""Fmax and Smin of the best and the worst callers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_truth import dense, drawn, grown

from esmgo.go.scores import Scores
from esmgo.metrics.result import evaluate


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_perfect_calls_have_fmax_one_and_smin_zero(seed, n):
    labels = grown(seed, 12)
    truth, _ = drawn(seed + 1, n, labels)
    perfect = Scores(truth.proteins, dense(truth).astype(np.float32), labels)
    bits = dict.fromkeys((t.id for t in labels.terms if not t.is_root), 2.0)
    for result in evaluate([perfect], truth, information=bits, rules="exact").values():
        if result.curve.n_proteins:
            assert result.fmax == result.fmax_weighted == 1
            assert result.smin == 0
            assert result.aupr == 1


def test_nothing_called_is_fmax_zero_and_all_there_is_to_know():
    labels = grown(3, 6)
    truth, values = drawn(4, 5, labels)
    others = Scores(tuple(f"other {id}" for id in truth.proteins), values, labels)
    for blocks in ([], [others], [Scores(truth.proteins, values * 0, labels)]):
        for aspect, result in evaluate(blocks, truth).items():
            assert (result.fmax, result.aupr) == (0, 0)
            n_true = dense(truth)[:, labels.columns_of(aspect)].sum()
            assert result.smin == pytest.approx(n_true / result.curve.n_proteins)
