"""Writing a folder completely or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from esmgo.errors import EsmgoError, UsageError, printable
from esmgo.files.atomic import refusal, sync, temporary
from esmgo.files.output import exclusive


@contextmanager
def replacing_folder(path: Path, *, overwrite: bool, mark: str) -> Iterator[Path]:
    """Yield an empty folder that becomes ``path`` when the block ends without an error.

    The folder is created beside the target, synced to disk and renamed; after any error it is
    removed. On entry the target is checked, and locked against other processes.
    Raises UsageError if ``path`` exists and may not be replaced, or if another process writes to
    it. Raises MachineError if the system refuses: no such parent, no permission, no space.

    Parameters
    ----------
    path : Path
        The folder to create.
    overwrite : bool
        Whether an older folder may be replaced.
    mark : str
        A file that the older folder must contain, unless it is empty, to be replaced.
    """
    target = Path(os.path.realpath(path))
    with exclusive((path,), overwrite=overwrite, field="output_dir", mark=mark):
        beside = temporary(target)
        try:
            beside.mkdir()
            yield beside
            for each in (*beside.rglob("*"), beside):
                sync(each)
            _swap(beside, target)
        except EsmgoError:
            raise
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                reason = f"{printable(path, 90)} was created by another process meanwhile"
                raise UsageError(reason, field="output_dir") from error
            raise refusal(path, error) from error
        finally:
            shutil.rmtree(beside, ignore_errors=True)


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
    sync(target.parent)
    shutil.rmtree(older, ignore_errors=True)
