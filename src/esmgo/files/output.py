"""Where results go: standard output, or a file that is complete or absent.

Nothing here knows what they are.
"""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from esmgo.errors import MachineError, UsageError, shown
from esmgo.files.atomic import replacing

__all__ = ["check_free", "opened"]


def check_free(output: str, *, overwrite: bool) -> None:
    """Find before any work that ``--output`` cannot be written.

    Raises
    ------
    UsageError
        If it is a folder, or a file that may not be replaced.
    MachineError
        If there is no folder for it, or the system refuses.
    """
    if output == "-":
        return
    path = Path(output)
    if path.is_dir():
        raise UsageError(f"--output={shown(path, 90)} is a folder; name a file")
    if path.is_file() and not overwrite:
        raise UsageError(f"--output={shown(path, 90)} exists; --overwrite replaces it")
    if not path.absolute().parent.is_dir():
        raise MachineError(f"--output={shown(path, 90)}: there is no such folder")
    if not path.exists() and not os.access(path.absolute().parent, os.W_OK):
        raise MachineError(f"--output={shown(path, 90)}: cannot be written: permission denied")


@contextmanager
def opened(output: str) -> Iterator[BinaryIO]:
    """Open standard output for ``-``, else a file, compressed where its name ends in .gz.

    The file is complete or absent afterwards; equal contents give equal bytes.
    """
    if output == "-":
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with replacing(Path(output)) as file:
        if not output.endswith(".gz"):
            yield file
            return
        with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
            yield cast(BinaryIO, packed)
