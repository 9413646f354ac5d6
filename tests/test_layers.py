"""The layout of a graph in layers: nothing overlaps, and roots are on top."""

from __future__ import annotations

from graphlib import CycleError
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esmgo.render.layers import layered


@st.composite
def graphs(draw):
    """Boxes and edges from lower to higher numbers, some at least two layers apart."""
    n = draw(st.integers(1, 14))
    side = st.floats(10, 150)
    sizes = draw(st.lists(st.tuples(side, side), min_size=n, max_size=n))
    ends = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda e: e[0] < e[1])
    pairs = draw(st.sets(ends, max_size=30)) if n > 1 else set()
    return sizes, [(u, v, draw(st.integers(1, 2))) for u, v in sorted(pairs)]


def sides(size, centre):
    (width, height), (x, y) = size, centre
    return x - width / 2, x + width / 2, y - height / 2, y + height / 2


@settings(deadline=None, max_examples=150)
@given(graphs())
def test_boxes_are_apart_inside_the_picture_and_below_their_parents(graph):
    sizes, edges = graph
    layout = layered(sizes, edges)
    boxes = [sides(*each) for each in zip(sizes, layout.centres, strict=True)]
    for i, (left, right, top, bottom) in enumerate(boxes):
        assert left >= -1e-6
        assert right <= layout.width + 1e-6
        assert top >= -1e-6
        assert bottom <= layout.height + 1e-6
        for other in boxes[:i]:
            apart = left >= other[1] + 5 or right <= other[0] - 5
            assert apart or top >= other[3] + 5 or bottom <= other[2] - 5
    for upper, lower, _ in edges:
        assert boxes[upper][3] < boxes[lower][2]


@settings(deadline=None, max_examples=150)
@given(graphs())
def test_edges_lead_from_box_to_box_and_around_all_others(graph):
    sizes, edges = graph
    layout = layered(sizes, edges)
    boxes = [sides(*each) for each in zip(sizes, layout.centres, strict=True)]
    for (upper, lower, _), route in zip(edges, layout.routes, strict=True):
        assert boxes[upper][0] <= route[0][0] <= boxes[upper][1]
        assert boxes[lower][0] <= route[-1][0] <= boxes[lower][1]
        assert route[0][1] == pytest.approx(boxes[upper][3])
        assert route[-1][2] == pytest.approx(boxes[lower][2])
        downwards = [y for _, begin, end in route for y in (begin, end)]
        assert all(one <= other + 1e-6 for one, other in pairwise(downwards))
        for i, (left, right, top, bottom) in enumerate(boxes):
            if i not in (upper, lower):
                for x, begin, end in route:  # between its stops an edge is between two layers
                    assert not (left < x < right and begin < bottom and end > top)


@settings(deadline=None, max_examples=30)
@given(graphs())
def test_a_layout_is_the_same_again(graph):
    assert layered(*graph) == layered(*graph)


def test_a_tree_has_no_crossing_and_a_box_stands_close_to_its_only_child():
    tree = [(0, 1, 1), (0, 2, 1), (1, 3, 1), (2, 4, 1), (1, 5, 1), (2, 6, 1)]
    x = [at for at, _ in layered([(40, 20)] * 7, tree).centres]
    assert max(x[3], x[5]) < min(x[4], x[6])
    # 4 has two ways up, of three edges and of two: 3 moves down to its two children.
    late = [(0, 1, 1), (1, 2, 1), (2, 4, 1), (0, 3, 1), (3, 4, 1), (3, 5, 1), (2, 5, 1)]
    y = [at for _, at in layered([(40, 20)] * 6, late).centres]
    assert y[3] == y[2]


def test_no_box_and_no_edge_make_layouts_and_a_cycle_does_not():
    assert layered([], []).routes == []
    assert len(layered([(9, 9)] * 3, []).centres) == 3
    with pytest.raises(CycleError):
        layered([(9, 9)] * 2, [(0, 1, 1), (1, 0, 1)])
