"""The true-path rule, against a walk of the graph."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_truth import grown

from esmgo.errors import LabelMismatch
from esmgo.go.labels import LabelSpace
from esmgo.go.obo import read_obo
from esmgo.go.scores import Scores
from esmgo.go.terms import Aspect, Term
from esmgo.go.truepath import climb, propagate


@given(st.integers(0, 2**32 - 1))
def test_filling_keeps_what_a_term_was_given(seed):
    labels = grown(seed, 12)
    given_ = np.random.default_rng(seed).integers(0, 4, (len(labels), 6)).astype(np.uint8)
    filled, raised = given_.copy(), given_.copy()
    climb(filled, labels, fill=True)
    climb(raised, labels)
    assert (filled[given_ > 0] == given_[given_ > 0]).all()
    assert (filled <= raised).all()
    for j, up in enumerate(labels.parents):
        for p in up:
            assert (filled[p][given_[p] == 0] >= filled[j][given_[p] == 0]).all()


def by_walking(scores, labels):
    """Raise the ancestors of every term, one term at a time."""
    raised = scores.copy()
    for j in range(len(labels)):
        for ancestor in labels.ancestors(j):
            raised[:, ancestor] = np.maximum(raised[:, ancestor], scores[:, j])
    return raised


@st.composite
def graphs(draw):
    """A label space whose parents come before their children, in a random order of columns."""
    n = draw(st.integers(1, 12))
    up = [sorted(draw(st.sets(st.integers(0, j - 1), max_size=3))) if j else [] for j in range(n)]
    order = draw(st.permutations(range(n)))
    column = {old: new for new, old in enumerate(order)}
    terms = tuple(Term(f"GO:{j:07}", str(j), Aspect.BP) for j in range(n))
    parents = [()] * n
    for old, ups in enumerate(up):
        parents[column[old]] = tuple(column[p] for p in ups)
    return LabelSpace(terms, tuple(parents))


def test_score_of_a_shared_child_reaches_both_parents(diamond):
    #      root
    #     /    \        scores: root .1, left .2, right .3, shared .8
    #  left    right
    #     \    /
    #     shared
    raised = propagate(np.array([[0.1, 0.2, 0.3, 0.8]]), diamond)
    assert raised.tolist() == [[0.8, 0.8, 0.8, 0.8]]


def test_the_scores_given_are_left_as_they_were(diamond):
    for n in (1, 2, 3):
        scores = np.tile(np.array([0.1, 0.2, 0.3, 0.8], np.float32), (n, 1))
        before = scores.copy()
        propagate(scores, diamond)
        assert (scores == before).all()


def test_scores_of_another_label_space_are_refused(diamond):
    with pytest.raises(LabelMismatch, match="3 columns"):
        propagate(np.zeros((2, 3), np.float32), diamond)
    with pytest.raises(LabelMismatch):
        Scores(("a",), np.zeros((1, 5), np.float32), diamond)


@given(graphs(), st.integers(0, 4), st.integers(0, 2**32 - 1))
def test_propagation_equals_a_walk_is_idempotent_and_never_lowers(labels, n, seed):
    scores = np.random.default_rng(seed).random((n, len(labels))).astype(np.float32)
    raised = propagate(scores, labels)
    assert (raised == by_walking(scores, labels)).all()
    assert (propagate(raised, labels) == raised).all()
    assert (raised >= scores).all()


def test_propagation_equals_a_walk_on_the_real_ontology(shared):
    ontology = read_obo(shared / "data" / "go" / "go.obo.gz")
    labels = LabelSpace.close(ontology.terms, ontology)
    assert len(labels) == 42_442
    random = np.random.default_rng(1)
    scores = random.random((3, len(labels))).astype(np.float32)
    scores *= random.random(scores.shape) < 0.01
    assert (propagate(scores, labels) == by_walking(scores, labels)).all()
