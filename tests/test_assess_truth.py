"""Truth, targets, earlier annotations and groups are compared with predictions by accession."""

import json

import pytest
from evaluating import TRUTH, evaluate, evaluated

import esmgo
from esmgo.cli.main import main
from esmgo.dataset.sample import sample_ontology_path, sample_rows

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
