"""Shards: each holds every N-th block of a job in one file, which `esmgo merge` reads."""

from __future__ import annotations

import json
import stat
import struct
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from esmgo.errors import InputError, printable
from esmgo.files.json_text import parse_json
from esmgo.go.calls import ALL_PURPOSES, Calls
from esmgo.go.labels import LabelSpace
from esmgo.proteome.job import Job
from esmgo.proteome.parts import DAMAGED, MOST_JOB, check_stored, pack, unpack
from esmgo.render.writer import Writer

_JOB, _LABELS = "job.json", "labels.json"

_HEAD = 30
"""Bytes of the header of an entry; the last four are the lengths of its name and of more."""


class ShardWriter(Writer):
    """Writes the blocks of a shard to one file, with the job and the label space.

    Blocks come in order, as for other writers. Equal calls give equal bytes.
    """

    purpose = ALL_PURPOSES

    def __init__(self, file: BinaryIO, job: Job, labels: LabelSpace) -> None:
        self._archive, self._owner = zipfile.ZipFile(file, "w"), job.fingerprint
        self._blocks = iter(job.blocks)
        for name, value in ((_JOB, job.to_json()), (_LABELS, labels.to_json())):
            self._archive.writestr(zipfile.ZipInfo(name), json.dumps(value))

    def write(self, calls: Calls) -> None:
        """Add the next block."""
        entry = zipfile.ZipInfo(f"{next(self._blocks)}.part")  # with a constant date
        self._archive.writestr(entry, pack(calls, self._owner))

    def close(self) -> None:
        """Write the directory of the archive; the file stays open."""
        self._archive.close()


class Shard:
    """Reads a file of `ShardWriter`; the file is open only during a read.

    Raises InputError if the file is not a complete shard.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            status = Path(path).stat()
            if not stat.S_ISREG(status.st_mode):
                raise ValueError("a pipe, a device or a folder")
            with zipfile.ZipFile(path) as archive:
                check_stored(archive, status.st_size)
                if archive.getinfo(_JOB).file_size > MOST_JOB:
                    raise ValueError(f"{_JOB} is too large")
                self.job = Job.from_json(parse_json(archive.read(_JOB)))
                found = {e.filename: (e.header_offset, e.file_size) for e in archive.infolist()}
        except FileNotFoundError:
            raise InputError(path, "no such file") from None
        except DAMAGED as error:
            raise InputError(
                path, f"not a shard of esmgo predict ({printable(error, 60)})"
            ) from None
        blocks = self.job.blocks
        if len(found) - 2 != len(blocks) or found.keys() != {
            _JOB, _LABELS, *(f"{b}.part" for b in blocks)
        }:  # fmt: skip
            raise InputError(path, "blocks of the shard are missing, or there are others")
        self._places = np.array([found[f"{b}.part"] for b in blocks], np.int64).reshape(-1, 2)

    def labels(self) -> LabelSpace:
        """Return the label space."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                labels = LabelSpace.from_json(parse_json(archive.read(_LABELS)))
            if labels.fingerprint != self.job.labels:
                raise ValueError("not those of its calls")
            return labels
        except DAMAGED as error:
            raise InputError(self.path, f"damaged labels ({printable(error, 60)})") from None

    def load(self, block: int, n_terms: int) -> Calls:
        """Return the calls of a block."""
        try:
            calls, owner = unpack(self._read(block), n_terms)
        except DAMAGED as error:
            raise InputError(
                self.path, f"block {block} is damaged ({printable(error, 60)})"
            ) from None
        if owner != self.job.fingerprint or len(calls) != self.job.size(block):
            raise InputError(self.path, f"block {block} belongs to another job")
        return calls

    def _read(self, block: int) -> bytes:
        """Return the bytes of a part, without reading the directory of the archive again."""
        place, size = self._places[self.job.blocks.index(block)].tolist()
        with Path(self.path).open("rb") as file:
            file.seek(place)
            head = file.read(_HEAD)
            name, extra = struct.unpack("<HH", head[-4:])
            file.seek(name + extra, 1)
            return file.read(size)
