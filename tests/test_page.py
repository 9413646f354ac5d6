"""The page of a subgraph: complete, escaped, and without a network."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files

import numpy as np
from made_subgraphs import NASTY, flat, small

from esmgo.go.labels import LabelSpace
from esmgo.go.terms import Term
from esmgo.render.dot import to_dot
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


def test_the_policy_of_the_page_names_the_hash_of_each_script():
    page = Page(render(small(), "html").decode())
    policy = next(a["content"] for _, a in page.elements if "http-equiv" in a)
    assert policy is not None
    assert "unsafe-inline" not in policy
    assert "default-src 'none'" in policy
    for script in page.scripts[1:]:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_the_page_links_each_term_and_holds_the_table_for_readers_without_javascript():
    page = Page(render(small(), "html").decode())
    links = {attributes["href"] for tag, attributes in page.elements if tag == "a"}
    assert "https://www.ebi.ac.uk/QuickGO/term/GO:0000003" in links
    assert "https://amigo.geneontology.org/amigo/term/GO:0000003" in links
    assert "0.6000" in page.seen
    assert "noscript" in {tag for tag, _ in page.elements}
    assert json.loads(page.scripts[0])["dot"] == to_dot(small())


def test_nasty_names_and_ids_cannot_leave_their_place_in_the_page():
    labels = LabelSpace((Term(NASTY, NASTY, None),), ((),))
    page = Page(render(subgraph_of(NASTY, np.ones(1), labels, [0]), "html").decode())
    plain = Page(render(flat(1), "html").decode())
    assert len(page.scripts) == len(plain.scripts) == 3
    assert json.loads(page.scripts[0])["protein"] == NASTY
    assert '</script><script>alert("1")</script>' in page.seen
    assert "\u202e" not in page.seen
    assert "\x1b" not in page.seen


def test_the_vendored_script_is_the_one_recorded_and_can_stand_in_a_page():
    vendor = files("esmgo.render") / "vendor"
    script = (vendor / "viz-global.js").read_bytes()
    assert hashlib.sha256(script).hexdigest() in (vendor / "VERSIONS.txt").read_text()
    assert (vendor / "LICENSE.viz-js").is_file()
    # An HTML parser ends a script at the first, and rewrites the last two.
    assert not re.search(rb"</script|<!--|\r|\0", script, re.IGNORECASE)
