"""Activations of the encoder on disk: computed once, read epoch after epoch.

A folder of three files: ``activations.json`` says what they are activations of,
``activations.bin`` holds raw little-endian rows, one protein after the other, and
``activations.journal`` what of it counts (`esmgo.files.journal`).

Nothing here knows what computes activations, needs torch, or reads a pickle.
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
    """Return the bytes of all rows.

    Examples
    --------
    >>> size_of(np.array([3, 2]), 320, np.dtype(np.float16))
    3200
    """
    return int(lengths.sum()) * width * dtype.itemsize


class Store:
    """Activations of N proteins in one append-only file, read through a memory map.

    One process at a time, reading or writing. Every method that touches the disk raises
    MachineError where the system refuses; what was appended before stays.
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
        self._is_flat = bool((np.diff(starts) == 1).all())  # one row per protein
        self._mapped: NDArray[Any] = np.empty((0, width), dtype)
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
        """Open the store in ``folder``, or begin one, and check every byte that it holds.

        What does not hold is cut off, from the first wrong byte on. A store of anything
        else is begun anew, with one warning that says what differs.

        Parameters
        ----------
        folder : Path
            Made where it is missing.
        fingerprint : str
            Stands for all that decides the values: base model, context length, precision …
        ids : sequence of str
            Of the N proteins, in the order in which they will be appended.
        lengths : ndarray, shape=(N,), dtype=int64
            Rows of each protein, 1 or more: all 1 for one vector per protein.
        width : int
            Values per row.
        dtype : dtype
            Of the values; float16, say.

        Raises
        ------
        UsageError
            If another process has it, or if ``folder`` holds what is not ours.
        MachineError
            If the folder cannot be made, read or written.
        """
        dtype = dtype.newbyteorder("<")
        starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        assert len(ids) == len(lengths)
        assert (np.diff(starts) > 0).all(), "a protein has one row or more"
        header = {
            "schema_version": SCHEMA_VERSION,
            "dtype": dtype.name,
            "width": int(width),
            "n_proteins": len(ids),
            "proteins_sha256": _digest(ids, lengths),
            "fingerprint": fingerprint,
        }
        with _told(folder):
            if folder.exists() and not folder.is_dir():
                raise UsageError(f"{printable(folder, 90)} is no folder to keep activations in")
            folder.mkdir(parents=True, exist_ok=True)
            _misfit(folder, header)  # a folder of someone else gets no lock either
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
        """Proteins whose activations are there, in store order."""
        return self._file.n_done

    @property
    def is_complete(self) -> bool:
        """Whether all N are there."""
        return self.n_done == len(self._starts) - 1

    def append(self, values: NDArray[Any]) -> None:
        """Add the rows of the next proteins.

        Parameters
        ----------
        values : ndarray, shape=(R, width), dtype as opened
            ``R`` is the sum of their lengths; no protein is begun and left.

        Raises
        ------
        MachineError
            If the disk is full; the proteins before are as they were.
        """
        if not len(values):
            return
        assert values.dtype == self._dtype
        assert values.shape[1:] == (self._width,)
        begin = int(self._starts[self.n_done])
        end = int(np.searchsorted(self._starts, begin + len(values)))
        assert end < len(self._starts), "more rows than proteins"
        assert self._starts[end] == begin + len(values), "whole proteins only"
        data = np.ascontiguousarray(values).reshape(-1).view(np.uint8).data
        with _told(self.folder):
            self._file.append(end - self.n_done, data)

    def rows(self, proteins: NDArray[np.intp]) -> NDArray[Any]:
        """Return the rows of some proteins, one protein after the other.

        Parameters
        ----------
        proteins : ndarray, shape=(B,)
            Places in the store, in any order, repeated or not.

        Returns
        -------
        ndarray, shape=(R, width)
            A copy; ``R`` is the sum of their lengths.

        Raises
        ------
        IndexError
            If one of them is not there yet.
        """
        if len(proteins) and not 0 <= proteins.min() <= proteins.max() < self.n_done:
            raise IndexError(f"a protein beyond the {self.n_done} that the store holds")
        n_rows = int(self._starts[self.n_done])
        if len(self._mapped) < n_rows:
            mapped = np.memmap(self._file.data, self._dtype, "r", shape=(n_rows, self._width))
            self._mapped = mapped.view(np.ndarray)
        if self._is_flat:
            return self._mapped.take(proteins, axis=0)
        first, last = self._starts[proteins], self._starts[proteins + 1]
        bounds = zip(first.tolist(), last.tolist(), strict=True)
        parts = [self._mapped[start:end] for start, end in bounds]
        return np.concatenate(parts) if parts else self._mapped[:0].copy()

    def close(self) -> None:
        """Bring what was appended to the disk, and let the next process in."""
        if self._lock is None:
            return
        lock, self._lock = self._lock, None
        self._mapped = self._mapped[:0].copy()
        try:
            with _told(self.folder):
                self._file.close()
        finally:
            release(lock, self.folder / _LOCK)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _prepare(folder: Path, header: Mapping[str, Any]) -> None:
    """Make ``folder`` one that belongs to ``header``."""
    why = _misfit(folder, header)
    if why is None:
        return
    if why:
        log.warning("%s: activations of %s; computed again", printable(folder, 60), why)
    for entry in folder.iterdir():
        if entry.name != _LOCK:
            entry.unlink()
    write_atomically(folder / _HEADER, _text(header))


def _misfit(folder: Path, header: Mapping[str, Any]) -> str | None:
    """Say how the header that is there differs: empty for no store at all, None if it fits.

    Raises
    ------
    UsageError
        If it does not fit and the folder holds what is not ours.
    """
    why = _difference(folder, header)
    for entry in folder.iterdir() if why is not None else ():
        if not _OURS.fullmatch(entry.name) or entry.is_dir():
            raise UsageError(
                f"{printable(folder, 90)} holds {printable(entry.name, 40)}, which is not ours;"
                " name another folder for activations"
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
        return "an unknown kind (damaged header)"
    for name, wanted in header.items():
        if found.get(name) != wanted:
            was, now = (printable(value, 20) for value in (found.get(name), wanted))
            return f"another {name} ({was}, now {now})"
    return None


def _text(header: Mapping[str, Any]) -> bytes:
    return (json.dumps(header, indent=1) + "\n").encode()


def _digest(ids: Sequence[str], lengths: NDArray[np.int64]) -> str:
    """Return SHA-256 over ids and lengths; the sizes of the ids keep them apart."""
    texts = [id.encode("utf-8", "surrogatepass") for id in ids]
    digest = hashlib.sha256(np.array([len(text) for text in texts], "<i8").tobytes())
    digest.update(lengths.astype("<i8").tobytes())
    for text in texts:
        digest.update(text)
    return digest.hexdigest()


@contextmanager
def _told(folder: Path) -> Iterator[None]:
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
