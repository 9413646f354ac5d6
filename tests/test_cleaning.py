"""Rows made fit for training: sequences cleaned, terms looked up, all counted."""

import pytest
from made_rows import A, D, row, warned

from esmgo.dataset.opening import open_dataset
from esmgo.errors import DatasetError, RecordError


def test_old_ids_are_replaced_and_counted(write_rows, ontology):
    rows = [row("a", D), row("b", A), row("c", A, "GO:0000009"), row("d", "GO:0000009")]
    data = open_dataset(write_rows(rows), ontology=ontology)
    told = warned(data)
    assert f"1 annotations with alternative ids, read as their terms: {D} (first: a, " in told
    assert "2 annotations with obsolete terms, left out: GO:0000009 (first: c, line 3)" in told
    assert "proteins without terms, left out (1): d (line 4)" in told
    assert "d" not in data.train.ids + data.validation.ids


def test_unknown_terms_can_be_dropped_and_are_counted(write_rows, ontology):
    name = write_rows([row("a", "GO:9999999", A), row("b", A), row("c", A)])
    with pytest.raises(DatasetError, match=r":1: a: GO:9999999 .*`drop_unknown_terms`"):
        open_dataset(name, ontology=ontology)
    data = open_dataset(name, ontology=ontology, drop_unknown_terms=True)
    told = "1 annotations with terms not in the ontology, left out: GO:9999999 (first: a, line 1)"
    assert told in warned(data)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"sequence": "MK-T"}, "gap character '-'"),
        ({"sequence": "MK1T"}, "at position 3"),
        ({"sequence": "MKTA.YIAK"}, "'.' inside the sequence: a stop, or a gap"),
        ({"sequence": "MKTA*YIAK."}, "stop '*' inside the sequence at position 5"),
        ({"sequence": "MKTA\u00a0YIAK"}, "white space U+00A0 (no-break space)"),
        ({"sequence": "MKTA\x0bYIAK"}, "white space U+000B inside the sequence at position 5"),
        ({"sequence": "MKTAYIAK\u200b"}, "non-ASCII character U+200B (zero width space)"),
        ({"sequence": " "}, "empty sequence"),
        ({"sequence": "ACGT" * 20}, "nucleotides"),
        ({"sequence": "M" * 100_001}, "100,001 residues"),
        ({"id": "x\x1b[31m"}, "control character in the id"),
    ],
)
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_bad_protein_is_rejected_and_the_rest_goes_on(write_rows, ontology, bad, why, kind):
    name = write_rows([row("a", A), row("x", A) | bad, row("c", A)], f"train.{kind}")
    data = open_dataset(name, ontology=ontology)
    (reject,) = data.report.rejects
    assert why in str(reject)
    assert (":2: x" if kind == "jsonl" else "(row 2)") in str(reject)
    assert "\x1b" not in str(reject)
    assert (data.report.n_accepted, data.report.n_records) == (2, 3)
    with pytest.raises(RecordError):
        open_dataset(name, ontology=ontology, strict=True)


def test_j_is_read_as_x_with_a_warning(write_rows, ontology):
    data = open_dataset(write_rows([row("a", A, sequence="MJK"), row("b", A)]), ontology=ontology)
    assert "read as X (1): a" in warned(data)
    assert "MXK" in data.train.sequences + data.validation.sequences


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_stops_at_the_end_and_few_residues_are_counted(write_rows, ontology, kind):
    rows = [row("a", A, sequence="MK TAYI\r\nAKQR.*"), row("b", A, sequence="MKTA**"), row("c", A)]
    data = open_dataset(write_rows(rows, f"train.{kind}"), ontology=ontology)
    told = warned(data)
    assert "sequences with stops at the end (* or .), dropped (2): a, b" in told
    assert "proteins of fewer than 10 known residues (1): b" in told
    assert {"MKTAYIAKQR", "MKTA"} < {*data.train.sequences, *data.validation.sequences}
