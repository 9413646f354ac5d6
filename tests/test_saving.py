"""Whatever interrupts a save, the old or the new file stands there, whole."""

import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from saver import save

from esmgo.errors import CheckpointError
from esmgo.model.checkpoint import open_checkpoint
from esmgo.model.container import read_header

SAVER = Path(__file__).with_name("saver.py")
FAULTS = ("signal=KILL", "error=EIO", "error=ENOSPC")

needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")


def strace(folder: Path, *words: str) -> subprocess.CompletedProcess:
    program = ["-o", str(folder / "trace"), "-f", *words]
    program += [sys.executable, str(SAVER), str(folder / "c.pt"), "2"]
    return subprocess.run(["strace", *program], capture_output=True, text=True, timeout=60)


def calls_of_a_save(folder: Path) -> list[tuple[str, int]]:
    """Name and ordinal, in the whole process, of each system call from the marker to the exit."""
    strace(folder)
    seen: Counter[str] = Counter()
    found, started = [], False
    for line in (folder / "trace").read_text().splitlines():
        if match := re.match(r"\d+ +(\w+)\(", line):
            name = match[1]
            seen[name] += 1
            if started and name not in ("rt_sigaction", "exit_group", "munmap", "madvise", "futex"):
                found.append((name, seen[name]))
            started |= name == "getppid"
            if name == "fsync" and found and sum(n == "fsync" for n, _ in found) == 2:
                break  # the folder is synced: the save is done
    return found


def check_fault(folder: Path, call: str, nth: int, fault: str) -> None:
    for left in folder.iterdir():
        left.unlink()
    save(folder / "c.pt", 1)
    done = strace(folder, "-e", f"trace={call}", "-e", f"inject={call}:{fault}:when={nth}")
    value = read_header(folder / "c.pt").metadata["value"]
    assert value in (1, 2)
    if fault == "signal=KILL":
        assert done.returncode == -9
        return
    # what Python does not look at (a failed fstat for a buffer size) leaves a good save
    assert done.returncode in (0, 5), done.stderr
    assert (done.returncode == 5) == done.stderr.startswith("error: ")
    if done.returncode == 0:
        assert value == 2
    assert not list(folder.glob(".c.pt.*"))


@needs_strace
def test_a_kill_or_a_full_disk_at_the_main_calls_of_a_save_leaves_the_old_or_the_new(tmp_path):
    calls = calls_of_a_save(tmp_path)
    assert [name for name, _ in calls].count("fsync") == 2
    for call, nth in {name: (name, nth) for name, nth in calls}.values():
        if call in ("openat", "write", "fsync", "rename"):
            check_fault(tmp_path, call, nth, "signal=KILL")
            check_fault(tmp_path, call, nth, "error=ENOSPC")


@needs_strace
@pytest.mark.slow
def test_a_fault_at_every_call_of_a_save_leaves_the_old_or_the_new(tmp_path):
    calls = calls_of_a_save(tmp_path)
    assert [name for name, _ in calls].count("fsync") == 2
    for call, nth in calls:
        for fault in FAULTS:
            check_fault(tmp_path, call, nth, fault)


def test_a_disk_that_is_full_is_told_with_bytes_needed_and_free(tmp_path, monkeypatch):
    from esmgo.errors import MachineError
    from esmgo.files import atomic as files

    def full(handle):
        raise OSError(28, "No space left on device")

    save(tmp_path / "c.pt", 1)
    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(MachineError, match=r"no space left.* bytes needed, .* free"):
        save(tmp_path / "c.pt", 2)
    assert read_header(tmp_path / "c.pt").metadata["value"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["c.pt"]


def test_every_flipped_bit_is_refused(checkpoint, tmp_path):
    whole = checkpoint.read_bytes()
    assert len(open_checkpoint(checkpoint).labels) > 0
    chance = random.Random(0)
    # all of the header's start, where lengths, digest and names stand, and anywhere
    places = [*range(120), *(chance.randrange(len(whole)) for _ in range(80))]
    for place in places:
        broken = bytearray(whole)
        broken[place] ^= 1 << chance.randrange(8)
        (tmp_path / "broken.pt").write_bytes(broken)
        with pytest.raises(CheckpointError):
            open_checkpoint(tmp_path / "broken.pt")


def test_every_cut_is_refused(tmp_path):
    save(tmp_path / "c.pt", 1)
    whole = (tmp_path / "c.pt").read_bytes()
    for length in (0, 1, 7, 8, 9, 50, 200, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.pt").write_bytes(whole[:length])
        with pytest.raises(CheckpointError):
            read_header(tmp_path / "cut.pt")


def test_safetensors_reads_our_files(tmp_path):
    from safetensors.numpy import load_file

    save(tmp_path / "c.pt", 3)
    assert {name: t.tolist() for name, t in load_file(tmp_path / "c.pt").items()} == {
        f"t{i}": [3.0] * 3000 for i in range(3)
    }
