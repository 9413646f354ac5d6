"""Truth, targets, earlier annotations and groups are compared with predictions by accession."""

import json

import pytest
from annotating import GAF, GPAD_1, GPAD_2, gaf_row, gpad_2_row, gpad_row
from evaluating import TRUTH, evaluate, evaluated

import esmgo
from esmgo.cli.main import main
from esmgo.dataset.sample import sample_ontology_path, sample_rows
from esmgo.errors import RecordError

PAIRS = [
    ("sp|P04637|P53_HUMAN", "P04637"),
    ("tr|A0A024R1R8|A0A024R1R8_HUMAN", "UniProtKB:A0A024R1R8"),
    ("P04637.4", "UniRef90_P04637"),
    ("gi|16128008|ref|NP_414555.1|", "NP_414555.1"),
    ("ENSP00000269305.4|ENST00000269305.9|TP53", "ENSP00000269305"),
    ("pdb|4HHB|A", "4HHB:A|PDBID|CHAIN|SEQUENCE"),
]
"""Two forms of the same id."""


def fmax(folder, **options):
    return evaluated(folder, **options).evaluations["p.tsv"][esmgo.Aspect.MF].fmax


@pytest.mark.parametrize(("one", "other"), PAIRS)
@pytest.mark.parametrize("swap", [False, True])
def test_both_sides_of_every_comparison_are_accessions(cafa_files, one, other, swap):
    here, there = (other, one) if swap else (one, other)
    (cafa_files / "truth.tsv").write_text(TRUTH.replace("a\t", f"{there}\t"))
    (cafa_files / "p.tsv").write_text(f"{here}\tGO:0000020\t0.9\nb\tGO:0000010\t0.6\n")
    (cafa_files / "targets").write_text(f"EntryID\ttaxon\n{here}\t9606\n")
    (cafa_files / "known").write_text(f"{here}\tGO:0000010\n")
    (cafa_files / "nearest.tsv").write_text(f"protein\tidentity\n{here}\t95\nb\t\n")
    assert fmax(cafa_files) == pytest.approx(2 / 3)
    only = evaluated(cafa_files, targets="targets")
    assert only.evaluations["p.tsv"][esmgo.Aspect.MF].curve.n_proteins == 1
    assert not any("have no true term" in line for line in only.report.warnings)
    left = evaluated(cafa_files, known="known").evaluations["p.tsv"][esmgo.Aspect.MF]
    assert left.sums.plain.tp[0] == 1  # GO:0000010 was known
    page = evaluated(cafa_files, identity="nearest.tsv").document["evaluations"][0]
    groups = {each["group"] for each in page["aspects"]["MF"]["by_identity"]}
    assert groups == {"no hit", "90–100 %"}


def test_where_nothing_matches_both_forms_are_shown(cafa_files, capsys):
    (cafa_files / "truth.tsv").write_text("sp|P12345|AAA_TEST\tGO:0000020\n")
    (cafa_files / "p.tsv").write_text("ENSP00000269305.4\tGO:0000020\t0.9\n")
    (cafa_files / "other").write_text("P99999\tGO:0000020\n")
    (cafa_files / "nearest.tsv").write_text("protein\tidentity\nQ8N158\t95\n")
    assert evaluate(cafa_files, f"--known={cafa_files / 'other'}",
                    f"--identity={cafa_files / 'nearest.tsv'}") == 0  # fmt: skip
    err = capsys.readouterr().err
    assert (
        "nothing predicted for any protein of the truth; its ids look like ENSP00000269305.4" in err
    )
    assert "truth.tsv like sp|P12345|AAA_TEST" in err
    assert "no protein of the truth; its ids look like P99999" in err
    assert "lists no protein of the truth; its ids look like Q8N158" in err
    assert evaluate(cafa_files, f"--targets={cafa_files / 'other'}") == 3
    err = capsys.readouterr().err
    assert "its ids look like sp|P12345|AAA_TEST, those of the targets like P99999" in err
    assert all(len(line) < 200 for line in err.splitlines())


def test_ids_that_share_an_accession_are_one_protein_and_are_counted(cafa_files, capsys):
    (cafa_files / "truth.tsv").write_text(
        "sp|P04637|P53_HUMAN\tGO:0000010\nP04637\tGO:0000020\nb\tGO:0000030\n"
    )
    (cafa_files / "p.tsv").write_text(
        "P04637\tGO:0000020\t0.9\nP04637.2\tGO:0000020\t0.4\nb\tGO:0000010\t0.6\n"
    )
    assert fmax(cafa_files) == pytest.approx(2 / 3)
    assert evaluate(cafa_files) == 0
    err = capsys.readouterr().err
    assert "1 ids share the accession of another and are read as the same protein" in err
    assert "P04637 as sp|P04637|P53_HUMAN" in err
    assert "1 further ids of the same proteins: P04637.2 as P04637" in err
    assert "1 lines repeat a protein and a term; the highest score counts" in err


def test_the_proteins_of_a_data_set_that_share_an_accession_are_one(tmp_path, capsys):
    rows = sample_rows()
    first = rows["test"][0]
    twins = [
        first | {"id": f"sp|P04637|{first['id']}"},
        first | {"id": "P04637", "terms": ["GO:0005575"]},
    ]
    for split, some in (("train", rows["train"]), ("test", [*twins, *rows["test"][1:]])):
        path = tmp_path / "data" / "all" / f"{split}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in some))
    lines = [f"P04637.1\t{term}\t0.9\n" for term in first["terms"]]
    (tmp_path / "p.tsv").write_text("".join(lines))
    assert main([
        "evaluate", f"--predictions={tmp_path / 'p.tsv'}", f"--dataset={tmp_path / 'data'}",
        f"--ontology={sample_ontology_path()}",
    ]) == 0  # fmt: skip
    out, err = capsys.readouterr()
    assert "1 ids share the accession of another" in err
    n = len(rows["test"])
    assert f" {n} " in out.splitlines()[-1] or any(f" {n} " in line for line in out.splitlines())
    assert "nothing predicted" not in err


@pytest.mark.parametrize("targets", [
    "a\nmissing\n", "protein\na\nmissing\n", "# ours\n\nTarget ID\tname\na\tx\nmissing\ty\n",
    ">a some protein\nMKT\nAAA\n>missing\nMKL\n", "EntryID,taxon\na,9606\nmissing,9606\n",
    "a 9606\nmissing 9606\n",
])  # fmt: skip
def test_targets_may_have_a_header_further_columns_or_be_fasta(cafa_files, targets):
    (cafa_files / "targets").write_text(targets)
    found = evaluated(cafa_files, targets="targets")
    assert found.evaluations["p.tsv"][esmgo.Aspect.MF].fmax == 1
    assert any("1 of 2 targets have no true term" in line for line in found.report.warnings)


@pytest.mark.parametrize("terms", [
    "GO:0000020\n", "term\nGO:0000020\n", "# slim\nGO ID\tname\nGO:0000020\tbelow\n",
    "GO:0000020 below it\nHP:0000001 x\n", "GO:0000020,below\n", "go_id,name\nGO:0000020,below\n",
])  # fmt: skip
def test_terms_of_interest_may_have_a_header_further_columns_and_foreign_ids(cafa_files, terms):
    (cafa_files / "interest").write_text(terms)
    found = evaluated(cafa_files, terms_of_interest="interest")
    assert found.evaluations["p.tsv"][esmgo.Aspect.MF].curve.n_proteins == 1
    counted = any("1 ids that are not of GO: HP:0000001" in x for x in found.report.warnings)
    assert counted == ("HP" in terms)


@pytest.mark.parametrize("ia", [
    "term\tia\n{}\t3\n{}\t2\n", "{} 3\n{} 2\n", "{}\t3\tbelow\tx\n{}\t2\tright\n",
    "{},3\n{},2\n", "# release\nGO_ID;IC\n{};3.0\n{};2.0\n", "ia\tgo_term\n3\t{}\n2\t{}\n",
    "name\tterm\tinformation_accretion\nbelow\t{}\t3\nright\t{}\t2\n",
    "{}\t3\n{}\t2\nHP:0000001\t1\nIDPO:00001\t-\n", "\n{}\t3\n\n{}\t2\nGO:0003674\t-0.0\n",
])  # fmt: skip
def test_information_accretion_is_read_as_people_write_it(cafa_files, ia):
    (cafa_files / "ia").write_text(ia.format("GO:0000020", "GO:0000030"))
    found = evaluated(cafa_files, ia="ia")
    result = found.evaluations["p.tsv"][esmgo.Aspect.MF]
    at = 70  # τ = 0.71: a has its 3 bits, b nothing of 2
    assert (result.weighted.tp[at] * 2, result.weighted.ru[at] * 2) == (3, 2)
    counted = any("2 terms of other ontologies, left out: HP:0000001" in x
                  for x in found.report.warnings)  # fmt: skip
    assert counted == ("HP" in ia)


A, B = "GO:0000020", "GO:0000030"
OTHER = gaf_row("b", B, evidence="IEA") + gaf_row("b", B, qualifier="NOT|enables")

FORMS = {
    "pairs": TRUTH,
    "blanks": TRUTH.replace("\t", "  "),
    "header": f"EntryID\tterm\taspect\na\t{A}\tF\nb\t{B}\tMFO\n",
    "three columns": f"a\t{A}\tF\nb\t{B}\tF\n",
    "scores": f"a\t{A}\t1.0\nb\t{B}\t1.0\n",
    "map": f"a\t{A};GO:0000010\nb\t{B}\n",
    "GAF": GAF + gaf_row("a", A) + gaf_row("b", B) + OTHER,
    "GAF of isoforms": GAF + gaf_row("a", A, form="UniProtKB:a-2") + gaf_row("b", B),
    "GPAD 1": GPAD_1 + gpad_row("a", A) + gpad_row("b", B),
    "GPAD 2": GPAD_2 + gpad_2_row("X:a", A) + gpad_2_row("X:b", B),
    "UniProt": f"Entry\tGene Ontology (GO)\na\tbelow [{A}]\nb\tright [{B}]\n",
    "other ontologies": f"{TRUTH}b\tHP:0000118\n",
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_every_format_gives_the_same_evaluation(cafa_files, text):
    (cafa_files / "truth.tsv").write_text(text)
    result = evaluated(cafa_files)
    assert result.evaluations["p.tsv"][esmgo.Aspect.MF].fmax == pytest.approx(2 / 3)
    assert not result.report.rejects
    assert any("truth.tsv: read as" in notice for notice in result.report.notices)


def test_evidence_selects_the_true_annotations(cafa_files, capsys):
    text = GAF + gaf_row("a", A) + gaf_row("b", B, evidence="IEA")
    (cafa_files / "truth.tsv").write_text(text)
    found = evaluated(cafa_files).evaluations["p.tsv"][esmgo.Aspect.MF]
    assert found.curve.n_proteins == 1
    found = evaluated(cafa_files, evidence="all").evaluations["p.tsv"][esmgo.Aspect.MF]
    assert found.curve.n_proteins == 2
    assert evaluate(cafa_files) == 0
    err = capsys.readouterr().err
    assert "truth.tsv: read as GAF 2.2" in err
    assert "evidence taken: IDA 1; left out: IEA 1" in err
    assert evaluate(cafa_files, "--evidence=IEA,XX") == 2
    assert "--evidence 'XX' is not experimental, all or one of EXP" in capsys.readouterr().err
    (cafa_files / "truth.tsv").write_text(GAF + gaf_row("a", A, evidence="IEA"))
    assert evaluate(cafa_files) == 3
    assert "IEA 1 (--evidence=all takes all)" in capsys.readouterr().err


def test_known_annotations_come_in_the_same_formats(cafa_files):
    (cafa_files / "truth.tsv").write_text(GAF + gaf_row("a", A) + gaf_row("b", B))
    for name, text in {
        "known.tsv": "a\tGO:0000010\n",
        "known.gaf": GAF + gaf_row("a", "GO:0000010") + gaf_row("b", B, evidence="ISS"),
        "known.gpad": GPAD_1 + gpad_row("a", "GO:0000010"),
    }.items():
        (cafa_files / name).write_text(text)
    values = [
        evaluated(cafa_files, known=f"known.{kind}").evaluations["p.tsv"][esmgo.Aspect.MF].fmax
        for kind in ("tsv", "gaf", "gpad")
    ]
    assert len(set(values)) == 1


def test_a_bad_row_of_the_truth_is_a_reject(cafa_files, capsys):
    (cafa_files / "truth.tsv").write_text(f"{TRUTH}c\tGO:1\n")
    assert evaluate(cafa_files) == 4
    assert "truth.tsv:3: c rejected: 'GO:1' is not a GO id" in capsys.readouterr().err
    with pytest.raises(RecordError):
        evaluated(cafa_files, strict=True)
    (cafa_files / "truth.tsv").write_text(">a\nMKL\n")
    assert evaluate(cafa_files) == 3
    assert "FASTA" in capsys.readouterr().err


def test_an_isoform_that_is_a_target_has_its_own_annotations(cafa_files):
    rows = gaf_row("P12345", A, form="UniProtKB:P12345-2") + gaf_row("P12345", B)
    (cafa_files / "truth.tsv").write_text(GAF + rows)
    (cafa_files / "p.tsv").write_text(f"P12345\t{B}\t0.9\nP12345-2\t{A}\t0.9\n")
    (cafa_files / "targets").write_text("P12345\nsp|P12345-2|X_Y\n")
    found = evaluated(cafa_files, targets="targets").evaluations["p.tsv"][esmgo.Aspect.MF]
    assert (found.curve.n_proteins, found.fmax) == (2, 1)
    found = evaluated(cafa_files).evaluations["p.tsv"][esmgo.Aspect.MF]
    assert found.curve.n_proteins == 1
