"""The page of an evaluation: complete, escaped, well-formed, and without a network."""

from __future__ import annotations

import copy
import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest

from esmgo.render.evaluation_page import report_page

NASTY = (
    '"></title></svg><script src="x">alert(1)</script>&amp;$style \u202egnp \x1b[31m\n<!-- \udcff'
)
EMPTY = {"threshold": [], "coverage": [], "precision": [], "recall": [], "ru": [], "mi": []}
VOID = {"meta", "br", "hr", "img", "input", "link"}


def named(keys, *values):
    return dict(zip(keys.split(), values, strict=True))


def aspect(fmax=0.512):
    """Three thresholds; every number of the headline differs from all others."""
    f, s = "value threshold precision recall coverage", "value threshold ru mi coverage"
    best = {
        "fmax": named(f, fmax, 0.31, 0.523, 0.534, 0.945),
        "fmax_micro": named(f, 0.556, 0.3, 0.5, 0.5, 0.9),
        "fmax_weighted": named(f, 0.467, 0.3, 0.4, 0.5, 0.9),
        "smin": named(s, 7.62, 0.43, 6.73, 3.57, 0.9),
        "smin_weighted": named(s, 12.34, 0.41, 11.12, 5.35, 0.8),
    }
    curve = {
        "threshold": [0.1, 0.3, 0.6], "coverage": [1.0, 0.9, 0.7],
        "precision": [0.2, 0.5, 0.8], "recall": [0.8, 0.5, 0.2],
        "ru": [2.0, 6.0, 9.0], "mi": [90.0, 4.0, 0.5],
        "precision_weighted": [0.1, 0.4, 0.7], "recall_weighted": [0.7, 0.4, 0.1],
        "ru_weighted": [4.0, 11.0, 20.0], "mi_weighted": [200.0, 5.0, 1.0],
    }  # fmt: skip
    keys = "n_terms n_annotations fmax threshold precision recall"
    terms = named(keys, 21, 5012, 0.71, 0.4, 0.72, 0.7)
    proteins = named("n_proteins fmax threshold fmax_weighted smin", 1013, 0.38, 0.3, 0.29, 6.1)
    bins = "low high n_calls mean_score observed"
    return {
        "n_proteins": 4408, "n_terms": 3007, "n_annotations": 40009,
        "best": best, "aupr": 0.451, "aupr_weighted": 0.402, "curve": curve,
        "by_depth": [{"group": "1", **terms}, {"group": "2", **terms, "fmax": 0.613}],
        "by_frequency": [{"group": "1-4", **terms}],
        "by_identity": [{"group": "below 30 %", **proteins}],
        "reliability": [
            named(bins, 0.0, 0.1, 10203, 0.03, 0.02),
            named(bins, 0.3, 0.4, 405, 0.35, 0.41),
        ],
    }  # fmt: skip


def document(names=("diamond.tsv", "esm.tsv"), aspects=("MF", "BP", "CC"), **more):
    found = [
        {"predictions": name, "aspects": {a: aspect(0.512 + 0.02 * i) for a in aspects}}
        for i, name in enumerate(names)
    ]
    return {
        "schema_version": 1, "program": "esmgo 0.1.0", "rules": "cafaeval",
        "normalisation": "cafa", "propagation": "max", "threshold_step": 0.01,
        "ontology": "releases/2025-06-01", "information_accretion": True,
        "warnings": ["7 proteins have no annotation"], "evaluations": found,
    } | more  # fmt: skip


class Reader(HTMLParser):
    """Reads a page, checks that every element is closed where it should be, keeps the words."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.words, self.ids = [], [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.ids += [value for name, value in attributes if name == "id"]
        assert len(dict(attributes)) == len(attributes)
        assert not any(name.startswith("on") or name in ("src", "style") for name, _ in attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, words):
        if "style" not in self.open:
            self.words.append(words)


def svgs(page):
    """Return every outermost ``<svg>`` of the page, parsed as XML."""
    root = ET.fromstring(page[page.index("<body") : page.index("</html>")])
    parents = {child: parent for parent in root.iter() for child in parent}
    return [svg for svg in root.iter("svg") if parents[svg].tag != "g"]


def charts(page):
    return [svg for svg in svgs(page) if svg.get("role") == "img"]


def test_every_number_of_the_headline_stands_in_the_page():
    words = Reader(report_page(document(("diamond.tsv",), ("MF",)))).words
    for number in (
        "0.512", "0.310", "0.523", "0.534", "0.945", "0.467", "0.556", "12.3", "0.410", "11.1",
        "5.35", "0.451", "0.402",  # and those of the parts:
        "0.710", "0.613", "0.380", "0.290", "21", "5,012", "1,013", "10,203", "405",
    ):  # fmt: skip
        assert number in words, number
    assert "4,408 proteins, 3,007 terms, 40,009 annotations" in words


def test_the_page_says_what_was_evaluated_and_warns():
    text = " ".join(Reader(report_page(document())).words)
    for said in (
        "diamond.tsv", "esm.tsv", "releases/2025-06-01", "as CAFA's evaluator counts", "0.0100",
        "precision over proteins with a call, recall over all proteins", "esmgo 0.1.0",
        "7 proteins have no annotation", "not evidence of absence", "precision is underestimated",
        "Molecular function: 4,408", "Biological process", "Cellular component",
    ):  # fmt: skip
        assert said in text, said


def test_aspects_come_in_one_order_and_unknown_ones_last():
    made = document(("a.tsv",), ("<x>", "all", "CC", "MF"))
    assert re.findall(r'<h2 id="a\d+">(.*?)</h2>', report_page(made)) == [
        "Molecular function", "Cellular component", "All aspects together", "&lt;x&gt;",
    ]  # fmt: skip


def test_missing_numbers_are_dashes():
    made = document(("a.tsv",), ("MF",))
    made["evaluations"][0]["aspects"]["MF"]["aupr"] = None
    made["evaluations"][0]["aspects"]["MF"]["best"]["fmax"]["value"] = float("nan")
    row = re.search(r"<tbody><tr>(.*?)</tr>", report_page(made))[1]
    assert re.findall(r"<td>(.*?)</td>", row)[0] == "–"
    assert re.findall(r"<td>(.*?)</td>", row)[-2:] == ["–", "0.402"]


def test_without_information_accretion_smin_counts_terms():
    made = document(("a.tsv",), ("MF",), information_accretion=False)
    only = made["evaluations"][0]["aspects"]["MF"]
    only["best"] |= {"smin_weighted": None, "fmax_weighted": None}
    only["curve"] |= {key: None for key in only["curve"] if key.endswith("weighted")}
    words = Reader(report_page(made)).words
    assert {"7.62", "6.73", "3.57", "0.430", "Smin, terms", "Misinformation, terms"} <= {*words}
    assert "Misinformation, bits" not in words


@pytest.mark.parametrize("key", ["by_depth", "by_frequency", "by_identity"])
def test_a_breakdown_that_no_file_has_is_left_out(key):
    made = document(("a.tsv",), ("MF",))
    whole = report_page(made)
    made["evaluations"][0]["aspects"]["MF"][key] = []
    assert report_page(made).count("<figure>") == whole.count("<figure>") - 1


def test_a_file_without_an_aspect_is_listed_with_dashes():
    made = document(("a.tsv", "b.tsv"), ("MF",))
    made["evaluations"].append({"predictions": "none.tsv", "aspects": {}})
    page = report_page(made)
    assert '<span class="name">none.tsv</span></th>' + "<td>–</td>" * 13 in page
    assert len(charts(page)[0].findall(".//polyline[@class='line c2']")) == 0


def test_each_aspect_has_three_charts_with_title_description_and_a_line_per_file():
    made = report_page(document())
    assert len(charts(made)) == 9
    for chart in charts(made):
        title, description = chart.find("title"), chart.find("desc")
        assert chart.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
        assert title.text
        assert "diamond.tsv" in description.text
        assert len(chart.findall(".//polyline[@class='line c0']")) == 1
        assert len(chart.findall(".//polyline[@class='line c1']")) == 1
        assert [text.text for text in chart.findall(".//g[@class='badge c1']/text")] == ["2"]


def test_best_points_are_marked_where_they_are():
    chart, uncertainty, _ = charts(report_page(document(("a.tsv",), ("MF",))))
    dot = chart.find(".//circle[@class='dot c0']")
    assert float(dot.get("cx")) == pytest.approx(0.534 * 344, abs=0.06)
    assert float(dot.get("cy")) == pytest.approx((1 - 0.523) * 344, abs=0.06)
    dot = uncertainty.find(".//circle[@class='dot c0']")
    assert float(dot.get("cx")) == pytest.approx(11.12 / 25 * 344, abs=0.06)  # ru goes to 20


def test_of_ten_files_the_best_eight_are_drawn_and_all_are_listed():
    page = report_page(document([f"run{i}.tsv" for i in range(10)], ("MF",)))
    badges = charts(page)[0].findall(".//*/circle[@r='8']/../text")
    assert [text.text for text in badges] == [str(n) for n in range(3, 11)]  # run0, run1 are worst
    assert len(re.findall(r'<th scope="row"><span class="key', page)) == 10
    assert "The charts show the 8 files" in page
    assert "The charts show" not in report_page(document([f"run{i}.tsv" for i in range(8)]))


def test_badges_of_eight_files_with_one_result_do_not_cover_each_other():
    made = document(["a.tsv"], ("MF",))
    made["evaluations"] *= 8
    for chart in charts(report_page(made)):
        circles = chart.findall(".//circle[@r='8']")
        at = [complex(float(c.get("cx")), float(c.get("cy"))) for c in circles]
        assert len(at) == 8
        assert min(abs(a - b) for i, a in enumerate(at) for b in at[:i]) > 16
        assert all(8 < side < 336 for place in at for side in (place.real, place.imag))


def test_an_empty_curve_makes_words_instead_of_charts():
    made = document(("a.tsv",), ("MF",))
    made["evaluations"][0]["aspects"]["MF"] |= {
        "curve": EMPTY, "best": dict.fromkeys(aspect()["best"]), "reliability": [], "aupr": None,
    }  # fmt: skip
    page = report_page(made)
    Reader(page)
    assert charts(page) == []
    assert page.count("Nothing to draw") == 3


def test_bars_end_at_their_border():
    made = document(("a.tsv",), ("MF",))
    terms = made["evaluations"][0]["aspects"]["MF"]["by_depth"][0]
    made["evaluations"][0]["aspects"]["MF"]["by_depth"] = [
        {**terms, "group": str(fmax), "fmax": fmax} for fmax in (-1, 0.5, 7)
    ]
    part = report_page(made).partition("By depth")[2]
    assert re.findall(r'rect width="([\d.-]+)"', part)[:3] == ["0.0", "50.0", "100.0"]


def hostile():
    made = document((NASTY, "b.tsv"), ("MF", NASTY))
    made |= {"warnings": [NASTY], "ontology": NASTY, "rules": NASTY, "program": NASTY}
    for each in made["evaluations"]:
        each["aspects"]["MF"]["by_depth"][0]["group"] = NASTY
        each["aspects"]["MF"]["best"]["fmax"]["value"] = "<b>0.5"
        each["aspects"]["MF"]["n_proteins"] = "<b>5"
        each["aspects"]["MF"]["curve"]["recall"][0] = "<b>5"
    return made


SPARSE = {"evaluations": [{"predictions": None, "aspects": {"MF": {}, "BP": None}}, {}]}
DOCUMENTS = {
    "whole": document(),
    "hostile": hostile(),
    "nothing": {},
    "sparse": SPARSE,
    "ten files": document([f"{i}.tsv" for i in range(10)], ("all",)),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_page_is_well_formed_and_asks_nothing_of_the_network(name):
    page = report_page(DOCUMENTS[name])
    page.encode()
    read = Reader(page)
    assert len(read.ids) == len({*read.ids})
    assert "script" not in read.tags
    assert not {"link", "img", "iframe", "object", "b"} & {*read.tags}
    svgs(page)  # and every chart is XML
    for word in ("http://", "https://", "<script src", "url(", "@import"):
        assert word not in page.lower(), word
    assert "default-src 'none'" in page
    assert not [c for c in page if not c.isprintable() and c != "\n"]


def test_hostile_names_are_shown_as_text():
    text = " ".join(Reader(report_page(hostile())).words)
    assert '"></title></svg><script src="x">alert(1)</script>&amp;$style' in text
    assert "&lt;" not in text  # escaped once


def test_the_document_is_left_alone_and_the_page_does_not_vary():
    made = document()
    before = copy.deepcopy(made)
    assert report_page(made) == report_page(json.loads(json.dumps(made)))
    assert made == before


def test_tables_have_captions_and_scopes():
    page = report_page(document())
    assert page.count("<table>") == page.count("<caption>") > 0
    assert re.findall(r"<th(?! scope=)[ >]", page) == []
