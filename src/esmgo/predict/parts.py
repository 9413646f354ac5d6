"""Finished blocks of a long job, each in a file of its own, so that no kill costs more than one.

A part belongs to one job and to the proteins it was made of; another one does not count.
Many parts packed into one file are a shard. Nothing here knows how calls come about.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import struct
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from esmgo.errors import InputError, UsageError, shown
from esmgo.go.calls import Calls
from esmgo.go.files import write_atomically
from esmgo.go.labels import LabelSpace

__all__ = ["BLOCK", "Job", "Parts", "Shard", "ShardWriter"]

log = logging.getLogger(__name__)

FORMAT = 1
BLOCK = 512
"""Proteins in a part."""

SPOOL = "input.fasta"
"""What came through a pipe, which cannot be read twice."""

_WORDS = {
    "proteins": "input",
    "model": "model",
    "version": "version of esmgo",
    "fingerprint": "set of flags",
}
_JOB, _LABELS = "job.json", "labels.json"
_OURS = re.compile(rf"part-\d+|{_JOB}|{SPOOL}|\..*\.tmp")
_DAMAGED = (
    zipfile.BadZipFile, struct.error, OSError, EOFError, RuntimeError, OverflowError,
    KeyError, ValueError, TypeError, AttributeError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Job:
    """All that decides the calls, and how they are told.

    Parameters
    ----------
    version : str
        Of the program.
    model : str
        Fingerprint of what scores.
    proteins : str
        Digest of ids and sequences.
    n_proteins : int
        How many there are.
    options : mapping
        The flags that matter, as plain values.
    kept : str
        Which calls are kept, in words.
    sources : tuple of str
        A word for each flag of a call's sources, lowest first.
    shard : tuple of (int, int)
        Which of how many shards this is; ``(1, 1)`` is the whole.
    date : str
        When it began, ``YYYY-MM-DD``: a job that goes on is not another one.
    """

    version: str
    model: str
    proteins: str
    n_proteins: int
    options: Mapping[str, Any]
    kept: str
    sources: tuple[str, ...]
    shard: tuple[int, int]
    date: str

    @property
    def n_blocks(self) -> int:
        """Blocks of all shards together."""
        return -(-self.n_proteins // BLOCK)

    def has(self, block: int) -> bool:
        """Whether a block belongs to this shard."""
        return block % self.shard[1] == self.shard[0] - 1

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all but the shard and the date."""
        values = self.to_json() | {"shard": None, "date": None}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    def differences(self, other: Job) -> list[str]:
        """Say in words what differs, shard and date aside: flags, or else what they stand for."""
        found = [
            f"--{name} ({shown(other.options.get(name), 30)}, now {shown(value, 30)})"
            for name, value in self.options.items()
            if other.options.get(name) != value
        ]
        for name in () if found else ("proteins", "model", "version", "fingerprint"):
            if getattr(self, name) != getattr(other, name):
                return [_WORDS[name]]
        return found

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` takes."""
        return {
            "format": FORMAT,
            "block": BLOCK,
            "version": self.version,
            "model": self.model,
            "proteins": self.proteins,
            "n_proteins": self.n_proteins,
            "options": dict(self.options),
            "kept": self.kept,
            "sources": list(self.sources),
            "shard": list(self.shard),
            "date": self.date,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Job:
        """Read what `to_json` made.

        Raises
        ------
        ValueError, TypeError, KeyError
            If ``value`` is anything else.
        """
        if value["format"] != FORMAT or value["block"] != BLOCK:
            raise ValueError("another format")
        which, of = map(int, value["shard"])
        if not 1 <= which <= of or int(value["n_proteins"]) < 0:
            raise ValueError("no such shard")
        return cls(
            str(value["version"]), str(value["model"]), str(value["proteins"]),
            int(value["n_proteins"]), dict(value["options"]), str(value["kept"]),
            tuple(map(str, value["sources"])), (which, of), str(value["date"]),
        )  # fmt: skip


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
        folder.mkdir(exist_ok=True)
        if foreign := next((p for p in folder.iterdir() if not _OURS.fullmatch(p.name)), None):
            raise UsageError(
                f"{shown(foreign, 120)} is not ours; remove it, or choose another name"
            )
        is_begun = self.has_begun(folder)
        if is_begun and not resume and not overwrite:
            raise UsageError(
                f"{shown(folder, 90)} holds unfinished work: --resume goes on with it,"
                " --override starts anew"
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
        """
        path = self.folder / _JOB
        if path.exists():
            try:
                begun = Job.from_json(json.loads(path.read_bytes()))
            except _DAMAGED:
                raise UsageError(f"{shown(path, 90)} is damaged; --override starts anew") from None
            differences = job.differences(begun)
            if begun.shard != job.shard:
                differences.append(f"--shard ({begun.shard[0]}/{begun.shard[1]} before)")
            if differences:
                raise UsageError(
                    f"{shown(self.folder, 50)} was begun with another"
                    f" {shown(', '.join(differences), 80)}: --override starts anew"
                )
            job = begun
        else:
            write_atomically(path, json.dumps(job.to_json(), indent=1).encode())
        self._owner, self._n_terms = job.fingerprint, n_terms
        return job

    def save(self, block: int, calls: Calls, proteins: str) -> None:
        """Keep a block, made of proteins with the digest ``proteins``; whole or not at all."""
        write_atomically(self._path(block), _packed(calls, f"{self._owner} {proteins}"))
        self.n_saved += 1

    def load(self, block: int, proteins: str) -> Calls | None:
        """Return a block that was made of just these proteins, or None."""
        path = self._path(block)
        try:
            calls, owner = _unpacked(path.read_bytes(), self._n_terms)
        except FileNotFoundError:
            return None
        except _DAMAGED:
            log.warning("%s is damaged: computed again", shown(path, 120))
            return None
        return calls if owner == f"{self._owner} {proteins}" else None

    def data(self, block: int) -> bytes:
        """Return the file of a block that this process has saved or loaded."""
        return self._path(block).read_bytes()

    def earlier(self, block: int) -> Calls:
        """Return a block that this process has saved or loaded."""
        return _unpacked(self.data(block), self._n_terms)[0]

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


class ShardWriter:
    """Packs the parts of a shard into one file, with all that merging needs.

    The bytes depend on the calls alone.
    """

    def __init__(self, file: BinaryIO, job: Job, labels: LabelSpace) -> None:
        self._archive = zipfile.ZipFile(file, "w")
        for name, value in ((_JOB, job.to_json()), (_LABELS, labels.to_json())):
            self._archive.writestr(zipfile.ZipInfo(name), json.dumps(value))

    def write(self, block: int, data: bytes) -> None:
        """Add the file of a part."""
        self._archive.writestr(zipfile.ZipInfo(f"{block}.part"), data)

    def close(self) -> None:
        """Write the list of parts; the file stays open."""
        self._archive.close()


class Shard:
    """A shard as `ShardWriter` wrote it, opened for reading.

    Raises
    ------
    InputError
        If the file is anything else.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self._archive = zipfile.ZipFile(path)
            self.job = Job.from_json(json.loads(self._archive.read(_JOB)))
            names = set(self._archive.namelist()) - {_JOB, _LABELS}
        except FileNotFoundError:
            raise InputError(path, "no such file") from None
        except _DAMAGED as error:
            raise InputError(
                path, f"not a shard of esmgo predict --shard ({shown(error, 60)})"
            ) from None
        if names != {f"{b}.part" for b in range(self.job.n_blocks) if self.job.has(b)}:
            raise InputError(path, "not all blocks of the shard are there")

    def labels(self) -> LabelSpace:
        """Return what the columns stand for."""
        try:
            return LabelSpace.from_json(json.loads(self._archive.read(_LABELS)))
        except _DAMAGED as error:
            raise InputError(self.path, f"damaged labels ({shown(error, 60)})") from None

    def load(self, block: int, n_terms: int) -> Calls:
        """Return the calls of a block."""
        try:
            calls, owner = _unpacked(self._archive.read(f"{block}.part"), n_terms)
        except _DAMAGED as error:
            raise InputError(self.path, f"block {block} is damaged ({shown(error, 60)})") from None
        if owner.split()[0] != self.job.fingerprint:
            raise InputError(self.path, f"block {block} belongs to another job")
        return calls

    def close(self) -> None:
        """Close the file."""
        self._archive.close()


def _packed(calls: Calls, owner: str) -> bytes:
    """Return a NumPy archive without pickles behind its SHA-256, the same for the same calls."""
    texts = {"owner": owner, "proteins": json.dumps(calls.proteins)}
    arrays = {name: np.frombuffer(text.encode(), np.uint8) for name, text in texts.items()}
    held = BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, array in (arrays | calls.arrays()).items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as entry:  # without today's date
                np.lib.format.write_array(entry, array, allow_pickle=False)
    return hashlib.sha256(held.getbuffer()).digest() + held.getvalue()


def _unpacked(data: bytes, n_terms: int) -> tuple[Calls, str]:
    """Return calls and owner.

    Raises
    ------
    Exception
        One of `_DAMAGED`, if ``data`` is not what `_packed` returned.
    """
    if hashlib.sha256(data[32:]).digest() != data[:32]:
        raise ValueError("the digest does not fit")
    with np.load(BytesIO(data[32:]), allow_pickle=False) as found:
        arrays = {name: found[name] for name in found.files}
    owner = arrays.pop("owner").tobytes().decode()
    proteins = tuple(map(str, json.loads(arrays.pop("proteins").tobytes())))
    calls = Calls(proteins, **arrays)
    if not calls.is_sound(n_terms):
        raise ValueError("shapes do not fit")
    return calls, owner
