"""The sums of calibration, counted protein by protein."""

from dataclasses import fields

import numpy as np
from calibrating import block, sums_of

from esmgo.metrics.calibration_sums import EDGES, CalibrationSums


def test_edges_ascend_to_one_and_nothing_lies_between_an_edge_and_its_bin():
    assert (np.diff(EDGES) > 0).all()
    assert EDGES[-1] == 1
    below = np.nextafter(EDGES, np.float32(0))
    one = np.zeros(1, np.intp)
    for values, first in ((EDGES, 0), (below, -1)):
        for e in (0, 70, len(EDGES) - 1):
            found = CalibrationSums.of(values[None, [e]], (one[:0], one[:0]), one, one, 1, 1)
            assert np.flatnonzero(found.calls[0, 0]).max(initial=-1) == e + first


def test_sums_are_those_of_counting_protein_by_protein():
    scores, true, aspect, bins = block(np.random.default_rng(0))
    found = sums_of(scores, true, aspect, bins)
    for a, g, s in ((0, 0, 0), (1, 1, 45), (0, 1, 100)):
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
