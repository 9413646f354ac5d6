"""What terms of other aspects say of a term."""

from types import SimpleNamespace

import numpy as np
import pytest

from esmgo.dataset.opening import open_dataset
from esmgo.evidence import coannotation
from esmgo.evidence.coannotation import DOUBT, LEAST, POWER, QUIET, Coannotation
from esmgo.go.labels import aspect_of_column


@pytest.fixture(scope="module")
def train():
    return open_dataset("sample", "all", eval_ratio=0.1)


def by_hand(known, labels, scores, common):
    """Cell by cell, of dense tables."""
    m, aspect = len(known.indptr) - 1, aspect_of_column(labels)
    has = np.zeros((m, len(labels)), bool)
    for i in range(m):
        has[i, known.indices[known.indptr[i] : known.indptr[i + 1]]] = True
    counts = has.sum(axis=0)
    found = np.zeros(scores.shape)
    for n, row in enumerate(scores):
        for t in np.flatnonzero(aspect >= 0):
            total, weight = 0.0, DOUBT
            for s in np.flatnonzero((aspect >= 0) & (aspect != aspect[t]) & (row > QUIET)):
                if not LEAST <= counts[s] <= common * m:
                    continue
                w = (row[s] - QUIET) * np.log2(m / counts[s]) ** POWER
                looked_at = has[has[:, s]][:, aspect == aspect[t]].any(axis=1).sum()
                both = (has[:, s] & has[:, t]).sum()
                part = both / (looked_at + LEAST)
                total += w * part * (both >= LEAST and part > QUIET)
                weight += w
            found[n, t] = total / weight
    return found


def test_it_is_the_weighted_mean_over_rare_terms_of_other_aspects(train, monkeypatch):
    monkeypatch.setattr(coannotation, "COMMON", 0.2)
    labels, known = train.labels, train.train
    draw = np.random.default_rng(0)
    scores = (draw.uniform(size=(3, len(labels))) ** 4).astype(np.float32)
    found = Coannotation(known, labels).said(scores)
    assert (found > 0).any()
    np.testing.assert_allclose(found, by_hand(known, labels, scores, 0.2), atol=1e-6)


def test_what_is_barely_heard_hardly_changes_anything(train, monkeypatch):
    monkeypatch.setattr(coannotation, "COMMON", 0.2)
    asked = Coannotation(train.train, train.labels)
    for near in (0.0, 0.3):
        low, high = (np.full((1, len(train.labels)), near, np.float32) for _ in range(2))
        low[0, 40:80], high[0, 40:80] = QUIET - 1e-6, QUIET + 1e-6
        np.testing.assert_allclose(asked.said(low), asked.said(high), atol=2e-3)


def test_a_protein_is_told_the_same_in_any_block_and_whatever_was_asked_before(train):
    scores = np.random.default_rng(1).uniform(size=(9, len(train.labels))).astype(np.float32)
    asked = Coannotation(train.train, train.labels)
    whole = asked.said(scores)
    for i in (8, 0):
        for some in (asked, Coannotation(train.train, train.labels)):
            np.testing.assert_array_equal(some.said(scores[i : i + 1])[0], whole[i])


def test_an_aspect_says_nothing_of_itself_and_nobody_nothing(diamond):
    known = SimpleNamespace(indptr=np.array([0, 4, 6]), indices=np.int32([0, 1, 2, 3, 0, 1]))
    assert not Coannotation(known, diamond).said(np.ones((2, 4), np.float32)).any()
    empty = SimpleNamespace(indptr=np.zeros(1, np.int64), indices=np.empty(0, np.int32))
    assert not Coannotation(empty, diamond).said(np.ones((1, 4), np.float32)).any()
    assert Coannotation(known, diamond).said(np.empty((0, 4), np.float32)).shape == (0, 4)
