"""The data set: what is read, cleaned, split and labelled, and what is refused."""

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmgo.dataset.opening import locate_dataset, open_dataset, parse_subset
from esmgo.errors import DatasetError, HubError, RecordError, UsageError
from esmgo.go.labels import LabelSpace
from esmgo.go.obo import read_obo
from esmgo.go.ontology import Ontology
from esmgo.go.sparse import close_rows
from esmgo.go.terms import Aspect, Term

SHARED = Path(__file__).parents[2] / "shared"
BAD = SHARED / "bad_inputs"
needs_shared = pytest.mark.skipif(not BAD.is_dir(), reason="the shared bad inputs are not here")

BP, MF = "GO:0008150", "GO:0003674"
A, B, C, D, M = (f"GO:000000{i}" for i in (1, 2, 3, 4, 5))


def sequence(i):
    """A protein of 30 residues, another one for each number."""
    return "M" + "".join("ACDEFGHIKLMNPQRSTVWY"[(i * 7 + k * k) % 20] for k in range(29)) + "W" * i


def row(id, *terms, **more):
    number = sum(map(ord, id))
    return {"id": id, "sequence": sequence(number % 97), "terms": list(terms)} | more


@pytest.fixture(scope="module")
def ontology():
    #     BP        MF
    #    /  \        |
    #   A    B       M        D is an alternative id of B, GO:0000008 is replaced by A,
    #    \  /                 GO:0000009 is obsolete for good
    #     C
    parents = {BP: (), MF: (), A: (BP,), B: (BP,), C: (A, B), M: (MF,)}
    aspects = dict.fromkeys(parents, Aspect.BP) | {MF: Aspect.MF, M: Aspect.MF}
    terms = {id: Term(id, f"name of {id}", aspects[id]) for id in parents}
    return Ontology(terms, parents, {D: B, "GO:0000008": A, "GO:0000009": None}, "2024-06-17")


@pytest.fixture
def write(tmp_path):
    def write(rows, name="train.jsonl"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".parquet"):
            pq.write_table(rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows), path)
        else:
            lines = [each if isinstance(each, str) else json.dumps(each) for each in rows]
            data = "\n".join([*lines, ""]).encode("utf-8", "surrogatepass")
            path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return str(path)

    return write


def annotations(proteins, labels):
    """The terms of each protein, by id."""
    at = proteins.indptr
    return {
        id: [labels.terms[j].id for j in proteins.indices[at[i] : at[i + 1]]]
        for i, id in enumerate(proteins.ids)
    }


# ---------------------------------------------------------------- labels and splits


def test_annotations_are_closed_and_sorted(write, ontology):
    name = write([row("a", C), row("b", M, MF), row("c", B, A)])
    data = open_dataset(name, ontology=ontology)
    assert [term.id for term in data.labels.terms] == sorted({t.id for t in data.labels.terms})
    every = annotations(data.train, data.labels) | annotations(data.validation, data.labels)
    whole = {"a": [A, B, C, BP], "b": [MF, M], "c": [A, B, BP]}
    for id in data.train.ids:
        assert every[id] == sorted(whole[id])


def test_order_of_rows_changes_neither_labels_nor_the_choice(write, ontology):
    rows = [row(f"p{i}", (A, B, C, M)[i % 4]) for i in range(40)]
    one = open_dataset(write(rows), ontology=ontology, eval_ratio=0.3)
    other = open_dataset(write(rows[::-1]), ontology=ontology, eval_ratio=0.3)
    assert one.labels == other.labels
    assert set(one.validation.ids) == set(other.validation.ids)
    assert len(one.validation) + len(one.train) == 40
    assert annotations(one.train, one.labels) == annotations(other.train, other.labels)


def test_a_test_split_is_validated_on_and_never_trained_on(tmp_path, write, ontology):
    write([row(f"p{i}", A) for i in range(20)], "all/train.jsonl")
    write([row(f"t{i}", A) for i in range(20)], "all/test.jsonl.gz")
    data = open_dataset(str(tmp_path), ontology=ontology, eval_ratio=1.0)
    assert data.train.ids == tuple(f"p{i}" for i in range(20))
    assert data.validation.ids == tuple(f"t{i}" for i in range(20))
    part = open_dataset(str(tmp_path), ontology=ontology, eval_ratio=0.4)
    assert len(part.train) == 20
    assert 1 <= len(part.validation) < 20


def test_terms_that_only_validation_has_are_counted_not_learnt(tmp_path, write, ontology):
    write([row("a", A), row("b", A)], "all/train.jsonl")
    write([row("t", C)], "all/test.jsonl")
    data = open_dataset(str(tmp_path), ontology=ontology, eval_ratio=1.0)
    assert [term.id for term in data.labels.terms] == [A, BP]
    assert annotations(data.validation, data.labels) == {"t": [A, BP]}
    assert data.n_unseen == 2  # B and C


def test_rare_terms_are_cut_after_propagation(write, ontology):
    rows = [row("a", C), row("b", A), row("c", A), row("d", M), row("e", C)]
    data = open_dataset(write(rows), ontology=ontology, eval_ratio=1e-9, min_term_count=3)
    assert data.validation.ids
    kept = {term.id for term in data.labels.terms}
    assert kept <= {A, BP}
    assert all(p < len(data.labels) for up in data.labels.parents for p in up)


def test_a_cut_that_leaves_nothing_is_refused(write, ontology):
    with pytest.raises(UsageError, match="--min_term_count=9 leaves no term"):
        open_dataset(write([row("a", A), row("b", A)]), ontology=ontology, min_term_count=9)


def test_a_protein_whose_terms_are_all_too_rare_is_left_out(write):
    rows = [row(f"p{i}", A) for i in range(9)] + [row("odd", B)]
    data = open_dataset(write(rows), min_term_count=2)
    assert "odd" not in data.train.ids
    assert "odd" in " ".join(data.report.warnings) or "odd" in data.validation.ids


def test_holding_out_everything_is_refused(write, ontology):
    with pytest.raises(UsageError, match=r"--eval_ratio=1.0 leaves no protein"):
        open_dataset(write([row("a", A), row("b", A)]), ontology=ontology, eval_ratio=1.0)


def test_a_subset_of_proteins_keeps_their_rows(write, ontology):
    data = open_dataset(
        write([row(f"p{i}", (A, C, M)[i % 3]) for i in range(9)]), ontology=ontology
    )
    some = data.train.subset([3, 1])
    whole = annotations(data.train, data.labels)
    assert annotations(some, data.labels) == {id: whole[id] for id in some.ids}
    assert some.ids == (data.train.ids[3], data.train.ids[1])
    assert len(data.train.subset(np.array([], int))) == 0


def test_the_fingerprint_follows_every_residue_and_term(write, ontology):
    rows = [row("a", A), row("b", A), row("c", B)]
    prints = set()
    for change in ({}, {"sequence": sequence(50)}, {"terms": [C]}, {"id": "z"}):
        changed = [rows[0] | change, *rows[1:]]
        prints.add(open_dataset(write(changed), ontology=ontology).fingerprint)
    assert len(prints) == 4


@given(st.data())
def test_rows_are_closed_as_by_walking_up_from_each_term(draw):
    n_terms = draw.draw(st.integers(1, 12))
    parents = tuple(
        tuple(sorted(draw.draw(st.sets(st.integers(0, j - 1), max_size=3)))) if j else ()
        for j in range(n_terms)
    )
    labels = LabelSpace(tuple(Term(f"GO:{j:07d}", "", None) for j in range(n_terms)), parents)
    row = st.lists(st.integers(0, n_terms - 1), max_size=4)
    rows = draw.draw(st.lists(row, max_size=5)) * draw.draw(st.sampled_from([1, 300]))
    indptr = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    flat = np.array([j for each in rows for j in each], np.int32)
    ends, closed = close_rows(indptr, flat, labels)
    assert (ends.dtype, closed.dtype, len(ends)) == (np.int64, np.int32, len(rows) + 1)
    walked = [sorted({j for k in each for j in (k, *labels.ancestors(k))}) for each in rows]
    assert [closed[ends[i] : ends[i + 1]].tolist() for i in range(len(rows))] == walked


# ---------------------------------------------------------------- subsets and layouts


@pytest.mark.parametrize(
    ("text", "subset"),
    [("all", "all"), ("MF", "mf"), ("biological_process", "bp"), ("Cellular_Component", "cc")],
)
def test_subsets_are_written_in_several_ways(text, subset):
    assert parse_subset(text) == subset


def test_other_subsets_are_refused():
    with pytest.raises(UsageError, match="--dataset_subset"):
        parse_subset("xx")


def test_an_aspect_is_picked_from_all_with_an_ontology(tmp_path, write, ontology):
    write([row("a", C, M), row("b", M), row("c", A)], "all/train.parquet")
    data = open_dataset(str(tmp_path), "bp", ontology=ontology)
    assert {term.aspect for term in data.labels.terms} == {Aspect.BP}
    assert data.n_left_out == 1
    with pytest.raises(UsageError, match="--ontology"):
        open_dataset(str(tmp_path), "bp")


def test_terms_of_a_subset_folder_have_its_aspect_without_an_ontology(tmp_path, write):
    write([row("a", M, MF), row("b", M)], "mf/train.jsonl")
    data = open_dataset(str(tmp_path), "molecular_function")
    assert data.subset == "mf"
    assert {term.aspect for term in data.labels.terms} == {Aspect.MF}
    assert any("no --ontology" in warning for warning in data.report.warnings)


@pytest.mark.parametrize(
    "names",
    [
        ["all/train-00000-of-00002.parquet", "all/train-00001-of-00002.parquet"],
        ["all/train/0000.parquet", "all/train/0001.parquet"],
        ["data/train-00000-of-00002.jsonl", "data/train-00001-of-00002.jsonl"],
        ["train/a.jsonl.gz", "train/b.jsonl"],
    ],
)
def test_shards_are_one_split(tmp_path, write, ontology, names):
    write([row("a", A), row("b", M)], names[0])
    write([row("c", C), row("d", M)], names[1])
    data = open_dataset(str(tmp_path), ontology=ontology)
    assert sorted(data.train.ids + data.validation.ids) == ["a", "b", "c", "d"]


def test_a_missing_shard_is_refused(tmp_path, write):
    write([row("a", A)], "all/train-00000-of-00002.parquet")
    with pytest.raises(DatasetError, match="1 of the 2 shards"):
        open_dataset(str(tmp_path))


def test_two_files_for_one_split_are_refused(tmp_path, write):
    write([row("a", A)], "all/train.parquet")
    write([row("a", A)], "all/train.jsonl")
    with pytest.raises(DatasetError, match=r"both train.jsonl and train.parquet; keep one"):
        open_dataset(str(tmp_path))


def test_parquet_and_json_lines_give_the_same_data_set(write, ontology):
    rows = [row("a", A, B, taxon_id="9606"), row("b", M, taxon_id="1"), row("c", C, taxon_id="2")]
    one = open_dataset(write(rows, "a.jsonl"), ontology=ontology)
    two = open_dataset(write(rows, "a.parquet"), ontology=ontology)
    other_name = [{("go_terms" if k == "terms" else k): v for k, v in r.items()} for r in rows]
    other_name = [r | {"taxon_id": 7, "more": [1.5, None]} for r in other_name]
    three = open_dataset(write(other_name, "b.jsonl.gz"), ontology=ontology)
    four = open_dataset(write(other_name, "b.parquet"), ontology=ontology)
    assert len({data.fingerprint for data in (one, two, three, four)}) == 1


@pytest.mark.parametrize("kind", ["dictionary", "large", "chunked"])
def test_parquet_types_of_other_writers_are_read(write, ontology, kind):
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
    plain = open_dataset(write(rows, "plain.jsonl"), ontology=ontology)
    assert (
        open_dataset(write(table, "x.parquet"), ontology=ontology).fingerprint == plain.fingerprint
    )


def test_what_is_not_there_is_named(tmp_path):
    for name in ("./nowhere", str(tmp_path / "x.jsonl"), "a/b/c"):
        with pytest.raises(DatasetError, match="no such file or folder"):
            open_dataset(name)
    with pytest.raises(DatasetError, match=r"no mf/train\.parquet"):
        open_dataset(str(tmp_path), "mf")


def test_a_hub_id_out_of_reach_names_the_local_ways(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    for ask in (open_dataset, locate_dataset):
        with pytest.raises(HubError, match=r"'andrewdalpino/CAFA5'.*--dataset=sample or a local"):
            ask("andrewdalpino/CAFA5")


def test_the_sample_opens_with_its_own_ontology():
    data = open_dataset("sample", "mf")
    assert not data.report.rejects
    assert not data.report.warnings
    assert data.labels.aspects == (Aspect.MF,)
    assert any(term.name != term.id for term in data.labels.terms)
    assert len(data.train) > 100
    assert len(data.validation) > 5


# ---------------------------------------------------------------- warnings and rejects


def warned(data):
    assert all(len(warning) < 200 for warning in data.report.warnings)
    return "\n".join(data.report.warnings)


def test_old_ids_are_replaced_and_counted(write, ontology):
    rows = [row("a", D), row("b", A), row("c", A, "GO:0000009"), row("d", "GO:0000009")]
    data = open_dataset(write(rows), ontology=ontology)
    told = warned(data)
    assert f"(1 annotations): first {D} → {B} of a, line 1" in told
    assert "obsolete terms without a successor, dropped (2 annotations)" in told
    assert "proteins without terms, left out (1): d (line 4)" in told
    assert "d" not in data.train.ids + data.validation.ids


def test_unknown_terms_can_be_dropped_and_are_counted(write, ontology):
    name = write([row("a", "GO:9999999", A), row("b", A), row("c", A)])
    with pytest.raises(DatasetError, match=r":1: a: GO:9999999 .*--drop_unknown_terms"):
        open_dataset(name, ontology=ontology)
    data = open_dataset(name, ontology=ontology, drop_unknown_terms=True)
    assert "not in the ontology, dropped (1 annotations): first GO:9999999 of a, line 1" in warned(
        data
    )


def test_twins_and_leaks_are_named(tmp_path, write, ontology):
    twin = row("a", A)
    write([twin, twin | {"id": "b", "sequence": twin["sequence"].lower() + "*"}], "all/train.jsonl")
    write([twin | {"id": "t"}, row("u", A)], "all/test.jsonl")
    told = warned(open_dataset(str(tmp_path), ontology=ontology, eval_ratio=1.0))
    assert "same sequence (2): a, b" in told
    assert "trained on, too (1): t" in told


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"sequence": "MK-T"}, "gap character '-'"),
        ({"sequence": "MK1T"}, "at position 3"),
        ({"sequence": " "}, "empty sequence"),
        ({"sequence": "ACGT" * 20}, "nucleotides"),
        ({"sequence": "M" * 100_001}, "100,001 residues"),
        ({"id": "x\x1b[31m"}, "control character in the id"),
    ],
)
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_bad_protein_is_rejected_and_the_rest_goes_on(write, ontology, bad, why, kind):
    name = write([row("a", A), row("x", A) | bad, row("c", A)], f"train.{kind}")
    data = open_dataset(name, ontology=ontology)
    (reject,) = data.report.rejects
    assert why in str(reject)
    assert (":2: x" if kind == "jsonl" else "(row 2)") in str(reject)
    assert "\x1b" not in str(reject)
    assert (data.report.n_accepted, data.report.n_records) == (2, 3)
    with pytest.raises(RecordError):
        open_dataset(name, ontology=ontology, strict=True)


def test_j_is_read_as_x_with_a_warning(write, ontology):
    data = open_dataset(write([row("a", A, sequence="MJK"), row("b", A)]), ontology=ontology)
    assert "read as X (1): a" in warned(data)
    assert "MXK" in data.train.sequences + data.validation.sequences


# ---------------------------------------------------------------- refusals

REFUSED = {
    "no id": (['{"sequence": "MK", "terms": []}'], ":1: a row has no field 'id'"),
    "no terms": ([{"id": "a", "sequence": "MK"}], ":1: a has no field 'terms'"),
    "null id": ([row("a", A) | {"id": None}], ":1: field 'id' of a row is null"),
    "number id": ([row("a", A) | {"id": 7}], ":1: field 'id' of a row is a number"),
    "empty id": ([row("a", A) | {"id": " "}], ":1: field 'id' is empty"),
    "list sequence": ([row("a", A) | {"sequence": ["M"]}], "'sequence' of a is a list"),
    "null terms": ([row("a", A) | {"terms": None}], ":1: field 'terms' of a is null"),
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
    "nested duplicate": (['{"id": "a", "x": {"k": 1, "k": 2}}'], "key 'k' comes twice"),
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
def test_a_malformed_file_is_refused_with_its_place(write, ontology, case):
    rows, words = REFUSED[case]
    name = write(rows)
    with pytest.raises(DatasetError) as caught:
        open_dataset(name, ontology=ontology)
    assert words in str(caught.value)
    assert "train.jsonl" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def columns(**changed):
    return pa.table({"id": ["a", "b"], "sequence": ["MKT", "MKV"], "terms": [[A], [A]]} | changed)


TABLES = {
    "null id": (columns(id=["a", None]), "row 2: column 'id' is null"),
    "empty id": (columns(id=["a", ""]), "row 2: column 'id' is empty"),
    "null sequence": (columns(sequence=[None, "M"]), "row 1: column 'sequence' is null"),
    "number id": (columns(id=[1, 2]), "column 'id' is int64, not text"),
    "null terms": (columns(terms=[[A], None]), "row 2: column 'terms' is null"),
    "null in terms": (columns(terms=[[A], [A, None]]), "row 2: column 'terms' holds a null"),
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
def test_a_malformed_table_is_refused_with_its_row(write, ontology, case):
    table, words = TABLES[case]
    with pytest.raises(DatasetError) as caught:
        open_dataset(write(table, "train.parquet"), ontology=ontology)
    assert words in str(caught.value)
    assert "train.parquet" in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "flipped"])
def test_a_damaged_table_is_refused(write, ontology, damage):
    path = Path(write([row(f"p{i}", A) for i in range(50)], "train.parquet"))
    data = path.read_bytes()
    flipped = data[:4] + bytes(byte ^ 255 for byte in data[4:400]) + data[400:]
    path.write_bytes({"cut": data[:-9], "text": b"hello", "empty": b"", "flipped": flipped}[damage])
    with pytest.raises(DatasetError, match=r"train\.parquet: "):
        open_dataset(str(path), ontology=ontology)


def test_one_id_in_two_shards_is_refused_naming_both(tmp_path, write):
    write([row("a", A)], "all/train-00000-of-00002.jsonl")
    write([row("b", A), row("a", A)], "all/train-00001-of-00002.jsonl")
    with pytest.raises(DatasetError, match=r"00001-of-00002.jsonl:2: id 'a' is on line 1 of train"):
        open_dataset(str(tmp_path))


# ---------------------------------------------------------------- the shared files


def manifest():
    if not BAD.is_dir():
        return []
    with (BAD / "MANIFEST.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [each for each in rows if each["file"].startswith("jsonl/")]


@needs_shared
@pytest.mark.parametrize("expected", manifest(), ids=lambda each: each["file"])
def test_the_manifest_is_obeyed(expected, ontology):
    path = BAD / expected["file"]
    obo = read_obo(BAD / "obo" / "00_clean.obo")
    if "obsolete" in expected["file"]:
        obo = Ontology(obo.terms, obo.parents, {"GO:0000009": "GO:0000002"}, obo.release)
    if expected["expected_action"] == "REFUSE":
        with pytest.raises(DatasetError) as caught:
            open_dataset(str(path), ontology=obo)
        assert caught.value.exit_code == int(expected["exit_code"])
        message = str(caught.value)
    else:
        data = open_dataset(str(path), ontology=obo)
        accepted, rejected = (int(n) for n in expected["records_ok_rejected"].split("/"))
        assert (data.report.n_accepted, data.report.n_rejected) == (accepted, rejected)
        assert bool(data.report.warnings) == (expected["expected_action"] == "WARN")
        message = warned(data)
        if twin := expected["byte_identical_twin"]:
            clean = open_dataset(str(BAD / "jsonl" / twin), ontology=obo)
            assert data.fingerprint == clean.fingerprint
    assert all(len(line) < 200 for line in message.splitlines())
    for named in (
        expected["message_must_name"].replace("lines 1 and 2", "line 2, line 1").split(", ")
    ):
        if named == "file name":
            assert path.name in message
        elif named.startswith("line "):
            assert f":{named[5:]}: " in message or named in message
        else:
            assert named in message


@pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="the shared data are not here")
def test_real_proteins_open():
    data = open_dataset(str(SHARED / "data" / "CAFA6" / "mf" / "test.parquet"), "all")
    assert len(data.train) + len(data.validation) == 4408
    assert data.report.n_rejected == 0
    assert MF in data.labels.column
