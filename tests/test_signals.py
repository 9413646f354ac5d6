"""Ctrl-C and SIGTERM at any moment: the exit code, at most one line, and no traceback."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from esmgo.cli import program, running, signals
from esmgo.cli.main import main

ROOT = Path(__file__).parents[1]

RUN = """
import builtins, os, runpy, signal, sys
signum, moment, path, *sys.argv[1:] = sys.argv[1:]
sys.argv[0] = path
real = builtins.__import__
def hooked(name, *rest, **more):
    if name == moment:
        os.kill(os.getpid(), int(signum))
    return real(name, *rest, **more)
builtins.__import__ = hooked
if path.endswith(".py"):
    runpy.run_path(path, run_name="__main__")
else:
    runpy.run_module(path, run_name="__main__", alter_sys=True)
"""
"""Runs a script or a module, and sends a signal when a module is imported for the first time."""

SEQUENCE = "--sequence=MKTAYIAKQRQISFVKSHFSRQ"
DOORS = {
    "module": ["esmgo", "rank", SEQUENCE],
    "rank": [str(ROOT / "predict-rank.py"), SEQUENCE],
    "train": [str(ROOT / "fine-tune.py"), "--dataset=sample", "--base_model=tiny"],
}


def interrupted(signum, moment, words, folder):
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(int(signum)), moment, *words],
        capture_output=True, text=True, timeout=100, cwd=folder, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("moment", ["argparse", "dataclasses", "numpy"])
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_before_any_work_the_end_is_quiet(door, moment, signum, tmp_path):
    assert interrupted(signum, moment, DOORS[door], tmp_path) == (128 + signum, "", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", [["--help"], ["--version"], ["merge", "x"], ["audit"], ["fly"]])
def test_so_it_is_for_every_way_to_start(verb, tmp_path):
    assert interrupted(signal.SIGINT, "logging", ["esmgo", *verb], tmp_path) == (130, "", "")


def test_while_a_verb_works_it_is_one_line_and_nothing_is_left(tmp_path):
    words = ["esmgo", "predict", "-i", str(ROOT / "examples" / "proteins.fasta"), "-o", "x.tsv"]
    code, out, err = interrupted(signal.SIGINT, "torch", words, tmp_path)
    assert (code, out) == (130, "")
    assert err.splitlines()[-1] == "error: interrupted"
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_an_error_that_replaces_an_interruption_is_one(monkeypatch, capsys):
    def run(*_):
        raise ImportError("numpy.core.multiarray failed to import")

    monkeypatch.setattr(running, "run", run)
    monkeypatch.setattr(signals, "_came", [signal.SIGINT])
    assert main(["selftest"]) == 130
    assert capsys.readouterr().err == "error: interrupted\n"
    monkeypatch.setattr(signals, "_came", [])
    with pytest.raises(ImportError):
        main(["selftest"])
    assert program.signals is signals


def test_ignored_signals_stay_ignored_and_those_of_others_untouched():
    before = signal.getsignal(signal.SIGINT)
    signals.raise_errors()  # nothing to change: `run` did not start this program
    assert signal.getsignal(signal.SIGINT) is before
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signals.end_at_once()
        signals.raise_errors()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is signals._raise
        with pytest.raises(signals.Terminated):
            os.kill(os.getpid(), signal.SIGTERM)
        assert signals.has_come() == signal.SIGTERM
    finally:
        signals._came.clear()
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
