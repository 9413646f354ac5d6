"""A subgraph in the DOT language, as Graphviz reads it."""

from __future__ import annotations

import re
import subprocess

import numpy as np
import pytest
from made_subgraphs import NASTY, broad, flat, needs_dot, small

from esmgo.go.labels import LabelSpace
from esmgo.go.terms import Aspect, Term
from esmgo.render.dot import to_dot
from esmgo.render.graph import render
from esmgo.render.subgraph import subgraph_of


def test_each_aspect_has_its_panel_and_called_terms_a_bold_outline():
    dot = to_dot(small())
    assert "Molecular function" in dot
    assert "Cellular component" in dot
    assert "Biological process" not in dot
    assert dot.count("penwidth=3") == 2


def test_long_names_are_wrapped_and_not_cut():
    name = "RNA polymerase II cis-regulatory region sequence-specific DNA binding " * 2
    labels = LabelSpace((Term("GO:0000978", name.strip(), Aspect.MF),), ((),))
    label = re.search(
        r"n0 \[label=<<B>(.*?)</B>", to_dot(subgraph_of("p", np.ones(1), labels, [0]))
    )
    assert label is not None
    lines = label[1].split("<BR/>")
    assert 2 < len(lines) <= 6
    assert "".join(lines).replace(" ", "") == name.replace(" ", "")


@needs_dot
@pytest.mark.parametrize("make", [small, flat, broad, lambda: small(NASTY), lambda: flat(0)])
def test_dot_reads_what_we_write(make):
    done = subprocess.run(["dot", "-Tcanon"], input=render(make(), "dot"), capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


@needs_dot
def test_parents_stand_above_their_children_and_small_panels_above_large_ones():
    plain = subprocess.run(
        ["dot", "-Tplain"], input=render(small(), "dot"), capture_output=True, text=False
    ).stdout.decode()
    height = {
        row.split()[1]: float(row.split()[3]) for row in plain.splitlines() if row[:5] == "node "
    }
    key = {node.term.name: f"n{i}" for i, node in enumerate(small().nodes)}
    up = [height[key[name]] for name in ("molecular_function", "left", "shared")]
    assert up == sorted(up, reverse=True)


@needs_dot
def test_thirty_unrelated_terms_and_four_hundred_leaves_make_no_ribbon():
    for subgraph, at_most in ((flat(), 4.0), (broad(60), 8.0)):
        plain = subprocess.run(
            ["dot", "-Tplain"], input=render(subgraph, "dot"), capture_output=True
        )
        _, _, width, height = plain.stdout.split(b"\n")[0].split()
        assert float(width) / float(height) < at_most
