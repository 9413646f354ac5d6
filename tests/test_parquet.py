"""Parquet tables: types of other writers, malformed and damaged ones."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_rows import A, B, C, M, row

from esmgo.dataset.opening import open_dataset
from esmgo.errors import DatasetError


def test_parquet_and_json_lines_give_the_same_data_set(write_rows, ontology):
    rows = [row("a", A, B, taxon_id="9606"), row("b", M, taxon_id="1"), row("c", C, taxon_id="2")]
    one = open_dataset(write_rows(rows, "a.jsonl"), ontology=ontology)
    two = open_dataset(write_rows(rows, "a.parquet"), ontology=ontology)
    other_name = [{("go_terms" if k == "terms" else k): v for k, v in r.items()} for r in rows]
    other_name = [r | {"taxon_id": 7, "more": [1.5, None]} for r in other_name]
    three = open_dataset(write_rows(other_name, "b.jsonl.gz"), ontology=ontology)
    four = open_dataset(write_rows(other_name, "b.parquet"), ontology=ontology)
    assert len({data.fingerprint for data in (one, two, three, four)}) == 1
    assert taxa_of(one) == taxa_of(two) == {"a": 9606, "b": 1, "c": 2}
    assert taxa_of(three) == taxa_of(four) == {"a": 7, "b": 7, "c": 7}


def taxa_of(data):
    records = [*data.train.records, *data.validation.records]
    return {protein.id: protein.taxon for protein in records}


def test_a_value_that_is_no_taxon_id_is_an_unknown_taxon(write_rows, ontology):
    taxa = ["9606 ", "human", None, "9" * 30]
    rows = [row(id, A, B, taxon_id=taxon) for id, taxon in zip("abcd", taxa, strict=True)]
    for name in ("a.jsonl", "a.parquet"):
        data = open_dataset(write_rows(rows, name), ontology=ontology)
        assert taxa_of(data) == {"a": 9606, "b": 0, "c": 0, "d": 0}
    table = pa.Table.from_pylist([row("a", A, B, taxon_id=[9606]), row("b", A, B, taxon_id=[])])
    data = open_dataset(write_rows(table, "lists.parquet"), ontology=ontology)
    assert taxa_of(data) == {"a": 0, "b": 0}


@pytest.mark.parametrize("kind", ["dictionary", "large", "chunked"])
def test_parquet_types_of_other_writers_are_read(write_rows, ontology, kind):
    rows = [row("a", A, B), row("b", M), row("c", C)]
    table = pa.Table.from_pylist(rows)
    text, words = {
        "dictionary": (pa.dictionary(pa.int32(), pa.string()), pa.list_(pa.string())),
        "large": (pa.large_string(), pa.large_list(pa.large_string())),
        "chunked": (pa.string(), pa.list_(pa.string())),
    }[kind]
    table = table.cast(pa.schema([("id", pa.string()), ("sequence", text), ("terms", words)]))
    if kind == "chunked":
        table = pa.concat_tables([table.slice(0, 2), table.slice(2)])
    plain = open_dataset(write_rows(rows, "plain.jsonl"), ontology=ontology)
    assert (
        open_dataset(write_rows(table, "x.parquet"), ontology=ontology).fingerprint
        == plain.fingerprint
    )


def columns(**changed):
    return pa.table({"id": ["a", "b"], "sequence": ["MKT", "MKV"], "terms": [[A], [A]]} | changed)


TABLES = {
    "null id": (columns(id=["a", None]), "row 2: column 'id' is null"),
    "empty id": (columns(id=["a", ""]), "row 2: column 'id' is empty"),
    "null sequence": (columns(sequence=[None, "M"]), "row 1: column 'sequence' is null"),
    "number id": (columns(id=[1, 2]), "column 'id' is int64, not text"),
    "null terms": (columns(terms=pa.array([None, None], pa.list_(pa.string()))), "no GO terms"),
    "null in terms": (columns(terms=[[None], ["", None]]), "no GO terms in any of its 2 rows"),
    "text terms": (columns(terms=[A, A]), "column 'terms' is string, not a list"),
    "number terms": (columns(terms=[[1], [2]]), "column 'terms' is list<"),
    "no sequence": (columns().drop_columns("sequence"), "no column 'sequence'"),
    "no terms": (columns().drop_columns("terms"), "no column 'terms'; found id, sequence"),
    "twice": (columns(id=["a", "a"]), "row 2: id 'a' is on row 1 already"),
    "unknown": (columns(terms=[[A], [A, "GO:9999999"]]), "row 2: b: GO:9999999"),
    "empty": (columns().slice(0, 0), "no rows"),
    "only empty terms": (columns(terms=pa.array([[], []], pa.list_(pa.null()))), "no GO terms"),
    "not UTF-8": (
        columns(id=pa.array([b"a", b"\xff"]).view(pa.string())),
        "not a readable Parquet file",
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_malformed_table_is_refused_with_its_row(write_rows, ontology, case):
    table, words = TABLES[case]
    with pytest.raises(DatasetError) as caught:
        open_dataset(write_rows(table, "train.parquet"), ontology=ontology)
    assert words in str(caught.value)
    assert "train.parquet" in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "flipped", "renamed"])
def test_a_damaged_table_is_refused(write_rows, ontology, damage):
    path = Path(write_rows([row(f"p{i}", A) for i in range(50)], "train.parquet"))
    data = path.read_bytes()
    flipped = data[:4] + bytes(byte ^ 255 for byte in data[4:400]) + data[400:]
    renamed = b"edement".join(data.rsplit(b"element", 1))  # of the first of two mentions
    assert renamed != data
    path.write_bytes({
        "cut": data[:-9], "text": b"hello", "empty": b"", "flipped": flipped, "renamed": renamed,
    }[damage])  # fmt: skip
    with pytest.raises(DatasetError, match=r"train\.parquet: "):
        open_dataset(str(path), ontology=ontology)


def test_nulls_among_terms_count_as_no_term(write_rows, ontology):
    rows = [row("a", A, B), row("b", M), row("c", C)]
    plain = open_dataset(write_rows(rows, "plain.jsonl"), ontology=ontology)
    nulls = [
        row("a", A, B) | {"terms": [A, None, B]}, row("x") | {"terms": None}, row("b", M),
        row("y") | {"terms": [None]}, row("c") | {"terms": [None, C, ""]}, row("z"),
    ]  # fmt: skip
    for name in ("nulls.jsonl", "nulls.parquet"):
        found = open_dataset(write_rows(nulls, name), ontology=ontology)
        assert found.fingerprint == plain.fingerprint
        place = "line 1" if name.endswith("jsonl") else "row 1"
        warnings = "; ".join(found.report.warnings)
        assert f"terms that are null or empty, left out (4; first: {place}, a)" in warnings
        assert "proteins without terms, left out (3)" in warnings


def test_a_list_that_is_null_hides_its_values(write_rows, ontology):
    lists = pa.ListArray.from_arrays(
        pa.array([0, 1, 3]), pa.array([A, "GO:9999999", B]), mask=pa.array([False, True])
    )
    found = open_dataset(write_rows(columns(terms=lists), "x.parquet"), ontology=ontology)
    assert "proteins without terms, left out (1): b" in "; ".join(found.report.warnings)


BIG = "M" * 1_000_000


def bomb(n=2000, **columns):
    """A table in which one text of a dictionary stands for many cells."""
    ids = [f"p{i}" for i in range(n)]
    long = pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int32()), pa.array([BIG]))
    table = {"id": ids, "sequence": ["MKT"] * n, "terms": [[A]] * n}
    return pa.table(table | {name: make(n, long) for name, make in columns.items()})


BOMBS = {
    "sequence": (bomb(sequence=lambda n, long: long), {}),
    "id": (bomb(id=lambda n, long: long), {}),
    "terms": (
        bomb(terms=lambda n, long: pa.ListArray.from_arrays(list(range(n + 1)), long)), {},
    ),
    "plain": (bomb(200, sequence=lambda n, long: pa.array([BIG] * n)), {"use_dictionary": False}),
    "rows": (bomb(1_200_000), {}),
    "terms of one row": (
        pa.table({
            "id": ["a"], "sequence": ["MKT"],
            "terms": pa.ListArray.from_arrays(
                [0, 4_500_000],
                pa.DictionaryArray.from_arrays(pa.array(np.zeros(4_500_000, np.int32)), [A]),
            ),
        }),
        {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BOMBS)
def test_a_small_file_of_much_text_is_refused_before_it_is_read(tmp_path, ontology, case):
    table, options = BOMBS[case]
    if case in ("rows", "terms of one row"):  # these are fewer bytes than ids that differ
        table = table.set_column(0, "id", pa.array(["a"] * table.num_rows))
    path = tmp_path / "train.parquet"
    pq.write_table(table, path, compression="zstd", store_schema=False, **options)
    assert path.stat().st_size < 50_000
    before = pa.total_allocated_bytes()
    peak = pa.default_memory_pool().max_memory()
    with pytest.raises(DatasetError, match="too many for a data set") as caught:
        open_dataset(str(path), ontology=ontology)
    assert len(str(caught.value)) < 200
    assert pa.default_memory_pool().max_memory() <= max(peak, before + 100_000_000)


def test_long_texts_that_the_file_has_room_for_are_read(tmp_path, ontology):
    rows = [{"id": f"p{i}", "sequence": "MK" * 1500, "terms": [A]} for i in range(3000)]
    path = tmp_path / "train.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path, compression="zstd", row_group_size=500)
    assert path.stat().st_size < 9_000_000 / 64
    assert len(open_dataset(str(path), ontology=ontology).train) > 2000
