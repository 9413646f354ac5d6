"""`esmgo evaluate`: files and checkpoints in, tables out."""

import io
import json
import re
import sys

import pytest
from evaluating import PREDICTIONS, evaluate, evaluated
from predicting import Bars

import esmgo
from esmgo.assess import evaluation
from esmgo.cli.main import main
from esmgo.dataset.opening import open_split
from esmgo.dataset.sample import sample_ontology_path, sample_rows
from esmgo.model.checkpoint import open_checkpoint


def test_evaluating_a_checkpoint_takes_the_sources_asked_for(blended, capsys):
    command = ["evaluate", f"--checkpoint_path={blended[0]}", "--dataset=sample", "--device=cpu"]
    texts = []
    for sources in ((), ("--sources=head",), ("--sources=neighbours",)):
        assert main([*command, *sources]) == 0
        texts.append(capsys.readouterr().out)
    assert len(set(texts)) == 3
    assert main([*command, "--sources=oracle"]) == 2
    assert "no source" in capsys.readouterr().err


def test_the_table_goes_to_stdout_and_says_fmax(cafa_files, capsys):
    assert evaluate(cafa_files) == 0
    out, err = capsys.readouterr()
    # at 0.6 and below: a calls 2 of its 2, b 1 wrong one; precision 1/2, recall 1/2; above: 1, 1/2
    assert re.search(r"p\.tsv +MF +2 +1\.000 +0\.667 +0\.61 +– +– ", out)
    assert "warning" not in err


def test_everything_is_written_or_nothing(cafa_files, capsys):
    out = cafa_files / "out"
    assert evaluate(cafa_files, f"--output_dir={out}") == 0
    names = {p.name for p in out.iterdir()}
    assert names == {
        "evaluation_all.tsv", "evaluation_best_f.tsv", "evaluation_best_s.tsv",
        "evaluation_best_f_micro.tsv", "evaluation.json", "evaluation.html",
    }  # fmt: skip
    page = json.loads((out / "evaluation.json").read_text())
    best = page["evaluations"][0]["aspects"]["MF"]["best"]["fmax"]
    assert best["value"] == pytest.approx(2 / 3)
    assert "0.667" in (out / "evaluation.html").read_text()
    assert evaluate(cafa_files, f"--output_dir={out}") == 2
    assert "--overwrite" in capsys.readouterr().err
    (cafa_files / "p.tsv").write_text("a\tGO:0000020\tmuch\n")
    before = (out / "evaluation_all.tsv").read_bytes()
    assert evaluate(cafa_files, f"--output_dir={out}", "--overwrite") == 3
    assert (out / "evaluation_all.tsv").read_bytes() == before
    assert [p.name for p in cafa_files.iterdir() if p.name.startswith(".")] == []


def test_predictions_come_from_a_folder_or_standard_input(cafa_files, capsys, monkeypatch):
    (cafa_files / "all" / "deep").mkdir(parents=True)
    for name in ("a.tsv", "deep/b.tsv", ".hidden"):
        (cafa_files / "all" / name).write_text(PREDICTIONS)
    assert set(evaluated(cafa_files, predictions="all").evaluations) == {"a.tsv", "deep_b.tsv"}
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PREDICTIONS.encode())))
    paths = [f"--truth={cafa_files / 'truth.tsv'}", f"--ontology={cafa_files / 'go.obo'}"]
    assert main(["evaluate", "--predictions=-", *paths]) == 0
    assert "0.667" in capsys.readouterr().out


def test_information_accretion_adds_weighted_metrics(cafa_files, capsys):
    (cafa_files / "ia").write_text("GO:0000010\t1\nGO:0000020\t3\nGO:0000030\t2\n")
    result = evaluated(cafa_files, ia="ia").evaluations["p.tsv"][esmgo.Aspect.MF]
    at = 70  # τ = 0.71: a has all its 4 bits, b nothing of 2
    assert (result.weighted.tp[at] * 2, result.weighted.ru[at] * 2) == (4, 2)
    assert result.smin == pytest.approx(1.0)
    assert (
        evaluate(cafa_files, f"--ia={cafa_files / 'ia'}", f"--output_dir={cafa_files / 'o'}") == 0
    )
    assert (cafa_files / "o" / "evaluation_best_f_w.tsv").exists()


def test_weights_of_other_terms_alone_are_a_warning(cafa_files, capsys):
    (cafa_files / "ia").write_text("GO:0000099\t1\n")
    evaluate(cafa_files, f"--ia={cafa_files / 'ia'}")
    found = "MF: no term of the truth has a weight, so wFmax and Smin have no meaning"
    assert found in capsys.readouterr().err


def test_filling_does_not_raise_a_scored_ancestor(cafa_files):
    (cafa_files / "p.tsv").write_text("a\tGO:0000020\t0.9\na\tGO:0000010\t0.2\n")
    at = 50
    raised = evaluated(cafa_files).evaluations["p.tsv"][esmgo.Aspect.MF].sums.plain.tp[at]
    filled = (
        evaluated(cafa_files, propagation="fill").evaluations["p.tsv"][esmgo.Aspect.MF].sums.plain
    )
    assert (raised, filled.tp[at]) == (2, 1)


def test_a_missing_file_is_found_before_any_work(cafa_files, capsys):
    for flag in ("known", "targets", "ia", "terms_of_interest", "identity"):
        assert evaluate(cafa_files, f"--{flag}={cafa_files / 'nowhere'}") == 3
        assert "nowhere: no such file" in capsys.readouterr().err
    assert evaluate(cafa_files, predictions="nowhere") == 3


def test_a_checkpoint_is_evaluated_in_blocks(checkpoint, tmp_path, capsys):
    out = tmp_path / "out"
    code = main([
        "evaluate", f"--checkpoint_path={checkpoint}", "--dataset=sample", "--device=cpu",
        f"--ontology={sample_ontology_path()}", f"--output_dir={out}",
    ])  # fmt: skip
    assert code == 0
    page = json.loads((out / "evaluation.json").read_text())
    (only,) = page["evaluations"]
    predictor = esmgo.Predictor.load(checkpoint, device="cpu")
    ontology = esmgo.read_obo(sample_ontology_path(), warn=lambda _: None)
    proteins, labels, _ = open_split("sample", ontology=ontology)
    truth = proteins.truth(labels)
    records = map(esmgo.Protein, proteins.ids, proteins.sequences)
    by_hand = esmgo.evaluate(predictor.score(records), truth)
    assert {a.name for a in by_hand} == set(only["aspects"])
    for aspect, result in by_hand.items():
        assert only["aspects"][aspect.name]["best"]["fmax"]["value"] == result.fmax


def test_progress_moves_with_every_batch(checkpoint, monkeypatch):
    bars = Bars(monkeypatch, evaluation)
    words = [f"--checkpoint_path={checkpoint}", "--dataset=sample", "--device=cpu"]
    assert main(["evaluate", *words]) == 0
    bars.moved(len(sample_rows()["test"]))


def test_predictions_are_compared_with_a_data_set(tmp_path, capsys):
    ontology, out = sample_ontology_path(), tmp_path / "naive.tsv"
    assert main(["baseline", "naive", "--dataset=sample", f"--output={out}"]) == 0
    rows = sample_rows()["test"]
    truth = tmp_path / "truth.tsv"
    truth.write_text("".join(f"{row['id']}\t{term}\n" for row in rows for term in row["terms"]))
    tables = []
    for what in (f"--truth={truth}", "--dataset=sample"):
        capsys.readouterr()
        assert main(["evaluate", f"--predictions={out}", f"--ontology={ontology}", what]) == 0
        tables.append(capsys.readouterr().out)
    assert tables[0] == tables[1]
    assert "naive.tsv" in tables[0]


def test_the_validation_split_is_that_of_the_checkpoint(checkpoint, capsys):
    n = len(open_checkpoint(checkpoint).training["validation"])
    arguments = [f"--checkpoint_path={checkpoint}", "--dataset=sample", "--device=cpu"]
    assert main(["evaluate", *arguments, "--split=validation"]) == 0
    counts = re.findall(r"checkpoint.pt +\w+ +(\d+)", capsys.readouterr().out)
    assert max(map(int, counts)) == n
