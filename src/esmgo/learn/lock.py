"""One writer per checkpoint."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from esmgo.errors import MachineError, UsageError, printable
from esmgo.files.lock import acquire, release
from esmgo.model.container import best_path


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
        raise UsageError(
            f"{printable(path)} is a folder; name a file in it", field="checkpoint_path"
        )
    lock = path.with_name(f".{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = acquire(lock, path)
    except OSError as error:
        if isinstance(error, MachineError):
            raise
        raise MachineError(
            f"{printable(path.parent)} cannot be written: {error.strerror}; choose another folder"
        ) from None
    try:
        _sweep(path)
        yield
    finally:
        release(file, lock)


def _sweep(path: Path) -> None:
    """Remove what a killed save left; nobody else writes while we hold the lock."""
    for target in (path, best_path(path)):
        for left in path.parent.glob(f".{glob.escape(target.name)}.*.tmp"):
            left.unlink(missing_ok=True)
