"""The true-path rule, against a walk of the graph."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmgo.errors import LabelMismatch
from esmgo.go.labels import LabelSpace
from esmgo.go.obo import read_obo
from esmgo.go.scores import Scores
from esmgo.go.sparse import close_rows
from esmgo.go.terms import Aspect, Term
from esmgo.go.truepath import propagate


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


def test_rows_are_closed_sorted_and_without_repeats(diamond):
    indptr, indices = close_rows(np.array([0, 1, 1, 3]), np.array([3, 1, 1], np.int32), diamond)
    assert indptr.tolist() == [0, 4, 4, 6]
    assert indices.tolist() == [0, 1, 2, 3, 0, 1]


def test_a_label_space_survives_json_and_is_told_from_another(diamond):
    again = LabelSpace.from_json(diamond.to_json())
    assert again == diamond
    assert again.fingerprint == diamond.fingerprint
    other = LabelSpace(diamond.terms, ((), (0,), (0,), (1,)), diamond.release)
    assert other.fingerprint != diamond.fingerprint
    with pytest.raises(ValueError, match="parent"):
        LabelSpace.from_json({"release": "", "terms": [["GO:0000001", "a", "MF", [7]]]})


def test_depth_is_the_longest_way_to_the_root(diamond):
    assert diamond.depth.tolist() == [0, 1, 1, 2]
