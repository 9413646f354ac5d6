"""Parts: the finished blocks of a job, each in its own file, so a kill costs at most one block.

A part records its job and a digest of its proteins. A part with other values is not used.
Nothing here knows how calls are computed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import struct
import zipfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import FastaError, MachineError, UsageError, printable
from esmgo.files.atomic import TEMPORARY, refusal, sync, write_atomically
from esmgo.files.json_text import parse_json
from esmgo.go.calls import Calls
from esmgo.proteome.job import OTHER_INPUT, Job

log = logging.getLogger(__name__)

SPOOL = "input.fasta"
"""Copy of the input if it is a pipe, which cannot be read twice."""

MOST_JOB = 1 << 20
"""Bytes of the description of a job."""

PLAN = "plan"
"""Folder of the plan that was made for this job alone."""

_JOB = "job.json"
_OURS = re.compile(rf"part-\d+|{_JOB}|{SPOOL}|\..+\.{TEMPORARY}")
_SUBFOLDER = re.compile(r"\d{3,}")
_IN_ONE = 1000
"""Parts of a subfolder: file systems are slow where one folder has hundreds of thousands."""

DAMAGED = (
    zipfile.BadZipFile, struct.error, OSError, EOFError, RuntimeError, OverflowError,
    KeyError, ValueError, TypeError, AttributeError,
)  # fmt: skip
"""Exceptions that reading a damaged archive may raise."""


class Parts:
    """The folder with the finished blocks of a job.

    It is created if missing; remains of a finished job are removed. ``resume`` keeps unfinished
    work, and ``overwrite`` discards it. Raises UsageError if there is unfinished work and both are
    false, or if the folder contains other files.
    """

    def __init__(self, folder: Path, *, resume: bool = False, overwrite: bool = False) -> None:
        self.folder, self.n_saved = folder, 0
        try:
            if not folder.is_dir():
                if folder.exists():
                    raise UsageError(f"{printable(folder, 120)} is in the way; remove it")
                folder.mkdir()
        except OSError as error:  # for example a name that is too long
            raise refusal(folder, error) from error
        if foreign := next((p for p in folder.iterdir() if not _is_ours(p)), None):
            raise UsageError(
                f"{printable(foreign, 110)} is not a part; remove it, or choose another output"
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
        """Whether a folder holds an unfinished job."""
        return os.path.exists(folder / _JOB)  # noqa: PTH110 (False for a name that is too long)

    def begin(self, job: Job, n_terms: int) -> Job:
        """Start a job, or resume it; return it with its first date.

        Raises UsageError if the folder holds another job; names the differences. Raises
        FastaError if only the proteins differ.
        """
        path = self.folder / _JOB
        if path.exists():
            try:
                begun = Job.from_json(parse_json(path.read_bytes(), MOST_JOB))
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
        """Write the part of a block, complete or absent; ``proteins`` is their digest."""
        path = self._path(block)
        if not path.parent.is_dir():
            path.parent.mkdir(exist_ok=True)
            sync(self.folder)
        write_atomically(path, pack(calls, f"{self._owner} {proteins}"))
        self.n_saved += 1

    def load(self, block: int, proteins: str) -> Calls | None:
        """Return a stored block of exactly these proteins, or None."""
        path = self._path(block)
        try:
            calls, owner = unpack(path.read_bytes(), self._n_terms)
        except FileNotFoundError:
            return None
        except DAMAGED:
            log.warning("%s is damaged: computing it again", printable(path, 120))
            return None
        return calls if owner == f"{self._owner} {proteins}" else None

    def has(self, block: int) -> bool:
        """Whether a block is stored, of any job."""
        return self._path(block).is_file()

    def has_any(self) -> bool:
        """Whether any block is stored."""
        return any(self.folder.glob("*/part-*"))

    def finished(self, block: int, proteins: str) -> Calls:
        """Return a block that an actor has stored.

        Raises MachineError, and removes the part, if it is missing or damaged.
        """
        calls = self.load(block, proteins)
        if calls is None:
            path = self._path(block)
            path.unlink(missing_ok=True)
            reason = "missing, damaged or of another job: `resume` computes it again"
            raise MachineError(f"{printable(path, 100)} is {reason}")
        return calls

    def earlier(self, block: int) -> Calls:
        """Return a block that this process saved or loaded earlier."""
        return unpack(self._path(block).read_bytes(), self._n_terms)[0]

    def remove(self) -> None:
        """Remove the folder, the job file first, so that a kill leaves no unfinished job."""
        (self.folder / _JOB).unlink(missing_ok=True)
        shutil.rmtree(self.folder / PLAN, ignore_errors=True)
        folders = [each for each in self.folder.iterdir() if _SUBFOLDER.fullmatch(each.name)]
        for folder in (*folders, self.folder):
            for each in folder.iterdir():
                if _OURS.fullmatch(each.name):
                    each.unlink(missing_ok=True)
            with suppress(OSError):
                folder.rmdir()

    def leave(self) -> None:
        """Remove the folder unless it holds a finished block."""
        if not self.has_any():
            self.remove()

    def _path(self, block: int) -> Path:
        return self.folder / f"{block // _IN_ONE:03}" / f"part-{block:07}"


def _is_ours(path: Path) -> bool:
    if _SUBFOLDER.fullmatch(path.name) or path.name == PLAN:
        return path.is_dir()
    return _OURS.fullmatch(path.name) is not None


def pack(calls: Calls, owner: str) -> bytes:
    """Return the SHA-256 of a NumPy archive and the archive; equal calls give equal bytes."""
    texts = {"owner": owner, "proteins": json.dumps(calls.proteins)}
    arrays = {name: np.frombuffer(text.encode(), np.uint8) for name, text in texts.items()}
    held = BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, array in (arrays | calls.arrays()).items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as entry:  # with a constant date
                np.lib.format.write_array(entry, array, allow_pickle=False)
    return hashlib.sha256(held.getbuffer()).digest() + held.getvalue()


def check_stored(archive: zipfile.ZipFile, size: int) -> None:
    """Raise ValueError if entries of an archive of ``size`` bytes are compressed or overlap."""
    entries = archive.infolist()
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise ValueError("compressed entries")
    if sum(max(entry.file_size, entry.compress_size) for entry in entries) > size:
        raise ValueError("entries larger than the file")
    if len({entry.filename for entry in entries}) < len(entries):
        raise ValueError("an entry occurs twice")


def _array(data: bytes) -> NDArray[Any]:
    """Return the array of a .npy file; its shape is compared with its bytes."""
    stream = BytesIO(data)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("another version of .npy")
    shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    return np.frombuffer(data[stream.tell() :], dtype).reshape(shape)


def unpack(data: bytes, n_terms: int) -> tuple[Calls, str]:
    """Return calls and owner.

    Raises one of `DAMAGED` if ``data`` is not a result of `pack`.
    """
    digest, archive = data[:32], memoryview(data)[32:]
    if hashlib.sha256(archive).digest() != digest:
        raise ValueError("wrong digest")
    with zipfile.ZipFile(BytesIO(archive)) as found:
        check_stored(found, len(archive))
        arrays = {name.removesuffix(".npy"): _array(found.read(name)) for name in found.namelist()}
    owner = arrays.pop("owner").tobytes().decode()
    proteins = parse_json(arrays.pop("proteins").tobytes())
    if not isinstance(proteins, list) or not all(isinstance(id, str) for id in proteins):
        raise ValueError("ids are not texts")
    calls = Calls.from_arrays(proteins, arrays)
    if not calls.is_sound(n_terms):
        raise ValueError("wrong shapes")
    return calls, owner
