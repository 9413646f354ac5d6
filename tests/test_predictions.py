"""Predictions and truth from files: counted, numbered, in any order."""

import gzip

import numpy as np
import pytest
from evaluating import OBO, PREDICTIONS, evaluate, evaluated

import esmgo
from esmgo.metrics.evaluator import BLOCK as PROTEINS


@pytest.mark.parametrize(("truth", "reason"), [
    ("a\n", "truth.tsv:1: no TAB found: a list of single words"),
    ("a\tb\nb\tbinding\n", "truth.tsv:1: header"),
    ("", "truth.tsv: no annotations: the file is empty"),
    ("a\tGO:0000040\n", "truth.tsv: no protein with a term of the ontology"),
])  # fmt: skip
def test_a_truth_that_cannot_be_used_is_refused(cafa_files, capsys, truth, reason):
    (cafa_files / "truth.tsv").write_text(truth)
    assert evaluate(cafa_files) == 3
    assert reason in capsys.readouterr().err.splitlines()[-1]


def test_what_the_rules_of_cafa_forbid_is_counted_and_said(cafa_files, capsys):
    (cafa_files / "p.tsv").write_text(
        PREDICTIONS + "a\tGO:0000020\t0.3\n"  # again
        "a\tGO:0000030\t0\na\tGO:0000030\t1.5\na\tGO:0000030\t-1\n"
        "z\tGO:0000030\t0.5\nz\tGO:0000020\t0.5\n"
        "a\tGO:0000040\t0.5\na\tGO:7654321\t0.5\nb\tGO:0000019\t0.2\n"
    )
    assert evaluate(cafa_files, "--rules=exact") == 4
    err = capsys.readouterr().err
    for said in (
        "p.tsv: 2 lines with a score of 0 or below, left out: p.tsv:4, p.tsv:6",
        "p.tsv: 1 lines with a score above 1, left out: p.tsv:5",
        "p.tsv: 2 lines repeat a protein and a term",
        "p.tsv: 2 lines of 1 proteins that are not targets, left out: z",
        "p.tsv: 1 lines with obsolete terms, left out: GO:0000040",
        "p.tsv: 1 lines with terms not in the ontology, left out: GO:7654321",
        "p.tsv: 1 lines with alternative ids, read as their terms: GO:0000019",
    ):
        assert said in err


def test_more_than_1500_terms_are_said(tmp_path, capsys):
    ids = [f"GO:{j:07}" for j in range(4_000_000, 4_001_501)]
    stanza = "\n[Term]\nid: {}\nname: x\nnamespace: molecular_function\nis_a: GO:0003674\n"
    (tmp_path / "go.obo").write_text(OBO + "".join(map(stanza.format, ids)))
    (tmp_path / "truth.tsv").write_text("a\tGO:0000020\nb\tGO:0000020\n")
    rows = [f"a\t{id}\t0.5\n" for id in ids] + [f"b\t{id}\t0.5\n" for id in ids[:1500]]
    (tmp_path / "p.tsv").write_text("".join(rows))
    assert evaluate(tmp_path) == 0
    assert "p.tsv: 1 proteins with more than 1,500 terms" in capsys.readouterr().err


def test_order_repeats_and_packing_of_lines_change_nothing(cafa_files):
    random = np.random.default_rng(5)
    terms = ["GO:0000010", "GO:0000020", "GO:0000030", "GO:0003674"]
    n = PROTEINS + 100  # two blocks
    truth = [f"p{i}\t{random.choice(terms)}\n" for i in range(n)]
    lines = [f"p{random.integers(n)}\t{random.choice(terms)}\t{random.integers(1, 101) / 100}\n"
             for _ in range(3000)]  # fmt: skip
    (cafa_files / "truth.tsv").write_text("".join(truth))
    (cafa_files / "p.tsv").write_text("".join(lines))
    whole = evaluated(cafa_files)
    shuffled = [str(x) for x in random.permutation(lines)]
    (cafa_files / "q.tsv").write_bytes(
        gzip.compress("".join(shuffled + shuffled[:50]).replace("\n", "\r\n").encode())
    )
    (cafa_files / "truth.tsv").write_text("".join(str(x) for x in random.permutation(truth)))
    again = evaluated(cafa_files, predictions="q.tsv")
    (ours,), (theirs,) = whole.document["evaluations"], again.document["evaluations"]
    assert ours["aspects"] == theirs["aspects"]  # to the last bit


def test_targets_known_and_terms_of_interest_narrow_what_counts(cafa_files):
    (cafa_files / "targets").write_text("a\nmissing\n")
    only = evaluated(cafa_files, targets="targets")
    assert only.evaluations["p.tsv"][esmgo.Aspect.MF].fmax == 1
    assert any("1 of 2 targets have no true term" in x for x in only.report.warnings)
    (cafa_files / "known").write_text("a\tGO:0000010\nnobody\tGO:0000010\n")
    left = evaluated(cafa_files, known="known").evaluations["p.tsv"][esmgo.Aspect.MF]
    assert left.sums.plain.tp[0] == 1  # GO:0000020 of a; GO:0000010 was known
    (cafa_files / "interest").write_text(
        "GO:0000019\nGO:7654321\n"
    )  # an alternative id of GO:0000010
    some = evaluated(cafa_files, terms_of_interest="interest")
    assert some.evaluations["p.tsv"][esmgo.Aspect.MF].curve.n_proteins == 1
    told = "interest: 1 lines with terms not in the ontology, left out: GO:7654321"
    assert any(told in line for line in some.report.warnings)
