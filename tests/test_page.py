"""The page of a subgraph: complete, escaped, and without a network."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from importlib.resources import files

import numpy as np
import pytest
from made_subgraphs import NASTY, flat, small

from esmgo.go.labels import LabelSpace
from esmgo.go.terms import Term
from esmgo.render.colours import CALLED, LINE, contrast, fill_of, ink_on
from esmgo.render.graph import render
from esmgo.render.subgraph import subgraph_of


class Page(HTMLParser):
    """The elements of a page, the text of each script, and the text a reader sees."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.seen = ""
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.seen += data


def test_the_page_loads_nothing_from_anywhere():
    page = Page(render(small(), "html").decode())
    loading = {"src", "srcset", "action", "data", "poster", "background", "manifest", "ping"}
    for tag, attributes in page.elements:
        assert not loading & attributes.keys()
        assert tag not in {"link", "base", "iframe", "object", "embed", "img", "form"}
        assert "href" not in attributes or tag == "a"
        assert not any(name.startswith("on") or name == "style" for name in attributes)
    style = (files("esmgo.render") / "page.css").read_text()
    assert "url(" not in style
    assert "@import" not in style


def test_the_page_is_small_holds_the_picture_once_and_has_one_title():
    text = render(small(), "html").decode()
    assert len(text) < 50_000
    assert (text.count("<svg"), text.count("<title"), text.count("<h1")) == (1, 1, 1)
    assert text.count("P53_HUMAN") == 2  # title and heading
    assert len(Page(text).scripts) == 1
    many = render(flat(300), "html")
    assert len(many) < 400_000


def test_the_page_describes_the_protein_and_how_terms_were_selected():
    page = Page(render(small(), "html").decode())
    assert "Cellular tumor antigen <p53>" in page.seen
    assert "Called: the two best" in page.seen


def test_the_wheel_scrolls_the_page_until_the_picture_is_clicked():
    script = (files("esmgo.render") / "page.js").read_text()
    wheel = script[script.index('addEventListener("wheel"') :]
    assert wheel.index("if (!isActive()) return") < wheel.index("preventDefault")
    assert 'event.key === "Escape" && activate(false)' in script


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_the_contrast_of_wcag_aa_in_both_schemes(scheme):
    style = (files("esmgo.render") / "page.css").read_text()
    first, second = re.findall(r":root \{([^}]*)\}", style)
    found = dict(re.findall(r"--(\w+): (#\w+);", first if scheme == "light" else second))
    colours = {
        n: c if len(c) == 7 else "#" + "".join(2 * x for x in c[1:]) for n, c in found.items()
    }
    for ink in ("ink", "quiet", "link"):
        for paper in ("paper", "panel"):
            assert contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
    assert contrast(colours["mark"], colours["paper"]) >= 3


def test_lines_and_outlines_of_the_picture_can_be_seen():
    assert contrast(LINE, "#f6f7f9") >= 4.5
    assert contrast(CALLED, "#f6f7f9") >= 3
    for p in range(101):
        assert contrast(ink_on(fill_of(p / 100)), fill_of(p / 100)) >= 4.5


def test_the_policy_of_the_page_names_the_hash_of_each_script():
    page = Page(render(small(), "html").decode())
    policy = next(a["content"] for _, a in page.elements if "http-equiv" in a)
    assert policy is not None
    assert "unsafe-inline" not in policy
    assert "default-src 'none'" in policy
    for script in page.scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_the_page_links_each_term_and_holds_the_table():
    page = Page(render(small(), "html").decode())
    links = {attributes.get("href") for tag, attributes in page.elements if tag == "a"}
    assert "https://www.ebi.ac.uk/QuickGO/term/GO:0000003" in links
    assert "https://amigo.geneontology.org/amigo/term/GO:0000003" in links
    assert "0.6000" in page.seen
    assert {attributes.get("xlink:href") for _, attributes in page.elements} - {None} < links


def test_nasty_names_and_ids_cannot_leave_their_place_in_the_page():
    labels = LabelSpace((Term(NASTY, NASTY, None),), ((),))
    graph = subgraph_of(NASTY, np.ones(1), labels, [0], description=NASTY, selection=NASTY)
    page = Page(render(graph, "html").decode())
    plain = Page(render(flat(1), "html").decode())
    assert len(page.scripts) == len(plain.scripts) == 1
    assert '</script><script>alert("1")</script>' in page.seen
    assert "\u202e" not in page.seen
    assert "\x1b" not in page.seen
