"""The flags of `esmgo predict`: short forms, and what is refused in one line."""

import pytest
from predicting import error_of

from esmgo.cli.main import main


def test_the_short_flags_of_the_help(checkpoint, proteome, tmp_path):
    words = ["-i", str(proteome), "-o", str(tmp_path / "x.tsv"), "--device=cpu"]
    assert main(["predict", *words, f"--checkpoint_path={checkpoint}"]) == 4
    assert (tmp_path / "x.tsv").exists()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--output=x.tsv"], 2, "--input"),
        (["--input=x"], 2, "--output"),
        (["--input=x", "--output=-", "--format=tsv,gaf", "--taxon=1"], 2, "several formats"),
        (["--input=x", "--output=-", "--format=parquet"], 2, "parquet cannot go to -"),
        (["--input=x", "--output=-", "--resume"], 2, "--resume needs a file"),
        (["--input=x", "--output=-", "--shard=1/2"], 2, "a shard is one file"),
        (["--input=x", "--output=x.tsv", "--format=xlsx"], 2, "not 'xlsx'"),
        (["--input=x", "--output=x.xlsx"], 2, "x.xlsx ends in .xlsx, not in .tsv, .csv"),
        (["--input=x", "--output=x.gmt.gz"], 2, "--format"),
        (["--input=x", "--output=x.gaf"], 2, "--taxon"),
        (["--input=x", "--output=x.gaf", "--taxon=0"], 2, "--taxon"),
        (["--input=x", "--output=x.tsv", "--shard=3/2"], 2, "--shard 3/2"),
        (["--input=x", "--output=x.tsv", "--shard=2"], 2, "--shard 2 "),
        (["--input=x", "--output=x.tsv", "--aspect=xx"], 2, "is not an aspect"),
        (["--input=x", "--output=x.tsv", "--precision=1"], 2, "--precision must be below 1"),
        (["--input=x", "--output=x.tsv", "--min_score=2"], 2, "--min_score must be at most 1"),
        (["--input=x", "--output=x.tsv", "--date=2025-1-2"], 2, "YYYY-MM-DD"),
        (["--input=x", "--output=x.tsv", "--reference=my paper"], 2, "--reference"),
        (["--input=x", "--output=x.tsv", "--reference=PMID:1|PMID:2"], 2, "--reference"),
        (["--input=x", "--output=x.tsv", "--assigned_by=my.lab"], 2, "--assigned_by"),
        (["--input=x", "--output=x.tsv", "--assigned_by=a|b"], 2, "--assigned_by"),
        (["--input=x", "--output=x.tsv", "--resume", "--override"], 2, "one of them"),
        (["--input=a.fasta", "--output=none/x.tsv"], 5, "there is no such folder"),
        (["--input=a.fasta", "--output=."], 2, "is a folder"),
        (["--input=none.fasta", "--output=x.tsv"], 3, "no such file"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(words, code, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.fasta").write_text(">a\nMKT\n")
    assert main(["predict", *words]) == code
    assert told in error_of(capsys)
    assert [p.name for p in tmp_path.iterdir()] == ["a.fasta"]


def test_a_promise_needs_a_calibrated_checkpoint(predict, tmp_path, capsys):
    assert predict(tmp_path / "x.tsv", "--precision=0.9") == 2
    assert "esmgo blend" in error_of(capsys)
    assert not list(tmp_path.glob("x.tsv*"))
