"""Calls as GAF 2.2 and GPAD 2.0, read back by other readers."""

from dataclasses import replace

import numpy as np
import pytest
from associating import checked
from Bio.UniProt.GOA import gafiterator
from goatools.anno.gaf_reader import GafReader
from hypothesis import given, settings
from hypothesis import strategies as st
from made_calls import ABOUT, KINASE, LABELS, ROOT_MF, ROW, evidence

from esmgo.cli.main import main
from esmgo.data.accessions import accession
from esmgo.data.annotation_files import read_annotations
from esmgo.go.calls import Calls
from esmgo.go.labels import LabelSpace
from esmgo.go.sparse import SparseRows
from esmgo.go.terms import Aspect, Term
from esmgo.go.unspecific import unspecific_of
from esmgo.predict.calling import CallRules, Rules
from esmgo.proteome.formats import writers

ANNOTATED = [  # database, id, symbol, relation, term, aspect: the most specific alone
    ("UniProtKB", "A0A024RBG1", "A0A024RBG1-2", "located_in", "GO:0005634", "C"),
    ("UniProtKB", "P04637", "P53_HUMAN", "involved_in", "GO:0007059", "P"),
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
    found = [(a.protein, a.term) for a in read_annotations(written["gaf"], evidence="all")]
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
    assert only_root.terms.indices.tolist() == [ROOT_MF, KINASE]
    alone = replace(
        only_root, terms=SparseRows(np.array([0, 1]), only_root.terms.indices[:1]),
        scores=only_root.scores[:1], precision=only_root.precision[:1],
        decoy_rate=only_root.decoy_rate[:1], information=only_root.information[:1],
        sources=only_root.sources[:1],
    )  # fmt: skip
    with writers({"gaf": str(tmp_path / "x.gaf")}, ABOUT) as (writer,):
        writer.write(alone)
    assert all(line.startswith("!") for line in (tmp_path / "x.gaf").read_text().splitlines())


HEADERS = [  # id, then database, accession, symbol and gene product form
    ("sp|P04637|P53_HUMAN", "UniProtKB", "P04637", "P53_HUMAN", ""),
    ("sp|P04637-2|P53_HUMAN", "UniProtKB", "P04637", "P53_HUMAN", "UniProtKB:P04637-2"),
    ("tr|A0A0A0MT89|", "UniProtKB", "A0A0A0MT89", "A0A0A0MT89", ""),
    ("UniProtKB:P69905", "UniProtKB", "P69905", "P69905", ""),
    ("P0DTD1:PRO_0000449619", "UniProtKB", "P0DTD1", "P0DTD1:PRO_0000449619",
     "UniProtKB:P0DTD1:PRO_0000449619"),
    ("UniRef90_Q9Y261", "UniProtKB", "Q9Y261", "Q9Y261", ""),
    ("gi|16128008|ref|NP_414555.1|", "lab", "NP_414555.1", "NP_414555.1", ""),
    ("emb|CAA12345.1|", "lab", "CAA12345.1", "CAA12345.1", ""),
    ("prf||0308206A", "lab", "0308206A", "0308206A", ""),
    ("gnl|Prokka|ABC_00001", "lab", "ABC_00001", "ABC_00001", ""),
    ("pdb|4HHB|A", "lab", "4HHB_A", "4HHB_A", ""),
    ("jgi|Aspni1|12345|e_gw1.1", "lab", "Aspni1_12345", "Aspni1_12345", ""),
    ("sp|LYSC_CHICK", "lab", "LYSC_CHICK", "LYSC_CHICK", ""),
    ("sp||EMPTY_TEST", "lab", "EMPTY_TEST", "EMPTY_TEST", ""),
    ("sp|Q07869_REVERSED|PPARA", "lab", "Q07869_REVERSED", "Q07869_REVERSED", ""),
    ("|||", "lab", "_", "_", ""),
]  # fmt: skip


def rows_of(ids, folder, name):
    """The checked rows of a file with one called term for each id."""
    one = CallRules(Rules(), LABELS).calls(evidence({KINASE: 1}), [1])
    calls = Calls.gather(ids, [(one, 0)] * len(ids))
    path = folder / f"x.{name}"
    with writers({name: str(path)}, ABOUT) as (writer,):
        writer.write(calls)
    found = checked(path, name)
    assert len(found) == len(ids)
    return found


def test_the_object_of_an_annotation_follows_from_the_form_of_the_id(tmp_path):
    found = rows_of([id for id, *_ in HEADERS], tmp_path, "gaf")
    assert [(*row[:3], row[16]) for row in found] == [each[1:] for each in HEADERS]
    found = rows_of([id for id, *_ in HEADERS], tmp_path, "gpad")
    assert [row[0] for row in found] == [
        form or f"{database}:{accession}" for _, database, accession, _, form in HEADERS
    ]


@settings(max_examples=50, deadline=None)
@given(
    ids=st.lists(
        st.from_regex(r"((sp|tr|gi|gnl|pdb|lcl)\|)?\S+", fullmatch=True),
        min_size=1,
        unique_by=accession,
    )
)
@pytest.mark.parametrize("name", ["gaf", "gpad"])
def test_no_id_breaks_a_column(tmp_path_factory, ids, name):
    rows_of(ids, tmp_path_factory.mktemp("ids"), name)


@pytest.mark.parametrize("report", ["25-pipe-headers", "34-sp-malformed"])
def test_headers_of_the_field_give_valid_files(shared, bundled, tmp_path, report):
    words = [f"--input={shared / 'reports' / report / 'in.fasta'}", f"--output={tmp_path / 'x'}"]
    assert main(["predict", *words, "--format=tsv,gaf,gpad,cafa", "--taxon=9606", "--top_k=2",
                 "--min_information=0", "--device=cpu"]) == 0  # fmt: skip
    assert len(checked(tmp_path / "x.gaf", "gaf")) == len(checked(tmp_path / "x.gpad", "gpad")) > 0
    for line in (tmp_path / "x.cafa.tsv").read_text().splitlines():
        assert "|" not in line.split("\t")[0]


@pytest.mark.parametrize(
    ("row", "written", "n_left_out"),
    [
        ({"GO:0005515": 0.9, "GO:0005488": 0.9}, [], 1),  # protein binding, and binding above it
        ({"GO:0005488": 0.9}, [], 1),
        ({"GO:0019901": 0.8, "GO:0005515": 0.9, "GO:0005488": 0.9}, ["GO:0019901"], 0),
        ({"GO:0008152": 0.9, "GO:0008150": 0.9}, [], 1),  # metabolic process
        ({"GO:0008150": 0.9}, [], 1),  # a root
        ({"GO:0019901": 0.5, "GO:0008152": 0.7}, ["GO:0019901"], 1),
    ],
)
@pytest.mark.parametrize("name", ["gaf", "gpad"])
def test_terms_that_are_too_general_for_go_are_left_out_and_counted(
    tmp_path, row, written, n_left_out, name
):
    terms = [
        ("GO:0003674", Aspect.MF, ()), ("GO:0005488", Aspect.MF, (0,)),
        ("GO:0005515", Aspect.MF, (1,)), ("GO:0008150", Aspect.BP, ()),
        ("GO:0008152", Aspect.BP, (3,)), ("GO:0019901", Aspect.MF, (2,)),
    ]  # fmt: skip
    labels = LabelSpace(tuple(Term(id, id, a) for id, a, _ in terms), tuple(p for *_, p in terms))
    columns = [labels.column[id] for id in row]
    one = CallRules(Rules(), LABELS).calls(evidence({KINASE: 1}), [1])
    calls = replace(
        one, terms=SparseRows(np.array([0, len(row)]), np.array(columns, np.int32)),
        scores=np.array(list(row.values()), np.float32), precision=np.zeros(len(row), np.float32),
        decoy_rate=np.zeros(len(row), np.float32), information=np.zeros(len(row), np.float32),
        sources=np.ones(len(row), np.uint8), purposes=np.full(len(row), 7, np.uint8),
    )  # fmt: skip
    with writers({name: str(tmp_path / "x")}, replace(ABOUT, labels=labels)) as (writer,):
        writer.write(calls)
    rows = checked(tmp_path / "x", name)
    assert [r[4 if name == "gaf" else 3] for r in rows] == written
    assert (writer.n_annotations, writer.n_unspecific) == (len(written), n_left_out)


def test_famous_proteins_have_few_annotations_and_none_that_go_refuses(shared, bundled, tmp_path):
    words = [f"--input={shared / 'reports' / '51-gaf-qc' / 'in.fasta'}", "--device=cpu"]
    words.append("--min_information=0")  # the small caller promises nothing on informative terms
    for name in ("gaf", "gpad"):
        assert main(["predict", *words, f"--output={tmp_path / 'x'}.{name}", "--taxon=9606"]) == 0
    rows = checked(tmp_path / "x.gaf", "gaf")
    assert 0 < len(rows) < 22 * 30
    assert unspecific_of().isdisjoint(row[4] for row in rows)
    assert [row[3] for row in checked(tmp_path / "x.gpad", "gpad")] == [row[4] for row in rows]
