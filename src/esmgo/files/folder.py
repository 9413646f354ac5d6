"""Writing a folder whole or not at all. Nothing here knows what is in it."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from esmgo.errors import EsmgoError, MachineError, UsageError, printable


@contextmanager
def replacing_folder(path: Path, *, overwrite: bool, mark: str) -> Iterator[Path]:
    """Yield an empty folder that becomes ``path`` when the block ends well.

    It stands beside the target, is synced to disk and renamed; whatever goes wrong, it is
    removed. That the target can be written is found on entry, before any work.

    Parameters
    ----------
    path : Path
        The folder to make.
    overwrite : bool
        Let it take the place of an older one.
    mark : str
        A file that the older one must have, unless it is empty, to be taken for ours.

    Raises
    ------
    UsageError
        If ``path`` exists and may not be replaced.
    MachineError
        If the system refuses: no such parent, no permission, no space.
    """
    target = Path(os.path.realpath(path))
    _check_free(path, target, overwrite=overwrite, mark=mark)
    beside = target.with_name(f".esmgo-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        beside.mkdir()
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        reason = "there is no such parent folder" if missing else _words(error)
        raise MachineError(f"{printable(path, 90)}: cannot be written: {reason}") from error
    try:
        yield beside
        for each in (*beside.rglob("*"), beside):
            _sync(each)
        _swap(beside, target)
    except EsmgoError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            reason = f"{printable(path, 90)} was made by another process meanwhile"
            raise UsageError(reason, field="output_dir") from error
        raise MachineError(f"{printable(path, 90)}: cannot be written: {_words(error)}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _words(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _check_free(path: Path, target: Path, *, overwrite: bool, mark: str) -> None:
    if not os.path.lexists(target):
        return
    if not overwrite:
        raise UsageError(
            f"{printable(path, 90)} exists; `overwrite` replaces it", field="output_dir"
        )
    if not target.is_dir() or (any(target.iterdir()) and not (target / mark).is_file()):
        reason = f"holds no {mark}, so it is not replaced; remove it yourself"
        raise UsageError(f"{printable(path, 90)} {reason}", field="output_dir")


def _sync(path: Path) -> None:
    """Make sure that a file, or the names in a folder, outlive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _swap(beside: Path, target: Path) -> None:
    older = beside.with_suffix(".old")
    if target.exists():
        target.rename(older)
    try:
        beside.rename(target)
    except BaseException:
        with suppress(OSError):
            older.rename(target)
        raise
    _sync(target.parent)
    shutil.rmtree(older, ignore_errors=True)
