"""All parts of one share of the work in one file, which `esmgo merge` reads."""

from __future__ import annotations

import json
import zipfile
from typing import BinaryIO

from esmgo.errors import InputError, printable
from esmgo.go.calls import Calls
from esmgo.go.labels import LabelSpace
from esmgo.proteome.job import Job
from esmgo.proteome.parts import DAMAGED, pack, unpack

_JOB, _LABELS = "job.json", "labels.json"


class ShardWriter:
    """Packs the blocks of a shard into one file, with all that merging needs.

    It takes them in order, as other writers do. Equal calls give equal bytes.
    """

    def __init__(self, file: BinaryIO, job: Job, labels: LabelSpace) -> None:
        self._archive, self._owner = zipfile.ZipFile(file, "w"), job.fingerprint
        self._blocks = iter(job.blocks)
        for name, value in ((_JOB, job.to_json()), (_LABELS, labels.to_json())):
            self._archive.writestr(zipfile.ZipInfo(name), json.dumps(value))

    def write(self, calls: Calls) -> None:
        """Add the next block."""
        entry = zipfile.ZipInfo(f"{next(self._blocks)}.part")  # without today's date
        self._archive.writestr(entry, pack(calls, self._owner))

    def close(self) -> None:
        """Write the list of blocks; the file stays open."""
        self._archive.close()


class Shard:
    """A shard as `ShardWriter` wrote it; the file is open only while it is read.

    Raises
    ------
    InputError
        If the file is anything else.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                self.job = Job.from_json(json.loads(archive.read(_JOB)))
                names = set(archive.namelist()) - {_JOB, _LABELS}
        except FileNotFoundError:
            raise InputError(path, "no such file") from None
        except DAMAGED as error:
            raise InputError(
                path, f"not a shard of esmgo predict ({printable(error, 60)})"
            ) from None
        if names != {f"{b}.part" for b in self.job.blocks}:
            raise InputError(path, "not all blocks of the shard are there")

    def labels(self) -> LabelSpace:
        """Return what the columns stand for."""
        try:
            return LabelSpace.from_json(json.loads(self._read(_LABELS)))
        except DAMAGED as error:
            raise InputError(self.path, f"damaged labels ({printable(error, 60)})") from None

    def load(self, block: int, n_terms: int) -> Calls:
        """Return the calls of a block."""
        try:
            calls, owner = unpack(self._read(f"{block}.part"), n_terms)
        except DAMAGED as error:
            raise InputError(
                self.path, f"block {block} is damaged ({printable(error, 60)})"
            ) from None
        if owner != self.job.fingerprint:
            raise InputError(self.path, f"block {block} belongs to another job")
        return calls

    def _read(self, name: str) -> bytes:
        with zipfile.ZipFile(self.path) as archive:
            return archive.read(name)
