"""Evidence codes: what a setting selects, and the codes of ECO ids."""

import pytest

from esmgo.data.evidence_codes import CODES, EXPERIMENTAL, OTHERS, code_of, parse_evidence
from esmgo.dataset.building import BuildConfig
from esmgo.errors import UsageError


def test_the_default_is_what_cafa_takes():
    codes = set("EXP IDA IPI IMP IGI IEP TAS IC HTP HDA HMP HGI HEP".split())  # noqa: SIM905
    assert parse_evidence(BuildConfig(terms="a").evidence) == codes
    assert parse_evidence("experimental") == codes


def test_all_is_every_code_but_nd():
    assert parse_evidence("all") == CODES - {"ND"} == {*EXPERIMENTAL, *OTHERS}


@pytest.mark.parametrize("text", ["IDA", "ida", " IDA , IEA", "EXP,IDA,IPI"])
def test_a_list_is_read_in_any_case(text):
    assert "IDA" in parse_evidence(text)


@pytest.mark.parametrize("text", ["XYZ", "", "IDA;IEA", "IDA,", "ND", "IDA,ALL", "ECO:0000314"])
def test_an_unknown_code_names_the_valid_ones(text):
    with pytest.raises(UsageError, match="EXP IDA IPI") as caught:
        BuildConfig(terms="a", evidence=text)
    assert "IEA" in str(caught.value)
    assert len(str(caught.value)) < 200


def test_each_eco_id_has_one_code():
    from esmgo.data import evidence_codes

    ids = [id for ids in evidence_codes._ECO.values() for id in ids.split()]
    assert len(ids) == len(set(ids)) > 400
    assert set(evidence_codes._ECO) <= CODES
    assert {code_of(f"ECO:{int(id):07d}") for id in ids} == set(evidence_codes._ECO)
