"""Opening a data set: splits, subsets, aspects, and what is refused."""

import csv
from pathlib import Path

import pytest
from made_rows import BP, MF, A, B, C, M, annotations, row, warned

from esmgo.dataset.opening import locate_dataset, open_dataset
from esmgo.errors import DatasetError, HubError, UsageError
from esmgo.go.obo import read_obo
from esmgo.go.ontology import Ontology
from esmgo.go.terms import Aspect

SHARED = Path(__file__).parents[2] / "shared"
BAD = SHARED / "bad_inputs"
needs_shared = pytest.mark.skipif(not BAD.is_dir(), reason="the shared bad inputs are not here")


def test_order_of_rows_changes_neither_labels_nor_the_choice(write_rows, ontology):
    rows = [row(f"p{i}", (A, B, C, M)[i % 4]) for i in range(40)]
    one = open_dataset(write_rows(rows), ontology=ontology, eval_ratio=0.3)
    other = open_dataset(write_rows(rows[::-1]), ontology=ontology, eval_ratio=0.3)
    assert one.labels == other.labels
    assert set(one.validation.ids) == set(other.validation.ids)
    assert len(one.validation) + len(one.train) == 40
    assert annotations(one.train, one.labels) == annotations(other.train, other.labels)


def test_a_test_split_is_validated_on_and_never_trained_on(tmp_path, write_rows, ontology):
    write_rows([row(f"p{i}", A) for i in range(20)], "all/train.jsonl")
    write_rows([row(f"t{i}", A) for i in range(20)], "all/test.jsonl.gz")
    data = open_dataset(str(tmp_path), ontology=ontology, eval_ratio=1.0)
    assert data.train.ids == tuple(f"p{i}" for i in range(20))
    assert data.validation.ids == tuple(f"t{i}" for i in range(20))
    part = open_dataset(str(tmp_path), ontology=ontology, eval_ratio=0.4)
    assert len(part.train) == 20
    assert 1 <= len(part.validation) < 20


def test_terms_that_only_validation_has_are_counted_not_learnt(tmp_path, write_rows, ontology):
    write_rows([row("a", A), row("b", A)], "all/train.jsonl")
    write_rows([row("t", C)], "all/test.jsonl")
    data = open_dataset(str(tmp_path), ontology=ontology, eval_ratio=1.0)
    assert [term.id for term in data.labels.terms] == [A, BP]
    assert annotations(data.validation, data.labels) == {"t": [A, BP]}
    assert data.n_unseen == 2  # B and C


def test_a_cut_that_leaves_nothing_is_refused(write_rows, ontology):
    with pytest.raises(UsageError, match="min_term_count: 9 leaves no term"):
        open_dataset(write_rows([row("a", A), row("b", A)]), ontology=ontology, min_term_count=9)


def test_holding_out_everything_is_refused(write_rows, ontology):
    with pytest.raises(UsageError, match=r"eval_ratio: 1.0 leaves no protein"):
        open_dataset(write_rows([row("a", A), row("b", A)]), ontology=ontology, eval_ratio=1.0)


def test_an_aspect_is_picked_from_all_with_an_ontology(tmp_path, write_rows, ontology):
    write_rows([row("a", C, M), row("b", M), row("c", A)], "all/train.parquet")
    data = open_dataset(str(tmp_path), "bp", ontology=ontology)
    assert {term.aspect for term in data.labels.terms} == {Aspect.BP}
    assert data.n_left_out == 1
    with pytest.raises(UsageError, match="`ontology`"):
        open_dataset(str(tmp_path), "bp")


def test_terms_of_a_subset_folder_have_its_aspect_without_an_ontology(tmp_path, write_rows):
    write_rows([row("a", M, MF), row("b", M)], "mf/train.jsonl")
    data = open_dataset(str(tmp_path), "molecular_function")
    assert data.subset == "mf"
    assert {term.aspect for term in data.labels.terms} == {Aspect.MF}
    assert any("no `ontology`" in warning for warning in data.report.warnings)


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
        with pytest.raises(HubError, match=r"'andrewdalpino/CAFA5'.*`dataset=sample` or a local"):
            ask("andrewdalpino/CAFA5")


def test_the_sample_opens_with_its_own_ontology():
    data = open_dataset("sample", "mf")
    assert not data.report.rejects
    assert not data.report.warnings
    assert data.labels.aspects == (Aspect.MF,)
    assert any(term.name != term.id for term in data.labels.terms)
    assert len(data.train) > 100
    assert len(data.validation) > 5


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
