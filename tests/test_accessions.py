"""The accession of every form in docs/ids.md, and of malformed ones."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmgo.data.accessions import UNIPROT, Numbering, accession, forms, parse_id

DOC = Path(__file__).parents[1] / "docs" / "ids.md"
ROWS = re.findall(
    r"^\| [^|]+ \| `(.+?)` \| `([^`]+)` \| (yes|no) \|$", DOC.read_text(), re.MULTILINE
)


@pytest.mark.parametrize(("written", "expected", "is_uniprot"), ROWS)
def test_the_table_of_the_documentation_holds(written, expected, is_uniprot):
    found = parse_id(written.replace(r"\|", "|"))
    assert (found.accession, found.database == UNIPROT) == (expected, is_uniprot == "yes")


def test_the_documentation_has_a_table():
    assert len(ROWS) > 30


@pytest.mark.parametrize(
    ("id", "expected"),
    [
        ("sp|LYSC_CHICK", "LYSC_CHICK"),
        ("sp|Q07869_REVERSED|Peroxisome", "Q07869_REVERSED"),
        ("sp|sihumi_Q8AAB1|", "sihumi_Q8AAB1"),
        ("sp||EMPTY_TEST", "EMPTY_TEST"),
        ("rp|Q8IWF2-id12299|FXRD2_HUMAN-id12299", "rp_Q8IWF2-id12299_FXRD2_HUMAN-id12299"),
        ("tr|not", "not"),
        ("tr|a0a023pxp4|x", "a0a023pxp4"),
        ("sp|", "sp"),
        ("|||", "_"),
        ("UniProtKB:", "UniProtKB:"),
        ("UniProtKB|", "UniProtKB"),
        ("gi|2|x", "2"),
        ("gi|2", "2"),
    ],
)
def test_what_only_resembles_a_known_form_is_not_uniprots(id, expected):
    found = parse_id(id)
    assert (found.accession, found.database) == (expected, "")
    assert found.symbol


def test_an_isoform_keeps_its_number_and_names_its_protein():
    found = parse_id("tr|P04637-2|P53_HUMAN")
    assert found == ("P04637-2", UNIPROT, "P53_HUMAN", "P04637")
    assert parse_id("P0DTD1-PRO_0000449619").canonical == "P0DTD1"


def test_a_missing_entry_name_is_the_accession():
    assert parse_id("tr|A0A0A0MT89|").symbol == "A0A0A0MT89"


@given(st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=40))
def test_an_accession_is_never_empty_and_has_no_bar(id):
    found = accession(id)
    assert found
    assert "|" not in found


@given(st.from_regex(r"(sp|gi|ref|pdb|jgi|gnl|lcl|x)(\|[A-Z0-9._]{0,6}){1,5}", fullmatch=True))
def test_parts_of_an_identifier_with_bars_are_filled(id):
    assert all(part and "|" not in part for part in parse_id(id)._replace(database="-"))


@given(st.lists(st.sampled_from(
    ["P04637", "sp|P04637|P53_HUMAN", "P04637-2", "a", "ENSP00000269305.4", "ENSP00000269305", ""]
)))  # fmt: skip
def test_a_number_stands_for_an_accession(ids):
    numbering = Numbering()
    numbers = [numbering.add(id) for id in ids]
    assert len(numbering) == len(set(map(accession, ids)))
    for id, number in zip(ids, numbers, strict=True):
        assert numbering.find(id) == number
        assert accession(numbering.ids[number]) == accession(id)
        assert (id in numbering.shared) == (numbering.ids[number] != id)
    assert numbering.find("absent") == -1


def test_ids_that_share_an_accession_are_reported_in_one_line():
    lines = []
    for ids in (["a", "b"], ["P04637", "P04637.1", "P04637.2"]):
        Numbering(ids).report(lines.append, "x" * 300)
    (line,) = lines
    assert "2 ids share the accession of another" in line
    assert len(line) < 200
    assert len(forms("x" * 300, "y" * 300, "z" * 300)) < 120
