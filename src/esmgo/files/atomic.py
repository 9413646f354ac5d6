"""Writing files whole or not at all. Nothing here knows what is in them."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from esmgo.errors import EsmgoError, MachineError, printable

_DEVICES = {Path("/dev"), Path("/dev/fd"), Path("/proc/self/fd")}


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``: afterwards the file is the old one or the new one.

    Raises
    ------
    MachineError
        If the system refuses; the old file, if any, is as it was.
    """
    with replacing(path) as file:
        file.write(data)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a binary file that takes the place of ``path`` when the block ends well.

    It is written beside the target, synced, renamed, and its folder synced; whatever
    goes wrong, it is removed again. Permissions follow the umask, and a symbolic link
    goes on pointing to the target. What is not a regular file (``/dev/stdout``, a pipe)
    cannot be replaced and is written directly.

    Raises
    ------
    MachineError
        If the system refuses: no space, no permission, no such folder.
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
    """Return an error that names a path, and why the system refuses to write it."""
    missing = isinstance(error, FileNotFoundError)
    reason = "there is no such folder" if missing else (error.strerror or str(error)).lower()
    return MachineError(f"{printable(path, 90)}: cannot be written: {reason}")


def _is_ours(error: OSError, path: Path) -> bool:
    """Whether the write failed, and not something that the block read from elsewhere."""
    name = error.filename
    return name is None or Path(name) == path or Path(name).suffix == ".tmp"


def is_replaceable(path: Path) -> bool:
    """Whether a path is a regular file or free, and no device, pipe or folder."""
    if path.parent in _DEVICES:
        return False
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True


def _into(path: Path) -> Iterator[BinaryIO]:
    with path.open("wb") as file:
        yield file


def _beside(target: Path) -> Iterator[BinaryIO]:
    # named for its target, so that the next writer can remove what a killed one left
    beside = target.with_name(f".{target.name[:200]}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
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
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut, where the file system knows how to sync a folder."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems
            raise
    finally:
        os.close(handle)
