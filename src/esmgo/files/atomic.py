"""Writing files completely or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from esmgo.errors import EsmgoError, MachineError, printable

TEMPORARY = r"\d+-[0-9a-f]{8}\.(tmp|old)"
"""Pattern of the end of a temporary name: process id, random digits, suffix."""

MAX_NAME = 200
"""Longest name, in bytes, that is extended by an ending; file systems allow 255 in all."""

_DEVICES = {Path("/dev"), Path("/dev/fd"), Path("/proc/self/fd")}


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``; see `replacing`."""
    with replacing(path) as file:
        file.write(data)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a binary file that replaces ``path`` when the block ends without an error.

    It is written in the folder of the target, synced and renamed; then the folder is synced.
    After an error it is removed. Permissions follow the umask. A symbolic link is kept, and the
    file that it points to is replaced. A device or a pipe is written directly. Raises
    MachineError if the system refuses: no space, no permission, no such folder.
    """
    try:
        yield from _beside(Path(os.path.realpath(path))) if is_replaceable(path) else _into(path)
    except EsmgoError:
        raise
    except OSError as error:
        if not _is_ours(error, path):
            raise
        raise refusal(path, error) from error


def refusal(path: Path, error: OSError) -> MachineError:
    """Return an error that names a path and the reason why it cannot be written."""
    missing = isinstance(error, FileNotFoundError)
    reason = "there is no such folder" if missing else (error.strerror or str(error)).lower()
    return MachineError(f"{printable(path, 90)}: cannot be written: {reason}")


def _is_ours(error: OSError, path: Path) -> bool:
    """Whether writing failed, and not other code of the block."""
    name = error.filename
    return name is None or Path(name) == path or Path(name).suffix == ".tmp"


def is_replaceable(path: Path) -> bool:
    """Whether a path is a regular file or does not exist; false for a device, pipe or folder."""
    if path.parent in _DEVICES:
        return False
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True


def _into(path: Path) -> Iterator[BinaryIO]:
    with path.open("wb") as file:
        yield file


def hidden(target: Path, ending: str) -> Path:
    """Return a hidden path beside ``target`` with its name, or a digest of a long name."""
    name = os.fsencode(target.name)
    stem = target.name if len(name) <= MAX_NAME else hashlib.sha256(name).hexdigest()
    return target.parent / f".{stem}.{ending}"


def temporary(target: Path) -> Path:
    """Return a new hidden path beside ``target``, to write to before a rename."""
    return hidden(target, f"{os.getpid()}-{secrets.token_hex(4)}.tmp")


def sweep(target: Path) -> None:
    """Remove temporary files of killed processes; the caller holds the lock of ``target``.

    A folder that was renamed but not yet replaced gets its name back.
    """
    name = re.compile(re.escape(hidden(target, "").name) + TEMPORARY)
    for left in [each for each in target.parent.glob(".*") if name.fullmatch(each.name)]:
        if left.suffix == ".old" and not target.exists():
            left.rename(target)
        elif left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _beside(target: Path) -> Iterator[BinaryIO]:
    beside = temporary(target)
    file = beside.open("xb")
    try:
        yield file
        file.flush()
        os.fsync(file.fileno())
        file.close()
        beside.replace(target)
    except BaseException:
        with suppress(OSError):
            file.close()
        with suppress(OSError):
            beside.unlink()
        raise
    sync(target.parent)


def sync(path: Path) -> None:
    """Sync a file, or the names in a folder, to disk, if the file system supports it."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        if path.is_dir():  # unreadable: the renames in it are done, but not synced
            return
        raise
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems
            raise
    finally:
        os.close(handle)
