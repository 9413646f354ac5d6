"""The precision that is promised on fresh proteins."""

from dataclasses import fields
from math import comb

import numpy as np
import pytest
from calibrating import calibrated_by, sums_of

from esmgo.metrics.calibration_sums import EDGES, CalibrationSums
from esmgo.metrics.promise import _tail, lowest_kept


def beside(parts):
    """Sums of several groups as those of one calibration."""
    names = [f.name for f in fields(CalibrationSums)]
    return CalibrationSums(*(np.concatenate([getattr(p, n) for p in parts], 1) for n in names))


def test_the_tail_is_that_of_the_binomial_distribution():
    for n, k, p in ((30, 29, 0.9), (10, 10, 0.7), (500, 480, 0.95), (4000, 3300, 0.8)):
        exact = sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1) if n < 1000)
        found = _tail(np.array([float(k)]), np.array([float(n)]), p)[0]
        if n < 1000:
            assert found == pytest.approx(exact, rel=1e-6)
        else:
            assert 0 < found < 1e-4


def annotated(random, n):
    """Proteins whose calls are all right or all wrong: right by the square root of their score."""
    score = random.random((n, 1)).astype(np.float32)
    called = np.arange(24) < np.minimum(random.geometric(1 / 6, (n, 1)), 24)
    true = np.broadcast_to(random.random((n, 1)) < score**0.5, called.shape)
    one_aspect, one_bin = np.zeros(24, np.intp), np.zeros(n, np.intp)
    return sums_of(np.where(called, score, 0), true, one_aspect, one_bin, 1)


def keeps(thresholds, precision):
    """Whether fresh calls at or above each score have this precision; abstaining breaks nothing."""
    t = np.minimum(thresholds.astype(float), 1 - 1e-9)
    return (2 / 3) * (1 - t**1.5) / (1 - t) >= precision  # the mean of a root above t


@pytest.fixture(scope="module")
def draws():
    random = np.random.default_rng(7)
    return calibrated_by(beside([annotated(random, 400) for _ in range(300)]))


@pytest.mark.parametrize("precision", [0.7, 0.8, 0.9])
def test_what_is_promised_is_kept_where_calls_of_a_protein_are_all_right_or_wrong(draws, precision):
    thresholds = draws.thresholds_for(precision, 0.9)[0]
    assert keeps(thresholds, precision).mean() >= 0.9
    assert np.isfinite(thresholds).mean() > 0.1


def test_calls_taken_as_independent_would_break_the_promise(draws):
    at = lowest_kept(draws.calls, draws.right, draws.calls, draws.calls, 0.8, 0.9)[0]
    assert keeps(np.append(EDGES, 1)[at], 0.8).mean() < 0.8


def test_a_higher_promise_or_more_confidence_never_lowers_a_threshold(draws):
    low, high = draws.thresholds_for(0.7), draws.thresholds_for(0.8)
    assert (high >= low).mean() > 0.95  # it may start lower, so not always
    assert (draws.thresholds_for(0.7, 0.99) >= low).mean() > 0.95


def test_a_few_wrong_calls_at_the_top_do_not_end_the_search():
    n = np.arange(1000, 0, -1.0)
    right = np.maximum(n - 3, 0)  # the first three from the top
    assert lowest_kept(n, right, n, n, 0.9, 0.9) == 0
    assert lowest_kept(n, right * 0.85, n, n, 0.9, 0.9) == len(n)


def test_the_search_ends_at_the_first_threshold_that_fails():
    n = np.arange(1000, 0, -1.0)
    right = n - np.clip(400 - np.arange(1000), 0, 150)  # 150 wrong in a row, then all right
    found = lowest_kept(n, right, n, n, 0.8, 0.9)
    assert 250 < found < 400
    assert right[0] / n[0] > 0.8


def test_few_proteins_abstain_however_right_they_are():
    n = np.full((1, 1, len(EDGES)), 15.0)
    assert lowest_kept(n, n, n, n, 0.5, 0.9)[0, 0] == len(EDGES)
    assert lowest_kept(2 * n, 2 * n, 2 * n, 2 * n, 0.5, 0.9)[0, 0] == 0
