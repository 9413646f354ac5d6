"""Where results go: standard output, or a file that is complete or absent.

Nothing here knows what they are.
"""

from __future__ import annotations

import glob
import gzip
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from esmgo.errors import MachineError, UsageError, printable
from esmgo.files.atomic import is_replaceable, replacing
from esmgo.files.lock import acquire, release


def check_free(output: str, *, overwrite: bool) -> None:
    """Find before any work that ``output`` cannot be written.

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
        raise UsageError(f"{printable(path, 90)} is a folder; name a file", field="output")
    if path.is_file() and not overwrite:
        raise UsageError(f"{printable(path, 90)} exists; `overwrite` replaces it", field="output")
    if not path.absolute().parent.is_dir():
        raise MachineError(f"`output` {printable(path, 90)}: there is no such folder")
    if not path.exists() and not os.access(path.absolute().parent, os.W_OK):
        raise MachineError(f"`output` {printable(path, 90)} cannot be written: permission denied")


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


def is_stream(output: str) -> bool:
    """Whether what is written cannot be taken back: standard output, a pipe, a device."""
    path = Path(output)
    try:
        return output == "-" or not (path.is_dir() or is_replaceable(path))
    except OSError:  # no permission to look: whoever opens it says so
        return False


@contextmanager
def exclusive(outputs: Iterable[str], *, overwrite: bool) -> Iterator[None]:
    """Check that files can be written, keep other writers out, remove what a killed one left.

    Raises
    ------
    UsageError
        If another process writes to one of them, or one is there and may not be replaced.
    MachineError
        If the system refuses.
    """
    paths = [Path(output).resolve() for output in outputs if not is_stream(output)]
    for output in outputs:
        check_free(output, overwrite=overwrite)
    with ExitStack() as stack:
        for path in sorted(paths):
            lock = path.with_name(f".{path.name}.lock")
            try:
                file = acquire(lock, path)
            except OSError as error:
                words = (error.strerror or str(error)).lower()
                raise MachineError(f"{printable(path, 90)}: cannot be written: {words}") from None
            stack.callback(release, file, lock)
            for left in path.parent.glob(f".{glob.escape(path.name[:200])}.*.tmp"):
                left.unlink(missing_ok=True)
        for output in outputs:
            check_free(output, overwrite=overwrite)  # again: the other writer may have finished
        yield
