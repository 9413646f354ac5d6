"""Pictures of a GO subgraph, and the writing of files whole or not at all."""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from esmgo.errors import LabelMismatch, MachineError, UsageError, printable
from esmgo.files.atomic import replacing, write_atomically
from esmgo.go.labels import LabelSpace
from esmgo.go.terms import Aspect, Term
from esmgo.render.colours import contrast, fill_of, ink_on
from esmgo.render.dot import to_dot
from esmgo.render.graph import FORMATS, draw, format_of, render
from esmgo.render.subgraph import subgraph_of

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz' dot is not installed")

SVG = "{http://www.w3.org/2000/svg}"
NASTY = '</script><script>alert("1")</script> & \\N \\" \u202egnp.exe\u2066 \x1b[31m\n <!-- é'


def diamond() -> LabelSpace:
    """Two aspects; in MF a diamond (root, left, right, shared) and one term beside it.

    ::

        3674 root      5575 root
        /    \\            |
      left   right       inside
        \\    /
        shared    other (child of right)
    """
    rows = [
        ("GO:0000001", "left", Aspect.MF, ["GO:0003674"]),
        ("GO:0000002", "right", Aspect.MF, ["GO:0003674"]),
        ("GO:0000003", "shared", Aspect.MF, ["GO:0000001", "GO:0000002"]),
        ("GO:0000004", "other", Aspect.MF, ["GO:0000002"]),
        ("GO:0000005", "inside", Aspect.CC, ["GO:0005575"]),
        ("GO:0003674", "molecular_function", Aspect.MF, []),
        ("GO:0005575", "cellular_component", Aspect.CC, []),
    ]
    column = {row[0]: j for j, row in enumerate(rows)}
    terms = tuple(Term(id, name, aspect) for id, name, aspect, _ in rows)
    return LabelSpace(terms, tuple(tuple(column[p] for p in up) for *_, up in rows), "2025-10-10")


PROBABILITIES = np.array([0.7, 0.8, 0.6, 0.1, 0.5, 0.9, 0.95], np.float32)


def small(protein_id="sp|P04637|P53_HUMAN"):
    return subgraph_of(protein_id, PROBABILITIES, diamond(), [2, 4])


def flat(n=30, protein_id="p1"):
    """A label space made without an ontology: ids for names, no aspect, no parent."""
    labels = LabelSpace.close([f"GO:{i:07d}" for i in range(n)], None)
    return subgraph_of(protein_id, np.linspace(0, 1, n), labels, range(n))


def broad(n=400):
    """Children of one root, as many as asked for."""
    terms = [Term(f"GO:{i:07d}", f"binding of substance {i}", Aspect.MF) for i in range(n)]
    terms.append(Term("GO:0003674", "molecular_function", Aspect.MF))
    labels = LabelSpace(tuple(terms), (*(((n,),) * n), ()))
    return subgraph_of("p1", np.full(n + 1, 0.5), labels, range(n))


# The subgraph ---------------------------------------------------------------------


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
    again = subgraph_of("sp|P04637|P53_HUMAN", PROBABILITIES, diamond(), [4, 2, 4])
    assert again == small()
    assert all(render(again, f) == render(small(), f) for f in ("dot", "html", "json"))


def test_a_term_is_as_low_as_its_longest_way_up():
    level = small().panels[0].level
    assert [level[id] for id in ("GO:0003674", "GO:0000001", "GO:0000003")] == [0, 1, 2]


def test_probabilities_of_another_label_space_are_refused():
    with pytest.raises(LabelMismatch):
        subgraph_of("p1", np.zeros(3), diamond(), [0])


def test_json_holds_what_the_subgraph_holds():
    read = json.loads(render(small(), "json"))
    assert read["schema_version"] == 1
    assert read["protein"] == "sp|P04637|P53_HUMAN"
    assert read["release"] == "2025-10-10"
    assert read["nodes"][2] == {
        "id": "GO:0000003",
        "name": "shared",
        "aspect": "MF",
        "probability": 0.6,
        "is_called": True,
    }
    assert [(e["child"], e["parent"]) for e in read["edges"]] == list(small().edges)


# Colours --------------------------------------------------------------------------


def test_colours_darken_evenly_and_carry_readable_text():
    fills = [fill_of(p / 100) for p in range(101)]
    against_white = [contrast("#ffffff", fill) for fill in fills]
    assert against_white == sorted(against_white)
    assert min(contrast(ink_on(fill), fill) for fill in fills) >= 4.5


# DOT ------------------------------------------------------------------------------


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
def test_nasty_names_and_ids_come_out_as_plain_text():
    labels = LabelSpace((Term(NASTY, NASTY, None), Term("GO:0000001", "&lt;", None)), ((), (0,)))
    svg = render(subgraph_of(NASTY, np.ones(2), labels, [1]), "svg")
    root = ET.fromstring(svg)
    texts = [element.text or "" for element in root.iter(f"{SVG}text")]
    assert printable(NASTY) in texts
    assert "&lt;" in texts
    # The name is wrapped over lines; Graphviz' own escapes (\N, \G) stay as written.
    assert printable(NASTY).replace(" ", "")[-20:] in "".join(texts).replace(" ", "")
    assert "\\N" in "".join(texts)
    assert "script" not in {element.tag.split("}")[-1] for element in root.iter()}


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


@needs_dot
def test_svg_and_png_are_made_by_dot(tmp_path):
    draw(small(), tmp_path / "p53.svg")
    draw(small(), tmp_path / "p53.PNG")
    assert b"<svg" in (tmp_path / "p53.svg").read_bytes()
    assert (tmp_path / "p53.PNG").read_bytes().startswith(b"\x89PNG")
    assert render(small(), "svg") == (tmp_path / "p53.svg").read_bytes()


def test_without_dot_the_error_says_how_to_get_it_and_what_else_there_is(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    for suffix in ("svg", "png"):
        with pytest.raises(MachineError, match=r"apt install graphviz.*brew.*\.html") as caught:
            draw(small(), tmp_path / f"p53.{suffix}")
        assert len(str(caught.value)) < 200
    assert list(tmp_path.iterdir()) == []
    draw(small(), tmp_path / "p53.html")


@pytest.mark.skipif(os.name != "posix", reason="needs a shell script")
def test_a_dot_that_fails_is_quoted_and_leaves_no_file(tmp_path, monkeypatch):
    fake = tmp_path / "bin" / "dot"
    fake.parent.mkdir()
    fake.write_text(
        "#!/bin/sh\necho 'Format: \"png\" not recognized.' >&2\necho more >&2\nexit 1\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent))
    with pytest.raises(MachineError, match="not recognized") as caught:
        draw(small(), tmp_path / "p53.png")
    assert "more" not in str(caught.value)
    assert not (tmp_path / "p53.png").exists()


@pytest.mark.skipif(os.name != "posix", reason="needs a shell script")
def test_a_dot_that_never_ends_is_stopped(tmp_path, monkeypatch):
    fake = tmp_path / "dot"
    fake.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("esmgo.render.graph._SECONDS", 0.2)
    with pytest.raises(MachineError, match="seconds"):
        render(small(), "svg")


def test_an_unknown_suffix_is_refused_naming_the_known_ones(tmp_path):
    for name in ("p53.pdf", "p53", ".svg"):
        with pytest.raises(UsageError, match=r"\.svg, \.png, \.html, \.json, \.dot"):
            draw(small(), tmp_path / name)
    assert format_of(Path("a/b.SVG")) == "svg"
    with pytest.raises(UsageError):
        render(small(), "pdf")


# The page -------------------------------------------------------------------------


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


def test_an_id_that_is_not_unicode_is_drawn():
    odd = os.fsdecode(b"p\xff")
    assert all(render(small(odd), format) for format in ("dot", "html", "json"))


def test_no_called_term_makes_an_empty_picture():
    nothing = subgraph_of("p1", PROBABILITIES, diamond(), [])
    assert nothing.nodes == ()
    assert b"no term was called" in render(nothing, "html")
    assert json.loads(render(nothing, "json"))["nodes"] == []


def test_the_vendored_script_is_the_one_recorded_and_can_stand_in_a_page():
    vendor = files("esmgo.render") / "vendor"
    script = (vendor / "viz-global.js").read_bytes()
    assert hashlib.sha256(script).hexdigest() in (vendor / "VERSIONS.txt").read_text()
    assert (vendor / "LICENSE.viz-js").is_file()
    # An HTML parser ends a script at the first, and rewrites the last two.
    assert not re.search(rb"</script|<!--|\r|\0", script, re.IGNORECASE)


# Writing --------------------------------------------------------------------------


def test_a_written_file_replaces_the_old_one_with_the_permissions_of_the_umask(tmp_path):
    target = tmp_path / "out.svg"
    target.write_bytes(b"old")
    before = os.umask(0o027)
    try:
        write_atomically(target, b"new")
    finally:
        os.umask(before)
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["out.svg"]


def stop_half_way(file, wrong):
    file.write(b"half")
    raise wrong


def test_whatever_goes_wrong_inside_the_old_file_stays_and_nothing_else(tmp_path):
    target = tmp_path / "out.svg"
    target.write_bytes(b"old")
    for wrong in (KeyboardInterrupt, ZeroDivisionError):
        with pytest.raises(wrong), replacing(target) as file:
            stop_half_way(file, wrong)
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.svg"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_refusal_of_the_system_is_one_line_and_leaves_the_old_file(tmp_path, monkeypatch, call):
    def refuse(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    target = tmp_path / "out.svg"
    target.write_bytes(b"old")
    monkeypatch.setattr(f"os.{call}", refuse)
    with pytest.raises(MachineError, match=r"out\.svg: cannot be written: no space left on device"):
        write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.svg"]


def test_a_missing_folder_and_a_folder_in_the_way_are_named(tmp_path):
    with pytest.raises(MachineError, match="no such folder"):
        write_atomically(tmp_path / "absent" / "out.svg", b"")
    with pytest.raises(MachineError, match="directory"):
        write_atomically(tmp_path, b"")


def test_a_trouble_of_the_block_with_another_file_keeps_its_own_name(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "out.svg"):
        (tmp_path / "input.fasta").open()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_device_is_written_directly_and_reported():
    with pytest.raises(MachineError, match="no space left"):
        write_atomically(Path("/dev/full"), b"x" * 100_000)
    write_atomically(Path("/dev/null"), b"x")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")
def test_a_symbolic_link_goes_on_pointing_to_the_file(tmp_path):
    (tmp_path / "real.svg").write_bytes(b"old")
    (tmp_path / "link.svg").symlink_to("real.svg")
    write_atomically(tmp_path / "link.svg", b"new")
    assert (tmp_path / "link.svg").is_symlink()
    assert (tmp_path / "real.svg").read_bytes() == b"new"


def test_formats_are_what_the_help_says():
    assert FORMATS == ("svg", "png", "html", "json", "dot")
