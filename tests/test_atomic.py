"""Files are written completely or not at all."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from esmgo.errors import MachineError
from esmgo.files.atomic import replacing, write_atomically


def test_a_written_file_replaces_the_old_one_with_the_permissions_of_the_umask(tmp_path):
    target = tmp_path / "out.svg"
    target.write_bytes(b"old")
    before = os.umask(0o027)
    try:
        write_atomically(target, b"new")
    finally:
        os.umask(before)
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["out.svg"]


def stop_half_way(file, wrong):
    file.write(b"half")
    raise wrong


def test_whatever_goes_wrong_inside_the_old_file_stays_and_nothing_else(tmp_path):
    target = tmp_path / "out.svg"
    target.write_bytes(b"old")
    for wrong in (KeyboardInterrupt, ZeroDivisionError):
        with pytest.raises(wrong), replacing(target) as file:
            stop_half_way(file, wrong)
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.svg"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_refusal_of_the_system_is_one_line_and_leaves_the_old_file(tmp_path, monkeypatch, call):
    def refuse(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    target = tmp_path / "out.svg"
    target.write_bytes(b"old")
    monkeypatch.setattr(f"os.{call}", refuse)
    with pytest.raises(MachineError, match=r"out\.svg: cannot be written: no space left on device"):
        write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.svg"]


def test_a_missing_folder_and_a_folder_in_the_way_are_named(tmp_path):
    with pytest.raises(MachineError, match="no such folder"):
        write_atomically(tmp_path / "absent" / "out.svg", b"")
    with pytest.raises(MachineError, match="directory"):
        write_atomically(tmp_path, b"")


def test_a_trouble_of_the_block_with_another_file_keeps_its_own_name(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "out.svg"):
        (tmp_path / "input.fasta").open()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_device_is_written_directly_and_reported():
    with pytest.raises(MachineError, match="no space left"):
        write_atomically(Path("/dev/full"), b"x" * 100_000)
    write_atomically(Path("/dev/null"), b"x")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")
def test_a_symbolic_link_goes_on_pointing_to_the_file(tmp_path):
    (tmp_path / "real.svg").write_bytes(b"old")
    (tmp_path / "link.svg").symlink_to("real.svg")
    write_atomically(tmp_path / "link.svg", b"new")
    assert (tmp_path / "link.svg").is_symlink()
    assert (tmp_path / "real.svg").read_bytes() == b"new"
