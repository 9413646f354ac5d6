"""`esmgo predict`: files in, files out, interrupted and resumed."""

import gzip
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from killing_predict import FORMATS
from predicting import Bars, Scored, error_of, rows_of

import esmgo
from esmgo.data.fasta import read_fasta
from esmgo.data.rejects import ReadReport
from esmgo.dataset.sample import sample_rows
from esmgo.errors import UsageError
from esmgo.files.lock import acquire, release
from esmgo.predict.novelty import MAX_NOVELTY
from esmgo.predict.predictor import Predictor
from esmgo.proteome import run

ROOT = Path(__file__).parents[1]


def test_standard_input_and_output_and_gzip_both_ways(
    predict, proteome, tmp_path, monkeypatch, capsys
):
    assert predict(tmp_path / "x.tsv") == 4
    wanted = (tmp_path / "x.tsv").read_bytes()
    packed = tmp_path / "proteins.fasta.gz"
    packed.write_bytes(gzip.compress(proteome.read_bytes()))
    assert predict(tmp_path / "y.tsv.gz", input=packed) == 4
    assert gzip.decompress((tmp_path / "y.tsv.gz").read_bytes()) == wanted
    for source in (proteome, packed):
        out = io.TextIOWrapper(io.BytesIO())
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(source.read_bytes())))
        monkeypatch.setattr("sys.stdout", out)
        assert predict("-", input="-") == 4
        assert out.buffer.getvalue() == wanted
    assert "standard input:" in capsys.readouterr().err  # and not the name of a copy
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(proteome.read_bytes())))
    assert predict(tmp_path / "z.tsv", input="-") == 4
    assert (tmp_path / "z.tsv").read_bytes() == wanted
    assert not list(tmp_path.glob("*.parts"))
    assert not list(tmp_path.glob(".*"))


def test_rejected_records_are_told_counted_and_listed(predict, tmp_path, capsys):
    assert predict(tmp_path / "x.tsv", f"--rejects={tmp_path / 'r.tsv'}") == 4
    err = capsys.readouterr().err
    assert re.search(r"proteins\.fasta:12 column \d+: sp\|A00005\|N5_X rejected: '!'", err)
    assert "2 of 24 records rejected" in err
    assert len((tmp_path / "r.tsv").read_text().splitlines()) == 3
    assert predict(tmp_path / "y.tsv", "--strict") == 3
    assert not list(tmp_path.glob("y.tsv*"))


@pytest.mark.parametrize("name", ["r.csv", "r.xlsx", "r.tsv.gz", "r.json"])
def test_rejects_are_a_table_or_refused(predict, tmp_path, capsys, name):
    assert predict(tmp_path / "x.tsv", f"--rejects={tmp_path / name}") == 2
    assert "--rejects" in error_of(capsys)
    assert not (tmp_path / name).exists()
    assert not (tmp_path / "x.tsv").exists()


def test_long_and_short_proteins_are_counted_in_one_warning_each(predict, tmp_path, capsys):
    sizes = [9, 10, 1, 5, 2, 62, 63, 200, 99, 64]
    lengths = dict(zip("abcdefghij", sizes, strict=True))
    source = tmp_path / "lengths.fasta"
    source.write_text("".join(f">{id}\n{('MKTAYIAKQR' * 20)[:n]}\n" for id, n in lengths.items()))
    assert predict(tmp_path / "x.tsv", input=source, context_length=64) == 0
    short, long = capsys.readouterr().err.splitlines()[-2:]
    few = "4 sequences of fewer than 10 known residues, too few to rely on: a, c, d and 1 more"
    assert short.endswith(f"lengths.fasta: {few}")
    windows = "longer than 64 tokens, scored in overlapping windows: g, h, i and 1 more"
    assert long.endswith(f"lengths.fasta: 4 proteins {windows}")
    n_windows = {row["protein"]: int(row["n_windows"]) for row in rows_of(tmp_path / "x.tsv")}
    assert {id for id, n in n_windows.items() if n > 1} == {"g", "h", "i", "j"}


def test_a_file_of_rejects_alone_gives_a_header_alone(predict, tmp_path):
    (tmp_path / "bad.fasta").write_text(">a\n!!!\n")
    words = (f"--format={FORMATS}", "--taxon=9606")
    assert predict(tmp_path / "x", *words, input=tmp_path / "bad.fasta") == 4
    assert (tmp_path / "x.tsv").read_text().startswith("protein\tterm")
    assert rows_of(tmp_path / "x.tsv") == []
    assert (tmp_path / "x.jsonl").read_bytes() == b""


def test_a_refused_file_leaves_nothing(predict, tmp_path, proteome):
    (tmp_path / "out").mkdir()
    (tmp_path / "cut.fasta.gz").write_bytes(gzip.compress(proteome.read_bytes())[:-99])
    assert predict(tmp_path / "out" / "x.tsv", input=tmp_path / "cut.fasta.gz") == 3
    assert predict(tmp_path / "out" / "x.tsv", input=tmp_path / "none.fasta") == 3
    assert predict(tmp_path / "out" / "x.tsv", checkpoint_path=tmp_path / "none.pt") == 6
    assert list((tmp_path / "out").iterdir()) == []


def test_a_killed_and_resumed_prediction_ends_in_the_same_bytes(checkpoint, tmp_path):
    program = [sys.executable, str(ROOT / "tests" / "killing_predict.py"), str(tmp_path), "2", "3"]
    done = subprocess.run(
        [*program, f"--checkpoint={checkpoint}"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["killed"] >= 2
    assert found["in_a_rename"] >= 1
    assert found["wrong"] == []


def test_an_interrupt_says_what_is_kept(predict, tmp_path, monkeypatch, capsys):
    Scored(monkeypatch, stop_at=1)
    assert predict(tmp_path / "x.tsv") == 130
    assert "x.tsv.parts: finished work; --resume continues" in capsys.readouterr().err


def test_an_input_that_changes_meanwhile_is_refused(
    predict, proteome, tmp_path, monkeypatch, capsys
):
    real = Predictor.evidence

    def evidence(predictor, proteins, **more):
        with proteome.open("a") as file:
            file.write(">late\nMKT\n")
        return real(predictor, proteins, **more)

    monkeypatch.setattr(Predictor, "evidence", evidence)
    assert predict(tmp_path / "x.tsv") == 3
    assert "changed while it was read" in error_of(capsys)
    assert not (tmp_path / "x.tsv").exists()


def test_a_full_disk_is_told_and_work_is_kept(predict, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        Scored(patch, stop_at=2, error=OSError(28, "No space left on device"))
        assert predict(tmp_path / "x.tsv") == 5
    err = capsys.readouterr().err
    assert "finished work" in err
    assert "o space left" in err
    assert not list(tmp_path.glob(".*.tmp"))
    assert predict(tmp_path / "x.tsv", "--resume") == 4


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_device_is_told(predict, capsys):
    assert predict("/dev/full") == 5
    assert "no space left" in error_of(capsys)


def test_a_second_writer_is_refused_and_told_who_the_first_is(predict, tmp_path, capsys):
    path = tmp_path / "x.tsv"
    lock = tmp_path / ".x.tsv.lock"
    file = acquire(lock, path)
    try:
        assert predict(path) == 2
        assert re.search(r"being written by another process \(pid \d+", error_of(capsys))
        assert predict(tmp_path / "x", "--format=gpad,tsv") == 2  # the same file by another name
    finally:
        release(file, lock)
    assert predict(path) == 4


def test_an_older_output_is_replaced_only_when_asked(predict, tmp_path, capsys):
    for name in ("x.tsv", "y.gpad"):
        (tmp_path / name).write_text("mine")
    assert predict(tmp_path / "x.tsv") == 2
    assert "--overwrite" in error_of(capsys)
    assert predict(tmp_path / "y", "--format=tsv,gpad") == 2
    assert (tmp_path / "x.tsv").read_text() == (tmp_path / "y.gpad").read_text() == "mine"
    assert not (tmp_path / "y.tsv").exists()
    for word in ("--overwrite", "--override"):
        assert predict(tmp_path / "x.tsv", word) == 4
    assert rows_of(tmp_path / "x.tsv")


def test_a_promised_precision_keeps_promised_calls_alone_and_counts_abstentions(
    predict, blended, tmp_path, capsys
):
    lines = "".join(f">{row['id']}\n{row['sequence']}\n" for row in sample_rows()["test"][:12])
    (tmp_path / "a.fasta").write_text(lines)
    flags = {"checkpoint_path": blended[0], "input": tmp_path / "a.fasta"}
    words = "--precision=0.89", "--min_information=0", "--max_novelty=1"
    assert predict(tmp_path / "x.tsv", *words, **flags) == 0
    summary = capsys.readouterr().out
    predictor = Predictor.load(blended[0], device="cpu", context_length=1024, dtype="fp32")
    evidence = predictor.evidence(list(read_fasta(tmp_path / "a.fasta")))
    promised = predictor.is_promised(evidence, 0.89, 0)
    terms = predictor.labels.terms
    expected = {
        (protein, terms[j].id, f"{evidence.precision[i, j]:.6g}")
        for i, protein in enumerate(evidence.scores.proteins)
        for j in np.flatnonzero(promised[i])
        if not terms[j].is_root
    }
    found = rows_of(tmp_path / "x.tsv")
    assert {(row["protein"], row["term"], row["precision"]) for row in found} == expected
    n = sum(
        not promised[i, predictor.labels.columns_of(aspect)].any()
        for i in range(12)
        for aspect in predictor.labels.aspects
    )
    assert 0 < n < 36
    assert f"; {n} abstentions: an aspect without a call of precision 0.89, written" in summary
    words = ["head", "neighbours", "kmers", "homology", "coannotation", "descendant"]
    for row in found:
        said = row["source"].split("+") if row["source"] else []
        assert said == [word for word in words if word in said]
    assert any("head+" in row["source"] and "kmers" in row["source"] for row in found)


def test_a_protein_that_is_unlike_anything_known_has_no_calls_and_is_counted(
    predict, blended, held_out, tmp_path, capsys
):
    lines = "".join(f">{p.id}\n{p.sequence}\n" for p in held_out[:12])
    (tmp_path / "a.fasta").write_text(lines)
    flags = {"checkpoint_path": blended[0], "input": tmp_path / "a.fasta"}
    predictor = Predictor.load(blended[0], device="cpu", context_length=1024, dtype="fp32")
    novelty = predictor.evidence(held_out[:12]).novelty
    limit = round(float(np.sort(novelty)[8:10].mean()), 4)
    n = int((novelty > limit).sum())
    assert n == 3
    assert predict(tmp_path / "x.jsonl", f"--max_novelty={limit}", **flags) == 0
    unlike = f"; 3 proteins are unlike anything known (novelty above {limit:g}): no calls, written"
    assert unlike in capsys.readouterr().out
    found = list(map(json.loads, (tmp_path / "x.jsonl").read_text().splitlines()))
    assert [f"{x:.6g}" for x in novelty] == [f"{each['novelty']:.6g}" for each in found]
    assert [not each["calls"] for each in found] == (novelty > limit).tolist()
    assert predict(tmp_path / "y.tsv", **flags) == 0
    high = int((novelty > MAX_NOVELTY).sum())
    assert ": no calls" not in capsys.readouterr().out
    assert {row["protein"] for row in rows_of(tmp_path / "y.tsv")} == {p.id for p in held_out[:12]}
    assert predict(tmp_path / "z.tsv", "--precision=0.5", **flags) == 0
    summary = capsys.readouterr().out
    assert ("unlike anything known" in summary) == bool(high)


def test_a_limit_of_novelty_needs_a_novelty(predict, checkpoint, tmp_path, capsys):
    assert predict(tmp_path / "x.tsv", "--max_novelty=0.5", checkpoint_path=checkpoint) == 2
    assert "--max_novelty needs a blend with a novelty" in error_of(capsys)


def test_progress_moves_with_every_batch(predict, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run, "BLOCK", 512)
    bars = Bars(monkeypatch, run)
    assert predict(tmp_path / "x.tsv") == 4
    bars.moved(22)
    assert "Predicting" not in capsys.readouterr().err  # no terminal


def test_python_does_it_with_one_call(checkpoint, proteome, tmp_path):
    config = esmgo.PredictConfig(
        checkpoint_path=str(checkpoint), input=str(proteome), output=str(tmp_path / "x.tsv"),
        device="cpu", top_k=3,
    )  # fmt: skip
    report = ReadReport()
    summary = esmgo.write_predictions(config, report)
    assert (summary.n_proteins, summary.n_calls, report.n_rejected) == (22, 66, 2)
    with pytest.raises(UsageError, match="exists"):
        esmgo.write_predictions(config)


def test_help_loads_neither_torch_nor_pyarrow():
    program = (
        "import sys; from esmgo.cli.main import main;"
        "assert main(['predict', '--help']) == main(['merge', '--help']) == 0;"
        "assert not {'torch', 'pyarrow', 'transformers'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "-i, --input" in re.sub(r" STR\b", "", done.stdout)
