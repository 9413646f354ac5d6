"""One file of tensors: complete or refused, whatever interrupts its writing."""

import base64
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import zlib
from collections import Counter
from pathlib import Path

import pytest
from safetensors.numpy import load_file
from saver import save

from esmgo.errors import CheckpointError, MachineError
from esmgo.files import atomic as files
from esmgo.model.checkpoint import open_checkpoint
from esmgo.model.container import read_header, write_container

SAVER = Path(__file__).with_name("saver.py")
FAULTS = ("signal=KILL", "error=EIO", "error=ENOSPC")
needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")


def foreign(target: Path, header: object, data: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    target.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return target


def tensor(shape: list[int], begin: int = 0, end: int = 4) -> dict:
    return {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("header", "data"),
    [
        ({"a.bias": tensor([]), "a.weight": tensor([1], 4, 8)}, bytes(8)),
        ({"w": tensor([0, 1 << 62, 1 << 62], 0, 0)}, b""),
        ({"w": tensor([1] * 5000)}, bytes(4)),
        (b'{"w":{"dtype":"F32","shape":[Infinity],"data_offsets":[0,4]}}', bytes(4)),
        ({"w": tensor([1.5], 0, 6)}, bytes(6)),
        ({"w": tensor(["1"])}, bytes(4)),
        ({"w": tensor([1]), "__metadata__": {"format": 1}}, bytes(4)),
        ({"w": tensor([1]), "__metadata__": ["pt"]}, bytes(4)),
        ({"w": [1]}, bytes(4)),
    ],
)
def test_shapes_that_no_tensor_has_are_refused(header, data, tmp_path) -> None:
    with pytest.raises(CheckpointError):
        open_checkpoint(foreign(tmp_path / "c.safetensors", header, data))


def deflated(value: object) -> bytes:
    return base64.b64encode(zlib.compress(json.dumps(value).encode()))


@pytest.mark.parametrize(
    "words",
    [
        b"not base64!",
        base64.b64encode(b"not deflated"),
        deflated({"format": 1})[:-8],
        deflated("a" * 3000),
        deflated([1]),
    ],
)
def test_deflated_metadata_that_are_damaged_or_too_large_are_refused(words, tmp_path, monkeypatch):
    monkeypatch.setattr("esmgo.model.container.MAX_INFLATED_BYTES", 2000)
    header = {"__metadata__": {"esmgo_deflated": words.decode()}}
    with pytest.raises(CheckpointError, match="damaged header"):
        read_header(foreign(tmp_path / "c.pt", header))


def test_deflated_metadata_are_read_as_they_were(tmp_path) -> None:
    written = {"format": 1, "labels": ["GO:0003674"] * 100}
    for small in (False, True):
        write_container(tmp_path / f"{small}.pt", [], written, small=small)
        assert read_header(tmp_path / f"{small}.pt").metadata == written
    assert (tmp_path / "True.pt").stat().st_size < 0.5 * (tmp_path / "False.pt").stat().st_size


def test_a_pipe_is_refused_and_not_waited_for(tmp_path) -> None:
    os.mkfifo(tmp_path / "c.pt")
    with pytest.raises(CheckpointError, match="a pipe or a device"):
        read_header(tmp_path / "c.pt")


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
    save(tmp_path / "c.pt", 3)
    assert {name: t.tolist() for name, t in load_file(tmp_path / "c.pt").items()} == {
        f"t{i}": [3.0] * 3000 for i in range(3)
    }


def test_a_header_whose_length_begins_as_a_zip_archive_is_read(tmp_path):
    length = int.from_bytes(b"PK", "little")
    write_container(tmp_path / "c", [], {"x": ""})
    shorter = int.from_bytes((tmp_path / "c").read_bytes()[:8], "little")
    write_container(tmp_path / "c", [], {"x": "x" * (length - shorter)})
    assert (tmp_path / "c").read_bytes().startswith(b"PK")
    assert read_header(tmp_path / "c").metadata == {"x": "x" * (length - shorter)}
