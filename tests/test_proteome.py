"""`esmgo predict` and `esmgo merge`: the same bytes whatever happens on the way."""

import datetime as dt
import gzip
import hashlib
import io
import json
import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from killing_predict import FORMATS, digests, proteome_of

import esmgo
from esmgo.cli.main import main
from esmgo.data.fasta import Protein, read_fasta
from esmgo.data.rejects import ReadReport
from esmgo.dataset.sample import example, sample_rows
from esmgo.errors import UsageError
from esmgo.files.lock import acquire, release
from esmgo.model.checkpoint import open_checkpoint, save_checkpoint
from esmgo.model.tokens import windows
from esmgo.predict.predictor import Predictor
from esmgo.predict.scorer import Scorer
from esmgo.proteome import run as proteome

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(proteome, "BLOCK", 4)


@pytest.fixture
def fasta(tmp_path):
    """Some 20 proteins, some twice, two records that are none."""
    return proteome_of(tmp_path / "proteins.fasta", 24)


@pytest.fixture
def run(checkpoint, fasta):
    """Predict with the proteins above, unless told otherwise."""

    def run(output, *words, **changes):
        flags = {"input": fasta, "checkpoint_path": checkpoint, "device": "cpu",
                 "arithmetic": "fp32", "output": output} | changes  # fmt: skip
        return main(["predict", *(f"--{k}={v}" for k, v in flags.items()), *words])

    return run


class Scored:
    """Remembers what the predictor is asked, and stops it where it is told to."""

    def __init__(self, monkeypatch, stop_at=None, error=KeyboardInterrupt):
        self.blocks, real = [], Predictor.evidence

        def evidence(predictor, proteins):
            if len(self.blocks) == stop_at:
                raise error
            self.blocks.append([p.sequence for p in proteins])
            return real(predictor, proteins)

        monkeypatch.setattr(Predictor, "evidence", evidence)

    @property
    def sequences(self):
        return [sequence for block in self.blocks for sequence in block]


@pytest.fixture
def stopped(run, tmp_path, monkeypatch):
    """The name of an output that was interrupted when three blocks were done."""
    with monkeypatch.context() as patch:
        patch.setattr(proteome, "BLOCK", 4)
        Scored(patch, stop_at=3)
        assert run(tmp_path / "x.tsv") == 130
    assert len(list((tmp_path / "x.tsv.parts").glob("part-*"))) == 3
    return tmp_path / "x.tsv"


def rows(path):
    head, *lines = path.read_text().splitlines()
    return [dict(zip(head.split("\t"), line.split("\t"), strict=True)) for line in lines]


def error_of(capsys):
    *_, line = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert len(line) < 200
    return line


# what is written


def test_scores_are_those_of_the_predictor_in_the_order_of_the_file(
    run, checkpoint, fasta, tmp_path, capsys
):
    assert run(tmp_path / "x.tsv", "--min_score=0.2") == 4
    assert re.match(r"22 proteins \(\d+ with .*\), [\d,]+ calls, written", capsys.readouterr().out)
    proteins = list(read_fasta(fasta, report=ReadReport()))
    predictor = Scorer.load(checkpoint, device="cpu", context_length=1024, precision="fp32")
    expected = [
        (p.protein.id, term.id, f"{score:.6g}")
        for p in predictor.predict(proteins)
        for term, score in p.top(10_000)
        if score >= np.float32(0.2) and not term.is_root
    ]
    found = rows(tmp_path / "x.tsv")
    assert [(row["protein"], row["term"], row["score"]) for row in found] == expected
    assert list(found[0]) == ["protein", "term", "name", "aspect", "score", "precision", "source"]
    assert {row["precision"] for row in found} == {""}  # this checkpoint is not calibrated


def test_the_same_input_gives_the_same_bytes_however_it_is_cut_into_blocks(
    run, tmp_path, monkeypatch
):
    for size in (1, 7, 512):
        monkeypatch.setattr(proteome, "BLOCK", size)
        (tmp_path / str(size)).mkdir()
        words = (f"--format={FORMATS}", "--taxon=9606", "--date=2025-01-02")
        assert run(tmp_path / str(size) / "x", *words) == 4
    one, two, three = (digests(tmp_path / str(size)) for size in (1, 7, 512))
    assert one == two == three
    assert set(one) == {"x.tsv", "x.jsonl", "x.parquet", "x.cafa.tsv", "x.gaf", "x.gpad"}


def test_equal_sequences_are_scored_once_over_the_whole_input(run, fasta, tmp_path, monkeypatch):
    scored = Scored(monkeypatch)
    assert run(tmp_path / "x.tsv") == 4
    proteins = list(read_fasta(fasta, report=ReadReport()))
    assert len(scored.blocks) > 1
    assert sorted(scored.sequences) == sorted({p.sequence for p in proteins})
    assert len(scored.sequences) < len(proteins)
    calls = Counter(row["protein"] for row in rows(tmp_path / "x.tsv"))
    assert {p.id for p in proteins} == set(calls)
    by_sequence = {p.sequence: {calls[q.id] for q in proteins if q.sequence == p.sequence}
                   for p in proteins}  # fmt: skip
    assert all(len(counts) == 1 for counts in by_sequence.values())


def test_a_motif_beyond_the_context_is_found(run, checkpoint, tmp_path):
    motif = example("P-loop ATPase")["sequence"]
    sequence = "S" * 5_000 + motif + "S" * 1_000
    (tmp_path / "long.fasta").write_text(f">long\n{sequence}\n")
    assert run(tmp_path / "x.jsonl", "--min_score=0", input=tmp_path / "long.fasta") == 0
    found = json.loads((tmp_path / "x.jsonl").read_text())
    parts = windows(sequence, 1024)
    assert (found["length"], found["n_windows"]) == (len(sequence), len(parts))
    predictor = Scorer.load(checkpoint, device="cpu", context_length=1024, precision="fp32")
    each = [p.scores for p in predictor.predict([Protein(str(i), w) for i, w in enumerate(parts)])]
    (at,) = [i for i, window in enumerate(parts) if motif in window]
    raised = each[at] > np.max([row for i, row in enumerate(each) if i != at], axis=0)
    assert raised.any()  # what the motif's window alone says most loudly ...
    scores = {call["term"]: call["score"] for call in found["calls"]}
    for j in np.flatnonzero(raised):
        term = predictor.labels.terms[j]
        if not term.is_root:
            assert scores[term.id] == float(f"{each[at][j]:.6g}")  # ... is said of the protein


def test_standard_input_and_output_and_gzip_both_ways(run, fasta, tmp_path, monkeypatch, capsys):
    assert run(tmp_path / "x.tsv") == 4
    wanted = (tmp_path / "x.tsv").read_bytes()
    packed = tmp_path / "proteins.fasta.gz"
    packed.write_bytes(gzip.compress(fasta.read_bytes()))
    assert run(tmp_path / "y.tsv.gz", input=packed) == 4
    assert gzip.decompress((tmp_path / "y.tsv.gz").read_bytes()) == wanted
    for source in (fasta, packed):
        out = io.TextIOWrapper(io.BytesIO())
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(source.read_bytes())))
        monkeypatch.setattr("sys.stdout", out)
        assert run("-", input="-") == 4
        assert out.buffer.getvalue() == wanted
    assert "standard input:" in capsys.readouterr().err  # and not the name of a copy
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(fasta.read_bytes())))
    assert run(tmp_path / "z.tsv", input="-") == 4
    assert (tmp_path / "z.tsv").read_bytes() == wanted
    assert not list(tmp_path.glob("*.parts"))
    assert not list(tmp_path.glob(".*"))


def test_the_short_flags_of_the_help(checkpoint, fasta, tmp_path):
    words = ["-i", str(fasta), "-o", str(tmp_path / "x.tsv"), "--device=cpu"]
    assert main(["predict", *words, f"--checkpoint_path={checkpoint}"]) == 4
    assert (tmp_path / "x.tsv").exists()


def test_rejected_records_are_told_counted_and_listed(run, tmp_path, capsys):
    assert run(tmp_path / "x.tsv", f"--rejects={tmp_path / 'r.tsv'}") == 4
    err = capsys.readouterr().err
    assert re.search(r"proteins\.fasta:12 column \d+: sp\|A00005\|N5_X rejected: '!'", err)
    assert "2 of 24 records rejected" in err
    assert len((tmp_path / "r.tsv").read_text().splitlines()) == 3
    assert run(tmp_path / "y.tsv", "--strict") == 3
    assert not list(tmp_path.glob("y.tsv*"))


def test_a_file_of_rejects_alone_gives_a_header_alone(run, tmp_path):
    (tmp_path / "bad.fasta").write_text(">a\n!!!\n")
    words = (f"--format={FORMATS}", "--taxon=9606")
    assert run(tmp_path / "x", *words, input=tmp_path / "bad.fasta") == 4
    assert (tmp_path / "x.tsv").read_text().startswith("protein\tterm")
    assert rows(tmp_path / "x.tsv") == []
    assert (tmp_path / "x.jsonl").read_bytes() == b""


def test_a_refused_file_leaves_nothing(run, tmp_path, fasta):
    (tmp_path / "out").mkdir()
    (tmp_path / "cut.fasta.gz").write_bytes(gzip.compress(fasta.read_bytes())[:-99])
    assert run(tmp_path / "out" / "x.tsv", input=tmp_path / "cut.fasta.gz") == 3
    assert run(tmp_path / "out" / "x.tsv", input=tmp_path / "none.fasta") == 3
    assert run(tmp_path / "out" / "x.tsv", checkpoint_path=tmp_path / "none.pt") == 6
    assert list((tmp_path / "out").iterdir()) == []


# killed, interrupted, resumed


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


def test_an_interrupt_says_what_is_kept(run, tmp_path, monkeypatch, capsys):
    Scored(monkeypatch, stop_at=1)
    assert run(tmp_path / "x.tsv") == 130
    assert "x.tsv.parts: finished work; --resume goes on" in capsys.readouterr().err


def test_resume_scores_only_the_rest(run, stopped, tmp_path, monkeypatch):
    scored = Scored(monkeypatch)
    assert run(stopped, "--resume", f"--rejects={tmp_path / 'r.tsv'}") == 4
    n_after = len(scored.sequences)
    assert run(tmp_path / "whole.tsv") == 4
    assert 0 < n_after < len(scored.sequences) - n_after
    assert stopped.read_bytes() == (tmp_path / "whole.tsv").read_bytes()
    assert len((tmp_path / "r.tsv").read_text().splitlines()) == 3  # rejects are found again
    assert not list(tmp_path.glob("x.tsv.*"))


def test_a_resumed_prediction_keeps_its_date(run, tmp_path, monkeypatch):
    class Tomorrow(dt.date):
        @classmethod
        def today(cls):
            return cls(2999, 1, 2)

    with monkeypatch.context() as patch:
        Scored(patch, stop_at=3)
        assert run(tmp_path / "x.gpad") == 130
    monkeypatch.setattr(proteome.dt, "date", Tomorrow)
    assert run(tmp_path / "x.gpad", "--resume") == 4
    assert run(tmp_path / "y.gpad") == 4
    assert "2999-01-02" not in (tmp_path / "x.gpad").read_text()
    assert "2999-01-02" in (tmp_path / "y.gpad").read_text()


def test_unfinished_work_is_neither_used_nor_thrown_away_unasked(run, stopped, tmp_path, capsys):
    before = digests(tmp_path / "x.tsv.parts")
    assert run(stopped) == 2
    line = error_of(capsys)
    assert "--resume goes on" in line
    assert "--override starts anew" in line
    assert digests(tmp_path / "x.tsv.parts") == before
    assert run(stopped, "--override", "--top_k=1") == 4
    assert set(Counter(row["protein"] for row in rows(stopped)).values()) == {1}
    assert not (tmp_path / "x.tsv.parts").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--min_score=0.2"], "--min_score (0.1, now 0.2)"),
        (["--top_k=3"], "--top_k (None, now 3)"),
        (["--aspect=mf"], "--aspect"),
        (["--context_length=64"], "--context_length (1024, now 64)"),
        (["--shard=1/2"], "--shard (1/1 before)"),
        (["--reference=PMID:1"], "--reference"),
    ],
)
def test_another_flag_is_named_and_refused(run, stopped, tmp_path, capsys, words, told):
    before = digests(tmp_path / "x.tsv.parts")
    assert run(stopped, "--resume", *words) == 2
    assert told in error_of(capsys)
    assert digests(tmp_path / "x.tsv.parts") == before


def test_another_input_and_another_model_are_named_and_refused(
    run, stopped, fasta, checkpoint, tmp_path, capsys
):
    found = open_checkpoint(checkpoint)
    caller = found.caller()
    caller.head.out_proj.bias.data[0] += 1
    other = tmp_path / "other.pt"
    save_checkpoint(other, caller, found.labels, found.context_length, found.training)
    assert run(stopped, "--resume", checkpoint_path=other) == 2
    assert "was begun with another model" in error_of(capsys)
    fasta.write_text(fasta.read_text().replace("N23_X made up\nM", "N23_X made up\nMA"))
    assert run(stopped, "--resume") == 3
    assert "was begun with another input" in error_of(capsys)


def test_a_moved_and_packed_input_is_the_same_input(run, stopped, fasta, tmp_path):
    packed = tmp_path / "moved.gz"
    packed.write_bytes(gzip.compress(fasta.read_bytes()))
    assert run(stopped, "--resume", input=packed) == 4


def test_a_damaged_part_is_computed_again(run, stopped, tmp_path, capsys):
    part = tmp_path / "x.tsv.parts" / "part-0000001"
    whole = bytearray(part.read_bytes())
    whole[len(whole) // 2] ^= 1
    part.write_bytes(whole)
    assert run(stopped, "--resume") == 4
    assert "part-0000001 is damaged: computed again" in capsys.readouterr().err
    assert run(tmp_path / "whole.tsv") == 4
    assert stopped.read_bytes() == (tmp_path / "whole.tsv").read_bytes()


def test_resume_without_unfinished_work_starts_and_says_so(run, tmp_path, capsys):
    assert run(tmp_path / "x.tsv", "--resume") == 4
    assert "nothing to resume: starting from the beginning" in capsys.readouterr().err
    assert run(tmp_path / "x.tsv", "--resume") == 2  # now there is an output
    assert "--overwrite" in error_of(capsys)


def test_an_input_that_changes_meanwhile_is_refused(run, fasta, tmp_path, monkeypatch, capsys):
    real = Predictor.evidence

    def evidence(predictor, proteins):
        with fasta.open("a") as file:
            file.write(">late\nMKT\n")
        return real(predictor, proteins)

    monkeypatch.setattr(Predictor, "evidence", evidence)
    assert run(tmp_path / "x.tsv") == 3
    assert "changed while it was read" in error_of(capsys)
    assert not (tmp_path / "x.tsv").exists()


def test_a_full_disk_is_told_and_work_is_kept(run, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        Scored(patch, stop_at=2, error=OSError(28, "No space left on device"))
        assert run(tmp_path / "x.tsv") == 5
    err = capsys.readouterr().err
    assert "finished work" in err
    assert "o space left" in err
    assert not list(tmp_path.glob(".*.tmp"))
    assert run(tmp_path / "x.tsv", "--resume") == 4


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_device_is_told(run, capsys):
    assert run("/dev/full") == 5
    assert "no space left" in error_of(capsys)


# one writer, nothing overwritten


def test_a_second_writer_is_refused_and_told_who_the_first_is(run, tmp_path, capsys):
    path = tmp_path / "x.tsv"
    lock = tmp_path / ".x.tsv.lock"
    file = acquire(lock, path)
    try:
        assert run(path) == 2
        assert re.search(r"being written by another process \(pid \d+", error_of(capsys))
        assert run(tmp_path / "x", "--format=gpad,tsv") == 2  # the same file by another name
    finally:
        release(file, lock)
    assert run(path) == 4


def test_an_older_output_is_replaced_only_when_asked(run, tmp_path, capsys):
    for name in ("x.tsv", "y.gpad"):
        (tmp_path / name).write_text("mine")
    assert run(tmp_path / "x.tsv") == 2
    assert "--overwrite" in error_of(capsys)
    assert run(tmp_path / "y", "--format=tsv,gpad") == 2
    assert (tmp_path / "x.tsv").read_text() == (tmp_path / "y.gpad").read_text() == "mine"
    assert not (tmp_path / "y.tsv").exists()
    for word in ("--overwrite", "--override"):
        assert run(tmp_path / "x.tsv", word) == 4
    assert rows(tmp_path / "x.tsv")


def test_a_folder_of_somebody_else_is_left_alone(run, tmp_path, capsys):
    (tmp_path / "x.tsv.parts").mkdir()
    (tmp_path / "x.tsv.parts" / "thesis.txt").write_text("mine")
    assert run(tmp_path / "x.tsv", "--override") == 2
    assert "thesis.txt is not ours" in error_of(capsys)
    (tmp_path / "y.tsv.parts").write_text("mine")
    assert run(tmp_path / "y.tsv") == 2
    assert "in the way" in error_of(capsys)


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
        (["--input=x", "--output=x.gaf"], 2, "--taxon"),
        (["--input=x", "--output=x.gaf", "--taxon=0"], 2, "--taxon"),
        (["--input=x", "--output=x.tsv", "--shard=3/2"], 2, "--shard=3/2"),
        (["--input=x", "--output=x.tsv", "--shard=2"], 2, "--shard=2"),
        (["--input=x", "--output=x.tsv", "--aspect=xx"], 2, "is not an aspect"),
        (["--input=x", "--output=x.tsv", "--precision=1"], 2, "--precision must be below 1"),
        (["--input=x", "--output=x.tsv", "--min_score=2"], 2, "--min_score must be at most 1"),
        (["--input=x", "--output=x.tsv", "--date=2025-1-2"], 2, "YYYY-MM-DD"),
        (["--input=x", "--output=x.tsv", "--reference=my paper"], 2, "--reference"),
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


# shards


def test_merged_shards_are_the_bytes_of_the_whole(run, tmp_path):
    words = (f"--format={FORMATS}", "--taxon=9606", "--date=2025-01-02", "--reference=PMID:1")
    (tmp_path / "whole").mkdir()
    (tmp_path / "merged").mkdir()
    assert run(tmp_path / "whole" / "x", *words) == 4
    shards = [str(tmp_path / f"{i}.shard") for i in (1, 2, 3)]
    for i, path in enumerate(shards, 1):
        assert run(path, f"--shard={i}/3", *words) == 4
    assert main(["merge", "-o", str(tmp_path / "merged" / "x"), *reversed(shards)]) == 0
    assert digests(tmp_path / "merged") == digests(tmp_path / "whole")


def test_merging_may_be_told_another_format(run, tmp_path):
    for i in (1, 2):
        assert run(tmp_path / f"{i}", f"--shard={i}/2", "--format=gaf") == 4
    shards = [str(tmp_path / "1"), str(tmp_path / "2")]
    assert main(["merge", f"--output={tmp_path / 'x.tsv'}", "--format=tsv", *shards]) == 0
    assert run(tmp_path / "y.tsv") == 4
    assert (tmp_path / "x.tsv").read_bytes() == (tmp_path / "y.tsv").read_bytes()


def test_an_interrupted_shard_resumes_to_the_same_bytes(run, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        Scored(patch, stop_at=1)
        assert run(tmp_path / "a", "--shard=2/2") == 130
    assert run(tmp_path / "a", "--shard=2/2", "--resume") == 4
    assert run(tmp_path / "b", "--shard=2/2") == 4
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_shards_that_do_not_make_a_whole_are_refused_with_a_reason(run, tmp_path, capsys):
    for i in (1, 2):
        assert run(tmp_path / f"{i}", f"--shard={i}/2") == 4
    assert run(tmp_path / "other", "--shard=2/2", "--min_score=0.3") == 4
    assert run(tmp_path / "thirds", "--shard=2/3") == 4
    whole = (tmp_path / "2").read_bytes()
    (tmp_path / "cut").write_bytes(whole[:-30])
    at = len(whole) // 2
    (tmp_path / "flipped").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])

    def merge(*names):
        output = tmp_path / "x.tsv"
        code = main(["merge", "-o", str(output), *(str(tmp_path / name) for name in names)])
        assert not output.exists()
        return code, error_of(capsys)

    capsys.readouterr()
    for names, code, told in [
        ((), 2, "name the files of all shards"),
        (("1",), 2, "1 of 2 shards missing: 2/2"),
        (("1", "1"), 2, "both shard 1/2"),
        (("1", "other"), 2, "--min_score (0.1, now 0.3)"),
        (("1", "thirds"), 2, "--shard (I/2, now I/3)"),
        (("1", "none"), 3, "no such file"),
        (("1", "proteins.fasta"), 3, "not a shard"),
        (("1", "cut"), 3, "not a shard"),
        (("1", "flipped"), 3, "damaged"),
    ]:
        found, line = merge(*names)
        assert (found, told in line) == (code, True), (names, line)


# promises of precision


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    """A caller with a calibrated blend."""
    folder = tmp_path_factory.mktemp("calibrated")
    path = folder / "checkpoint.pt"
    words = ["--base_model=tiny", "--dataset=sample", "--num_epochs=2", "--eval_ratio=1",
             "--learning_rate=0.003", "--seed=1", "--device=cpu", f"--checkpoint_path={path}",
             f"--run_dir_path={folder / 'runs'}"]  # fmt: skip
    assert main(["train", *words]) == 0
    assert main(["blend", f"--checkpoint_path={path}", "--dataset=sample", "--device=cpu"]) == 0
    return path


def test_a_promised_precision_keeps_promised_calls_alone_and_counts_abstentions(
    run, calibrated, tmp_path, capsys
):
    lines = "".join(f">{row['id']}\n{row['sequence']}\n" for row in sample_rows()["test"][:12])
    (tmp_path / "a.fasta").write_text(lines)
    flags = {"checkpoint_path": calibrated, "input": tmp_path / "a.fasta"}
    assert run(tmp_path / "x.tsv", "--precision=0.8", **flags) == 0
    summary = capsys.readouterr().out
    predictor = Predictor.load(calibrated, device="cpu", context_length=1024, precision="fp32")
    evidence = predictor.evidence(list(read_fasta(tmp_path / "a.fasta")))
    promised = predictor.is_promised(evidence, 0.8)
    terms = predictor.labels.terms
    expected = {
        (protein, terms[j].id, f"{evidence.precision[i, j]:.6g}")
        for i, protein in enumerate(evidence.scores.proteins)
        for j in np.flatnonzero(promised[i])
        if not terms[j].is_root
    }
    found = rows(tmp_path / "x.tsv")
    assert {(row["protein"], row["term"], row["precision"]) for row in found} == expected
    n = sum(
        not promised[i, predictor.labels.columns_of(aspect)].any()
        for i in range(12)
        for aspect in predictor.labels.aspects
    )
    assert 0 < n < 36
    assert f"; {n} abstentions: an aspect without a call of precision 0.8, written" in summary
    words = ["head", "neighbours", "kmers", "homology", "coannotation", "descendant"]
    for row in found:
        said = row["source"].split("+") if row["source"] else []
        assert said == [word for word in words if word in said]
    assert any("head+" in row["source"] and "kmers" in row["source"] for row in found)


def test_a_promise_needs_a_calibrated_checkpoint(run, tmp_path, capsys):
    assert run(tmp_path / "x.tsv", "--precision=0.9") == 2
    assert "esmgo blend" in error_of(capsys)
    assert not list(tmp_path.glob("x.tsv*"))


# Python and documents


def test_python_does_it_with_one_call(checkpoint, fasta, tmp_path):
    config = esmgo.PredictConfig(
        checkpoint_path=str(checkpoint), input=str(fasta), output=str(tmp_path / "x.tsv"),
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


def test_commands_of_the_page_run_as_printed(checkpoint, calibrated, tmp_path, monkeypatch, capsys):
    page = (ROOT / "docs" / "predict.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    commands = [
        line for block in blocks for line in block.splitlines() if line.startswith("esmgo ")
    ]
    assert len(commands) >= 6
    (tmp_path / "checkpoints").mkdir()
    for file in calibrated.parent.glob("checkpoint*"):
        (tmp_path / "checkpoints" / file.name).write_bytes(file.read_bytes())
    fasta = proteome_of(tmp_path / "proteins.fasta", 4)  # without bad records
    (tmp_path / "proteins.fasta.gz").write_bytes(gzip.compress(fasta.read_bytes()))
    monkeypatch.chdir(tmp_path)
    for command in commands:
        words = shlex.split(command)[1:]
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(fasta.read_bytes())))
        device = ["--device=cpu"] if words[0] == "predict" else []
        assert main([*words, *device]) == 0, (command, capsys.readouterr().err)
    assert (tmp_path / "merged.tsv").read_bytes() == (tmp_path / "again.tsv").read_bytes()
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(block, "docs/predict.md", "exec"), {})


def test_a_fingerprint_tells_two_jobs_apart_and_not_two_dates():
    from dataclasses import replace

    from esmgo.proteome.job import Job

    job = Job("1", "m", hashlib.sha256(b"").hexdigest(), 9, {"top_k": 1}, "all", ("head",),
              (1, 2), "2025-01-02", 4)  # fmt: skip
    assert Job.from_json(json.loads(json.dumps(job.to_json()))) == job
    assert replace(job, date="2026-01-02", shard=(2, 2)).fingerprint == job.fingerprint
    for change in ({"model": "n"}, {"options": {"top_k": 2}}, {"n_proteins": 8}, {"block": 5}):
        assert replace(job, **change).fingerprint != job.fingerprint
        assert replace(job, **change).differences(job)
    assert (list(job.blocks), job.n_here) == ([0, 2], 5)
