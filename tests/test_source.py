"""Input files: paths that cannot be read, files that change, standard input."""

from __future__ import annotations

import gzip
import io
import os
import sys

import pytest

from esmgo.data.fasta import Protein, read_fasta
from esmgo.data.rejects import ReadReport
from esmgo.errors import FastaError
from esmgo.files.source import check_readable

CLEAN = [Protein("p1", "MKTAYIAKQR"), Protein("p2", "QISFVKSHFSR"), Protein("p3", "QLEERLGLIE")]
TEXT = b"".join(f">{p.id}\n{p.sequence}\n".encode() for p in CLEAN)


@pytest.mark.parametrize(
    ("path", "words"),
    [("nowhere.fasta", "no such file"), (".", "directory"), ("a\0b", "not a path")],
)
def test_a_path_that_cannot_be_read_is_refused(tmp_path, monkeypatch, path, words):
    monkeypatch.chdir(tmp_path)
    for attempt in (lambda: list(read_fasta(path)), lambda: check_readable(path, FastaError)):
        with pytest.raises(FastaError, match=words):
            attempt()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path):
    path = tmp_path / "secret.fasta"
    path.write_bytes(TEXT)
    path.chmod(0)
    with pytest.raises(FastaError, match="permission denied"):
        list(read_fasta(path))


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path):
    path = tmp_path / "growing.fasta"
    path.write_bytes(TEXT)
    proteins = read_fasta(path, report=ReadReport())
    next(proteins)
    with path.open("ab") as file:
        file.write(b">p4\nMK\n")
    with pytest.raises(FastaError, match="changed while it was read"):
        list(proteins)


def test_standard_input_is_read(monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(gzip.compress(TEXT)))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert list(read_fasta("-")) == CLEAN
