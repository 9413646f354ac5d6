"""Mutates valid files of every kind and reads them: only errors of this package may result.

As a program: ``python tests/fuzzing.py --minutes=60`` prints a table of all kinds, and each
finding: an exception that is not an `EsmgoError`, a message of more than one line, more than 10
seconds of CPU time for one file, or more than 512 MiB of memory for it. ``--keep=FOLDER`` saves
the files. A case is a function of kind, seed and number: ``--kind=obo --seed=1 --first=17`` repeats
it. `mutations.py` has the changes, `fuzzed_kinds.py` the files and readers. It needs Linux.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from esmgo.errors import EsmgoError

MOST_SECONDS = 10
MOST_BYTES = 1 << 29
"""Bytes that reading a file may add to a process of about 450 MiB: under 1 GiB in all."""

LONGEST_MESSAGE = 250
MOST_FINDINGS = 10
"""Findings after which the process of a kind is replaced."""

_NO_ANSWER = 120
"""Wall-clock seconds after which a process is killed: its code does not return to Python."""

_STATUS, _CLEAR_PEAK = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Parameters
    ----------
    seeds : sequence of bytes
        Valid files.
    mutate : callable
        Maps a seed, all seeds and a random generator to a mutated file.
    read : callable
        Reads the file at a path; raises `EsmgoError` if it is refused.
    suffix : str
        Of the file.
    """

    seeds: Sequence[bytes]
    mutate: Callable[[bytes, Sequence[bytes], random.Random], bytes]
    read: Callable[[Path], Any]
    suffix: str = ".txt"


@dataclass
class Outcome:
    """Number of files by result, and the findings."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{'kind':14}{'files':>10}{'read':>10}{'refused':>10}{'CPU s':>8}"]
        for kind in sorted({kind for kind, _ in self.counts}):
            read, refused = self.counts[kind, "read"], self.counts[kind, "refused"]
            n = sum(count for (each, _), count in self.counts.items() if each == kind)
            lines.append(f"{kind:14}{n:10,}{read:10,}{refused:10,}{self.seconds[kind]:8.0f}")
        return "\n".join([*lines, f"{len(self.findings)} findings", *self.findings])


def case(kind: Kind, name: str, seed: int, number: int) -> bytes:
    """Return the mutated file of a case."""
    rng = random.Random(f"{name} {seed} {number}")
    return kind.mutate(rng.choice(kind.seeds), kind.seeds, rng)


def fuzz(
    kinds: dict[str, Kind], seconds: float, *, seed: int, first: int = 0, keep: Path | None = None
) -> Outcome:
    """Read mutated files of all kinds in turn, for so many seconds of CPU time."""
    outcome = Outcome()
    at = dict.fromkeys(kinds, first)
    share = min(30.0, seconds / (2 * len(kinds)))
    order = sorted(kinds)
    while (left := seconds - sum(outcome.seconds.values())) > 0:
        name = min(order, key=outcome.seconds.__getitem__)
        work = kinds[name]
        n_found = 0
        spent: list[float] = []
        for number, result, detail in _cases(
            work, name, seed, at[name], min(share, left), spent.append
        ):
            at[name] = number + 1
            outcome.counts[name, result] += 1
            if result != "finding":
                continue
            n_found += 1
            outcome.findings.append(f"{name} seed={seed} first={number}: {detail}")
            print(outcome.findings[-1], file=sys.stderr, flush=True)
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                path = keep / f"{name}-{seed}-{number}{work.suffix}"
                path.write_bytes(case(work, name, seed, number))
            if n_found == MOST_FINDINGS:
                break
        outcome.seconds[name] += max(sum(spent), 0.01)
    return outcome


def _cases(
    kind: Kind, name: str, seed: int, first: int, seconds: float, spent: Callable[[float], None]
) -> Iterator[tuple[int, str, str]]:
    """Run cases in a child process; yield number, result and detail of each."""
    here, there = multiprocessing.Pipe()
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        try:
            here.close()
            _child(kind, name, seed, first, seconds, there)
        finally:
            os._exit(0)
    there.close()
    number = first
    try:
        while here.poll(_NO_ANSWER):
            result = here.recv()
            if result is None:
                return
            yield result
            number = result[0] + 1
        yield number, "finding", f"no answer for {_NO_ANSWER} s"
    except EOFError:
        yield number, "finding", "the process died"
    finally:
        here.close()
        os.kill(pid, signal.SIGKILL)  # it may have ended
        *_, usage = os.wait4(pid, 0)
        spent(usage.ru_utime + usage.ru_stime)


def _child(kind: Kind, name: str, seed: int, first: int, seconds: float, pipe: Any) -> None:
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, _too_slow)
    folder = Path(tempfile.mkdtemp(prefix="esmgo-fuzz-"))
    try:
        start = time.process_time()
        number = first
        while time.process_time() - start < seconds:
            data = case(kind, name, seed, number)
            path = folder / f"case{kind.suffix}"
            path.write_bytes(data)
            pipe.send((number, *_result(kind, path)))
            number += 1
        pipe.send(None)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Slow(BaseException):
    """More CPU time than a file may take."""


def _too_slow(*_: Any) -> None:
    raise _Slow


def _result(kind: Kind, path: Path) -> tuple[str, str]:
    _CLEAR_PEAK.write_text("5")
    before = _peak()
    result, detail = "read", ""
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        kind.read(path)
    except EsmgoError as error:
        result, text = "refused", str(error)
        if "\n" in text or len(text) > LONGEST_MESSAGE:
            result, detail = "finding", f"message of {len(text)} characters: {text[:100]!r}"
    except _Slow:
        where = "".join(traceback.format_exc(limit=-2).split("\n")[-5:-1])
        result, detail = "finding", f"more than {MOST_SECONDS} s of CPU time: {where[:200]}"
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [f for f in frames if "esmgo" in f.filename] or frames
        place = f"{Path(own[-1].filename).name}:{own[-1].lineno}"
        result, detail = "finding", f"{type(error).__name__} at {place}: {str(error)[:120]}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    grown = _peak() - before
    if grown > MOST_BYTES and result != "finding":
        result, detail = "finding", f"{grown / (1 << 20):,.0f} MiB of memory"
    return result, detail


def _peak() -> int:
    """Return the largest size of the process in memory since the last clearing, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
    assert found is not None
    return int(found[1]) * 1024


def main(words: Sequence[str] | None = None) -> int:
    """Fuzz every kind of file, or one; return 1 if there are findings."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=1.0, help="CPU time in minutes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", help="this kind alone; several, comma-separated")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--keep", type=Path, help="save the files of findings in this folder")
    args = parser.parse_args(words)
    from fuzzed_kinds import all_kinds, make_checkpoint

    with tempfile.TemporaryDirectory(prefix="esmgo-fuzz-") as folder:
        kinds = all_kinds(make_checkpoint(Path(folder)))
        wanted = args.kind.split(",") if args.kind else list(kinds)
        outcome = fuzz(
            {name: kinds[name] for name in wanted},
            args.minutes * 60,
            seed=args.seed,
            first=args.first,
            keep=args.keep,
        )
    print(outcome)
    return int(bool(outcome.findings))


if __name__ == "__main__":
    sys.exit(main())
