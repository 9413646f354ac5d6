"""A subgraph as SVG, drawn without any program."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from made_subgraphs import NASTY, PROBABILITIES, broad, diamond, flat, small

from esmgo.cli.main import main
from esmgo.data.famous import famous_path
from esmgo.errors import printable
from esmgo.go.labels import LabelSpace
from esmgo.go.terms import Term
from esmgo.model.bundled import card_path
from esmgo.render.colours import CALLED
from esmgo.render.picture import to_svg, width_of
from esmgo.render.subgraph import subgraph_of

SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}"


def drawn(svg):
    """Return the boxes by GO id: left, top, right, bottom in units of the picture."""
    root = ET.fromstring(svg)
    found = {}
    for panel in root.iter(f"{SVG}g"):
        if panel.get("class") != "cluster":
            continue
        inner = panel.find(f"{SVG}g")
        x0, y0 = np.add(*(np.array(numbers(g.get("transform"))) for g in (panel, inner)))
        for node in inner.iter(f"{SVG}g"):
            if node.get("class") == "node":
                link, rect = node.find(f"{SVG}a"), node.find(f".//{SVG}rect")
                x, y, w, h = (float(rect.get(name)) for name in ("x", "y", "width", "height"))
                id = link.get(f"{LINK}title").split()[0]
                assert id not in found
                found[id] = (x + x0, y + y0, x + x0 + w, y + y0 + h)
    return found


def numbers(text):
    return [float(number) for number in re.findall(r"-?[\d.]+", text)]


def overlap(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def test_each_term_and_each_edge_is_drawn_once_and_called_terms_have_a_bold_outline():
    svg = to_svg(small())
    assert set(drawn(svg)) == {node.term.id for node in small().nodes}
    assert svg.count('class="edge"') == len(small().edges)
    assert svg.count(f'stroke="{CALLED}" stroke-width="3"') == 3  # and in the legend
    assert "Molecular function" in svg
    assert "Biological process" not in svg
    assert svg == to_svg(small())


def test_the_heading_is_there_and_in_a_page_only_the_legend():
    heading = ("P53_HUMAN", "Cellular tumor antigen &lt;p53&gt;", "Called: the two best")
    svg, part = to_svg(small()), to_svg(small(), in_page=True)
    assert all(svg.count(each) == 1 and each not in part for each in heading)
    assert "<title" not in svg
    assert "ancestor</text>" in part
    assert ' width="' not in part[: part.index(">")]


@pytest.mark.parametrize("make", [small, flat, broad, lambda: flat(1), lambda: flat(0)])
def test_boxes_are_apart_and_inside_the_picture(make):
    svg = to_svg(make())
    _, _, width, height = numbers(ET.fromstring(svg).get("viewBox"))
    boxes = list(drawn(svg).values())
    assert len(boxes) == len(make().nodes)
    for i, box in enumerate(boxes):
        assert min(box) > 0
        assert box[2] < width
        assert box[3] < height
        assert not any(overlap(box, other) for other in boxes[:i])


def test_parents_stand_above_their_children_and_small_panels_above_large_ones():
    boxes = drawn(to_svg(small()))
    assert all(boxes[parent][3] < boxes[child][1] for child, parent in small().edges)


def test_thirty_unrelated_terms_and_many_leaves_make_no_ribbon():
    for subgraph, at_most in ((flat(), 4.0), (broad(60), 8.0)):
        _, _, width, height = numbers(ET.fromstring(to_svg(subgraph)).get("viewBox"))
        assert width / height < at_most


def test_unrelated_terms_stand_in_rows_with_the_most_probable_first():
    boxes = drawn(to_svg(flat(7)))
    read = sorted(boxes, key=lambda term: (round(boxes[term][1]), boxes[term][0]))
    assert read == [f"GO:{i:07d}" for i in reversed(range(7))]


def test_nasty_names_and_ids_come_out_as_plain_text():
    labels = LabelSpace((Term(NASTY, NASTY, None), Term("GO:0000001", "&lt;", None)), ((), (0,)))
    root = ET.fromstring(to_svg(subgraph_of(NASTY, np.ones(2), labels, [1])))
    texts = [element.text or "" for element in root.iter(f"{SVG}text")]
    assert printable(NASTY) in texts
    assert "&lt;" in texts
    assert printable(NASTY).replace(" ", "")[-20:] in "".join(texts).replace(" ", "")
    assert "script" not in {element.tag.split("}")[-1] for element in root.iter()}


def test_no_called_term_makes_an_empty_picture():
    svg = to_svg(subgraph_of("p1", PROBABILITIES, diamond(), []))
    assert "no term was called" in svg
    assert drawn(svg) == {}


def test_text_is_about_as_wide_as_in_helvetica():
    assert width_of("Wii", 10, False) == pytest.approx(13.88)
    assert width_of("蛋白", 10, False) == 20
    assert width_of("binding", 10, True) > width_of("binding", 10, False)


def test_the_page_of_p53_is_small_and_holds_every_term_once(tmp_path, monkeypatch):
    if not card_path().is_file():
        pytest.skip("this installation has no bundled caller")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))  # without Graphviz
    words = [str(famous_path()), "--protein=P04637", "--checkpoint_path=bundled", "--device=cpu"]
    for name in ("p53.json", "p53.html", "p53.svg"):
        assert main(["subgraph", *words, "-o", name]) == 0
    graph = json.loads((tmp_path / "p53.json").read_text())
    page = (tmp_path / "p53.html").read_text(encoding="utf-8")
    assert len(page.encode()) < 200_000
    boxes = drawn((tmp_path / "p53.svg").read_text(encoding="utf-8"))
    assert set(boxes) == {node["id"] for node in graph["nodes"]}
    assert set(drawn(page[page.index("<svg") : page.index("</svg>") + 6])) == set(boxes)
    found = list(boxes.values())
    assert not any(overlap(a, b) for i, a in enumerate(found) for b in found[:i])
    assert all(boxes[e["parent"]][3] < boxes[e["child"]][1] for e in graph["edges"])


def test_all_text_is_inside_the_picture():
    _, _, width, _ = numbers(ET.fromstring(to_svg(small())).get("viewBox"))
    legend = next(g for g in ET.fromstring(to_svg(small())).iter(f"{SVG}g") if g.get("transform"))
    left = numbers(legend.get("transform"))[0]
    last = list(legend.iter(f"{SVG}text"))[-1]
    assert left + float(last.get("x")) + width_of(last.text, 11, False) < width
