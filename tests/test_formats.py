"""Which calls are kept, and six formats, each read back by somebody else's reader."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest
from Bio.UniProt.GOA import gafiterator
from goatools.anno.gaf_reader import GafReader

from esmgo.data.annotations import accession, read_annotations
from esmgo.errors import UsageError
from esmgo.evidence.sources import EvidenceSource
from esmgo.go.calls import Ancestry, Calls, most_specific
from esmgo.go.labels import LabelSpace
from esmgo.go.scores import Scores
from esmgo.go.terms import Aspect, Term
from esmgo.predict.calling import CallRules, Rules
from esmgo.predict.prediction import Evidence
from esmgo.proteome.formats import FORMATS, OutputConfig, writers
from esmgo.render import calls as render_calls
from esmgo.render.calls import About

#  0 MF      2 BP      4 CC                   8 CC: cell
#  |         |         |        \
#  1 kinase  3 cycle   5 complex 7 nucleus
#  |                   |
#  9 its child         6 ribosome (a complex)
TERMS = [
    ("GO:0003674", "molecular_function", Aspect.MF, ()),
    ("GO:0004672", "protein kinase activity", Aspect.MF, (0,)),
    ("GO:0008150", "biological_process", Aspect.BP, ()),
    ("GO:0007049", "cell cycle", Aspect.BP, (2,)),
    ("GO:0005575", "cellular_component", Aspect.CC, ()),
    ("GO:0032991", "protein-containing complex", Aspect.CC, (4,)),
    ("GO:0005840", 'ribosome, "the"', Aspect.CC, (5,)),
    ("GO:0005634", "nucleus", Aspect.CC, (4,)),
    ("GO:0005623", "cell", Aspect.CC, (4,)),
    ("GO:0004674", "protein serine kinase activity", Aspect.MF, (1,)),
]
ORDER = sorted(range(len(TERMS)), key=lambda j: TERMS[j][0])
LABELS = LabelSpace(
    tuple(Term(*TERMS[j][:3]) for j in ORDER),
    tuple(tuple(sorted(ORDER.index(p) for p in TERMS[j][3])) for j in ORDER),
    "releases/2025-01-01",
)
ROOT_MF, KINASE, ROOT_BP, CYCLE, ROOT_CC, COMPLEX, RIBOSOME, NUCLEUS, CELL, SERINE = (
    ORDER.index(j) for j in range(len(TERMS))
)
NAN = float("nan")

ABOUT = About(
    labels=LABELS, model="ab12", version="0.1.0", kept="a score of 0.1 or more",
    sources=tuple(str(flag.name).lower() for flag in EvidenceSource), accession=accession,
    date="2025-01-02", reference="PMID:1", assigned_by="lab", taxon=9606,
)  # fmt: skip


def evidence(*rows, precision=None, sources=None, windows=1):
    """Evidence of proteins p0, p1, …, whose scores are given by column."""
    values = np.zeros((len(rows), len(LABELS)), np.float32)
    for i, row in enumerate(rows):
        for j, score in row.items():
            values[i, j] = score
    n = len(rows)
    return Evidence(
        Scores(tuple(f"p{i}" for i in range(n)), values, LABELS),
        np.full(values.shape, NAN, np.float32) if precision is None else precision,
        np.full(values.shape, 1, np.uint8) if sources is None else sources,
        np.full(n, NAN, np.float32), np.full(n, windows), np.zeros(n, np.intp),
    )  # fmt: skip


def kept(rules, *rows, promised=None):
    """The called columns of each protein."""
    found = CallRules(rules, LABELS).calls(evidence(*rows), [3] * len(rows), promised)
    assert found.is_sound(len(LABELS))
    return [found.columns[found.row(i)].tolist() for i in range(len(rows))]


ROW = {
    ROOT_MF: 0.9, KINASE: 0.8, SERINE: 0.5, ROOT_BP: 0.6, CYCLE: 0.6, ROOT_CC: 0.7, COMPLEX: 0.3,
    RIBOSOME: 0.3, NUCLEUS: 0.2, CELL: 0.05,
}  # fmt: skip


# which calls are kept


def test_calls_come_best_first_deeper_terms_first_and_without_roots():
    (found,) = kept(Rules(), ROW)
    assert found == [KINASE, CYCLE, SERINE, RIBOSOME, COMPLEX, NUCLEUS]
    assert kept(Rules(min_score=0.05), ROW) == [[*found, CELL]]
    assert kept(Rules(min_score=0.5), ROW, {}) == [[KINASE, CYCLE, SERINE], []]


def test_aspects_and_the_best_and_the_most_specific():
    assert kept(Rules(aspects=(Aspect.MF, Aspect.BP)), ROW) == [[KINASE, CYCLE, SERINE]]
    assert kept(Rules(top_k=2), ROW) == [[KINASE, CYCLE]]
    assert kept(Rules(most_specific=True), ROW) == [[CYCLE, SERINE, RIBOSOME, NUCLEUS]]
    assert kept(Rules(most_specific=True, top_k=2), ROW) == [[CYCLE, SERINE]]
    # a term counts as specific where its descendant is cut
    assert kept(Rules(most_specific=True, min_score=0.6), ROW) == [[KINASE, CYCLE]]


def test_ancestors_come_back_whatever_cut_them_off():
    (found,) = kept(Rules(most_specific=True, top_k=2, with_ancestors=True), ROW)
    assert found == [ROOT_MF, KINASE, CYCLE, ROOT_BP, SERINE]


def test_a_protein_and_an_aspect_without_a_promise_is_an_abstention():
    promised = np.zeros((2, len(LABELS)), np.bool_)
    promised[0, [SERINE, ROOT_BP, NUCLEUS]] = True  # a root is no call
    rules = Rules(min_score=0, precision=0.9)
    found = CallRules(rules, LABELS).calls(evidence(ROW, ROW), [3, 3], promised)
    assert found.columns.tolist() == [SERINE, NUCLEUS]
    assert found.n_abstained.tolist() == [1, 3]
    few = CallRules(replace(rules, aspects=(Aspect.MF,)), LABELS)
    assert few.calls(evidence(ROW, ROW), [3, 3], promised).n_abstained.tolist() == [0, 1]


def test_a_label_space_without_an_ontology_has_calls_and_no_ancestors():
    plain = LabelSpace.close([t.id for t in LABELS.terms], None)
    found = CallRules(Rules(most_specific=True), plain).calls(
        replace(evidence(ROW), scores=Scores(("p",), evidence(ROW).scores.values, plain)), [3]
    )
    assert found.columns.tolist() == [KINASE, CYCLE, SERINE, RIBOSOME, COMPLEX, NUCLEUS]
    assert most_specific([KINASE, SERINE], Ancestry(plain)) == [KINASE, SERINE]


def test_rows_are_gathered_with_all_that_belongs_to_them():
    one = CallRules(Rules(), LABELS).calls(evidence(ROW, {}, {CYCLE: 0.5}), [3, 4, 5])
    found = Calls.gather(["x", "y", "z"], [(one, 2), (one, 1), (one, 0)])
    assert found.lengths.tolist() == [5, 4, 3]
    assert np.diff(found.indptr).tolist() == [1, 0, 6]
    again = Calls.gather(one.proteins, [(found, 2), (found, 1), (found, 0)])
    for name, array in one.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], array)
    assert not replace(one, columns=one.columns + 99).is_sound(len(LABELS))
    assert not replace(one, scores=one.scores[1:]).is_sound(len(LABELS))


# formats


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Two blocks of proteins in all formats; the second has calls of many kinds."""
    folder = tmp_path_factory.mktemp("written")
    precision = np.full((2, len(LABELS)), NAN, np.float32)
    precision[0, SERINE] = 0.987654321
    sources = np.full((2, len(LABELS)), EvidenceSource.HEAD | EvidenceSource.HOMOLOGY, np.uint8)
    sources[0, KINASE] = EvidenceSource.DESCENDANT
    sources[0, CYCLE] = 0
    select = CallRules(Rules(), LABELS)
    first = select.calls(evidence({}, {NUCLEUS: 0.25}), [1, 2])
    second = select.calls(
        evidence(ROW, {SERINE: 1, KINASE: 1}, precision=precision, sources=sources, windows=7),
        [5_000, 4],
    )
    names = ("my|odd:id", "A0A024RBG1-2")
    first = replace(first, similarity=np.array([0.5, 1 / 3], np.float32), proteins=names)
    second = replace(second, proteins=("sp|P04637|P53_HUMAN", "ünï"))
    targets = {name: str(folder / f"x{suffix}") for name, (suffix, _) in FORMATS.items()}
    with writers(targets, ABOUT) as found:
        for writer in found:
            writer.write(first)
            writer.write(second)
    return {name: Path(path) for name, path in targets.items()}


CALLS = [  # protein, term, score, precision, source
    ("A0A024RBG1-2", "GO:0005634", 0.25, None, "head"),
    ("sp|P04637|P53_HUMAN", "GO:0004672", 0.8, None, "descendant"),
    ("sp|P04637|P53_HUMAN", "GO:0007049", 0.6, None, ""),
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
    assert list(found[0]) == ["protein", "term", "name", "aspect", "score", "precision", "source"]
    assert [
        (r["protein"], r["term"], float(r["score"]), float(r["precision"] or -1), r["source"])
        for r in found
    ] == [(*call[:3], call[3] or -1, call[4]) for call in CALLS]
    by_id = {term.id: (term.name, term.aspect.name) for term in LABELS.terms}
    assert all((r["name"], r["aspect"]) == by_id[r["term"]] for r in found)


def test_json_lines_have_an_object_for_every_protein(written):
    with written["jsonl"].open(encoding="utf-8") as file:
        found = [json.loads(line) for line in file]
    assert {tuple(value) for value in found} == {
        ("schema_version", "protein", "length", "n_windows", "similarity", "calls")
    }
    names = ["my|odd:id", "A0A024RBG1-2", "sp|P04637|P53_HUMAN", "ünï"]
    assert [v["protein"] for v in found] == names
    assert [v["length"] for v in found] == [1, 2, 5_000, 4]
    assert [v["n_windows"] for v in found] == [1, 1, 7, 7]
    assert [v["similarity"] for v in found] == [0.5, 0.333333, None, None]
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
        f"select protein, term, score, precision, source from read_parquet('{path}')"
    ).fetchall()
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
    from cafaeval.parser import obo_parser, pred_parser

    lines = ["format-version: 1.2", ""]
    for term, parents in zip(LABELS.terms, LABELS.parents, strict=True):
        lines += ["[Term]", f"id: {term.id}", f"name: {term.name}"]
        lines += [f"namespace: {term.aspect.value}"]
        lines += [f"is_a: {LABELS.terms[p].id}" for p in parents] + [""]
    (tmp_path / "go.obo").write_text("\n".join(lines))
    graphs = obo_parser(str(tmp_path / "go.obo"), ("is_a",), None, True)
    ids = {accession(protein): i for i, (protein, *_) in enumerate(CALLS)}

    class Truth:
        def __init__(self, n_terms):
            self.ids, self.matrix = ids, np.zeros((len(CALLS), n_terms))

    truth = {name: Truth(graph.idxs) for name, graph in graphs.items()}
    found = pred_parser(str(written["cafa"]), graphs, truth, "max")
    for protein, term, score, *_ in CALLS:
        aspect = LABELS.terms[LABELS.column[term]].aspect.value
        row = found[aspect].matrix[found[aspect].ids[accession(protein)]]
        assert row[graphs[aspect].terms_dict[term]["index"]] == pytest.approx(score)


ANNOTATED = [  # database, id, symbol, relation, term, aspect: the most specific alone
    ("UniProtKB", "A0A024RBG1", "A0A024RBG1-2", "located_in", "GO:0005634", "C"),
    ("UniProtKB", "P04637", "P53_HUMAN", "involved_in", "GO:0007049", "P"),
    ("UniProtKB", "P04637", "P53_HUMAN", "enables", "GO:0004674", "F"),
    ("UniProtKB", "P04637", "P53_HUMAN", "part_of", "GO:0005840", "C"),
    ("UniProtKB", "P04637", "P53_HUMAN", "located_in", "GO:0005634", "C"),
    ("lab", "ünï", "ünï", "enables", "GO:0004674", "F"),
]


def test_biopython_reads_the_gaf_file(written):
    with written["gaf"].open(encoding="utf-8") as file:
        found = list(gafiterator(file))
    names = ("DB", "DB_Object_ID", "DB_Object_Symbol", "GO_ID", "Aspect")
    assert [(*(r[n] for n in names[:3]), *r["Qualifier"], *(r[n] for n in names[3:]))
            for r in found] == ANNOTATED  # fmt: skip
    forms = [r["Gene_Product_Form_ID"] for r in found]
    assert forms == ["UniProtKB:A0A024RBG1-2", *[""] * 5]  # an isoform has a column of its own
    assert {
        (r["Evidence"], *r["DB:Reference"], r["DB_Object_Type"], *r["Taxon_ID"], r["Date"],
         r["Assigned_By"]) for r in found
    } == {("IEA", "PMID:1", "protein", "taxon:9606", "20250102", "lab")}  # fmt: skip


def test_goatools_reads_the_gaf_file(written, capsys):
    found = GafReader(str(written["gaf"])).associations
    letters = {"MF": "F", "BP": "P", "CC": "C"}
    assert [
        (a.DB, a.DB_ID, a.DB_Symbol, *a.Qualifier, a.GO_ID, letters[a.NS]) for a in found
    ] == ANNOTATED
    assert {(a.Evidence_Code, *a.Taxon, a.Date.isoformat()) for a in found} == {
        ("IEA", 9606, "2025-01-02")
    }


def test_our_own_reader_of_annotations_takes_the_gaf_file(written):
    found = [(a.protein, a.term) for a in read_annotations(written["gaf"])]
    assert found == [(row[1], row[4]) for row in ANNOTATED]


def test_gpad_says_what_gaf_says_in_the_columns_of_2_0(written):
    # goatools and Biopython read GPAD 1 only, which has other columns
    relations = {
        "RO:0002327": "enables", "RO:0002331": "involved_in", "RO:0001025": "located_in",
        "BFO:0000050": "part_of",
    }  # fmt: skip
    with written["gpad"].open(encoding="utf-8") as file:
        lines = file.read().splitlines()
    assert lines[:3] == ["!gpad-version: 2.0", "!generated-by: lab", "!date-generated: 2025-01-02"]
    rows = [line.split("\t") for line in lines if not line.startswith("!")]
    assert {len(row) for row in rows} == {12}
    assert [(row[0], relations[row[2]], row[3]) for row in rows] == [
        (f"{db}:{'A0A024RBG1-2' if id == 'A0A024RBG1' else id}", relation, term)
        for db, id, _, relation, term, _ in ANNOTATED
    ]
    assert {(row[1], *row[4:]) for row in rows} == {
        ("", "PMID:1", "ECO:0000501", "", "", "2025-01-02", "lab", "", "")
    }


@pytest.mark.parametrize("name", ["gaf", "gpad"])
def test_annotation_files_say_in_words_what_they_hold(written, name):
    with written[name].open(encoding="utf-8") as file:
        head = " ".join(line.strip(" !\n") for line in file if line.startswith("!"))
    for words in (
        f"{name}-version: 2.", "model ab12", "no curator has looked", "a score of 0.1 or more",
        "the model's probability", "is not evidence of the absence", "go-version: releases/2025",
    ):  # fmt: skip
        assert words in head


def test_roots_are_annotated_nowhere(tmp_path):
    select = CallRules(Rules(with_ancestors=True, min_score=0.7), LABELS)
    only_root = select.calls(evidence(ROW), [1])
    assert only_root.columns.tolist() == [ROOT_MF, KINASE]
    alone = replace(
        only_root, columns=only_root.columns[:1], scores=only_root.scores[:1],
        precision=only_root.precision[:1], sources=only_root.sources[:1], indptr=np.array([0, 1]),
    )  # fmt: skip
    with writers({"gaf": str(tmp_path / "x.gaf")}, ABOUT) as (writer,):
        writer.write(alone)
    assert all(line.startswith("!") for line in (tmp_path / "x.gaf").read_text().splitlines())


def test_no_more_than_1500_terms_go_to_cafa():
    terms = tuple(Term(f"GO:{i:07}", f"t{i}", Aspect.MF) for i in range(1, 2001))
    labels = LabelSpace(terms, ((),) * 2000)
    values = np.linspace(0.002, 1, 2000, dtype=np.float32)[None]
    many = Evidence(
        Scores(("p",), values, labels), np.full(values.shape, NAN, np.float32),
        np.ones(values.shape, np.uint8), np.array([NAN], np.float32), np.ones(1, np.int64),
        np.zeros(1, np.intp),
    )  # fmt: skip
    file = io.BytesIO()
    writer = FORMATS["cafa"][1](file, replace(ABOUT, labels=labels))
    writer.write(CallRules(Rules(min_score=0), labels).calls(many, [3]))
    lines = file.getvalue().decode().splitlines()
    assert len(lines) == 1500
    assert lines[0] == "p\tGO:0002000\t1.00"


# names of files


@pytest.mark.parametrize(
    ("output", "format", "expected"),
    [
        ("x.tsv", None, {"tsv": "x.tsv"}),
        ("x", None, {"tsv": "x"}),
        ("x.txt", None, {"tsv": "x.txt"}),
        ("-", None, {"tsv": "-"}),
        ("x.jsonl.gz", None, {"jsonl": "x.jsonl.gz"}),
        ("x.cafa.tsv", None, {"cafa": "x.cafa.tsv"}),
        ("a.b/x.GAF", None, {"gaf": "a.b/x.GAF"}),
        ("x.tsv", "gpad", {"gpad": "x.tsv"}),
        ("x.tsv", "tsv, GAF,tsv", {"tsv": "x.tsv", "gaf": "x.gaf"}),
        ("x.cafa.tsv.gz", "cafa,tsv", {"cafa": "x.cafa.tsv.gz", "tsv": "x.tsv.gz"}),
        ("v1.2", "jsonl,parquet", {"jsonl": "v1.2.jsonl", "parquet": "v1.2.parquet"}),
    ],
)
def test_the_format_follows_from_the_suffix_and_several_make_their_own(output, format, expected):
    assert OutputConfig(output=output, format=format).targets() == expected


def test_annotation_files_need_aspects():
    plain = LabelSpace.close(["GO:0004672"], None)
    OutputConfig(output="x.tsv").check_labels(plain)
    for output in ("x.gaf", "x.gpad"):
        with pytest.raises(UsageError, match="without an ontology"):
            OutputConfig(output=output, taxon=1).check_labels(plain)
