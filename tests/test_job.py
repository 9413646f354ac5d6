"""What decides the calls of a job: another flag, input or model is refused by name."""

import datetime as dt
import gzip
import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from killing_predict import digests
from predicting import Scored, error_of

from esmgo.model.checkpoint import open_checkpoint, save_checkpoint
from esmgo.proteome import job_opening
from esmgo.proteome.job import Job


def test_a_resumed_prediction_keeps_its_date(predict, tmp_path, monkeypatch):
    class Tomorrow(dt.date):
        @classmethod
        def today(cls):
            return cls(2999, 1, 2)

    with monkeypatch.context() as patch:
        Scored(patch, stop_at=3)
        assert predict(tmp_path / "x.gpad") == 130
    monkeypatch.setattr(job_opening.dt, "date", Tomorrow)
    assert predict(tmp_path / "x.gpad", "--resume") == 4
    assert predict(tmp_path / "y.gpad") == 4
    assert "2999-01-02" not in (tmp_path / "x.gpad").read_text()
    assert "2999-01-02" in (tmp_path / "y.gpad").read_text()


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
def test_another_flag_is_named_and_refused(predict, stopped, tmp_path, capsys, words, told):
    before = digests(tmp_path / "x.tsv.parts")
    assert predict(stopped, "--resume", *words) == 2
    assert told in error_of(capsys)
    assert digests(tmp_path / "x.tsv.parts") == before


def test_another_input_and_another_model_are_named_and_refused(
    predict, stopped, proteome, checkpoint, tmp_path, capsys
):
    found = open_checkpoint(checkpoint)
    caller = found.caller()
    caller.head.out_proj.bias.data[0] += 1
    other = tmp_path / "other.pt"
    save_checkpoint(other, caller, found.labels, found.context_length, found.training)
    assert predict(stopped, "--resume", checkpoint_path=other) == 2
    assert "was begun with another model" in error_of(capsys)
    proteome.write_text(proteome.read_text().replace("N23_X made up\nM", "N23_X made up\nMA"))
    assert predict(stopped, "--resume") == 3
    assert "was begun with another input" in error_of(capsys)


def test_a_moved_and_packed_input_is_the_same_input(predict, stopped, proteome, tmp_path):
    packed = tmp_path / "moved.gz"
    packed.write_bytes(gzip.compress(proteome.read_bytes()))
    assert predict(stopped, "--resume", input=packed) == 4


def test_a_fingerprint_tells_two_jobs_apart_and_not_two_dates():
    job = Job("1", "m", "l", hashlib.sha256(b"").hexdigest(), 9, {"top_k": 1},
              {"table": "all"}, ("head",), (1, 2), "2025-01-02", 3)  # fmt: skip
    assert Job.from_json(json.loads(json.dumps(job.to_json()))) == job
    assert replace(job, date="2026-01-02", shard=(2, 2)).fingerprint == job.fingerprint
    for change in (
        {"model": "n"},
        {"labels": "k"},
        {"options": {"top_k": 2}},
        {"n_proteins": 8},
        {"n_blocks": 5},
    ):
        assert replace(job, **change).fingerprint != job.fingerprint
        assert replace(job, **change).differences(job)
    assert (list(job.blocks), job.n_here) == ([0, 2], 6)


@given(n=st.integers(0, 5000), shards=st.integers(1, 40), most=st.integers(1, 700))
def test_shards_differ_by_a_protein_in_each_of_their_blocks(n, shards, most):
    job = Job(
        "1", "m", "l", "d", n, {}, {}, (), (1, shards), "2025-01-02", Job.cut(n, shards, most)
    )
    sizes = [job.size(block) for block in range(job.n_blocks)]
    assert sum(sizes) == n
    assert all(1 <= size <= most for size in sizes)
    assert [b for b, size in enumerate(sizes) for _ in range(size)] == [
        job.block_of(protein) for protein in range(n)
    ]
    here = [replace(job, shard=(i, shards)).n_here for i in range(1, shards + 1)]
    assert sum(here) == n
    assert max(here) - min(here) <= max(1, job.n_blocks // shards)


@pytest.mark.parametrize(
    ("n", "shards", "here"),
    [(80, 2, [40, 40]), (81, 2, [40, 41]), (3, 4, [1, 1, 1, 0]), (0, 2, [0, 0]),
     (1100, 2, [550, 550])],
)  # fmt: skip
def test_a_small_job_is_cut_evenly(n, shards, here):
    job = Job("1", "m", "l", "d", n, {}, {}, (), (1, shards), "2025-01-02", Job.cut(n, shards, 512))
    assert [replace(job, shard=(i, shards)).n_here for i in range(1, shards + 1)] == here
