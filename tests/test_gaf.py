"""GAF: which rows become annotations, which are left out, and which are rejected."""

import io

import pytest
from annotating import GAF, KINASE, gaf_row, left_out, taken

from esmgo.data.annotation_files import annotation_blocks
from esmgo.data.evidence_codes import parse_evidence
from esmgo.data.gaf import RELATIONS
from esmgo.errors import AnnotationError

READ = [("P12345", KINASE)]


@pytest.mark.parametrize("qualifier", [
    *RELATIONS, "", "Contributes_to", "contributes_to|colocalizes_with", " enables ",
])  # fmt: skip
def test_permitted_qualifiers_are_positive(qualifier):
    found, report = taken(GAF + gaf_row(qualifier=qualifier))
    assert found == READ
    assert not report.rejects
    assert not report.warnings


@pytest.mark.parametrize("qualifier", [
    "NOT", "NOT|enables", "NOT|contributes_to", "contributes_to|NOT", " NOT | enables ",
])  # fmt: skip
def test_a_negative_row_is_left_out_and_counted(qualifier):
    found, report = taken(GAF + gaf_row("P00001", qualifier=qualifier) + gaf_row())
    assert found == READ
    assert "rows left out: NOT 1" in left_out(report)
    assert not report.rejects


@pytest.mark.parametrize("qualifier", [
    "NOT,enables", "not|enables", "NOT enables", "NOT;contributes_to", "Not", "NOT/enables",
    "NOTenables", "enable", "interacts_with", "enables|", "NOT|", "-", "RO:0002327",
    "NOT|NOT_enables",
])  # fmt: skip
def test_any_other_qualifier_rejects_the_row_with_its_line(qualifier):
    found, report = taken(GAF + gaf_row("P00001", qualifier=qualifier) + gaf_row())
    assert found == READ
    (reject,) = report.rejects
    assert (reject.line, reject.record, reject.id) == (2, 1, "P00001")
    assert "no qualifier" in reject.reason
    assert ("NOT|relation" in reject.reason) == ("NOT" in qualifier.upper())


@pytest.mark.parametrize("kind", [
    "protein", "gene_product", "gene", "polypeptide", "protein_coding_gene", "Protein",
    "protein-coding gene", "", "PR:000000001", "SO:0001217",
])  # fmt: skip
def test_objects_that_may_be_proteins_are_taken(kind):
    assert taken(GAF + gaf_row(kind=kind))[0] == READ


@pytest.mark.parametrize("kind", [
    "protein_complex", "protein-containing complex", "complex", "ncRNA", "miRNA", "tRNA", "rRNA",
    "lncRNA_gene", "transcript", "snoRNA", "pseudogene", "GO:0032991",
])  # fmt: skip
def test_other_objects_are_left_out_and_counted_by_type(kind):
    found, report = taken(GAF + gaf_row("CPX-1", kind=kind) * 2 + gaf_row())
    assert found == READ
    assert f"rows left out: {kind} 2" in left_out(report)
    assert not report.rejects


def test_evidence_is_counted_by_code_taken_and_left_out():
    codes = ["IDA", "IDA", "IEA", "ISS", "IEA", "ND", "IC"]
    text = GAF + "".join(gaf_row(f"P0000{i}", evidence=code) for i, code in enumerate(codes))
    found, report = taken(text)
    assert [protein for protein, _ in found] == ["P00000", "P00001", "P00006"]
    assert "evidence taken: IDA 2, IC 1; left out: IEA 2, ISS 1, ND 1" in left_out(report)
    found, report = taken(text, "all")
    assert len(found) == 6
    assert "evidence taken: IDA 2, IEA 2, ISS 1, IC 1; left out: ND 1" in left_out(report)
    assert [protein for protein, _ in taken(text, "iea, ISS")[0]] == ["P00002", "P00003", "P00004"]


def test_nothing_left_out_is_a_notice_and_no_warning():
    report = taken(GAF + gaf_row())[1]
    assert not report.warnings
    assert report.notices == ["input: read as GAF 2.2", "input: evidence taken: IDA 1"]


def test_a_file_without_the_wanted_evidence_names_what_it_has():
    text = GAF + gaf_row(evidence="IEA") + gaf_row(evidence="IBA") + gaf_row(evidence="IEA")
    with pytest.raises(AnnotationError, match=r"IEA 2, IBA 1 .`evidence=all`") as caught:
        taken(text)
    assert len(str(caught.value)) < 200


BAD_ROWS = {
    "no protein": (gaf_row(protein=""), "no protein id"),
    "aspect": (gaf_row(aspect="H"), "'H' is not an aspect"),
    "no aspect": (gaf_row(aspect=""), "'' is not an aspect"),
    "evidence": (gaf_row(evidence="XYZ"), "'XYZ' is no evidence code"),
    "no evidence": (gaf_row(evidence=""), "no evidence code"),
    "lower case": (gaf_row(evidence="ida"), "'ida' is no evidence code"),
    "term": (gaf_row(term="GO:123"), "'GO:123' is not a GO id"),
    "foreign term": (gaf_row(term="HP:0000118"), "is not a GO id"),
    "control": (gaf_row(protein="P1\x1b"), "control character 0x1B"),
    "few columns": ("UniProtKB\tP1\tx\n", "3 columns; GAF has 15 to 17"),
    "one word": ("word\n", "1 columns"),
    "names of columns": ("DB\tDB_Object_ID" + "\tX" * 15 + "\n", "no qualifier"),
}


@pytest.mark.parametrize(("row", "reason"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_one_bad_row_is_a_reject_and_not_the_end(row, reason):
    found, report = taken(GAF + gaf_row() + row + gaf_row())
    assert found == READ * 2
    (reject,) = report.rejects
    assert (reject.line, reject.record) == (3, 2)
    assert reason in reject.reason
    assert report.n_records == 3


def test_bytes_that_are_no_text_reject_the_row_only_where_they_are_read():
    name = gaf_row().encode().replace(b"SYM", b"\xe9")
    id = gaf_row().encode().replace(b"P12345", b"P\xe9")
    found, report = taken(GAF.encode() + name + id)
    assert found == READ
    assert "not UTF-8: byte 0xE9" in report.rejects[0].reason


@pytest.mark.parametrize("n_good", [0, 500])
def test_a_file_of_bad_rows_is_refused_before_its_end(n_good):
    with pytest.raises(
        AnnotationError, match="rows cannot be read; the first: 1 columns"
    ) as caught:
        taken(GAF + gaf_row() * n_good + "word\n" * 5000)
    assert caught.value.line == 2 + n_good
    _, report = taken(GAF + gaf_row() * 600 + "word\n" * 5000)
    assert len(report.rejects) == 5000


@pytest.mark.parametrize(("form", "own"), [
    ("UniProtKB:P12345-2", "P12345-2"),
    ("UniProtKB:P12345:PRO_0000000001", "P12345:PRO_0000000001"),
    ("PR:000012345", "000012345"),
    ("", ""),
])  # fmt: skip
def test_an_isoform_stays_with_its_protein(form, own):
    text = io.BytesIO((GAF + gaf_row(form=form)).encode())
    (block,) = annotation_blocks(text, evidence=parse_evidence("all"))
    assert (block.protein.of(0), block.form.of(0)) == ("P12345", own)
