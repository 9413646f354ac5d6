"""Nearest neighbours among embeddings, and their votes."""

import numpy as np

from esmgo.evidence import neighbours
from esmgo.evidence.neighbours import Neighbours, nearest, votes_of


def test_neighbours_equal_brute_force(monkeypatch):
    monkeypatch.setattr(neighbours, "_ROWS", 3)
    draw = np.random.default_rng(0)
    asked, known = (draw.normal(size=(n, 16)).astype(np.float32) for n in (11, 50))
    found = nearest(asked, known, 7)
    cosine = (asked @ known.T) / np.outer(*(np.linalg.norm(x, axis=1) for x in (asked, known)))
    order = np.argsort(-cosine, axis=1)[:, :7]
    assert (found.protein == order).all()
    np.testing.assert_allclose(found.similarity, np.take_along_axis(cosine, order, 1), atol=1e-6)


def test_all_are_neighbours_where_there_are_few_and_zeros_are_near_nobody():
    known = np.float32([[1, 0], [0, 0]])
    found = nearest(np.float32([[2, 0], [0, 0]]), known, 10)
    assert found.protein.shape == (2, 2)
    assert found.similarity.tolist() == [[1, 0], [0, 0]]


def test_whoever_is_in_the_index_is_not_its_own_neighbour():
    found = Neighbours(np.array([[3, 1, 2], [0, 1, 2]]), np.float32([[1, 0.5, 0.2], [0.9, 0.8, 0]]))
    others = found.without(np.array([1, 7]))
    assert others.protein.tolist() == [[3, 2], [0, 1]]
    np.testing.assert_array_equal(others.similarity, np.float32([[1, 0.2], [0.9, 0.8]]))


def test_neighbours_vote_with_their_similarity():
    votes = votes_of(Neighbours(np.array([[3, 1]]), np.float32([[0.5, -0.25]])))
    assert votes.query.tolist() == [0, 0]
    assert votes.voter.tolist() == [3, 1]
    assert votes.weight.tolist() == [0.5, 0]  # looking the other way is no vote against
    assert votes.total.tolist() == [2]
