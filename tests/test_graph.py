"""Pictures of a GO subgraph in every format, with and without Graphviz."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from made_subgraphs import PROBABILITIES, diamond, needs_dot, small

from esmgo.errors import MachineError, UsageError
from esmgo.render.graph import FORMATS, draw, format_of, render
from esmgo.render.subgraph import subgraph_of


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


@needs_dot
def test_a_png_is_made_by_dot(tmp_path):
    draw(small(), tmp_path / "p53.PNG")
    assert (tmp_path / "p53.PNG").read_bytes().startswith(b"\x89PNG")


def test_without_dot_the_error_says_how_to_get_it_and_what_else_there_is(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        MachineError, match=r"apt install graphviz.*brew.*\.svg or \.html"
    ) as caught:
        draw(small(), tmp_path / "p53.png")
    assert len(str(caught.value)) < 200
    assert list(tmp_path.iterdir()) == []
    for suffix in ("svg", "html"):
        draw(small(), tmp_path / f"p53.{suffix}")
        assert b"<svg" in (tmp_path / f"p53.{suffix}").read_bytes()


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
    monkeypatch.setattr("esmgo.render.graphviz._SECONDS", 0.2)
    with pytest.raises(MachineError, match="seconds"):
        render(small(), "png")


def test_an_unknown_suffix_is_refused_naming_the_known_ones(tmp_path):
    for name in ("p53.pdf", "p53", ".svg"):
        with pytest.raises(UsageError, match=r"\.svg, \.png, \.html, \.json, \.dot"):
            draw(small(), tmp_path / name)
    assert format_of(Path("a/b.SVG")) == "svg"
    with pytest.raises(UsageError):
        render(small(), "pdf")


def test_an_id_that_is_not_unicode_is_drawn():
    odd = os.fsdecode(b"p\xff")
    assert all(render(small(odd), format) for format in ("dot", "html", "json", "svg"))


def test_no_called_term_makes_an_empty_picture():
    nothing = subgraph_of("p1", PROBABILITIES, diamond(), [])
    assert nothing.nodes == ()
    assert b"no term was called" in render(nothing, "html")
    assert json.loads(render(nothing, "json"))["nodes"] == []


def test_formats_are_what_the_help_says():
    assert FORMATS == ("svg", "png", "html", "json", "dot")
