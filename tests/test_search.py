"""Homology: hits of DIAMOND, and what happens where it fails."""

import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from esmgo.cli.main import main
from esmgo.errors import MachineError
from esmgo.evidence.programs import PROGRAMS
from esmgo.evidence.search import search

needs_diamond = pytest.mark.skipif(
    shutil.which("diamond") is None, reason="needs the program diamond on PATH"
)


def protein(seed, n=150):
    return "".join(random.Random(seed).choices("ACDEFGHIKLMNPQRSTVWY", k=n))


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """A temporary folder of our own, to see what is left in it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    return folder


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Put a program of ours where ``diamond`` is looked for."""

    def install(script):
        path = tmp_path / "bin" / "diamond"
        path.parent.mkdir()
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")

    return install


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_hits_tell_bits_identity_and_coverage_of_both(temporary, program):
    if shutil.which(program.name) is None:
        pytest.skip(f"needs the program {program.name} on PATH")
    known = [protein(1), protein(2, 300), protein(3)]
    asked = [protein(9), known[2], known[1][100:200]]
    found = search(asked, known, threads=1, program=program)
    assert list(zip(found.query, found.subject, strict=True)) == [(1, 2), (2, 1)]
    assert found.identity.tolist() == [100, 100]
    assert found.query_coverage.tolist() == [100, 100]
    assert found.subject_coverage.tolist() == [100, 33.3]
    assert found.bits[0] > found.bits[1] > 100
    assert not any(temporary.iterdir())


@needs_diamond
def test_hits_are_sorted_best_first_and_do_not_depend_on_threads():
    base = protein(5, 300)
    known = [base[: 100 + 20 * i] + protein(20 + i, 60) for i in range(9)]
    one, two = (search([protein(6), base], known, threads=n) for n in (1, 2))
    assert one.subject.tolist() == two.subject.tolist() == list(range(8, -1, -1))
    assert (one.bits == two.bits).all()
    assert search([base], known, threads=1, most=3).subject.tolist() == [8, 7, 6]


@needs_diamond
def test_odd_proteins_stop_nothing():
    odd = ["M", "GATTACA", "ACGTN", "X" * 30, "BZOUXJ" * 9, "Q" * 80]
    found = search([*odd, protein(1)], [*odd, protein(1)], threads=1)
    assert (6, 6) in zip(found.query.tolist(), found.subject.tolist(), strict=True)
    assert found.query_coverage.max() <= 100


@needs_diamond
def test_nothing_to_compare_gives_no_hits():
    assert len(search([], [protein(1)], threads=1)) == 0
    assert len(search([protein(1)], [], threads=1)) == 0
    assert len(search([protein(1)], [protein(2)], threads=1)) == 0


def test_the_best_of_several_alignments_counts(program):
    rows = [
        (0, 1, 50, 90, 1, 30, 1, 30),
        (0, 0, 60, 80, 1, 30, 1, 30),
        (0, 1, 70, 95, 1, 60, 1, 60),
    ]
    table = "".join("\\t".join(map(str, row)) + "\\n" for row in rows)
    program(f'[ "$1" = blastp ] && printf "{table}" > hits.tsv; exit 0')
    found = search(["M" * 60], ["M" * 60] * 2, threads=1)
    assert found.subject.tolist() == [1, 0]
    assert found.bits.tolist() == [70, 60]
    assert found.identity.tolist() == [95, 80]


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo chatter >&2; echo 'Error: no space' >&2; exit 1", "makedb failed: Error: no space"),
        ("exit 3", "makedb failed: exit code 3"),
        ("kill -9 $$", "makedb was ended by SIGKILL; is there enough memory?"),
        ('[ "$1" = makedb ] || exit 7', "blastp failed: exit code 7"),
        ('[ "$1" = makedb ] || echo nonsense > hits.tsv', "not a table of hits"),
        ("exit 0", "no such file"),
    ],
)
def test_a_program_that_fails_is_told_in_one_line(script, told, program, temporary):
    program(script)
    with pytest.raises(MachineError, match=told) as caught:
        search([protein(1)], [protein(2)], threads=1)
    assert len(str(caught.value)) < 190
    assert "\n" not in str(caught.value)
    assert not any(temporary.iterdir())


def test_without_the_program_the_message_says_how_to_get_it(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    for words in (["baseline", "diamond", f"--output={tmp_path / 'x.tsv'}"], ["audit"]):
        assert main([*words, "--dataset=sample"]) == 5
        err = capsys.readouterr().err
        assert len(err) < 200
        assert err.count("\n") == 1
        for line in (
            "apt install diamond-aligner",
            "conda install -c bioconda diamond",
            "brew install diamond",
        ):
            assert line in err
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("signum", "code"),
    [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)],
)
def test_a_signal_ends_the_program_and_leaves_nothing(signum, code, program, temporary, tmp_path):
    program(f"echo $$ > {tmp_path / 'pid'}; exec sleep 60")
    output = tmp_path / "out" / "x.tsv"
    output.parent.mkdir()
    child = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "esmgo",
            "baseline",
            "diamond",
            "--dataset=sample",
            f"--output={output}",
        ],
        stderr=subprocess.DEVNULL,
    )
    pid = _wait_for(tmp_path / "pid")
    child.send_signal(signum)
    assert child.wait(20) == code
    assert not any(temporary.iterdir())
    assert not any(output.parent.iterdir())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def _wait_for(path: Path) -> int:
    for _ in range(2000):
        if path.exists() and path.read_text().strip():
            return int(path.read_text())
        time.sleep(0.01)
    raise AssertionError("the program was not started")


def test_a_search_that_takes_too_long_is_ended(program, monkeypatch):
    program('[ "$1" = makedb ] || { sleep 60; echo late; }')  # the shell waits for a child
    monkeypatch.setattr("esmgo.evidence.search._SECONDS", (0.5, 0))
    with pytest.raises(MachineError, match=r"diamond blastp did not end in 0\.5 seconds"):
        search([protein(1)], [protein(2)], threads=1)


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_protein_of_four_letters_is_a_protein(temporary, program):
    if shutil.which(program.name) is None:
        pytest.skip(f"needs the program {program.name} on PATH")
    odd = "".join(random.Random(5).choices("ACGT", k=120))
    found = search([odd, protein(1)], [protein(1), odd], threads=1, program=program)
    assert (1, 0) in list(zip(found.query, found.subject, strict=True))
