"""GPAD 1 and 2: the same annotations as in GAF."""

import pytest
from annotating import GPAD_1, GPAD_2, KINASE, gpad_2_row, gpad_row, left_out, taken

from esmgo.data.evidence_codes import parse_evidence
from esmgo.data.gaf import RELATIONS
from esmgo.data.rejects import ReadReport
from esmgo.dataset.matching import current_terms

READ = [("P12345", KINASE)]


@pytest.mark.parametrize("text", [
    GPAD_1 + gpad_row(),
    GPAD_1.replace("1.2", "1.1") + "!generated-by: X\n" + gpad_row(),
    "!generated-by: X\n!gpa-version: 1.0\n" + gpad_row(),
    gpad_row(),
    GPAD_2 + gpad_2_row(),
    "!date-generated: 2024-01-01\n" + GPAD_2 + gpad_2_row(),
    gpad_2_row(),
    GPAD_1 + "DB\tDB_Object_ID\tQualifier\tGO_ID\tRef\tECO\tWith\tTaxon\tDate\tBy\n" + gpad_row(),
])  # fmt: skip
def test_all_versions_are_read(text):
    found, report = taken(text)
    assert found == READ
    assert not report.rejects
    is_without_version = "version" not in text
    assert ("no version line" in left_out(report)) == is_without_version


@pytest.mark.parametrize(("relation", "id"), RELATIONS.items())
def test_relations_are_names_in_1_and_ids_in_2(relation, id):
    assert taken(GPAD_1 + gpad_row(qualifier=relation))[0] == READ
    assert taken(GPAD_2 + gpad_2_row(qualifier=id))[0] == READ


@pytest.mark.parametrize("row", [
    gpad_row(qualifier="NOT|enables"), gpad_2_row(negation="NOT"),
    gpad_2_row(qualifier="NOT|RO:0002327"),
])  # fmt: skip
def test_negation_is_left_out(row):
    head, good = (GPAD_1, gpad_row()) if row.startswith("UniProtKB\t") else (GPAD_2, gpad_2_row())
    found, report = taken(head + good + row)
    assert found == READ
    assert "NOT 1" in left_out(report)


@pytest.mark.parametrize("row", [
    gpad_row(qualifier="NOT,enables"), gpad_row(qualifier="not|enables"), gpad_row(eco="IDX"),
    gpad_row(eco="ECO:314"), gpad_2_row(negation="not"), gpad_2_row(negation="NO"),
    gpad_2_row(qualifier="RO:0000001"), gpad_2_row(protein=""), "UniProtKB\tP1\n",
])  # fmt: skip
def test_a_bad_row_is_a_reject(row):
    head, good = (GPAD_2, gpad_2_row()) if "2024-01-01" in row else (GPAD_1, gpad_row())
    found, report = taken(head + good + row + good)
    assert found == READ * 2
    assert [reject.line for reject in report.rejects] == [3]


@pytest.mark.parametrize(("eco", "code"), [
    ("ECO:0000314", "IDA"), ("ECO:0007005", "HDA"), ("ECO:0000353", "IPI"), ("ECO:0005613", "EXP"),
    ("ECO:0000305", "IC"), ("ECO:0000304", "TAS"), ("ECO:0006056", "HTP"), ("IMP", "IMP"),
])  # fmt: skip
def test_eco_ids_are_experimental_codes(eco, code):
    found, report = taken(GPAD_1 + gpad_row(eco=eco))
    assert found == READ
    assert f"evidence taken: {code} 1" in report.notices[1]


@pytest.mark.parametrize(("eco", "code"), [
    ("ECO:0000501", "IEA"), ("ECO:0007669", "IEA"), ("ECO:0000256", "IEA"), ("ECO:0000318", "IBA"),
    ("ECO:0000307", "ND"), ("ECO:0000250", "ISS"), ("ECO:9999999", "ECO:9999999"),
])  # fmt: skip
def test_other_eco_ids_are_left_out_by_name(eco, code):
    text = GPAD_1 + gpad_row() + gpad_row("P00001", eco=eco)
    found, report = taken(text)
    assert found == READ
    assert f"left out: {code} 1" in left_out(report)
    assert len(taken(text, "all")[0]) == (1 if code == "ND" else 2)


def test_complexes_and_rnas_are_left_out_by_their_database():
    text = GPAD_1 + gpad_row() + gpad_row("CPX-1").replace("UniProtKB", "ComplexPortal")
    found, report = taken(text + gpad_row("URS1_9606").replace("UniProtKB", "RNAcentral"))
    assert found == READ
    assert "rows left out: ComplexPortal 1, RNAcentral 1" in left_out(report)
    found, report = taken(GPAD_2 + gpad_2_row() + gpad_2_row("ComplexPortal:CPX-1"))
    assert found == READ
    assert "ComplexPortal 1" in left_out(report)


def test_an_isoform_is_kept_beside_its_protein(tmp_path):
    path = tmp_path / "a.gpad"
    path.write_text(GPAD_1 + gpad_row("P12345-2") + gpad_row("P54321:PRO_0000000001"))
    found = current_terms(path, None, ReadReport(), evidence=parse_evidence("all"))
    assert {id: at.protein for id, at in found.items()} == {
        "P12345-2": "P12345", "P54321:PRO_0000000001": "P54321",
    }  # fmt: skip


def test_ids_of_model_organisms_keep_their_prefix():
    found, _ = taken(GPAD_2 + gpad_2_row("MGI:MGI:97490") + gpad_2_row("SGD:S000001"))
    assert [protein for protein, _ in found] == ["MGI:97490", "S000001"]
