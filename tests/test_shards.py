"""A shard that is interrupted and resumed, and files that only look like one."""

import hashlib
import io
import json
import os
import struct
import tracemalloc
import zipfile

import pytest
from predicting import Scored, error_of

from esmgo.cli.main import main


def test_an_interrupted_shard_resumes_to_the_same_bytes(predict, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        Scored(patch, stop_at=1)
        assert predict(tmp_path / "a", "--shard=2/2") == 130
    assert predict(tmp_path / "a", "--shard=2/2", "--resume") == 4
    assert predict(tmp_path / "b", "--shard=2/2") == 4
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.fixture
def shards(predict, tmp_path):
    """The two shards of a job."""
    paths = [tmp_path / f"{i}.shard" for i in (1, 2)]
    for i, path in enumerate(paths, 1):
        assert predict(path, f"--shard={i}/2") == 4
    return paths


def entries_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, entries, how=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)


def job(**changes):
    """A change of the description of a job."""
    return lambda e: {**e, "job.json": json.dumps(json.loads(e["job.json"]) | changes).encode()}


def labels(change):
    return lambda e: {**e, "labels.json": change(e["labels.json"])}


def part(**arrays):
    """A change of the first block of the first shard; its digest is right."""

    def changed(entries):
        with zipfile.ZipFile(io.BytesIO(entries["0.part"][32:])) as archive:
            inner = {name: archive.read(name) for name in archive.namelist()}
        inner |= {f"{name}.npy": data for name, data in arrays.items()}
        held = io.BytesIO()
        write(held, inner)
        data = held.getvalue()
        return {**entries, "0.part": hashlib.sha256(data).digest() + data}

    return changed


def npy(shape, dtype="<f4", data=b""):
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


HOSTILE = {
    "no digits": job(n_proteins="10"), "a fraction": job(n_proteins=22.5),
    "many proteins": job(n_proteins=10**15), "many blocks": job(n_proteins=10**11, n_blocks=10**11),
    "more blocks than proteins": job(n_blocks=100), "negative": job(n_proteins=-1, n_blocks=-2),
    "of many": job(shard=[1, 10**12]), "no shard": job(shard=[0, 2]),
    "shard of texts": job(shard="12"),
    "no options": job(options=None), "a list of options": job(options=[1]),
    "format number": job(options={"format": 3}), "taxon text": job(options={"taxon": "x"}),
    "sources": job(sources=[1]), "kept": job(kept={"x": 1}), "date": job(date="today"),
    "date number": job(date=5), "newer": job(format=99), "large": job(more="x" * (1 << 20)),
    "deep": lambda e: {**e, "job.json": b"[" * 100_000},
    "twice": lambda e: {**e, "job.json": e["job.json"][:-1] + b', "date": "2025-01-01"}'},
    "a list": lambda e: {**e, "job.json": b"[1]"},
    "no job": lambda e: {name: data for name, data in e.items() if name != "job.json"},
    "a block too many": lambda e: {**e, "1.part": e["0.part"]},
    "no labels": lambda e: {name: data for name, data in e.items() if name != "labels.json"},
    "other labels": labels(lambda data: data.replace(b"binding", b"bending")),
    "deep labels": labels(lambda data: b'{"release": ' + b"[" * 100_000),
    "labels a number": labels(lambda data: b"5"),
    "many labels": labels(lambda data: b'{"terms": [' + b"[]," * 2_100_000 + b"[]]}"),
    "a large array": part(scores=npy((1 << 40,))), "a negative array": part(scores=npy((-1,))),
    "objects": part(scores=npy((1,), "|O", bytes(8))),
    "a wide array": part(scores=npy((1 << 60, 1 << 60))),
    "other bytes": part(scores=npy((3,), "<f4", bytes(11))), "no array": part(scores=b"x"),
    "version 2": part(scores=b"\x93NUMPY\x02\x00" + bytes(90)),
    "ids a number": part(proteins=npy((1,), "|u1", b"5")), "unknown array": part(other=npy((0,))),
    "ids deep": part(proteins=npy((9000,), "|u1", b"[" * 9000)),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_shard_is_refused_in_one_line(shards, tmp_path, capsys, case):
    write(shards[0], HOSTILE[case](entries_of(shards[0])))
    capsys.readouterr()
    tracemalloc.start()
    code = main(["merge", "-o", str(tmp_path / "x.tsv"), *map(str, shards)])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    line = error_of(capsys)
    assert code in (2, 3)
    assert len(line) < 210
    assert peak < 100_000_000
    assert not (tmp_path / "x.tsv").exists()


def test_a_compressed_shard_is_not_inflated(shards, tmp_path, capsys):
    for name, size in (("job.json", 1 << 26), ("labels.json", 1 << 26), ("0.part", 1 << 26)):
        path = tmp_path / "bomb.shard"
        write(path, entries_of(shards[0]) | {name: bytes(size)}, zipfile.ZIP_DEFLATED)
        assert path.stat().st_size < 1 << 20
        capsys.readouterr()
        tracemalloc.start()
        assert main(["merge", "-o", str(tmp_path / "x.tsv"), str(path), str(shards[1])]) == 3
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
        tracemalloc.stop()
        assert "compressed entries" in error_of(capsys)


def test_a_size_that_the_file_does_not_have_is_refused(shards, tmp_path, capsys):
    data = bytearray(shards[0].read_bytes())
    at = data.rfind(b"PK\x01\x02", 0, data.rfind(b"job.json") + 8)
    data[at + 20 : at + 28] = struct.pack("<II", 1 << 31, 1 << 31)
    shards[0].write_bytes(data)
    capsys.readouterr()
    assert main(["merge", "-o", str(tmp_path / "x.tsv"), *map(str, shards)]) == 3
    assert "larger than the file" in error_of(capsys)


def test_shards_of_other_labels_or_of_another_model_do_not_fit(shards, tmp_path, capsys):
    for changes, reason in (({"labels": "0" * 64}, "label space"), ({"model": "0" * 64}, "model")):
        other = tmp_path / "other.shard"
        write(other, job(**changes)(entries_of(shards[1])))
        capsys.readouterr()
        assert main(["merge", "-o", str(tmp_path / "x.tsv"), str(shards[0]), str(other)]) == 2
        assert f"another {reason}" in error_of(capsys)


def test_a_pipe_is_no_shard_and_not_waited_for(tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe")
    assert main(["merge", "-o", str(tmp_path / "x.tsv"), str(tmp_path / "pipe")]) in (2, 3)
    assert len(error_of(capsys)) < 200
