"""Runs commands where file permissions count, also for root; see `outcomes`."""

import ctypes
import json
import os
import subprocess
import sys

import pytest

SCRIPT = """
import contextlib, io, json, os, sys, traceback
from esmgo.cli.main import main
closed, *commands = json.load(sys.stdin)
with contextlib.suppress(PermissionError):
    open(closed).close()
    sys.exit(99)
for command in commands:
    out, err = io.TextIOWrapper(io.BytesIO()), io.StringIO()
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(out):
        try:
            code = main(command)
        except BaseException:
            code = 1
            traceback.print_exc()
    print(json.dumps([code, err.getvalue()]))
"""
_DROP, _CAPABILITIES = 24, (1, 2)  # PR_CAPBSET_DROP; CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


def outcomes(closed, commands):
    """Run commands of the program; return the exit code and the standard error of each.

    The process obeys file permissions: one of root lacks the rights to ignore them. ``closed`` is a
    file that nobody may read. If it can be read all the same, the test is skipped.
    """
    drop = _drop if os.geteuid() == 0 else None
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps([str(closed), *(list(map(str, words)) for words in commands)]),
        capture_output=True, text=True, preexec_fn=drop,
    )  # fmt: skip
    if done.returncode == 99:
        pytest.skip("file permissions do not count for this user")
    assert done.returncode == 0, done.stderr
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def _drop():
    libc = ctypes.CDLL(None)
    for capability in _CAPABILITIES:
        libc.prctl(_DROP, capability, 0, 0, 0)
