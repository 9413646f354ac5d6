"""Writing a folder whole or not at all. Nothing here knows what is in it."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from esmgo.errors import EsmgoError, UsageError, printable
from esmgo.files.atomic import refusal
from esmgo.files.output import check_free


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
    check_free(path, overwrite=overwrite, field="output_dir", mark=mark)
    beside = target.with_name(f".esmgo-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        beside.mkdir()
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
        raise refusal(path, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


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
