"""Output: standard output, or a file that is complete or absent."""

from __future__ import annotations

import gzip
import os
import stat
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from esmgo.errors import MachineError, UsageError, printable
from esmgo.files.atomic import hidden, is_replaceable, refusal, replacing, sweep
from esmgo.files.lock import acquire, release


def check_free(
    output: str | Path,
    *,
    overwrite: bool,
    field: str = "output",
    cure: str = "`overwrite` replaces it",
    mark: str | None = None,
) -> None:
    """Check before any computation that an output can be written.

    Raises UsageError if the output is a folder instead of a file, or exists and may not be
    replaced. Raises MachineError if its parent folder is missing, or the system refuses.

    Parameters
    ----------
    output : str or Path
        A file, or with ``mark`` a folder; ``-`` is standard output.
    overwrite : bool
        Whether an older output may be replaced.
    field, cure : str
        For messages: the setting that names the output, and the remedy if it exists.
    mark : str, optional
        A file that an older folder must contain, unless it is empty, to be replaced.
    """
    if output == "-":
        return
    path, name = Path(output), printable(output, 90)
    parent, is_folder = _examined(path, name, field)
    exists = path.exists() if mark else path.is_file()
    if is_folder and not mark:
        raise UsageError(f"{name} is a folder; name a file in it", field)
    if exists and not overwrite:
        raise UsageError(f"{name} exists; {cure}", field)
    if mark and exists and not (is_folder and ((path / mark).is_file() or not any(path.iterdir()))):
        reason = f"{name} contains no {mark}, so it is not replaced; remove it yourself"
        raise UsageError(reason, field)
    if not parent.is_dir():
        raise MachineError(f"`{field}` {name}: there is no such {'parent ' if mark else ''}folder")
    if not path.exists() and not os.access(parent, os.W_OK):
        raise MachineError(f"`{field}` {name} cannot be written: permission denied")


def _examined(path: Path, name: str, field: str) -> tuple[Path, bool]:
    """Return the folder that a path is in, and whether it is a folder itself."""
    try:
        parent, mode = Path(os.path.realpath(path)).parent, 0
        with suppress(FileNotFoundError, NotADirectoryError):
            mode = path.stat().st_mode
    except OSError as error:  # for example a name that is too long, or a loop of links
        raise refusal(path, error) from error
    except ValueError as error:  # a NUL character
        raise UsageError(f"{name} is not a path: {error}", field) from None
    if stat.S_ISSOCK(mode) or stat.S_ISBLK(mode):
        raise UsageError(f"{name} is a socket or a disk; name a file", field)
    return parent, stat.S_ISDIR(mode)


def cut_suffix(output: str) -> tuple[str, str, str]:
    """Cut a name into stem, suffix and ``.gz``; the second and the third may be empty.

    Examples
    --------
    >>> cut_suffix("a.b/x.TSV.gz"), cut_suffix("a.b/x"), cut_suffix("x.gz")
    (('a.b/x', '.TSV', '.gz'), ('a.b/x', '', ''), ('x', '', '.gz'))
    """
    packed = ".gz" if output.endswith(".gz") else ""
    stem = output.removesuffix(packed)
    suffix = Path(stem).suffix
    return stem.removesuffix(suffix), suffix, packed


def check_suffix(
    output: str, known: Iterable[str], *, field: str = "output", cure: str = ""
) -> None:
    """Raise UsageError if a name ends in none of the known suffixes, nor in no suffix.

    ``known`` are in lower case. ``.gz`` does not count. ``cure`` is added to the message.
    """
    suffix = cut_suffix(output)[1]
    if suffix and suffix.lower() not in known:
        names = f"{printable(output, 60)} ends in {printable(suffix, 30)}"
        raise UsageError(f"{names}, not in {', '.join(known)}{cure}", field)


@contextmanager
def opened(output: str) -> Iterator[BinaryIO]:
    """Open standard output for ``-``, else a file; it is compressed if its name ends in .gz.

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


def is_stream(output: str | Path) -> bool:
    """Whether an output cannot be replaced: standard output, a pipe, a device."""
    path = Path(output)
    try:
        return output == "-" or not (path.is_dir() or is_replaceable(path))
    except (OSError, ValueError):  # no permission, no path: opening it raises the error
        return False


@contextmanager
def exclusive(
    outputs: Collection[str | Path],
    *,
    overwrite: bool,
    field: str = "output",
    mark: str | None = None,
) -> Iterator[None]:
    """Check outputs, lock them against other processes, and remove files of killed ones.

    The parameters are those of `check_free`. Raises UsageError if another process writes to an
    output, and the errors of `check_free`. Raises MachineError if the system refuses.
    """
    with ExitStack() as stack:
        for output in outputs:
            check_free(output, overwrite=overwrite, field=field, mark=mark)
        for path in sorted(Path(os.path.realpath(each)) for each in outputs if not is_stream(each)):
            lock = hidden(path, "lock")
            try:
                stack.callback(release, acquire(lock, path), lock)
                sweep(path)
            except OSError as error:
                raise refusal(path, error) from error
        for output in outputs:  # again: another process may have written one before the lock
            check_free(output, overwrite=overwrite, field=field, mark=mark)
        yield
