"""Files of annotations: which format a file has by its content, and what is refused by name."""

import gzip
import io
import re

import pytest
from annotating import GAF, KINASE, gaf_row, gpad_2_row, gpad_row, left_out, taken

from esmgo.data.annotation_files import annotation_blocks, read_annotations
from esmgo.data.annotations import Annotation
from esmgo.data.evidence_codes import parse_evidence
from esmgo.data.rejects import ReadReport
from esmgo.errors import AnnotationError, RecordError
from esmgo.files.gzipped import GZIP
from esmgo.go.terms import Aspect

HEADER = "EntryID\tterm\taspect\n"
TABLE = HEADER + "a\tGO:0000001\tBPO\nb\tGO:0000002\tBPO\n"
READ = [Annotation("a", "GO:0000001", 2, Aspect.BP), Annotation("b", "GO:0000002", 3, Aspect.BP)]
TITLES = (
    "DB\tDB Object ID\tDB Object Symbol\tQualifier\tGO ID\tDB:Reference\tEvidence Code\tWith\t"
    "Aspect\tName\tSynonym\tType\tTaxon\tDate\tAssigned By\tExtension\tForm\n"
)


def read(content):
    return list(
        read_annotations(io.BytesIO(content.encode() if isinstance(content, str) else content))
    )


@pytest.mark.parametrize("content", [
    TABLE,
    TABLE.replace("\n", "\r\n"),
    TABLE.replace("\n", "\r"),
    TABLE.rstrip("\n"),
    "\ufeff" + TABLE,
    TABLE.replace("EntryID\tterm", "ENTRYID\tTerm"),
    TABLE.replace("BPO", "P"),
    TABLE.replace("BPO", "biological_process"),
    TABLE + "\n\n",
    TABLE.replace("\t", "  "),
    gzip.compress(TABLE.encode(), mtime=0),
])  # fmt: skip
def test_a_cafa_table_is_read_however_it_is_written(content):
    assert read(content) == READ


@pytest.mark.parametrize("letter", ["F", "MFO", "mf", "molecular_function"])
def test_aspects_are_letters_or_names(letter):
    found = read(TABLE.replace("BPO", letter))
    assert {annotation.aspect for annotation in found} == {Aspect.MF}


@pytest.mark.parametrize(("text", "name"), [
    (GAF + gaf_row(), "GAF 2.2"),
    ("!URL: x\n!generated-by: y\n" + GAF + "!more\n" + gaf_row(), "GAF 2.2"),
    ("!gaf-version:2.1\n" + gaf_row(qualifier=""), "GAF 2.1"),
    ("!gaf-version: 2.0\n" + gaf_row(qualifier=""), "GAF 2.0"),
    ("!gaf-version: 1.0\n" + gaf_row(qualifier="")[:-3] + "\n", "GAF 1.0"),
    ("! GAF-version: 2.2\n" + TITLES + gaf_row(), "GAF 2.2"),
    (GAF + "\n" + TITLES.lower() + "\n" + gaf_row(), "GAF 2.2"),
    (gaf_row() + "!a comment\n" + GAF, "GAF 2.2"),
    (GAF + "!x\n" * 300 + gaf_row().replace("\n", "\r\n"), "GAF 2.2"),
    ("!gpa-version: 1.1\n" + gpad_row(), "GPAD 1.1"),
    ("!gpad-version: 2.0\n" + gpad_2_row(), "GPAD 2.0"),
])  # fmt: skip
def test_the_version_line_may_stand_anywhere(text, name):
    found, report = taken(text)
    assert found == [("P12345", KINASE)]
    assert f"input: read as {name}" in report.notices
    assert not report.warnings
    assert not report.rejects


@pytest.mark.parametrize("text", [
    gaf_row(), TITLES + gaf_row(), "!comment\n" + gaf_row(), gaf_row(term="GO:1") + gaf_row(),
])  # fmt: skip
def test_without_a_version_line_the_columns_decide_with_one_warning(text):
    found, report = taken(text)
    assert found == [("P12345", KINASE)]
    assert report.warnings == ["input: no version line; the columns are those of GAF"]


REFUSED = {
    "empty": ("", None, "empty"),
    "header alone": (HEADER, 1, "no annotations"),
    "no header": ("a\tGO:0000001\tBPO\n", 1, "header not recognised: three columns"),
    "two columns": (HEADER + "a\tGO:0000001\n", 2, "2 columns"),
    "underscore id": (HEADER + "a\tGO_0000001\tBPO\n", 2, "'GO_0000001' is not a GO id"),
    "short id": (TABLE + "c\tGO:1\tBPO\n", 4, "'GO:1' is not a GO id"),
    "aspect": (HEADER + "a\tGO:0000001\tXYZ\n", 2, "'XYZ' is not an aspect"),
    "no protein": (HEADER + "\tGO:0000001\tBPO\n", 2, "no protein"),
    "control character": (HEADER + "a\x1b\tGO:0000001\tBPO\n", 2, "0x1B"),
    "not UTF-8": (HEADER.encode() + b"\xe9\tGO:0000001\tBPO\n", 2, "not UTF-8"),
    "a later GAF": ("!gaf-version: 3.0\n" + gaf_row(), 2, "GAF 3.0 is not read"),
    "comments alone": ("!gaf-version: 2.2\n!x\n", 1, "comments alone"),
    "GAF of few columns": (GAF + "UniProtKB\tP1\n", 2, "2 columns"),
    "GAF of NOT alone": (GAF + gaf_row(qualifier="NOT|enables"), 1, "NOT 1"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "line", "words"), REFUSED.values(), ids=REFUSED)
def test_a_malformed_table_is_refused_with_its_line(content, line, words):
    with pytest.raises(AnnotationError) as caught:
        read(content)
    assert caught.value.line == line
    assert words in str(caught.value)
    assert len(str(caught.value)) < 200


FOREIGN = {
    "FASTA": (">P1\nMKL\n", "FASTA", "`sequences`"),
    "OBO": ("format-version: 1.2\n\n[Term]\nid: GO:0000001\n", "OBO", "`ontology`"),
    "HTML": ("<html></html>\n", "HTML", "download"),
    "OWL": ("<?xml version='1.0'?>\n<rdf:RDF/>\n", "XML", "GAF"),
    "JSON": ('[{"id": "P1", "terms": ["GO:0000001"]}]\n', "JSON", "jq"),
    "JSON Lines": ('{"id": "P1", "terms": ["GO:0000001"]}\n', "JSON", "jq"),
    "CSV": (TABLE.replace("\t", ","), "no TAB found: CSV", "tr"),
    "quoted CSV": ('"a","GO:0000001"\n', "CSV", "tr"),
    "quotes": ('"a"\t"GO:0000001"\n', "quotes", "quote=FALSE"),
    "GFF": ("##gff-version 3\nc\ts\tgene\t1\t9\t.\t+\t.\tID=a\n", "GFF", "Ontology_term"),
    "GTF": ("c\ts\tgene\t1\t9\t.\t+\t.\tOntology_term=GO:0000001\n", "GFF", "column 9"),
    "VCF": ("##fileformat=VCFv4.2\n#CHROM\tPOS\n", "VCF", "table"),
    "FASTQ": ("@r1\nACGT\n+\nIIII\n", "FASTQ", "table"),
    "flat file": ("ID   P53_HUMAN   Reviewed;\nDR   GO; GO:0000001;\n", "flat file", "TSV"),
    "GenBank": ("LOCUS       AAA 20 aa\n", "flat file", "TSV"),
    "GPI": ("!gpi-version: 2.1\nUniProtKB:P1\tx\n", "GPI", "GAF or GPAD"),
    "information accretion": ("GO:0000001\t-3\nGO:0000002\tnan\n", "terms and numbers", "`ia`"),
    "term first": ("GO:0000001\tP1\nGO:0000002\tP1\n", "term comes first", "awk"),
    "predictions": ("P1\tGO:0000001\t0.5\n", "predictions", "`predictions`"),
    "many columns": ("P1\tGO:0000001\tGO:0000002\n", "several columns", "join"),
    "text after": ("P1\tGO:0000001\tbinding\n", "three columns", "cut -f1,2"),
    "hits": ("a\tb\t99.0\t50\t1\t0\t1\t50\t1\t50\t1e-9\t99\n", "BLAST", "no GO ids"),
    "list": ("P1\nP2\n", "single words", "two columns"),
    "UniProt without GO": ("Entry\tEntry Name\nP1\tX\n", "UniProt", "Gene Ontology IDs"),
    "eggNOG without GO": ("#query\tseed_ortholog\nP1\tx\n", "eggNOG", "columns"),
    "another table": ("sample\tvalue\ns1\t7\n", "no GO ids", "EntryID, term, aspect"),
    "GO elsewhere": ("x\ty\tz\tq\n1\t2\t3\tGO:0000001\n", "unknown", "header"),
    "binary": (b"\x00\x01\x02abc\x00" * 9, "binary", "TAB-separated"),
    "Parquet": (b"PAR1\x15\x04\x15", "Parquet", "TAB-separated"),
    "Excel": (b"PK\x03\x04" + b"\0" * 26 + b"[Content_Types].xml", "Excel", "TAB-separated"),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1\xb1" + b"\0" * 9, "old Excel", "TAB-separated"),
    "zip": (b"PK\x03\x04" + b"\0" * 30, "zip", "extract"),
    "UTF-16": (TABLE.encode("utf-16"), "UTF-16", "UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "kind", "cure"), FOREIGN.values(), ids=FOREIGN)
def test_any_other_file_is_named_with_its_cure(content, kind, cure):
    with pytest.raises(AnnotationError) as caught:
        read(content)
    assert re.search(rf"{re.escape(kind)}.*{re.escape(cure)}", str(caught.value))
    assert len(str(caught.value)) < 180


def test_gzip_of_gzip_is_refused():
    with pytest.raises(AnnotationError, match="gzip"):
        read(gzip.compress(gzip.compress(TABLE.encode())))
    assert gzip.compress(b"").startswith(GZIP)


def test_a_control_character_is_the_fault_of_its_row_alone():
    report = ReadReport()
    text = (TABLE + "c\x00\tGO:0000001\tBPO\n").encode()
    assert list(read_annotations(io.BytesIO(text), report=report)) == READ
    assert report.rejects[0].reason == "control character 0x00 in protein id"


def test_a_bad_row_is_a_reject_with_a_report_and_an_error_if_strict():
    text = (TABLE + "c\tGO:1\tBPO\n").encode()
    report = ReadReport()
    assert list(read_annotations(io.BytesIO(text), report=report)) == READ
    assert [(r.line, r.record, r.id) for r in report.rejects] == [(4, 3, "c")]
    assert report.n_records == 3
    with pytest.raises(RecordError, match=":4: c rejected"):
        list(read_annotations(io.BytesIO(text), report=ReadReport(strict=True)))


@pytest.mark.parametrize("text", [
    "a\tGO:0000001\tF\nb\tGO:0000002\tF\n", "a\tGO:0000001\t0.9\tx\nb\tGO:0000002\t1\ty\n",
    "a GO:0000001 F\nb GO:0000002 F\n", "EntryID term aspect\na GO:0000001 F\nb GO:0000002 F\n",
    "a\tGO:0000001\nb\tGO:0000002\nb\tHP:0000118\n", "\n\na GO:0000001\n \nb GO:0000002\n",
])  # fmt: skip
def test_a_truth_may_have_more_columns_and_other_ontologies(text):
    source = io.BytesIO(text.encode())
    blocks = annotation_blocks(source, evidence=parse_evidence("all"), is_truth=True)
    found = [(a.protein, a.term) for block in blocks for a in block]
    assert found[:2] == [("a", "GO:0000001"), ("b", "GO:0000002")]
    assert len(found) == 2 + text.count("HP:")


def test_blank_lines_cost_no_time():
    text = GAF + "\n" * 3_000_000 + gaf_row() + " \n" * 1_000_000
    found, report = taken(gzip.compress(text.encode()))
    assert found == [("P12345", KINASE)]
    assert "GAF 2.2" in report.notices[0]
    assert left_out(report) == ""


@pytest.mark.parametrize(("content", "evidence", "n"), [
    (TABLE, "IDA", 1), (TABLE, "all", 1), (TABLE, "experimental", 0),
    ("protein\tterm\tqualifier\na\tGO:0000001\t\n", "all", 1),
    ("a\tGO:0000001;GO:0000002\n", "IDA", 1),
    ("protein\tterm\tevidence\na\tGO:0000001\tIDA\n", "all", 0),
])  # fmt: skip
def test_evidence_without_effect_is_a_warning(content, evidence, n):
    report = ReadReport()
    assert list(read_annotations(io.BytesIO(content.encode()), evidence=evidence, report=report))
    assert (
        report.warnings == ["input: `evidence` has no effect: the file has no evidence codes"] * n
    )
