"""Finished blocks of a long job, each in a file of its own, so that no kill costs more than one.

A part belongs to one job and to the proteins it was made of; another one does not count.
Nothing here knows how calls come about.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import struct
import zipfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np

from esmgo.errors import FastaError, UsageError, printable
from esmgo.files.atomic import TEMPORARY, write_atomically
from esmgo.go.calls import Calls
from esmgo.proteome.job import OTHER_INPUT, Job

log = logging.getLogger(__name__)

SPOOL = "input.fasta"
"""What came through a pipe, which cannot be read twice."""

_JOB = "job.json"
_OURS = re.compile(rf"part-\d+|{_JOB}|{SPOOL}|\..+\.{TEMPORARY}")
DAMAGED = (
    zipfile.BadZipFile, struct.error, OSError, EOFError, RuntimeError, OverflowError,
    KeyError, ValueError, TypeError, AttributeError,
)  # fmt: skip
"""What reading an archive that is not sound may raise."""


class Parts:
    """A folder with the finished blocks of a job.

    Parameters
    ----------
    folder : Path
        Made where it is missing; what an earlier, finished job left there is removed.
    resume : bool
        Go on with what is there.
    overwrite : bool
        Throw away what is there.

    Raises
    ------
    UsageError
        If there is unfinished work and neither is asked for, or if the folder is not ours.
    """

    def __init__(self, folder: Path, *, resume: bool = False, overwrite: bool = False) -> None:
        self.folder, self.n_saved = folder, 0
        if not folder.is_dir():
            if folder.exists():
                raise UsageError(f"{printable(folder, 120)} is in the way; remove it")
            folder.mkdir()
        if foreign := next((p for p in folder.iterdir() if not _OURS.fullmatch(p.name)), None):
            raise UsageError(
                f"{printable(foreign, 120)} is not ours; remove it, or choose another name"
            )
        is_begun = self.has_begun(folder)
        if is_begun and not resume and not overwrite:
            raise UsageError(
                f"{printable(folder, 90)} holds unfinished work: `resume` continues it,"
                " `overwrite` starts again"
            )
        if not is_begun or overwrite:
            self.remove()
            folder.mkdir()

    @staticmethod
    def has_begun(folder: Path) -> bool:
        """Whether a job has begun in a folder, and not ended."""
        return (folder / _JOB).exists()

    def begin(self, job: Job, n_terms: int) -> Job:
        """Start a job, or go on with it where it has begun; return it as it began.

        Raises
        ------
        UsageError
            If another job has begun here; names what differs.
        FastaError
            If it is the proteins alone.
        """
        path = self.folder / _JOB
        if path.exists():
            try:
                begun = Job.from_json(json.loads(path.read_bytes()))
            except DAMAGED:
                raise UsageError(
                    f"{printable(path, 90)} is damaged; `overwrite` starts again"
                ) from None
            differences = job.differences(begun)
            if begun.shard != job.shard:
                differences.append(f"`shard` ({begun.shard[0]}/{begun.shard[1]} before)")
            if differences:
                reason = (
                    f"was begun with another {printable(', '.join(differences), 80)}:"
                    " `overwrite` starts again"
                )
                if differences == [OTHER_INPUT]:
                    raise FastaError(self.folder, reason)
                raise UsageError(f"{printable(self.folder, 50)} {reason}")
            job = begun
        else:
            write_atomically(path, json.dumps(job.to_json(), indent=1).encode())
        self._owner, self._n_terms = job.fingerprint, n_terms
        return job

    def save(self, block: int, calls: Calls, proteins: str) -> None:
        """Keep a block, made of proteins with the digest ``proteins``; whole or not at all."""
        write_atomically(self._path(block), pack(calls, f"{self._owner} {proteins}"))
        self.n_saved += 1

    def load(self, block: int, proteins: str) -> Calls | None:
        """Return a block that was made of just these proteins, or None."""
        path = self._path(block)
        try:
            calls, owner = unpack(path.read_bytes(), self._n_terms)
        except FileNotFoundError:
            return None
        except DAMAGED:
            log.warning("%s is damaged: computed again", printable(path, 120))
            return None
        return calls if owner == f"{self._owner} {proteins}" else None

    def earlier(self, block: int) -> Calls:
        """Return a block that this process has saved or loaded."""
        return unpack(self._path(block).read_bytes(), self._n_terms)[0]

    def remove(self) -> None:
        """Remove the folder; what is left of it after a kill no longer counts as work."""
        (self.folder / _JOB).unlink(missing_ok=True)
        for each in self.folder.iterdir():
            if _OURS.fullmatch(each.name):
                each.unlink(missing_ok=True)
        with suppress(OSError):
            self.folder.rmdir()

    def leave(self) -> None:
        """Remove the folder, unless it holds a finished block."""
        if not any(self.folder.glob("part-*")):
            self.remove()

    def _path(self, block: int) -> Path:
        return self.folder / f"part-{block:07}"


def pack(calls: Calls, owner: str) -> bytes:
    """Return a NumPy archive without pickles behind its SHA-256, the same for the same calls."""
    texts = {"owner": owner, "proteins": json.dumps(calls.proteins)}
    arrays = {name: np.frombuffer(text.encode(), np.uint8) for name, text in texts.items()}
    held = BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, array in (arrays | calls.arrays()).items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as entry:  # without today's date
                np.lib.format.write_array(entry, array, allow_pickle=False)
    return hashlib.sha256(held.getbuffer()).digest() + held.getvalue()


def unpack(data: bytes, n_terms: int) -> tuple[Calls, str]:
    """Return calls and owner.

    Raises
    ------
    Exception
        One of `DAMAGED`, if ``data`` is not what `pack` returned.
    """
    digest, archive = data[:32], memoryview(data)[32:]
    if hashlib.sha256(archive).digest() != digest:
        raise ValueError("the digest does not fit")
    with np.load(BytesIO(archive), allow_pickle=False) as found:
        arrays = {name: found[name] for name in found.files}
    owner = arrays.pop("owner").tobytes().decode()
    proteins = tuple(map(str, json.loads(arrays.pop("proteins").tobytes())))
    calls = Calls.from_arrays(proteins, arrays)
    if not calls.is_sound(n_terms):
        raise ValueError("shapes do not fit")
    return calls, owner
