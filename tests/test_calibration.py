"""Calibration: how often calls of a score are right."""

import numpy as np
import pytest
from calibrating import block, calibrated_by, sums_of

from esmgo.errors import UsageError
from esmgo.metrics.calibration import calibrated, isotonic
from esmgo.metrics.calibration_sums import EDGES, CalibrationSums, count_calls


@pytest.fixture(scope="module")
def made():
    scores, true, aspect, bins = block(np.random.default_rng(3), 400)
    return scores, true, aspect, bins, calibrated_by(sums_of(scores, true, aspect, bins))


def test_isotonic_is_the_best_ascending_fit():
    random = np.random.default_rng(2)
    for n in (1, 2, 9):
        part, whole = random.random(n), random.random(n) + 0.1
        mean = lambda i, j: part[i:j].sum() / whole[i:j].sum()  # noqa: E731, B023
        minimax = [  # the closed form of the solution
            max(min(mean(i, j) for j in range(k + 1, n + 1)) for i in range(k + 1))
            for k in range(n)
        ]
        np.testing.assert_allclose(isotonic(part, whole), minimax)


def test_scores_that_are_probabilities_stay_what_they_are(made):
    scores, _, aspect, bins, calibration = made
    found = calibration.precision_of(scores, aspect, bins)
    assert found.dtype == np.float32
    assert np.isnan(found[:, 0]).all()  # the column that was left out
    assert (found[:, 1:][scores[:, 1:] == 0] == 0).all()
    assert np.abs(found[:, 1:] - scores[:, 1:]).mean() < 0.03


def test_precision_ascends_with_the_score(made):
    *_, calibration = made
    for a in range(2):
        found = calibration.precision_of(EDGES[None], np.full(len(EDGES), a), np.array([1]))
        assert (np.diff(found) >= 0).all()
        assert found.max() <= 1


def test_a_group_without_calls_follows_its_aspect_and_one_with_many_itself():
    random = np.random.default_rng(4)
    scores = random.random((900, 30)).astype(np.float32)
    bins = np.arange(900) % 2
    true = random.random(scores.shape) < np.where(bins, 0.9, 0.3)[:, None]
    sums = sums_of(scores, true, np.zeros(30, np.intp), bins, 3)
    often, rarely, unseen = calibrated_by(sums).curve[0, [1, 0, 2], 70]
    assert often == pytest.approx(0.9, abs=0.05)
    assert rarely == pytest.approx(0.3, abs=0.05)
    assert unseen == pytest.approx(0.6, abs=0.03)


def test_an_aspect_without_calls_has_no_precision_and_no_threshold():
    calibration = calibrated_by(CalibrationSums.empty(1, 2))
    one = np.zeros(1, np.intp)
    assert np.isnan(calibration.precision_of(np.full((1, 1), 0.5, np.float32), one, one)).all()
    assert np.isinf(calibration.thresholds_for(0.1)).all()


@pytest.mark.parametrize("bad", [0, 1, 1.5, float("nan")])
def test_a_promise_must_lie_between_0_and_1(made, bad):
    with pytest.raises(UsageError, match="above 0 and below 1"):
        made[-1].thresholds_for(bad)
    with pytest.raises(UsageError, match="confidence"):
        made[-1].thresholds_for(0.5, bad)


def test_a_promise_allows_few_calls_of_decoys():
    random = np.random.default_rng(5)
    scores = random.random((900, 30)).astype(np.float32)
    one = np.zeros(30, np.intp)
    sums = sums_of(scores, random.random(scores.shape) < 0.95, one, np.zeros(900, np.intp), 1)
    low = calibrated_by(sums, 0.009).thresholds_for(0.7)[0, 0]
    assert low < 0.1
    assert calibrated_by(sums, 0.02).thresholds_for(0.7)[0, 0] > 0.99  # no decoy is left
    decoys = sums.calls * 0.02 * (EDGES < 0.6)  # none at 0.6 and above
    found = calibrated(sums, sums.calls, decoys).thresholds_for(0.7)[0, 0]
    assert found == EDGES[EDGES >= 0.6][0]


def test_the_rate_of_decoys_falls_with_the_score_and_is_never_0():
    random = np.random.default_rng(6)
    scores, kinds = random.random((200, 30)).astype(np.float32), np.zeros(31, np.intp)
    kinds[30] = -1
    scores = np.column_stack([scores, scores[:, 0]])
    groups = np.arange(200) % 2
    seen = count_calls(scores, kinds, groups, 1, 2)
    fakes = count_calls(scores**2, kinds, groups, 1, 2)
    found = calibrated(sums_of(scores, scores > 0.5, kinds, groups), seen, fakes)
    rate = found.decoy_rate_of(scores, kinds, groups)
    assert np.isnan(rate[:, 30]).all()
    assert (rate[:, :30] > 0).all()
    assert rate[:, :30].max() <= 1
    for g in range(2):
        order = np.argsort(scores[groups == g, :30].ravel())
        assert (np.diff(rate[groups == g, :30].ravel()[order]) <= 0).all()
    at = np.flatnonzero(EDGES >= 0.5)[0]
    n, d = (np.sum(x[groups == 0, :30] >= EDGES[at]) for x in (scores, scores**2))
    one, first = np.full((1, 1), EDGES[at]), np.zeros(1, np.intp)
    assert found.decoy_rate_of(one, first, first) <= np.float32((d + 1) / n)
    np.testing.assert_array_equal([seen[0, 0, at], fakes[0, 0, at]], [n, d])
