"""Locks: one process at a time writes a target. The kernel releases locks of dead processes."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from esmgo.errors import UsageError, printable


def acquire(lock: Path, target: Path) -> int:
    """Create and lock the file ``lock``; return a handle for `release`.

    Raises UsageError if another process holds the lock; the message names its pid and host, and
    ``target``. Raises OSError if the system refuses.
    """
    while True:
        file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(file, 200, 0).decode(errors="replace") or "unknown"
            os.close(file)
            raise UsageError(
                f"{printable(target)} is being written by another process ({printable(owner, 60)})"
            ) from None
        if _is_current(file, lock):
            break
        os.close(file)  # its last owner removed it between our open and our lock
    try:
        os.truncate(file, 0)
        os.pwrite(file, f"pid {os.getpid()} on {socket.gethostname()}".encode(), 0)
    except OSError:
        release(file, lock)
        raise
    return file


def release(file: int, lock: Path) -> None:
    """Remove and release the lock."""
    lock.unlink(missing_ok=True)
    os.close(file)


def _is_current(file: int, lock: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), lock.stat())
    except FileNotFoundError:
        return False
