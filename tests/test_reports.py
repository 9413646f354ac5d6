"""Situations from public reports: the right answer of each holds for its files.

The modules' own tests have small inputs of each class; these read the reports themselves.
"""

import re
import shutil
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from esmgo.cli.main import main
from esmgo.go.obo import read_obo


@pytest.fixture
def report(request, shared, tmp_path, monkeypatch):
    """Work in a copy of a report's folder."""
    (found,) = (shared / "reports").glob(f"{request.param}-*")
    folder = tmp_path / "report"
    shutil.copytree(found, folder)
    folder.chmod(0o755)
    monkeypatch.chdir(folder)
    return folder


def of(number):
    return pytest.mark.parametrize("report", [number], indirect=True)


@pytest.fixture
def build(report, capsys):
    """Build a data set of the report; return exit code, standard error and the terms by id."""

    def build(*words):
        code = main([
            "build", "--sequences=seqs.fasta", "--ontology=go.obo", "--test_ratio=0",
            "--overwrite", "--output_dir=out", *words,
        ])  # fmt: skip
        found = {}
        if (report / "out").is_dir():
            rows = pq.read_table(report / "out" / "all" / "train.parquet").to_pylist()
            found = {row["id"]: set(row["terms"]) for row in rows}
        return code, capsys.readouterr().err, found

    return build


@pytest.fixture
def predict(report, checkpoint, capsys):
    """Predict the FASTA file of the report in every format; return code, error and tables."""

    def predict(*words):
        code = main([
            "predict", "--input=in.fasta", "--output=out", "--format=tsv,gaf,gpad,cafa",
            "--taxon=9606", "--top_k=2", "--overwrite", f"--checkpoint_path={checkpoint}",
            "--device=cpu", "--min_score=0.01", *words,
        ])  # fmt: skip
        tables = {
            path.name.removeprefix("out"): [
                line.split("\t") for line in path.read_text().splitlines() if line[0] != "!"
            ]
            for path in report.glob("out.*")
        }
        return code, capsys.readouterr().err, tables

    return predict


@of("01")
def test_the_version_line_may_follow_other_comments(build):
    code, _, found = build("--terms=a.gaf")
    assert (code, len(found)) == (0, 2)


@of("04")
def test_complexes_and_rnas_are_left_out(build):
    code, err, found = build("--terms=a.gaf")
    assert (code, len(found)) == (0, 2)
    assert "left out" in err


@of("05")
def test_evidence_is_chosen_and_counted(build):
    code, err, found = build("--terms=a.gaf")
    assert code == 0
    assert list(found) == ["sp|P12345|AAA_TEST"]
    assert "GO:0005634" not in found["sp|P12345|AAA_TEST"]
    assert re.search(r"IEA\D*2|2 IEA", err)
    assert len(build("--terms=a.gaf", "--evidence=all")[2]) == 2


@of("07")
@pytest.mark.parametrize("name", ["a.gaf", "badaspect.gaf"])
def test_one_bad_row_is_a_reject(build, name):
    code, err, found = build(f"--terms={name}", "--rejects=rejects.tsv")
    assert code == 4
    assert found
    assert "1 of" in err
    assert build(f"--terms={name}", "--strict")[0] == 3


@of("12")
def test_gpad_is_read(build):
    code, _, found = build("--terms=a.gpad")
    assert code == 0
    assert "GO:0016787" in found["sp|P12345|AAA_TEST"]


@of("13")
def test_terms_need_no_aspect(build):
    code, _, found = build("--terms=t.tsv")
    assert code == 0
    assert found


@of("16")
def test_parents_of_other_ontologies_are_left_out(report, capsys):
    assert main(["build", "--ontology=go.obo"]) == 0
    assert "left out" in capsys.readouterr().err


@of("17")
def test_relations_of_one_taxon_do_not_propagate(build):
    code, err, found = build("--terms=t.tsv")
    assert code == 0
    assert not {"GO:0005634", "GO:0005737"} & set().union(*found.values())
    assert "gci" in err


@of("20")
def test_names_are_unescaped(report):
    names = {term.name for term in read_obo("go.obo").terms.values()}
    assert "N(4)-{beta-D-X-(1->2)}-Y transferase !act, really" in names


@of("25")
def test_identifiers_with_bars_have_an_accession(predict):
    code, _, tables = predict()
    assert code == 0
    rows = tables[".gaf"]
    assert all(row[i] and "|" not in row[i] for row in rows for i in (0, 1, 2, 4, 5, 6, 8, 11))
    accessions = {row[1] for row in rows}
    assert {"NP_414555.1", "NP_414542.1", "4HHB_A", "CAA12345.1", "0308206A"} <= accessions
    assert not any("|" in row[0] for row in tables[".cafa.tsv"])


@of("26")
def test_stops_at_the_end_are_dropped_and_others_rejected(predict):
    for words in ([], ["--strip_gaps"]):
        code, err, tables = predict(*words)
        assert code == 4
        names = {row[0] for row in tables[".tsv"][1:]}
        assert names == {f"evm.model.{i}" for i in (1, 3, 4, 5)}
        assert "1 of 5 records rejected" in err
        assert "stop" in err


@of("28")
def test_a_blank_before_the_identifier_is_skipped(predict):
    code, _, tables = predict()
    assert code == 0
    assert {row[0] for row in tables[".tsv"][1:]} == {"P12345", "P54321", "P11111"}


@of("34")
def test_only_accessions_of_uniprot_are_filed_under_it(predict):
    code, _, tables = predict()
    assert code == 0
    assert {row[0] for row in tables[".gaf"]} == {"esmgo"}
    assert all(row[1] and row[2] for row in tables[".gaf"])


@of("36")
def test_our_own_table_is_evaluated(report, checkpoint, capsys):
    words = [f"--checkpoint_path={checkpoint}", "--min_score=0.01"]
    assert main(["predict", "--input=in.fasta", "--output=calls.tsv", "--overwrite", *words]) == 0
    files = ["--truth=truth.tsv", "--ontology=go.obo"]
    assert main(["evaluate", "--predictions=calls.tsv", *files]) == 0
    assert "calls.tsv" in capsys.readouterr().out


@of("39")
def test_predictions_without_a_line_that_counts_score_zero(report, capsys):
    def evaluate(predictions, truth):
        words = [f"--predictions={predictions}", f"--truth={truth}", "--ontology=go.obo"]
        code = main(["evaluate", *words])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert out
        return code, out, err

    assert evaluate("pred.tsv", "truth.tsv")[0] == 0  # matched by accession
    assert "not match" not in evaluate("pred.tsv", "truth.tsv")[2]
    assert evaluate("zeros.tsv", "truth2.tsv")[0] == 4
    assert evaluate("unknown.tsv", "truth2.tsv")[0] == 0
    assert evaluate("preds", "truth2.tsv")[0] == 4
    subprocess.run([sys.executable, "make_big.py"], check=True)
    assert evaluate("big.tsv", "truth2.tsv")[0] == 0


@of("41")
@pytest.mark.parametrize(
    ("name", "code"),
    [("good.tsv", 0), ("header.tsv", 0), ("blanks.tsv", 0), ("foreign.tsv", 0), ("three.tsv", 0)],
)
def test_information_accretion_is_read_as_predictions_are(report, name, code, capsys):
    words = ["--predictions=pred.tsv", "--truth=truth.tsv", "--ontology=go.obo", f"--ia={name}"]
    assert main(["evaluate", *words]) == code
    assert ("foreign" in name) == ("IDPO:00001" in capsys.readouterr().err)


@of("51")
def test_annotations_pass_the_checks_of_the_go_consortium(report):
    assert main(["predict", "--input=in.fasta", "--output=out.gaf", "--taxon=9606"]) == 0
    rows = [line.split("\t") for line in (report / "out.gaf").read_text().splitlines()]
    rows = [row for row in rows if len(row) > 1]
    assert 22 <= len(rows) < 500
    assert not {"GO:0005515", "GO:0005488"} & {row[4] for row in rows}


@of("55")
def test_the_workflow_of_the_documents_with_headers_of_uniprot(report, capsys):
    assert main([
        "build", "--sequences=seqs.fasta", "--terms=terms.tsv", "--ontology=go.obo",
        "--test_ratio=0.4", "--output_dir=data", "--overwrite",
        "--taxonomy=taxonomy_noheader.tsv",
    ]) == 0  # fmt: skip
    words = ["--dataset=data", "--ontology=go.obo"]
    assert main(["baseline", "naive", *words, "--output=naive.tsv", "--overwrite"]) == 0
    ids = pq.read_table("data/all/test.parquet")["id"].to_pylist()
    nearest = "".join(f"{id.split('|')[1]}\t45\n" for id in ids)
    (report / "nearest.tsv").write_text("protein\tidentity\n" + nearest)
    capsys.readouterr()
    identity = "--identity=nearest.tsv"
    assert main(["evaluate", "--predictions=naive.tsv", *words, identity]) == 0
    out, err = capsys.readouterr()
    assert "not listed" not in out
    assert "targets" not in err


@of("58")
def test_a_taxonomy_needs_no_header(build):
    code, _, _ = build("--terms=terms.tsv", "--taxonomy=taxonomy.tsv")
    assert code == 0
    taxa = pq.read_table("out/all/train.parquet")["taxon_id"].to_pylist()
    assert set(taxa) == {"9606"}


@of("60")
@pytest.mark.parametrize("name", ["uniprot.tsv", "assoc.txt", "emapper.annotations", "iprscan.tsv"])
def test_tables_of_other_programs_are_read(build, name):
    code, _, found = build(f"--terms={name}")
    assert code == 0
    assert {"GO:0016787", "GO:0005634"} <= found["sp|P12345|AAA_TEST"]


@pytest.mark.parametrize("letter", ["\xa0", "\u3000", "\v", "\x1c", "\x85", "\u2028", "\u200b"])
def test_white_space_of_another_kind_is_rejected(letter, checkpoint, tmp_path, capsys):
    fasta = tmp_path / "x.fasta"
    fasta.write_bytes(f">a\nMKTAYIAKQR{letter}QISFVK\n>b\nMKTAYIAKQRQISF\n".encode())
    words = [f"--input={fasta}", f"--output={tmp_path / 'x.tsv'}", "--device=cpu"]
    assert main(["predict", f"--checkpoint_path={checkpoint}", *words]) == 4
    err = capsys.readouterr().err
    assert f"{ord(letter):04X}" in err or f"0x{ord(letter):02X}" in err


@pytest.mark.parametrize("word", ["NOT,enables", "not enables", "NOT;enables", "Enables|NOTE"])
def test_a_malformed_qualifier_is_never_positive(word, tmp_path, shared, capsys):
    found = next((shared / "reports").glob("01-*"))
    text = (found / "a.gaf").read_text().replace("\tenables\t", f"\t{word}\t")
    (tmp_path / "a.gaf").write_text(text)
    code = main([
        "build", f"--sequences={found / 'seqs.fasta'}", f"--ontology={found / 'go.obo'}",
        f"--terms={tmp_path / 'a.gaf'}", "--test_ratio=0", f"--output_dir={tmp_path / 'out'}",
    ])  # fmt: skip
    assert code == 4
    rows = pq.read_table(tmp_path / "out" / "all" / "train.parquet").to_pylist()
    assert [row["id"] for row in rows] == ["sp|P54321|BBB_TEST"]


def test_ids_that_would_print_alike_differ(checkpoint, tmp_path):
    fasta, output = tmp_path / "x.fasta", tmp_path / "x.tsv"
    sequence = "MKTAYIAKQRQISFVK"
    fasta.write_text(f">a\\u200bb\n{sequence}\n>a\u200bb\n{sequence}\n", encoding="utf-8")
    words = [f"--input={fasta}", f"--output={output}", "--device=cpu", "--min_score=0.01"]
    assert main(["predict", f"--checkpoint_path={checkpoint}", *words]) == 0
    ids = {line.split("\t")[0] for line in output.read_text().splitlines()[1:]}
    assert len(ids) == 2
