"""One writer per checkpoint. The kernel releases the lock of a dead process."""

from __future__ import annotations

import fcntl
import glob
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from esmgo.errors import MachineError, UsageError, shown
from esmgo.model.container import best_path

__all__ = ["exclusive"]


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Make the folder of ``path``, check that it takes files, and keep other writers out.

    Raises
    ------
    UsageError
        If another process writes to ``path``; names its pid and host.
    MachineError
        If the folder cannot be made or written.
    """
    if not path.name or path.is_dir():
        raise UsageError(f"--checkpoint_path={shown(path)} is a folder; name a file in it")
    lock = path.with_name(f".{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = _acquire(lock, path)
    except OSError as error:
        if isinstance(error, MachineError):
            raise
        raise MachineError(
            f"{shown(path.parent)} cannot be written: {error.strerror}; choose another folder"
        ) from None
    try:
        _sweep(path)
        yield
    finally:
        _release(file, lock)


def _sweep(path: Path) -> None:
    """Remove what a killed save left; nobody else writes while we hold the lock."""
    for target in (path, best_path(path)):
        for left in path.parent.glob(f".{glob.escape(target.name)}.*.tmp"):
            left.unlink(missing_ok=True)


def _acquire(lock: Path, path: Path) -> int:
    while True:
        file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(file, 200, 0).decode(errors="replace") or "unknown"
            os.close(file)
            raise UsageError(
                f"{shown(path)} is being written by another process ({shown(owner, 60)})"
            ) from None
        if _is_current(file, lock):
            break
        os.close(file)  # its last owner removed it between our open and our lock
    try:
        os.truncate(file, 0)
        os.pwrite(file, f"pid {os.getpid()} on {socket.gethostname()}".encode(), 0)
    except OSError:
        _release(file, lock)
        raise
    return file


def _release(file: int, lock: Path) -> None:
    lock.unlink(missing_ok=True)
    os.close(file)


def _is_current(file: int, lock: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), lock.stat())
    except FileNotFoundError:
        return False
