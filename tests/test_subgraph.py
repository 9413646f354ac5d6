"""The GO subgraph of a protein."""

from __future__ import annotations

import numpy as np
import pytest
from made_subgraphs import PROBABILITIES, diamond, small

from esmgo.errors import LabelMismatch
from esmgo.render.graph import render
from esmgo.render.subgraph import subgraph_of


def test_a_subgraph_holds_the_called_terms_and_all_their_ancestors_and_nothing_else():
    subgraph = small()
    assert [node.term.name for node in subgraph.nodes if node.is_called] == ["shared", "inside"]
    assert {node.term.name for node in subgraph.nodes if not node.is_called} == {
        "left",
        "right",
        "molecular_function",
        "cellular_component",
    }
    assert subgraph.edges == (
        ("GO:0000001", "GO:0003674"),
        ("GO:0000002", "GO:0003674"),
        ("GO:0000003", "GO:0000001"),
        ("GO:0000003", "GO:0000002"),
        ("GO:0000005", "GO:0005575"),
    )


def test_the_order_of_calls_and_repeated_calls_change_nothing():
    texts = {"description": small().description, "selection": small().selection}
    again = subgraph_of("sp|P04637|P53_HUMAN", PROBABILITIES, diamond(), [4, 2, 4], **texts)
    assert again == small()
    assert all(render(again, f) == render(small(), f) for f in ("dot", "html", "json"))


def test_a_term_is_as_low_as_its_longest_way_up():
    level = small().panels[0].level
    assert [level[id] for id in ("GO:0003674", "GO:0000001", "GO:0000003")] == [0, 1, 2]


def test_probabilities_of_another_label_space_are_refused():
    with pytest.raises(LabelMismatch):
        subgraph_of("p1", np.zeros(3), diamond(), [0])
