"""Blocks of proteins: the same scores however they are cut, each sequence scored once."""

import json
import re
from collections import Counter

import numpy as np
import pytest
import torch
from killing_predict import FORMATS, digests
from predicting import Scored, error_of, rows_of

from esmgo.data.fasta import Protein, read_fasta
from esmgo.data.rejects import ReadReport
from esmgo.dataset.sample import example
from esmgo.model.tokens import windows
from esmgo.predict.predictor import Predictor
from esmgo.proteome import blocks, run


def test_scores_are_those_of_the_predictor_in_the_order_of_the_file(
    predict, checkpoint, proteome, tmp_path, capsys
):
    assert predict(tmp_path / "x.tsv", "--min_score=0.2") == 4
    assert re.match(r"22 proteins \(\d+ with .*\), [\d,]+ calls, written", capsys.readouterr().out)
    proteins = list(read_fasta(proteome, report=ReadReport()))
    predictor = Predictor.load(checkpoint, device="cpu", context_length=1024, dtype="fp32")
    expected = [
        (p.protein.id, term.id, f"{score:.6g}")
        for p in predictor.predict(proteins)
        for term, score in p.top(10_000)
        if score >= np.float32(0.2) and not term.is_root
    ]
    found = rows_of(tmp_path / "x.tsv")
    assert [(row["protein"], row["term"], row["score"]) for row in found] == expected
    assert list(found[0]) == [
        "protein", "term", "name", "aspect", "score", "precision", "decoy_rate",
        "information", "source", "n_windows", "novelty"
    ]  # fmt: skip
    assert {row["precision"] for row in found} == {""}  # this checkpoint is not calibrated


def test_the_same_input_gives_the_same_bytes_however_it_is_cut_into_blocks(
    predict, tmp_path, monkeypatch
):
    for size in (1, 7, 512):
        monkeypatch.setattr(run, "BLOCK", size)
        (tmp_path / str(size)).mkdir()
        words = (f"--format={FORMATS}", "--taxon=9606", "--date=2025-01-02")
        assert predict(tmp_path / str(size) / "x", *words) == 4
    one, two, three = (digests(tmp_path / str(size)) for size in (1, 7, 512))
    assert one == two == three
    assert set(one) == {"x.tsv", "x.jsonl", "x.parquet", "x.cafa.tsv", "x.gaf", "x.gpad"}


@pytest.fixture
def two_threads(monkeypatch):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    monkeypatch.setattr(blocks, "_AT_ONCE", 5)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_the_same_input_gives_the_same_bytes_with_any_number_of_threads(predict, tmp_path):
    for threads in (2, 1):
        torch.set_num_threads(threads)
        (tmp_path / str(threads)).mkdir()
        assert predict(tmp_path / str(threads) / "x.tsv", "--date=2025-01-02") == 4
    assert digests(tmp_path / "1") == digests(tmp_path / "2")


@pytest.mark.usefixtures("two_threads")
def test_an_error_in_a_thread_ends_the_job(predict, tmp_path, monkeypatch, capsys):
    scored = Scored(monkeypatch, stop_at=1, error=MemoryError)
    assert predict(tmp_path / "x.tsv") == 5
    assert error_of(capsys).startswith("error: not enough memory")
    assert scored.blocks
    assert not (tmp_path / "x.tsv").exists()


def test_equal_sequences_are_scored_once_over_the_whole_input(
    predict, proteome, tmp_path, monkeypatch
):
    scored = Scored(monkeypatch)
    assert predict(tmp_path / "x.tsv") == 4
    proteins = list(read_fasta(proteome, report=ReadReport()))
    assert len(scored.blocks) > 1
    assert sorted(scored.sequences) == sorted({p.sequence for p in proteins})
    assert len(scored.sequences) < len(proteins)
    calls = Counter(row["protein"] for row in rows_of(tmp_path / "x.tsv"))
    assert {p.id for p in proteins} == set(calls)
    by_sequence = {p.sequence: {calls[q.id] for q in proteins if q.sequence == p.sequence}
                   for p in proteins}  # fmt: skip
    assert all(len(counts) == 1 for counts in by_sequence.values())


def test_a_motif_beyond_the_context_is_found(predict, checkpoint, tmp_path):
    motif = example("P-loop ATPase")["sequence"]
    sequence = "S" * 5_000 + motif + "S" * 1_000
    (tmp_path / "long.fasta").write_text(f">long\n{sequence}\n")
    assert predict(tmp_path / "x.jsonl", "--min_score=0", input=tmp_path / "long.fasta") == 0
    found = json.loads((tmp_path / "x.jsonl").read_text())
    parts = windows(sequence, 1024)
    assert (found["length"], found["n_windows"]) == (len(sequence), len(parts))
    predictor = Predictor.load(checkpoint, device="cpu", context_length=1024, dtype="fp32")
    each = [p.scores for p in predictor.predict([Protein(str(i), w) for i, w in enumerate(parts)])]
    (at,) = [i for i, window in enumerate(parts) if motif in window]
    raised = each[at] > np.max([row for i, row in enumerate(each) if i != at], axis=0)
    assert raised.any()  # what the motif's window alone says most loudly ...
    scores = {call["term"]: call["score"] for call in found["calls"]}
    for j in np.flatnonzero(raised):
        term = predictor.labels.terms[j]
        if not term.is_root:
            assert scores[term.id] == float(f"{each[at][j]:.6g}")  # ... is said of the protein


def test_resume_scores_only_the_rest(predict, stopped, tmp_path, monkeypatch):
    scored = Scored(monkeypatch)
    assert predict(stopped, "--resume", f"--rejects={tmp_path / 'r.tsv'}") == 4
    n_after = len(scored.sequences)
    assert predict(tmp_path / "whole.tsv") == 4
    assert 0 < n_after < len(scored.sequences) - n_after
    assert stopped.read_bytes() == (tmp_path / "whole.tsv").read_bytes()
    assert len((tmp_path / "r.tsv").read_text().splitlines()) == 3  # rejects are found again
    assert not list(tmp_path.glob("x.tsv.*"))


def test_equal_sequences_of_two_species_are_scored_apart(predict, tmp_path, monkeypatch):
    scored = Scored(monkeypatch)
    headers = ("a OX=9606", "b OX=10090", "c OX=9606", "d")
    text = "".join(f">{header}\n{'MKVLAAGIVGLLLAQP' * 3}\n" for header in headers)
    (tmp_path / "x.fasta").write_text(text)
    assert predict(tmp_path / "x.tsv", input=tmp_path / "x.fasta") == 0
    assert len(scored.sequences) == 3
