"""Activations of the encoder on disk: computed once, read in every epoch.

The folder holds three files. ``activations.json`` describes proteins and settings.
``activations.bin`` holds raw little-endian rows, one protein after the other.
``activations.journal`` lists the rows that are complete (`esmgo.files.journal`).

This module does not compute activations, and needs neither torch nor pickle.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import EsmgoError, MachineError, UsageError, printable
from esmgo.files.atomic import TEMPORARY, write_atomically
from esmgo.files.journal import Journalled
from esmgo.files.lock import acquire, release

log = logging.getLogger(__name__)

SCHEMA_VERSION = 1

_HEADER, _DATA, _JOURNAL = (f"activations.{kind}" for kind in ("json", "bin", "journal"))
_LOCK = ".activations.lock"
_OURS = re.compile(
    r"\.activations\.lock|activations\.(json|bin|journal)"
    rf"|\.activations\.json\.{TEMPORARY}"  # of a killed writer
)


def size_of(lengths: NDArray[np.int64], width: int, dtype: np.dtype[Any]) -> int:
    """Return the size of all rows in bytes.

    Examples
    --------
    >>> size_of(np.array([3, 2]), 320, np.dtype(np.float16))
    3200
    """
    return int(lengths.sum()) * width * dtype.itemsize


class Rows:
    """Read access to the rows of a store, through a memory map; also while another writes it.

    ``starts``, shape=(N + 1,), are the first row of each protein, and the end of the last one.
    """

    def __init__(
        self, folder: Path, starts: NDArray[np.int64], width: int, dtype: np.dtype[Any]
    ) -> None:
        self._path, self._starts, self._dtype = folder / _DATA, starts, dtype.newbyteorder("<")
        self._is_flat = bool((np.diff(starts) == 1).all())  # one row per protein
        self._mapped: NDArray[Any] = np.empty((0, width), self._dtype)

    def take(self, proteins: NDArray[np.intp], n_done: int) -> NDArray[Any]:
        """Return a copy of the rows of some of the first ``n_done`` proteins; see `Store.rows`.

        Raises MachineError if the file is shorter.
        """
        n_rows = int(self._starts[n_done])
        if len(self._mapped) < n_rows:
            shape = n_rows, self._mapped.shape[1]
            try:
                mapped = np.memmap(self._path, self._dtype, "r", shape=shape)
            except (OSError, ValueError) as error:
                reason = "is not visible or not complete on this machine"
                raise MachineError(f"{printable(self._path, 90)} {reason}") from error
            self._mapped = mapped.view(np.ndarray)
        if self._is_flat:
            return self._mapped.take(proteins, axis=0)
        first, last = self._starts[proteins], self._starts[proteins + 1]
        bounds = zip(first.tolist(), last.tolist(), strict=True)
        parts = [self._mapped[start:end] for start, end in bounds]
        return np.concatenate(parts) if parts else self._mapped[:0].copy()

    def close(self) -> None:
        """Unmap the file."""
        self._mapped = self._mapped[:0].copy()


class Store:
    """Activations of N proteins in one append-only file, read through a memory map.

    Only one process at a time can open it. Every method that uses the disk raises
    MachineError if the system refuses; rows that were appended before stay valid.
    """

    def __init__(
        self,
        folder: Path,
        starts: NDArray[np.int64],
        width: int,
        dtype: np.dtype[Any],
        owner: str,
        lock: int,
    ) -> None:
        self.folder, self._starts, self._width, self._dtype = folder, starts, width, dtype
        self._rows = Rows(folder, starts, width, dtype)
        bounds = starts * (width * dtype.itemsize)
        self._file = Journalled(folder / _DATA, folder / _JOURNAL, owner, bounds)
        self._lock: int | None = lock
        if self._file.n_damaged:
            log.warning(
                "%s: activations are damaged after %s of %s proteins; the rest is computed again",
                *(printable(folder, 60), f"{self.n_done:,}", f"{len(starts) - 1:,}"),
            )

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        fingerprint: str,
        ids: Sequence[str],
        lengths: NDArray[np.int64],
        width: int,
        dtype: np.dtype[Any],
    ) -> Store:
        """Open or create the store in ``folder``, and check every byte that it holds.

        From the first wrong byte on the data are removed. A store with a different header is
        replaced by an empty one, with a warning that names the difference. Raises UsageError if
        another process has it open, or if ``folder`` holds any other file. Raises MachineError if
        the folder cannot be made, read or written.

        Parameters
        ----------
        folder : Path
            Created if missing.
        fingerprint : str
            Identifies everything that determines the values: weights, context length, precision.
        ids : sequence of str
            Ids of the N proteins, in the order in which they will be appended.
        lengths : ndarray, shape=(N,), dtype=int64
            Rows of each protein, at least 1; all 1 for one vector per protein.
        width : int
            Values per row.
        dtype : dtype
            Type of the values, for example float16.
        """
        dtype = dtype.newbyteorder("<")
        starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        assert len(ids) == len(lengths)
        assert (np.diff(starts) > 0).all(), "a protein has at least one row"
        header = {
            "schema_version": SCHEMA_VERSION,
            "dtype": dtype.name,
            "width": int(width),
            "n_proteins": len(ids),
            "proteins_sha256": _digest(ids, lengths),
            "fingerprint": fingerprint,
        }
        with _machine_errors(folder):
            if folder.exists() and not folder.is_dir():
                raise UsageError(f"{printable(folder, 90)}, for activations, is not a folder")
            folder.mkdir(parents=True, exist_ok=True)
            _mismatch(folder, header)  # refuses a folder with other files before a lock is created
            lock = acquire(folder / _LOCK, folder)
            try:
                _prepare(folder, header)
                owner = hashlib.sha256(_text(header)).hexdigest()
                return cls(folder, starts, width, dtype, owner, lock)
            except BaseException:
                release(lock, folder / _LOCK)
                raise

    @property
    def n_done(self) -> int:
        """Number of proteins that are stored; they are the first ones of the store."""
        return self._file.n_done

    @property
    def is_complete(self) -> bool:
        """Whether all N proteins are stored."""
        return self.n_done == len(self._starts) - 1

    def append(self, values: NDArray[Any]) -> None:
        """Add the rows of the next proteins.

        Raises MachineError if the disk is full; earlier proteins stay unchanged.

        ``values`` has the shape (R, width) and the dtype of the store. ``R`` is the sum of the
        lengths of the proteins; every protein is complete.
        """
        if not len(values):
            return
        assert values.dtype == self._dtype
        assert values.shape[1:] == (self._width,)
        begin = int(self._starts[self.n_done])
        end = int(np.searchsorted(self._starts, begin + len(values)))
        assert end < len(self._starts), "more rows than proteins"
        assert self._starts[end] == begin + len(values), "a protein is incomplete"
        data = np.ascontiguousarray(values).reshape(-1).view(np.uint8).data
        with _machine_errors(self.folder):
            self._file.append(end - self.n_done, data)

    def rows(self, proteins: NDArray[np.intp]) -> NDArray[Any]:
        """Return the rows of some proteins, one protein after the other.

        ``proteins``, shape=(B,), are positions in the store, in any order; repeats are allowed.
        The result is a copy, shape=(R, width); ``R`` is the sum of their lengths. Raises
        IndexError if one of them is not stored yet.
        """
        if len(proteins) and not 0 <= proteins.min() <= proteins.max() < self.n_done:
            raise IndexError(f"the store holds {self.n_done} proteins")
        return self._rows.take(proteins, self.n_done)

    def close(self) -> None:
        """Sync the files to disk and release the lock."""
        if self._lock is None:
            return
        lock, self._lock = self._lock, None
        self._rows.close()
        try:
            with _machine_errors(self.folder):
                self._file.close()
        finally:
            release(lock, self.folder / _LOCK)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _prepare(folder: Path, header: Mapping[str, Any]) -> None:
    """Empty ``folder`` and write ``header``, unless it has this header already."""
    why = _mismatch(folder, header)
    if why is None:
        return
    if why:
        log.warning("%s: %s; computing activations again", printable(folder, 60), why)
    for entry in folder.iterdir():
        if entry.name != _LOCK:
            entry.unlink()
    write_atomically(folder / _HEADER, _text(header))


def _mismatch(folder: Path, header: Mapping[str, Any]) -> str | None:
    """Return how the stored header differs: None if equal, empty if absent; refuse other files."""
    why = _difference(folder, header)
    for entry in folder.iterdir() if why is not None else ():
        if not _OURS.fullmatch(entry.name) or entry.is_dir():
            raise UsageError(
                f"{printable(folder, 90)}, for activations, holds another file:"
                f" {printable(entry.name, 40)}; remove it"
            )
    return why


def _difference(folder: Path, header: Mapping[str, Any]) -> str | None:
    try:
        with (folder / _HEADER).open("rb") as file:
            found = json.loads(file.read(1 << 16))
    except FileNotFoundError:
        return ""
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return "damaged header"
    for name, wanted in header.items():
        if found.get(name) != wanted:
            was, now = (printable(value, 20) for value in (found.get(name), wanted))
            return f"{name} was {was}, now {now}"
    return None


def _text(header: Mapping[str, Any]) -> bytes:
    return (json.dumps(header, indent=1) + "\n").encode()


def _digest(ids: Sequence[str], lengths: NDArray[np.int64]) -> str:
    """Return SHA-256 of ids and lengths; the sizes of the ids separate them."""
    texts = [id.encode("utf-8", "surrogatepass") for id in ids]
    digest = hashlib.sha256(np.array([len(text) for text in texts], "<i8").tobytes())
    digest.update(lengths.astype("<i8").tobytes())
    for text in texts:
        digest.update(text)
    return digest.hexdigest()


@contextmanager
def _machine_errors(folder: Path) -> Iterator[None]:
    """Raise MachineError for OSError."""
    try:
        yield
    except EsmgoError:
        raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        advice = "make room there, or lower `cache_gb`" if is_full else "`cache_gb=0` keeps none"
        raise MachineError(
            f"{printable(folder, 90)}: activations cannot be kept: {reason}; {advice}"
        ) from error
