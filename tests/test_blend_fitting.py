"""Fitting a blend: weights, cells and bins."""

import numpy as np
import pytest
from made_scores import source_scores

from esmgo.blending.blend_fitting import cells_of, edges_of, fit_stacker
from esmgo.predict.regression import Stacker, features


def test_weights_of_a_known_model_are_found_again():
    scores = source_scores(400, 100)
    names = [name for name, _ in features(scores)]
    true = Stacker(-1.0, dict.fromkeys(names, 0.0) | {"head": 0.8, "neighbours": 0.5})
    at = np.arange(scores.head.size)
    y = np.random.default_rng(1).uniform(size=len(at)) < true.probabilities(scores).ravel()
    found = fit_stacker(*cells_of(scores, at), y, np.ones(len(at)))
    away = np.abs(found.probabilities(scores) - true.probabilities(scores))
    assert (away.mean() < 0.01, away.max() < 0.1) == (True, True)


def test_a_cell_that_stands_for_two_counts_twice():
    scores = source_scores()
    names = [name for name, _ in features(scores)]
    _, x = cells_of(scores, np.arange(scores.head.size))
    y = np.random.default_rng(2).uniform(size=len(x)) < scores.head.ravel()
    weight = np.where(np.arange(len(x)) % 2, 1.0, 2.0)
    twice = np.concatenate([np.arange(len(x)), np.arange(0, len(x), 2)])
    a = fit_stacker(names, x, y, weight)
    b = fit_stacker(names, x[twice], y[twice], np.ones(len(twice)))
    assert a.weights == pytest.approx(b.weights, rel=1e-6, abs=1e-6)
    near = fit_stacker(names, x[::2], y[::2], weight[::2])
    assert near.weights != pytest.approx(a.weights, rel=1e-3)
    again = fit_stacker(names, x, y, weight, near)
    assert again.weights == pytest.approx(a.weights, rel=1e-4, abs=1e-4)


def test_the_features_of_cells_are_those_of_the_whole():
    kmers = np.random.default_rng(4).uniform(size=(8, 6)).astype(np.float32)
    scores = source_scores(8, 6, votes={"neighbours": source_scores(8, 6).head, "kmers": kmers})
    at = np.array([40, 0, 13])
    names, x = cells_of(scores, at)
    assert names == [name for name, _ in features(scores)]
    for name, column, (_, whole) in zip(names, x.T, features(scores), strict=True):
        wanted = np.broadcast_to(whole, scores.head.shape).ravel()[at]
        np.testing.assert_array_equal(column, wanted, err_msg=name)


def test_bins_hold_equal_parts_and_proteins_without_a_hit_have_their_own():
    values = np.float32([0, 0, 0, 1, 2, 3, 4, 5, 6])
    edges = edges_of(values, ("head", "homology"))
    assert np.bincount(np.searchsorted(edges, values, side="right")).tolist() == [3, 2, 2, 2]
    edges = edges_of(values[:0], ("head",))
    assert edges == ()
