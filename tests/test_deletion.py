"""The masking test: its masks, its p-value, the residues it marks."""

import numpy as np
from motifs import sequence

from esmgo.explanation.deletion import Deletion, deletion_test, highest, scattered
from esmgo.model.tokens import MASK, encode


def test_the_masks_of_the_test_have_the_marked_runs_elsewhere():
    row = encode(sequence(50, 9), 1024)
    marked = np.array([0, 1, 2, 20, 48, 49])
    seen = []

    def score(rows):
        seen.extend(np.flatnonzero(r == MASK) - 1 for r in rows)
        return np.array([(r != MASK).sum() for r in rows], np.float32)

    found = deletion_test(row, marked, score)
    assert found.fall == 6
    assert (found.random == 6).all()
    whole, first, *random = seen
    assert len(whole) == 0
    assert first.tolist() == marked.tolist()
    assert len({tuple(each) for each in random}) > 90
    for each in random:
        lengths = sorted(len(run) for run in np.split(each, np.flatnonzero(np.diff(each) > 1) + 1))
        assert lengths == [1, 2, 3]
        assert 0 <= each.min() <= each.max() < 50
    assert found.p_value == 1  # every random mask does as much


def test_random_places_reach_every_residue():
    random = np.random.default_rng(0)
    seen = np.concatenate([scattered(np.array([2, 1]), 8, random) for _ in range(200)])
    assert sorted(set(seen.tolist())) == list(range(8))


def test_p_counts_the_masks_that_do_as_much():
    random = np.zeros(99, np.float32)
    random[:4] = 2
    found = Deletion(2.0, random)
    assert found.p_value == 0.05
    assert found.is_supported
    assert not Deletion(0.0, np.full(99, -1, np.float32)).is_supported  # nothing falls


def test_few_residues_are_marked_and_only_those_that_support_the_term():
    assert len(highest(np.arange(1.0, 101))) == 10
    assert highest(np.array([1.0, -1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0])).tolist() == [0, 3]
    assert len(highest(np.ones(4))) == 2
    assert highest(np.ones(1)).tolist() == [0]
