"""`esmgo baseline`: methods, outputs, and what is refused before any work."""

import gzip
import io
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

import esmgo
from esmgo.assess import baselines
from esmgo.cli.main import main
from esmgo.data.fasta import Protein
from esmgo.dataset.sample import sample_rows

needs_diamond = pytest.mark.skipif(
    shutil.which("diamond") is None, reason="needs the program diamond on PATH"
)


def baseline(method, output, *words):
    return main(["baseline", method, "--dataset=sample", f"--output={output}", *words])


def table(path):
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    return [(p, t, float(s)) for p, t, s in (line.split("\t") for line in text.splitlines())]


@pytest.fixture
def few(tmp_path):
    """A data set without a test split, and its training proteins."""
    path = tmp_path / "few.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in sample_rows()["train"][:40]))
    known = set(esmgo.open_dataset(str(path), eval_ratio=0.1).train.ids)
    return path, [row for row in sample_rows()["train"][:40] if row["id"] in known]


def test_term_frequency_is_the_share_of_training_proteins(tmp_path, capsys):
    assert baseline("naive", tmp_path / "x.tsv") == 0
    assert "120 proteins from 480 training proteins" in capsys.readouterr().out
    rows, splits = table(tmp_path / "x.tsv"), sample_rows()
    assert {p for p, *_ in rows} == {row["id"] for row in splits["test"]}
    term = splits["train"][0]["terms"][0]
    share = sum(term in row["terms"] for row in splits["train"]) / 480
    for _, found, score in rows:
        assert 0 < score <= 1
        if found == term:
            assert score == pytest.approx(share, rel=0.006)


@needs_diamond
def test_a_protein_of_the_file_gets_the_terms_of_its_like(tmp_path, capsys):
    known = sample_rows()["train"][7]
    fasta = tmp_path / "x.fasta"
    fasta.write_text(f">sp|{known['id']}|NAME\n{known['sequence']}\n>lonely\n{'MKWVTFIS' * 9}\n")
    assert baseline("diamond", tmp_path / "x.tsv", f"--fasta={fasta}", "--threads=1") == 0
    rows = table(tmp_path / "x.tsv")
    assert {p for p, *_ in rows} == {known["id"]}  # CAFA wants accessions
    assert set(known["terms"]) <= {t for _, t, s in rows if s > 0.5}
    assert "1 of 2 proteins are training proteins" in capsys.readouterr().err


def test_neighbours_vote(tmp_path, few, capsys):
    data, (*_, known) = few
    fasta = tmp_path / "x.fasta"
    fasta.write_text(f">x\n{known['sequence']}\n")
    words = ["--base_model=tiny", "--num_neighbours=1", "--device=cpu", f"--fasta={fasta}"]
    words += [f"--dataset={data}", f"--output={tmp_path / 'x.tsv'}"]
    assert main(["baseline", "neighbours", *words]) == 0, capsys.readouterr().err
    assert table(tmp_path / "x.tsv") == [("x", t, 1.0) for t in sorted(known["terms"])]


def test_a_checkpoint_can_embed(tmp_path, few, checkpoint):
    fasta = tmp_path / "x.fasta"
    fasta.write_text(">x\nMKTAYIAKQRQISFVKSHFSRQ\n")
    data, known = few
    config = esmgo.BaselineConfig(
        method="neighbours", dataset=str(data), fasta=str(fasta), device="cpu",
        checkpoint_path=str(checkpoint), output=str(tmp_path / "x.tsv"),
    )  # fmt: skip
    summary = esmgo.write_baseline(config)
    assert (summary.n_proteins, summary.n_train) == (1, len(known))
    assert summary.n_lines == len(table(tmp_path / "x.tsv"))


def test_without_a_test_split_the_hold_out_of_training_is_scored(tmp_path):
    data = tmp_path / "few.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in sample_rows()["train"]))
    assert main(["baseline", "naive", f"--dataset={data}", f"--output={tmp_path / 'x.tsv'}"]) == 0
    held_out = esmgo.open_dataset(str(data), eval_ratio=0.1).validation
    assert {p for p, *_ in table(tmp_path / "x.tsv")} == set(held_out.ids)


def test_standard_output_holds_the_lines_alone(capsys, monkeypatch):
    buffer = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", buffer)
    assert baseline("naive", "-") == 0
    lines = buffer.buffer.getvalue().decode().splitlines()
    assert all(len(line.split("\t")) == 3 for line in lines)
    assert f"{len(lines):,} scores written to standard output" in capsys.readouterr().err


def test_equal_scores_give_equal_compressed_bytes(tmp_path):
    for name in ("x.tsv", "one.gz", "two.gz"):
        assert baseline("naive", tmp_path / name) == 0
    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()
    assert table(tmp_path / "one.gz") == table(tmp_path / "x.tsv")


def test_a_file_is_replaced_only_when_told_so(tmp_path, capsys):
    path = tmp_path / "x.tsv"
    path.write_text("mine")
    assert baseline("naive", path) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert path.read_text() == "mine"
    assert baseline("naive", path, "--overwrite") == 0
    assert path.read_text() != "mine"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ([], 2, "no method: give one of naive, diamond, neighbours"),
        (["blast"], 2, "'blast': give one of naive, diamond, neighbours"),
        (["naive"], 2, "--output=FILE"),
        (["naive", "--output=."], 2, "is a folder"),
        (["naive", "--output=x.csv"], 2, "x.csv ends in .csv, not in .tsv, .cafa, .txt; CAFA's"),
        (["naive", "--output=x.gaf.gz"], 2, "x.gaf.gz ends in .gaf"),
        (["naive", "--output=x.xlsx"], 2, "x.xlsx ends in .xlsx"),
        (["naive", "--output=nowhere/x.tsv"], 5, "no such folder"),
        (["naive", "--output=x.tsv", "--fasta=nothing.fasta"], 3, "no such file"),
        (["naive", "--output=x.tsv", "--base_model=tiny"], 2, "is for neighbours"),
        (["neighbours", "--output=x.tsv"], 2, "--base_model=NAME"),
        (["neighbours", "--output=x.tsv", "--base_model=no"], 2, "tiny"),
        (["neighbours", "--output=x.tsv", "--checkpoint_path=no.pt"], 6, "no.pt"),
        (["naive", "--output=x.tsv", "--dataset=./no.jsonl"], 3, "no such file"),
    ],
)
def test_mistakes_are_told_in_one_line(words, code, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["baseline", *words, *(["--dataset=sample"] if len(words) < 3 else [])]) == code
    err = capsys.readouterr().err
    assert told in err
    assert len(err) < 200
    assert err.count("\n") == 1
    assert not any(tmp_path.iterdir())


def test_help_works_with_and_without_a_method(capsys):
    for words in (["--help"], ["naive", "--help"]):
        assert main(["baseline", *words]) == 0
        assert "given after the verb: naive" in " ".join(capsys.readouterr().out.split())


def test_rejected_records_are_told_and_the_rest_is_scored(tmp_path, capsys):
    fasta = tmp_path / "x.fasta"
    fasta.write_text(">good\nMKTAYIAK\n>bad\nMK7\n")
    assert baseline("naive", tmp_path / "x.tsv", f"--fasta={fasta}") == 4
    assert {p for p, *_ in table(tmp_path / "x.tsv")} == {"good"}
    assert "bad" in capsys.readouterr().err


def test_scores_come_in_blocks(monkeypatch):
    monkeypatch.setattr(baselines, "BLOCK", 2)
    config = esmgo.BaselineConfig(method="naive", dataset="sample", output="-")
    data = esmgo.open_dataset("sample", eval_ratio=1.0)
    proteins = [Protein(id, "MKT") for id in "abc"]
    blocks = list(baselines.score_baseline(config, data, proteins))
    assert [block.proteins for block in blocks] == [("a", "b"), ("c",)]
    assert np.ptp(np.concatenate([b.values for b in blocks]), axis=0).max() == 0


def test_naive_and_diamond_do_not_load_torch(tmp_path):
    code = "import sys, esmgo.assess.baselines, esmgo.assess.audit; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


def test_proteins_of_one_accession_are_scored_once(tmp_path, capsys):
    ids = ("sp|P04637|P53_A", "P04637", "c")
    records = [f">{id}\nMKVLAAGIVGLLLAQPSTWYHRND{'ACD'[i]}\n" for i, id in enumerate(ids)]
    (tmp_path / "twins.fasta").write_text("".join(records))
    output = tmp_path / "x.tsv"
    assert baseline("naive", output, f"--fasta={tmp_path / 'twins.fasta'}") == 0
    twin = "1 records with the accession of an earlier one, left out of gaf, gpad and cafa"
    assert f"{twin}: P04637 as sp|P04637|P53_A" in capsys.readouterr().err
    pairs = [line.split("\t")[:2] for line in output.read_text().splitlines()]
    assert {protein for protein, _ in pairs} == {"P04637", "c"}
    assert len({tuple(pair) for pair in pairs}) == len(pairs)
