"""Support for a term by terms of other aspects."""

import numpy as np
import pytest

from esmgo.dataset.opening import open_dataset
from esmgo.evidence import coannotation
from esmgo.evidence.coannotation import LEAST, NEGLIGIBLE, POWER, PRIOR_WEIGHT, Coannotation
from esmgo.go.labels import aspect_of_column
from esmgo.go.sparse import SparseRows


@pytest.fixture(scope="module")
def train():
    return open_dataset("sample", "all", eval_ratio=0.1)


def by_hand(known, labels, scores, common):
    """Cell by cell, of dense tables."""
    m, aspect = len(known), aspect_of_column(labels)
    has = np.zeros((m, len(labels)), bool)
    for i in range(m):
        has[i, known.row(i)] = True
    counts = has.sum(axis=0)
    found = np.zeros(scores.shape)
    for n, row in enumerate(scores):
        for t in np.flatnonzero(aspect >= 0):
            total, weight = 0.0, PRIOR_WEIGHT
            for s in np.flatnonzero((aspect >= 0) & (aspect != aspect[t]) & (row > NEGLIGIBLE)):
                if not LEAST <= counts[s] <= common * m:
                    continue
                w = (row[s] - NEGLIGIBLE) * np.log2(m / counts[s]) ** POWER
                looked_at = has[has[:, s]][:, aspect == aspect[t]].any(axis=1).sum()
                both = (has[:, s] & has[:, t]).sum()
                part = both / (looked_at + LEAST)
                total += w * part * (both >= LEAST and part > NEGLIGIBLE)
                weight += w
            found[n, t] = total / weight
    return found


def test_it_is_the_weighted_mean_over_rare_terms_of_other_aspects(train, monkeypatch):
    monkeypatch.setattr(coannotation, "COMMON", 0.2)
    labels, known = train.labels, train.train.terms
    draw = np.random.default_rng(0)
    scores = (draw.uniform(size=(3, len(labels))) ** 4).astype(np.float32)
    found = Coannotation(known, labels).scores(scores)
    assert (found > 0).any()
    np.testing.assert_allclose(found, by_hand(known, labels, scores, 0.2), atol=1e-6)


def test_scores_near_the_limit_hardly_change_anything(train, monkeypatch):
    monkeypatch.setattr(coannotation, "COMMON", 0.2)
    counted = Coannotation(train.train.terms, train.labels)
    for near in (0.0, 0.3):
        low, high = (np.full((1, len(train.labels)), near, np.float32) for _ in range(2))
        low[0, 40:80], high[0, 40:80] = NEGLIGIBLE - 1e-6, NEGLIGIBLE + 1e-6
        np.testing.assert_allclose(counted.scores(low), counted.scores(high), atol=2e-3)


def test_a_protein_is_told_the_same_in_any_block_and_whatever_was_asked_before(train):
    scores = np.random.default_rng(1).uniform(size=(9, len(train.labels))).astype(np.float32)
    counted = Coannotation(train.train.terms, train.labels)
    whole = counted.scores(scores)
    for i in (8, 0):
        for some in (counted, Coannotation(train.train.terms, train.labels)):
            np.testing.assert_array_equal(some.scores(scores[i : i + 1])[0], whole[i])


def test_an_aspect_does_not_support_itself_and_no_proteins_support_nothing(diamond):
    known = SparseRows(np.array([0, 4, 6]), np.int32([0, 1, 2, 3, 0, 1]))
    assert not Coannotation(known, diamond).scores(np.ones((2, 4), np.float32)).any()
    empty = SparseRows(np.zeros(1, np.int64), np.empty(0, np.int32))
    assert not Coannotation(empty, diamond).scores(np.ones((1, 4), np.float32)).any()
    assert Coannotation(known, diamond).scores(np.empty((0, 4), np.float32)).shape == (0, 4)
