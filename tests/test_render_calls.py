"""Calls as TSV, JSON Lines, Parquet and CAFA's text, read back by other readers."""

import csv
import io
import json
from dataclasses import replace

import duckdb
import numpy as np
import pytest
from made_calls import ABOUT, BITS, LABELS, NAN, NUCLEUS, ROW, evidence

from esmgo.data.accessions import accession
from esmgo.go.calls import Calls
from esmgo.go.labels import LabelSpace
from esmgo.go.scores import Scores
from esmgo.go.terms import Aspect, Term
from esmgo.predict.calling import CallRules, Rules
from esmgo.predict.prediction import Evidence
from esmgo.proteome.formats import FORMATS, writers
from esmgo.render import calls as render_calls

CALLS = [  # protein, term, score, precision, source
    ("A0A024RBG1-2", "GO:0005634", 0.25, None, "head"),
    ("sp|P04637|P53_HUMAN", "GO:0004672", 0.8, None, "descendant"),
    ("sp|P04637|P53_HUMAN", "GO:0007059", 0.6, None, ""),
    ("sp|P04637|P53_HUMAN", "GO:0004674", 0.5, 0.987654, "head+homology"),
    ("sp|P04637|P53_HUMAN", "GO:0005840", 0.3, None, "head+homology"),
    ("sp|P04637|P53_HUMAN", "GO:0032991", 0.3, None, "head+homology"),
    ("sp|P04637|P53_HUMAN", "GO:0005634", 0.2, None, "head+homology"),
    ("ünï", "GO:0004674", 1, None, "head+homology"),
    ("ünï", "GO:0004672", 1, None, "head+homology"),
]


def test_tsv_has_a_header_and_a_line_per_call(written):
    with written["tsv"].open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert list(found[0]) == [
        "protein", "term", "name", "aspect", "score", "precision", "decoy_rate",
        "information", "source", "n_windows", "novelty"
    ]  # fmt: skip
    assert [r["n_windows"] for r in found] == ["1"] + ["7"] * 8
    assert [r["novelty"] for r in found] == ["0.666667"] + [""] * 8
    assert [
        (r["protein"], r["term"], float(r["score"]), float(r["precision"] or -1), r["source"])
        for r in found
    ] == [(*call[:3], call[3] or -1, call[4]) for call in CALLS]
    by_id = {term.id: (term.name, term.aspect.name) for term in LABELS.terms}
    assert all((r["name"], r["aspect"]) == by_id[r["term"]] for r in found)


def test_csv_has_the_rows_of_tsv(written):
    with written["tsv"].open(newline="", encoding="utf-8") as file:
        wanted = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    with written["csv"].open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file, strict=True)) == wanted
    data = written["csv"].read_bytes()
    assert data.count(b"\r\n") == data.count(b"\n") == len(wanted)
    found = duckdb.sql(f"select score, name from read_csv('{written['csv']}')")
    assert [str(kind) for kind in found.types] == ["DOUBLE", "VARCHAR"]  # numbers stay numbers


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", '"\'=1+1"'),
        ("@SUM(A1)", '"\'@SUM(A1)"'),
        ("-2+3", '"\'-2+3"'),
        ("+cmd|' /C calc'!A0", "\"'+cmd|' /C calc'!A0\""),
        ("\N{FULLWIDTH EQUALS SIGN}1", '"\'\N{FULLWIDTH EQUALS SIGN}1"'),
        ("'=1+1", "\"''=1+1\""),  # not the same as the first
        ('=HYPERLINK("http://x","y")', '"\'=HYPERLINK(""http://x"",""y"")"'),
        ("5'-AMP", "5'-AMP"),
        ("a,b", '"a,b"'),
        ('the "x"', '"the ""x"""'),
        ("a=b", "a=b"),
    ],
)
def test_no_cell_of_csv_is_a_formula(tmp_path, text, cell):
    found = replace(CallRules(Rules(), LABELS).calls(evidence({1: 0.25}), [1]), proteins=(text,))
    terms = (replace(LABELS.terms[0], name=text), *LABELS.terms[1:])
    about = replace(ABOUT, labels=replace(LABELS, terms=terms))
    found = replace(found, terms=replace(found.terms, indices=np.zeros(1, np.int32)))
    with writers({"csv": str(tmp_path / "x.csv")}, about) as (writer,):
        writer.write(found)
    _, line = (tmp_path / "x.csv").read_bytes().decode().split("\r\n")[:-1]
    term = terms[0]
    assert line == f"{cell},{term.id},{cell},{term.aspect.name},0.25,,,{BITS[1]:.2f},head,1,"


def test_json_lines_have_an_object_for_every_protein(written):
    with written["jsonl"].open(encoding="utf-8") as file:
        found = [json.loads(line) for line in file]
    assert {tuple(value) for value in found} == {
        ("schema_version", "protein", "length", "n_windows", "similarity", "novelty", "calls")
    }
    names = ["my|odd:id", "A0A024RBG1-2", "sp|P04637|P53_HUMAN", "ünï"]
    assert [v["protein"] for v in found] == names
    assert [v["length"] for v in found] == [1, 2, 5_000, 4]
    assert [v["n_windows"] for v in found] == [1, 1, 7, 7]
    assert [v["similarity"] for v in found] == [0.5, 0.333333, None, None]
    assert [v["novelty"] for v in found] == [0.25, 0.666667, None, None]
    assert [
        (v["protein"], c["term"], c["score"], c["precision"], c["source"])
        for v in found
        for c in v["calls"]
    ] == CALLS
    assert found[0]["calls"] == []
    assert found[2]["calls"][3]["name"] == 'ribosome, "the"'


def test_duckdb_reads_the_parquet_file(written):
    path = written["parquet"]
    found = duckdb.sql(
        "select protein, term, score, precision, source, n_windows, novelty"
        f" from read_parquet('{path}')"
    ).fetchall()
    assert [row[5] for row in found] == [1] + [7] * 8
    assert found[0][6] == pytest.approx(2 / 3)
    assert [row[6] for row in found[1:]] == [None] * 8
    for row, call in zip(found, CALLS, strict=True):
        assert (row[:2], row[4]) == (call[:2], call[4])
        assert row[2] == pytest.approx(call[2], rel=1e-6)
        assert row[3] is None if call[3] is None else row[3] == pytest.approx(call[3], rel=1e-6)
    pairs = duckdb.sql(f"select key, value from parquet_kv_metadata('{path}')").fetchall()
    metadata = {key.decode(): value.decode() for key, value in pairs}
    assert (metadata["schema_version"], metadata["model"]) == ("1", "ab12")


def test_row_groups_do_not_depend_on_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(render_calls, "ROW_GROUP", 4)
    select = CallRules(Rules(), LABELS)
    whole = select.calls(evidence(*([ROW] * 5)), [1] * 5)
    alone = [Calls.gather([whole.proteins[i]], [(whole, i)]) for i in range(5)]
    for name, blocks in (("a", [whole]), ("b", alone)):
        with writers({"parquet": str(tmp_path / name)}, ABOUT) as (writer,):
            for block in blocks:
                writer.write(block)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    sizes = duckdb.sql(
        "select distinct row_group_id, row_group_num_rows from"
        f" parquet_metadata('{tmp_path / 'a'}') order by 1"
    ).fetchall()
    assert [n for _, n in sizes] == [4] * 7 + [2]


def test_cafa_has_accession_term_and_three_figures(written):
    with written["cafa"].open(encoding="utf-8") as file:
        found = [line.rstrip("\n").split("\t") for line in file]
    assert {(p, t): float(s) for p, t, s in found} == {
        (accession(p), term): score for p, term, score, *_ in CALLS
    }
    assert {s for *_, s in found} == {"0.250", "0.800", "0.600", "0.500", "0.300", "0.200", "1.00"}


def test_cafas_own_evaluator_reads_the_cafa_file(written, tmp_path):
    parser = pytest.importorskip("cafaeval.parser")
    lines = ["format-version: 1.2", ""]
    for term, parents in zip(LABELS.terms, LABELS.parents, strict=True):
        lines += ["[Term]", f"id: {term.id}", f"name: {term.name}"]
        lines += [f"namespace: {term.aspect.value}"]
        lines += [f"is_a: {LABELS.terms[p].id}" for p in parents] + [""]
    (tmp_path / "go.obo").write_text("\n".join(lines))
    graphs = parser.obo_parser(str(tmp_path / "go.obo"), ("is_a",), None, True)
    ids = {accession(protein): i for i, (protein, *_) in enumerate(CALLS)}

    class Truth:
        def __init__(self, n_terms):
            self.ids, self.matrix = ids, np.zeros((len(CALLS), n_terms))

    truth = {name: Truth(graph.idxs) for name, graph in graphs.items()}
    found = parser.pred_parser(str(written["cafa"]), graphs, truth, "max")
    for protein, term, score, *_ in CALLS:
        aspect = LABELS.terms[LABELS.column[term]].aspect.value
        row = found[aspect].matrix[found[aspect].ids[accession(protein)]]
        assert row[graphs[aspect].terms_dict[term]["index"]] == pytest.approx(score)


def test_no_more_than_1500_terms_go_to_cafa():
    terms = tuple(Term(f"GO:{i:07}", f"t{i}", Aspect.MF) for i in range(1, 2001))
    labels = LabelSpace(terms, ((),) * 2000)
    values = np.linspace(0.002, 1, 2000, dtype=np.float32)[None]
    many = Evidence(
        Scores(("p",), values, labels), np.full(values.shape, NAN, np.float32),
        np.full(values.shape, NAN, np.float32), np.zeros(2000),
        np.ones(values.shape, np.uint8), np.array([NAN], np.float32),
        np.array([NAN], np.float32), np.array([NAN], np.float32), np.ones(1, np.int64),
        np.zeros(1, np.intp),
    )  # fmt: skip
    file = io.BytesIO()
    writer = FORMATS["cafa"][1](file, replace(ABOUT, labels=labels))
    writer.write(CallRules(Rules(min_score=0), labels).calls(many, [3]))
    lines = file.getvalue().decode().splitlines()
    assert len(lines) == 1500
    assert lines[0] == "p\tGO:0002000\t1.00"


ALIKE = (
    "p1\u200b", "p1\\u200b", "p1\\\\u200b", "p1", "p1\udcff", "p1\\udcff", "=p1", "'=p1",
    "x" * 1999 + "y" * 1999, "x" * 1998 + "y" * 2000,
)  # fmt: skip
"""Ids that must not print alike."""


@pytest.mark.parametrize("name", sorted({"tsv", "csv", "cafa", "gaf", "gpad", "jsonl"}))
def test_different_ids_stay_different(name, tmp_path):
    rows = [{NUCLEUS: 0.9}] * len(ALIKE)
    found = CallRules(Rules(), LABELS).calls(evidence(*rows), [1] * len(ALIKE))
    path = tmp_path / "x"
    with writers({name: str(path)}, ABOUT) as (writer,):
        writer.write(replace(found, proteins=ALIKE))
    lines = path.read_text(encoding="utf-8").splitlines()
    assert name == "jsonl" or all(line.replace("\t", "").isprintable() for line in lines)
    lines = [line for line in lines if line[0] != "!" and "GO:" in line]
    assert len({line.partition(ABOUT.reference)[0] for line in lines}) == len(ALIKE)
