"""JSON Lines: malformed ones are refused with their place."""

import pytest
from made_rows import A, row

from esmgo.dataset.opening import open_dataset
from esmgo.errors import DatasetError

REFUSED = {
    "no id": (['{"sequence": "MK", "terms": []}'], ":1: a row has no field 'id'"),
    "no terms": ([{"id": "a", "sequence": "MK"}], ":1: a has no field 'terms'"),
    "null id": ([row("a", A) | {"id": None}], ":1: field 'id' of a row is null"),
    "number id": ([row("a", A) | {"id": 7}], ":1: field 'id' of a row is a number"),
    "empty id": ([row("a", A) | {"id": " "}], ":1: field 'id' is empty"),
    "list sequence": ([row("a", A) | {"sequence": ["M"]}], "'sequence' of a is a list"),
    "null terms": ([row("a", A) | {"terms": None}], "no GO terms in any of its 1 rows"),
    "nulls alone": ([row("a", A) | {"terms": [None, ""]}], "no GO terms in any of its 1 rows"),
    "text terms": ([row("a", A) | {"terms": A}], "'terms' of a is a text, not a list"),
    "number in terms": ([row("a", A) | {"terms": [A, 1]}], "'terms' of a holds a number"),
    "dict in terms": ([row("a", A) | {"terms": [{"id": A}]}], "'terms' of a holds an object"),
    "both names": ([row("a", A) | {"go_terms": [A]}], "both 'terms' and 'go_terms'"),
    "no GO id": ([row("b", A), row("a", "GO_0000001")], ":2: a: 'GO_0000001' is not a GO id"),
    "space in GO id": ([row("a", A + " ")], "is not a GO id"),
    "array": (["[1, 2]"], ":1: not a row: a list where"),
    "text": (['"a"'], ":1: not a row: a text where"),
    "NaN": (['{"id": "a", "score": NaN}'], ":1: not JSON: NaN"),
    "huge number": (['{"id": ' + "1" * 5000 + "}"], ":1: not a row: a number has too many"),
    "two objects": (['{"id": "a"} {"id": "b"}'], ":1: not JSON (column 13)"),
    "fasta": ([">a", "MKT"], ":1: not JSON (column 1)"),
    "nested duplicate": (['{"id": "a", "x": {"k": 1, "k": 2}}'], "key 'k' is repeated"),
    "deep object": (['{"a":' * 50_000 + "1" + "}" * 50_000], "nested too deeply"),
    "surrogate": (['{"id": "a", "sequence": "M\\udc00", "terms": []}'], ":1: an unpaired"),
    "surrogate key": (['{"id": "a", "\\uD800": 1}'], ":1: an unpaired surrogate"),
    "raw surrogate": (['{"id": "a\ud800"}'], ":1: not UTF-8"),
    "empty file": ([], "no rows"),
    "blank lines": (["", "  ", ""], "no rows"),
    "all bad": ([row("a", A, sequence="M1")], "none of its 1 rows can be used"),
    "no terms at all": ([row("a"), row("b")], "no GO terms in any of its 2 rows"),
    "same row twice": ([row("a", A), "", row("a", A)], ":3: id 'a' is on line 1 already"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_malformed_file_is_refused_with_its_place(write_rows, ontology, case):
    rows, words = REFUSED[case]
    name = write_rows(rows)
    with pytest.raises(DatasetError) as caught:
        open_dataset(name, ontology=ontology)
    assert words in str(caught.value)
    assert "train.jsonl" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200
