"""`esmgo evaluate`: what it reads, counts, refuses and writes."""

import gzip
import io
import json
import re
import sys

import numpy as np
import pytest

import esmgo
from esmgo.cli.main import main
from esmgo.data.cafa import BLOCK, read_ids, read_pairs, read_predictions
from esmgo.dataset.sample import sample_ontology_path, sample_rows
from esmgo.errors import AnnotationError
from esmgo.metrics.evaluator import BLOCK as PROTEINS

OBO = """format-version: 1.2
data-version: test
ontology: go

[Term]
id: GO:0003674
name: molecular_function
namespace: molecular_function

[Term]
id: GO:0000010
name: left
namespace: molecular_function
alt_id: GO:0000019
is_a: GO:0003674

[Term]
id: GO:0000020
name: below
namespace: molecular_function
is_a: GO:0000010

[Term]
id: GO:0000030
name: right
namespace: molecular_function
is_a: GO:0003674

[Term]
id: GO:0000040
name: gone
namespace: molecular_function
is_obsolete: true
replaced_by: GO:0000010
"""

TRUTH = "a\tGO:0000020\nb\tGO:0000030\n"
PREDICTIONS = "a\tGO:0000020\t0.9\nb\tGO:0000010\t0.6\n"


@pytest.fixture
def files(tmp_path):
    (tmp_path / "go.obo").write_text(OBO)
    (tmp_path / "truth.tsv").write_text(TRUTH)
    (tmp_path / "p.tsv").write_text(PREDICTIONS)
    return tmp_path


def evaluate(files, *more, predictions="p.tsv"):
    return main([
        "evaluate", f"--predictions={files / predictions}", f"--truth={files / 'truth.tsv'}",
        f"--ontology={files / 'go.obo'}", *more,
    ])  # fmt: skip


def found(files, **options):
    config = {"truth": "truth.tsv", "ontology": "go.obo", "predictions": "p.tsv"} | options
    paths = {k: str(files / v) if (files / str(v)).exists() else v for k, v in config.items()}
    return esmgo.evaluate_files(esmgo.EvaluateConfig(**paths))


def test_the_table_goes_to_stdout_and_says_fmax(files, capsys):
    assert evaluate(files) == 0
    out, err = capsys.readouterr()
    # at 0.6 and below: a calls 2 of its 2, b 1 wrong one; precision 1/2, recall 1/2; above: 1, 1/2
    assert re.search(r"p\.tsv +MF +2 +1\.000 +0\.667 +0\.61 +– +– ", out)
    assert "warning" not in err


def test_everything_is_written_or_nothing(files, capsys):
    out = files / "out"
    assert evaluate(files, f"--output_dir={out}") == 0
    names = {p.name for p in out.iterdir()}
    assert names == {
        "evaluation_all.tsv", "evaluation_best_f.tsv", "evaluation_best_s.tsv",
        "evaluation_best_f_micro.tsv", "evaluation.json", "evaluation.html",
    }  # fmt: skip
    page = json.loads((out / "evaluation.json").read_text())
    best = page["evaluations"][0]["aspects"]["MF"]["best"]["fmax"]
    assert best["value"] == pytest.approx(2 / 3)
    assert "0.667" in (out / "evaluation.html").read_text()
    assert evaluate(files, f"--output_dir={out}") == 2
    assert "--overwrite" in capsys.readouterr().err
    (files / "p.tsv").write_text("a\tGO:0000020\tmuch\n")
    before = (out / "evaluation_all.tsv").read_bytes()
    assert evaluate(files, f"--output_dir={out}", "--overwrite") == 3
    assert (out / "evaluation_all.tsv").read_bytes() == before
    assert [p.name for p in files.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize(("line", "reason"), [
    ("a\tGO:0000020", "2 columns; expected a protein, a GO id, a score"),
    ("a\tGO:20\t0.5", "'GO:20' is not a GO id"),
    ("a\tGO:0000020\t0,5", "the score '0,5' is not a number"),
    ("\tGO:0000020\t0.5", "no protein id"),
    ("a\x01\tGO:0000020\t0.5", "control character"),
    ("a\tGO:0000020\t", "the score '' is not a number"),
    (b"a\xff\tGO:0000020\t0.5", "not UTF-8: byte 0xFF"),
])  # fmt: skip
def test_a_malformed_line_is_named_with_file_and_reason(files, capsys, line, reason):
    data = line if isinstance(line, bytes) else line.encode()
    (files / "p.tsv").write_bytes(PREDICTIONS.encode() + b"\n" + data + b"\n")
    assert evaluate(files) == 3
    err = capsys.readouterr().err
    assert "p.tsv:4: " in err
    assert reason in err
    assert err.count("\n") == 1


def test_a_malformed_line_far_into_the_file_is_named_too(tmp_path):
    line = b"a\tGO:0000020\t0.5\n"
    n = BLOCK // len(line) + 1000
    source = io.BytesIO(line * n + b"a GO:0000020\n" + line)
    with pytest.raises(AnnotationError, match=f":{n + 1}: 2 columns"):
        list(read_predictions(source))


@pytest.mark.parametrize(("truth", "reason"), [
    ("a\n", "truth.tsv:1: 1 columns; expected a protein, a GO id"),
    ("a\tGO:0000020\nb\tbinding\n", "truth.tsv:2: 'binding' is not a GO id"),
    ("", "truth.tsv: no lines in it but blank ones"),
    ("a\tGO:0000040\n", "truth.tsv: no protein with a term of the ontology"),
])  # fmt: skip
def test_a_truth_that_cannot_be_used_is_refused(files, capsys, truth, reason):
    (files / "truth.tsv").write_text(truth)
    assert evaluate(files) == 3
    assert reason in capsys.readouterr().err.splitlines()[-1]


def test_what_the_rules_of_cafa_forbid_is_counted_and_said(files, capsys):
    (files / "p.tsv").write_text(
        PREDICTIONS + "a\tGO:0000020\t0.3\n"  # again
        "a\tGO:0000030\t0\na\tGO:0000030\t1.5\na\tGO:0000030\tnan\n"
        "z\tGO:0000030\t0.5\nz\tGO:0000020\t0.5\n"
        "a\tGO:0000040\t0.5\na\tGO:7654321\t0.5\nb\tGO:0000019\t0.2\n"
    )
    assert evaluate(files, "--rules=exact") == 4
    err = capsys.readouterr().err
    for said in (
        "p.tsv: 3 lines with a score outside (0, 1]",
        "p.tsv: 2 lines repeat a protein and a term",
        "p.tsv: 2 lines of 1 proteins that are not targets, left out: z",
        "p.tsv: 1 lines with obsolete terms, left out: GO:0000040",
        "p.tsv: 1 lines with terms that the ontology does not have, left out: GO:7654321",
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


def test_order_repeats_and_packing_of_lines_change_nothing(files):
    random = np.random.default_rng(5)
    terms = ["GO:0000010", "GO:0000020", "GO:0000030", "GO:0003674"]
    n = PROTEINS + 100  # two blocks
    truth = [f"p{i}\t{random.choice(terms)}\n" for i in range(n)]
    lines = [f"p{random.integers(n)}\t{random.choice(terms)}\t{random.integers(1, 101) / 100}\n"
             for _ in range(3000)]  # fmt: skip
    (files / "truth.tsv").write_text("".join(truth))
    (files / "p.tsv").write_text("".join(lines))
    whole = found(files)
    shuffled = [str(x) for x in random.permutation(lines)]
    (files / "q.tsv").write_bytes(
        gzip.compress("".join(shuffled + shuffled[:50]).replace("\n", "\r\n").encode())
    )
    (files / "truth.tsv").write_text("".join(str(x) for x in random.permutation(truth)))
    again = found(files, predictions="q.tsv")
    (ours,), (theirs,) = whole.document["evaluations"], again.document["evaluations"]
    assert ours["aspects"] == theirs["aspects"]  # to the last bit


def test_blanks_headers_and_the_preamble_of_older_files_are_read(files):
    (files / "p.tsv").write_text(
        "AUTHOR us\nMODEL 1\nKEYWORDS sequence alignment.\n"
        "a GO:0000020  0.9\r\n\r\nb GO:0000010 0.6 more\nEND\n"
    )
    (files / "truth.tsv").write_text(
        "EntryID\tterm\taspect\n" + "a\tGO:0000020\tF\nb\tGO:0000030\tF\n"
    )
    result = found(files).evaluations["p.tsv"][esmgo.Aspect.MF]
    assert result.fmax == pytest.approx(2 / 3)


def test_predictions_come_from_a_folder_or_standard_input(files, capsys, monkeypatch):
    (files / "all" / "deep").mkdir(parents=True)
    for name in ("a.tsv", "deep/b.tsv", ".hidden"):
        (files / "all" / name).write_text(PREDICTIONS)
    assert set(found(files, predictions="all").evaluations) == {"a.tsv", "deep_b.tsv"}
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PREDICTIONS.encode())))
    paths = [f"--truth={files / 'truth.tsv'}", f"--ontology={files / 'go.obo'}"]
    assert main(["evaluate", "--predictions=-", *paths]) == 0
    assert "0.667" in capsys.readouterr().out


def test_targets_known_and_terms_of_interest_narrow_what_counts(files):
    (files / "targets").write_text("a\nmissing\n")
    only = found(files, targets="targets")
    assert only.evaluations["p.tsv"][esmgo.Aspect.MF].fmax == 1
    assert any("1 of 2 targets have no true term" in x for x in only.report.warnings)
    (files / "known").write_text("a\tGO:0000010\nnobody\tGO:0000010\n")
    left = found(files, known="known").evaluations["p.tsv"][esmgo.Aspect.MF]
    assert left.sums.plain.tp[0] == 1  # GO:0000020 of a; GO:0000010 was known
    (files / "interest").write_text("GO:0000019\nGO:7654321\n")  # an alternative id of GO:0000010
    some = found(files, terms_of_interest="interest")
    assert some.evaluations["p.tsv"][esmgo.Aspect.MF].curve.n_proteins == 1
    assert any("1 terms that the ontology lacks" in x for x in some.report.warnings)


def test_information_accretion_adds_weighted_metrics(files, capsys):
    (files / "ia").write_text("GO:0000010\t1\nGO:0000020\t3\nGO:0000030\t2\n")
    result = found(files, ia="ia").evaluations["p.tsv"][esmgo.Aspect.MF]
    at = 70  # τ = 0.71: a has all its 4 bits, b nothing of 2
    assert (result.weighted.tp[at] * 2, result.weighted.ru[at] * 2) == (4, 2)
    assert result.smin == pytest.approx(1.0)
    assert evaluate(files, f"--ia={files / 'ia'}", f"--output_dir={files / 'o'}") == 0
    assert (files / "o" / "evaluation_best_f_w.tsv").exists()


def test_filling_does_not_raise_a_scored_ancestor(files):
    (files / "p.tsv").write_text("a\tGO:0000020\t0.9\na\tGO:0000010\t0.2\n")
    at = 50
    raised = found(files).evaluations["p.tsv"][esmgo.Aspect.MF].sums.plain.tp[at]
    filled = found(files, propagation="fill").evaluations["p.tsv"][esmgo.Aspect.MF].sums.plain
    assert (raised, filled.tp[at]) == (2, 1)


def test_identity_gives_groups_of_proteins(files, capsys):
    (files / "nearest.tsv").write_text("protein\tnearest\tidentity\na\tx\t95.0\nb\t\t\nzz\ty\t40\n")
    page = found(files, identity="nearest.tsv").document["evaluations"][0]["aspects"]["MF"]
    groups = {each["group"]: each for each in page["by_identity"]}
    assert groups.keys() == {"no hit", "90–100 %"}
    assert (groups["90–100 %"]["fmax"], groups["no hit"]["fmax"]) == (1, 0)
    for bad in ("id\tx\n", "protein\tidentity\na\t101\n", "protein\tidentity\na\t1\na\t2\n"):
        (files / "nearest.tsv").write_text(bad)
        assert evaluate(files, f"--identity={files / 'nearest.tsv'}") == 3
    assert "stands here again" in capsys.readouterr().err


@pytest.mark.parametrize(("flags", "said"), [
    ([], "give --predictions, or --checkpoint_path"),
    (["--predictions=p"], "--predictions needs --truth"),
    (["--predictions=p", "--dataset=sample"], "--predictions needs --ontology"),
    (["--predictions=p", "--ontology=o", "--dataset=sample", "--truth=t"],
     "--truth does not go with --dataset"),
    (["--predictions=p", "--sources=head"], "--predictions needs --truth"),
    (["--checkpoint_path=c"], "--checkpoint_path needs --dataset"),
    (["--checkpoint_path=c", "--dataset=sample", "--truth=t"], "--truth does not go with"),
    (["--predictions=p", "--truth=t", "--ontology=o", "--rules=mine"], "--rules must be one of"),
    (["--predictions=p", "--truth=t", "--ontology=o", "--threshold_step=0"], "at least"),
])  # fmt: skip
def test_flags_that_do_not_fit_are_usage_errors(flags, said, capsys):
    assert main(["evaluate", *flags]) == 2
    assert said in capsys.readouterr().err


def test_a_missing_file_is_found_before_any_work(files, capsys):
    for flag in ("known", "targets", "ia", "terms_of_interest", "identity"):
        assert evaluate(files, f"--{flag}={files / 'nowhere'}") == 3
        assert "nowhere: no such file" in capsys.readouterr().err
    assert evaluate(files, predictions="nowhere") == 3


def test_a_checkpoint_is_evaluated_in_blocks(checkpoint, tmp_path, capsys):
    out = tmp_path / "out"
    code = main([
        "evaluate", f"--checkpoint_path={checkpoint}", "--dataset=sample", "--device=cpu",
        f"--ontology={sample_ontology_path()}", f"--output_dir={out}",
    ])  # fmt: skip
    assert code == 0
    page = json.loads((out / "evaluation.json").read_text())
    (only,) = page["evaluations"]
    predictor = esmgo.Scorer.load(checkpoint, device="cpu")
    from esmgo.dataset.opening import open_split

    ontology = esmgo.read_obo(sample_ontology_path(), warn=lambda _: None)
    proteins, labels, _ = open_split("sample", ontology=ontology)
    truth = esmgo.Truth(proteins.ids, proteins.indptr, proteins.indices, labels)
    records = map(esmgo.Protein, proteins.ids, proteins.sequences)
    by_hand = esmgo.evaluate(predictor.score(records), truth)
    assert {a.name for a in by_hand} == set(only["aspects"])
    for aspect, result in by_hand.items():
        assert only["aspects"][aspect.name]["best"]["fmax"]["value"] == result.fmax


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
    from esmgo.model.checkpoint import open_checkpoint

    n = len(open_checkpoint(checkpoint).training["validation"])
    arguments = [f"--checkpoint_path={checkpoint}", "--dataset=sample", "--device=cpu"]
    assert main(["evaluate", *arguments, "--split=validation"]) == 0
    counts = re.findall(r"checkpoint.pt +\w+ +(\d+)", capsys.readouterr().out)
    assert max(map(int, counts)) == n


def test_ids_are_first_words_each_once(tmp_path):
    assert read_ids(io.BytesIO(b"b more\n\na\r\nb\n")) == ["b", "a"]
    with pytest.raises(AnnotationError, match="no ids in it"):
        read_ids(io.BytesIO(b"\n\n"))


def test_pairs_are_the_same_read_fast_or_line_by_line():
    tidy = b"".join(b"p%d\tGO:%07d\t0.%d\n" % (i % 7, i % 5, i % 9 + 1) for i in range(50))
    untidy = tidy.replace(b"\t", b"  ")
    for reader in (read_pairs, read_predictions):
        (a,), (b,) = list(reader(io.BytesIO(tidy))), list(reader(io.BytesIO(untidy)))
        assert [a.proteins[i] for i in a.protein] == [b.proteins[i] for i in b.protein]
        assert [a.terms[i] for i in a.term] == [b.terms[i] for i in b.term]
        assert a.scores.tolist() == b.scores.tolist()
