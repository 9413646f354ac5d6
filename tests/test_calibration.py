"""Calibration: what scores are worth, and the precision that is promised on fresh proteins."""

import json
from dataclasses import fields
from math import comb

import numpy as np
import pytest

from esmgo.errors import UsageError
from esmgo.metrics.calibration import Calibration, calibrated, isotonic
from esmgo.metrics.calibration_sums import EDGES, CalibrationSums
from esmgo.metrics.promise import _tail, lowest_kept


def block(random, n=60, n_terms=40, n_bins=2):
    """Scores that are right as often as they say, over two aspects; column 0 is left out."""
    scores = random.random((n, n_terms)).astype(np.float32)
    scores[random.random(scores.shape) < 0.3] = 0
    true = random.random(scores.shape) < scores
    aspect = np.concatenate([[-1], random.integers(0, 2, n_terms - 1)])
    return scores, true, aspect, random.integers(0, n_bins, n)


def sums_of(scores, true, aspect, bins, n_bins=2):
    return CalibrationSums.of(scores, np.nonzero(true.T), aspect, bins, n_bins)


def beside(parts):
    """Sums of several groups as those of one calibration."""
    names = [f.name for f in fields(CalibrationSums)]
    return CalibrationSums(*(np.concatenate([getattr(p, n) for p in parts], 1) for n in names))


@pytest.fixture(scope="module")
def made():
    scores, true, aspect, bins = block(np.random.default_rng(3), 400)
    return scores, true, aspect, bins, calibrated(sums_of(scores, true, aspect, bins))


def test_edges_ascend_to_one_and_nothing_lies_between_an_edge_and_its_bin():
    assert (np.diff(EDGES) > 0).all()
    assert EDGES[-1] == 1
    below = np.nextafter(EDGES, np.float32(0))
    one = np.zeros(1, np.intp)
    for values, first in ((EDGES, 0), (below, -1)):
        for e in (0, 100, len(EDGES) - 1):
            found = CalibrationSums.of(values[None, [e]], (one[:0], one[:0]), one, one, 1)
            assert np.flatnonzero(found.calls[0, 0]).max(initial=-1) == e + first


def test_sums_are_those_of_counting_protein_by_protein():
    scores, true, aspect, bins = block(np.random.default_rng(0))
    found = sums_of(scores, true, aspect, bins)
    for a, g, s in ((0, 0, 0), (1, 1, 90), (0, 1, 200)):
        called = (scores[bins == g] >= EDGES[s]) & (aspect == a)
        n, r = called.sum(1), (called & true[bins == g]).sum(1)
        expected = [(n > 0).sum(), n.sum(), r.sum(), (n * n).sum(), (n * r).sum(), (r * r).sum()]
        assert [getattr(found, f.name)[a, g, s] for f in fields(found)] == expected


def test_blocks_add_up_to_the_whole():
    scores, true, aspect, bins = block(np.random.default_rng(1))
    whole = sums_of(scores, true, aspect, bins)
    parts = CalibrationSums.empty(2, 2)
    for some in (slice(0, 13), slice(13, 13), slice(13, 60)):
        parts += sums_of(scores[some], true[some], aspect, bins[some])
    for f in fields(whole):
        np.testing.assert_array_equal(getattr(parts, f.name), getattr(whole, f.name))


def test_a_protein_may_be_left_out_of_one_aspect():
    scores, true, aspect, bins = block(np.random.default_rng(1))
    out = np.stack([np.full(len(bins), -1), bins])
    found, whole = sums_of(scores, true, aspect, out), sums_of(scores, true, aspect, bins)
    assert not found.calls[0].any()
    np.testing.assert_array_equal(found.calls[1], whole.calls[1])


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
    return calibrated(beside([annotated(random, 400) for _ in range(300)]))


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
