"""Novelty: features, the regressions, and the best calls, computed by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest
from made_calls import BITS, CYCLE, KINASE, LABELS, NUCLEUS, RIBOSOME, SERINE

from esmgo.evidence.source_scores import SourceScores
from esmgo.predict.novelty import (
    MAX_NOVELTY,
    Features,
    Novelty,
    best_calls,
    in_words,
    novelty_of,
    probability,
)
from esmgo.predict.residue_pairs import ResiduePairs

WIDTH, N, T = 4, 7, len(LABELS)
SOURCES = ("head", "neighbours", "kmers", "homology")
RANDOM = np.random.default_rng(3)
SEQUENCES = ["".join(RANDOM.choice(list("ACDEFGHIKLMNPQRSTVWY"), n)) for n in range(20, 20 + N)]
VALUES, VECTORS = RANDOM.random((N, T), np.float32), RANDOM.random((N, WIDTH), np.float32)
SCORES = SourceScores(
    RANDOM.random((N, T), np.float32),
    {name: RANDOM.random((N, T), np.float32) for name in SOURCES[1:]},
    {name: RANDOM.random(N, np.float32) for name in SOURCES[1:]},
    RANDOM.random(T, np.float32),
    np.zeros((N, T), np.float32),
)
FEATURES = Features(ResiduePairs.of(SEQUENCES), SOURCES, BITS >= 3)


def novelty(**changes):
    n = len(FEATURES.is_similarity(WIDTH))
    weights = np.random.default_rng(0).normal(0, 0.1, (2, 1 + n))
    ends = np.tile([[-9.0], [9.0]], (1, n))
    found = Novelty(FEATURES, weights, ends, 0.7, (0.1, 0.9), (0.6, 0.05))
    return replace(found, **changes)


@pytest.mark.parametrize("n", range(5))
def test_there_are_as_many_features_as_counted(n):
    some = replace(FEATURES, sources=SOURCES[:n])
    found = some.of(SCORES, VALUES, VECTORS, SEQUENCES)
    assert found.shape == (N, len(some.is_similarity(WIDTH)))
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[:, -WIDTH:], VECTORS)
    assert some.is_similarity(WIDTH).sum() == (0, 0, 1, 2, 4)[n]


def test_the_novelty_of_a_protein_does_not_depend_on_the_others():
    whole = novelty().of(SCORES, VALUES, VECTORS, SEQUENCES)
    assert ((whole >= 0) & (whole <= 1)).all()
    for i in range(N):
        at = slice(i, i + 1)
        alone = novelty().of(SCORES.rows(at), VALUES[at], VECTORS[at], SEQUENCES[at])
        assert alone[0] == whole[i]


def test_a_feature_beyond_those_of_fitting_counts_as_the_last_one():
    found = novelty()
    whole = found.features.of(SCORES, VALUES, VECTORS, SEQUENCES)
    ends = np.stack([whole.min(axis=0), whole.max(axis=0)])
    ends[1, -1] = ends[0, -1] = 0.25
    clipped = VECTORS.copy()
    clipped[:, -1] = 0.25
    one, other = (
        replace(found, ends=ends).of(SCORES, VALUES, each, SEQUENCES) for each in (VECTORS, clipped)
    )
    np.testing.assert_array_equal(one, other)


def test_the_two_probabilities_are_combined():
    p = probability(np.array([0.0, 100, -100]))
    np.testing.assert_allclose(p, [0.5, 1, 0], atol=1e-9)
    found = novelty_of(np.array([0.5, 1, 0, 1]), np.array([0.1, 0.1, 0.4, 0.7]), 0.4)
    np.testing.assert_allclose(found, [0.75, 0.5, 1, 0], atol=1e-6)


def test_the_precision_falls_from_level_to_level():
    found = novelty().precision_of(np.float32([0, 0.1, 0.5, 0.9, 1]))
    np.testing.assert_allclose(found, [0.6, 0.6, 0.325, 0.05, 0.05], rtol=1e-6)


def test_a_novelty_survives_the_round_trip():
    value = json.loads(json.dumps(novelty().to_json()))
    again = Novelty.from_json(value, FEATURES, WIDTH)
    old, new = (x.of(SCORES, VALUES, VECTORS, SEQUENCES) for x in (novelty(), again))
    np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    "broken",
    [
        {"weights": [[1.0]]},
        {"weights": None},
        {"ends": [[0.0], [1.0]]},
        {"highest": 0},
        {"highest": float("inf")},
        {"levels": [0.9, 0.1]},
        {"levels": []},
        {"precision": [0.1, 0.6]},
        {"precision": [0.1]},
    ],
)
def test_damaged_values_are_refused(broken):
    with pytest.raises((ValueError, TypeError)):
        Novelty.from_json(novelty().to_json() | broken, FEATURES, WIDTH)


def test_the_best_calls_of_studied_aspects_are_counted():
    values = np.zeros((2, T), np.float32)
    values[0, [KINASE, SERINE, CYCLE, NUCLEUS, RIBOSOME]] = 0.9, 0.8, 0.7, 0.6, 0.5
    true = np.array([KINASE, NUCLEUS, SERINE]), np.array([0, 0, 1])
    # of two proteins, the first studied in MF and CC, the second in MF
    is_studied = np.array([[a.name != "BP" and (i == 0 or a.name == "MF") for i in range(2)]
                           for a in LABELS.aspects])  # fmt: skip
    found = best_calls(values, true, is_studied, LABELS, BITS >= 3)
    # informative terms: kinase and serine kinase of MF, nucleus and cell of CC
    assert found.tolist() == [[2, 4], [1, 2]]
    none = best_calls(values, true, is_studied, LABELS, BITS > 99)
    assert none.tolist() == [[0, 0], [0, 0]]


def test_words_say_what_is_unlike_anything_known():
    assert in_words(0.1234, 0.613) == (
        "0.12; of the 5 best informative terms of each aspect of such proteins, 61 % are right"
    )
    assert in_words(MAX_NOVELTY + 0.01, 0.1).startswith("0.71, unlike anything known; of the 5")
