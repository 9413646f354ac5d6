"""Calibration: how often calls of a score are right."""

import json
from dataclasses import fields

import numpy as np
import pytest
from calibrating import block, sums_of

from esmgo.errors import UsageError
from esmgo.metrics.calibration import Calibration, calibrated, isotonic
from esmgo.metrics.calibration_sums import EDGES, CalibrationSums


@pytest.fixture(scope="module")
def made():
    scores, true, aspect, bins = block(np.random.default_rng(3), 400)
    return scores, true, aspect, bins, calibrated(sums_of(scores, true, aspect, bins))


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
    often, rarely, unseen = calibrated(sums).curve[0, [1, 0, 2], 140]
    assert often == pytest.approx(0.9, abs=0.05)
    assert rarely == pytest.approx(0.3, abs=0.05)
    assert unseen == pytest.approx(0.6, abs=0.03)


def test_an_aspect_without_calls_has_no_precision_and_no_threshold():
    calibration = calibrated(CalibrationSums.empty(1, 2))
    one = np.zeros(1, np.intp)
    assert np.isnan(calibration.precision_of(np.full((1, 1), 0.5, np.float32), one, one)).all()
    assert np.isinf(calibration.thresholds_for(0.1)).all()


@pytest.mark.parametrize("bad", [0, 1, 1.5, float("nan")])
def test_a_promise_must_lie_between_0_and_1(made, bad):
    with pytest.raises(UsageError, match="above 0 and below 1"):
        made[-1].thresholds_for(bad)
    with pytest.raises(UsageError, match="confidence"):
        made[-1].thresholds_for(0.5, bad)


def test_json_gives_the_same_calibration_back(made):
    calibration = made[-1]
    text = json.dumps(calibration.to_json())
    again = Calibration.from_json(json.loads(text))
    for f in fields(calibration):
        np.testing.assert_array_equal(getattr(again, f.name), getattr(calibration, f.name))
    assert len(text) * 15 / 4 < 200_000  # three aspects and five bins


@pytest.mark.parametrize(
    "spoil",
    [
        lambda v: v.update(edges=7),
        lambda v: v["groups"][0].pop(),
        lambda v: v["groups"][0][0]["calls"].pop(),
        lambda v: v["groups"][0][0]["calls"].__setitem__(0, -1),
        lambda v: v["groups"][0][0]["right"].__setitem__(0, 10**400),
        lambda v: v["groups"][0][0]["worth"].__setitem__(0, float("nan")),
        lambda v: v["groups"][0][0]["curve"].append([9, 2.0]),
        lambda v: v["groups"][0][0]["curve"].append([9, "x"]),
    ],
)
def test_json_that_is_no_calibration_is_refused(made, spoil):
    value = made[-1].to_json()
    spoil(value)
    with pytest.raises((ValueError, TypeError, KeyError)):
        Calibration.from_json(value)
