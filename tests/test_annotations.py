"""Annotation tables: CAFA, GAF 2, taxonomy."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest

from esmgo.data.annotations import Annotation, read_annotations, read_taxonomy
from esmgo.data.rejects import ReadReport
from esmgo.dataset.matching import current_terms
from esmgo.errors import AnnotationError
from esmgo.go.ontology import Ontology
from esmgo.go.terms import Aspect, Term

BAD = Path(__file__).parents[2] / "shared" / "bad_inputs" / "tsv"
needs_bad_inputs = pytest.mark.skipif(not BAD.is_dir(), reason="the shared bad inputs are absent")

HEADER = "EntryID\tterm\taspect\n"
TABLE = HEADER + "a\tGO:0000001\tBPO\nb\tGO:0000002\tBPO\n"
READ = [Annotation("a", "GO:0000001", 2, Aspect.BP), Annotation("b", "GO:0000002", 3, Aspect.BP)]


def gaf_row(protein: str, term: str, qualifier: str = "enables", evidence: str = "IDA") -> str:
    cells = ["UniProtKB", protein, "SYM", qualifier, term, "PMID:1", evidence, "", "F", "", ""]
    return "\t".join([*cells, "protein", "taxon:9606", "20200101", "UniProt", "", ""]) + "\n"


def read(content: str | bytes) -> list[Annotation]:
    data = content.encode() if isinstance(content, str) else content
    return list(read_annotations(io.BytesIO(data)))


@pytest.mark.parametrize(
    "content",
    [
        TABLE,
        TABLE.replace("\n", "\r\n"),
        TABLE.replace("\n", "\r"),
        TABLE.rstrip("\n"),
        "\ufeff" + TABLE,
        TABLE.replace("EntryID\tterm", "ENTRYID\tTerm"),
        TABLE.replace("BPO", "P"),
        TABLE + "\n\n",
        gzip.compress(TABLE.encode(), mtime=0),
    ],
)
def test_a_cafa_table_is_read_however_it_is_written(content):
    assert read(content) == READ


def test_a_gaf_file_gives_its_positive_annotations_and_counts_the_others():
    report = ReadReport()
    gaf = (
        "!gaf-version: 2.2\n!date-generated: 2026-01-01\n"
        + gaf_row("P1", "GO:0003723")
        + gaf_row("P2", "GO:0003723", "NOT|enables")
        + gaf_row("P3", "GO:0003674", evidence="ND")
    )
    found = list(read_annotations(io.BytesIO(gaf.encode()), report=report))
    assert found == [Annotation("P1", "GO:0003723", 3, Aspect.MF)]
    (warning,) = report.warnings
    assert "1 NOT and 1 ND" in warning


REFUSED = {
    "empty": ("", None, "empty"),
    "header alone": (HEADER, 1, "no annotations"),
    "no header": ("a\tGO:0000001\tBPO\n", 1, "header not recognised"),
    "commas": (TABLE.replace("\t", ","), 1, "no TAB"),
    "HTML": ("<html></html>\n", 1, "no TAB"),
    "information accretion": ("GO:0000001\t-3\n", 1, "header not recognised"),
    "two columns": (HEADER + "a\tGO:0000001\n", 2, "2 columns"),
    "underscore id": (HEADER + "a\tGO_0000001\tBPO\n", 2, "'GO_0000001' is not a GO id"),
    "short id": (TABLE + "c\tGO:1\tBPO\n", 4, "'GO:1' is not a GO id"),
    "aspect": (HEADER + "a\tGO:0000001\tXYZ\n", 2, "'XYZ' is not an aspect"),
    "no protein": (HEADER + "\tGO:0000001\tBPO\n", 2, "no protein"),
    "control character": (HEADER + "a\x1b\tGO:0000001\tBPO\n", 2, "0x1B"),
    "not UTF-8": (HEADER.encode() + b"\xe9\tGO:0000001\tBPO\n", 2, "not UTF-8"),
    "GAF 1": ("!gaf-version: 1.0\n", 1, "!gaf-version: 2.2"),
    "GPAD": ("!gpa-version: 1.1\n", 1, "!gaf-version: 2.2"),
    "GAF of few columns": ("!gaf-version: 2.2\nUniProtKB\tP1\n", 2, "2 columns"),
    "GAF of NOT alone": (
        "!gaf-version: 2.2\n" + gaf_row("P1", "GO:0003723", "NOT|enables"),
        1,
        "1 NOT",
    ),
}


@pytest.mark.parametrize(("content", "line", "words"), REFUSED.values(), ids=REFUSED)
def test_a_malformed_table_is_refused_with_its_line(content, line, words):
    with pytest.raises(AnnotationError) as caught:
        read(content)
    assert caught.value.line == line
    assert words in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_taxonomy_gives_the_taxon_of_each_protein():
    assert read_taxonomy(io.BytesIO(b"EntryID\ttaxonomyID\na\t9606\nb\t10090\n")) == {
        "a": "9606",
        "b": "10090",
    }


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("a\t9606\n", 1),
        ("EntryID\ttaxonomyID\na\thuman\n", 2),
        ("EntryID\ttaxonID\na\t1\na\t2\n", 3),
    ],
)
def test_a_malformed_taxonomy_is_refused_with_its_line(content, line):
    with pytest.raises(AnnotationError) as caught:
        read_taxonomy(io.BytesIO(content.encode()))
    assert caught.value.line == line


@needs_bad_inputs
@pytest.mark.parametrize(
    ("name", "line", "words"),
    [
        ("02_no_header.tsv", 1, "header not recognised"),
        ("03_comma_separated.tsv", 1, "no TAB found"),
        ("05_underscore_id.tsv", 2, "not a GO id"),
        ("06_gaf_file.tsv", 1, "NOT"),
        ("11_ia_negative_nan.tsv", 1, "header"),
    ],
)
def test_a_shared_file_is_refused_as_its_manifest_says(name, line, words):
    with pytest.raises(AnnotationError, match=words) as caught:
        list(read_annotations(BAD / name))
    assert caught.value.line == line


@needs_bad_inputs
def test_shared_files_are_read_as_their_manifest_says():
    assert list(read_annotations(BAD / "00_clean_terms.tsv")) == READ
    assert list(read_annotations(BAD / "08_crlf.tsv")) == READ
    assert [a.protein for a in read_annotations(BAD / "12_formula_cells.tsv")] == ["=1+1"]


def test_a_not_is_seen_among_blanks() -> None:
    with pytest.raises(AnnotationError, match="1 NOT"):
        read("!gaf-version: 2.2\n" + gaf_row("P1", "GO:0003723", qualifier=" NOT | enables "))


def test_a_term_in_another_aspect_than_its_line_says_is_refused() -> None:
    term = Term("GO:0000001", "a", Aspect.MF)
    ontology = Ontology({term.id: term}, {term.id: ()}, {}, "test")
    with pytest.raises(AnnotationError, match=r":2: a: GO:0000001 is in molecular_function"):
        current_terms(io.BytesIO(TABLE.encode()), ontology, ReadReport())
