"""Identifiers that occur twice among any number of them, found with little memory.

A digest of each identifier is written to one of 256 files by its first byte. A file holds all
digests that can be equal, and is sorted alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from esmgo.data.rejects import ReadReport

_ROW = np.dtype([("digest", "u1", 16), ("record", "<i8"), ("line", "<i8")])
_AT_ONCE = 1 << 17


class IdsOnDisk:
    """Takes the place of the dict of identifiers that a reader of FASTA has.

    No identifier is found again during the reading; `repeated` finds them afterwards. ``report``
    is that of the reader, whose count gives the number of a record.
    """

    def __init__(self, folder: Path, report: ReadReport) -> None:
        self._folder, self._report, self._held = folder, report, bytearray()

    def __contains__(self, id: object) -> bool:
        return False

    def __getitem__(self, id: str) -> int:
        raise KeyError(id)

    def __setitem__(self, id: str, line: int) -> None:
        self._held += hashlib.blake2b(id.encode(), digest_size=16).digest()
        self._held += (self._report.n_records + 1).to_bytes(8, "little")
        self._held += line.to_bytes(8, "little")
        if len(self._held) >= _AT_ONCE * _ROW.itemsize:
            self._write()

    def _write(self) -> None:
        rows = np.frombuffer(self._held, _ROW)
        rows = rows[np.argsort(rows["digest"][:, 0], kind="stable")]
        ends = np.searchsorted(rows["digest"][:, 0], np.arange(257))
        for byte in np.flatnonzero(np.diff(ends)):
            with (self._folder / f"ids-{byte}").open("ab") as file:
                rows[ends[byte] : ends[byte + 1]].tofile(file)
        self._held = bytearray()

    def repeated(self) -> Iterator[tuple[int, int, int]]:
        """Yield record, line and first line of each record whose identifier came before.

        They are in order of the file. Digests have 128 bits, so that none are equal by chance.
        """
        self._write()
        found = [np.empty((0, 3), np.int64)]
        for path in self._folder.glob("ids-*"):
            rows = np.fromfile(path, _ROW)
            key = np.ascontiguousarray(rows["digest"]).view("<u8")
            order = np.lexsort((rows["record"], key[:, 0], key[:, 1]))
            key, rows = key[order], rows[order]
            is_first = np.r_[True, (key[1:] != key[:-1]).any(axis=1)]
            first = rows["line"][np.flatnonzero(is_first)][np.cumsum(is_first) - 1]
            again = ~is_first
            found.append(np.stack([rows["record"], rows["line"], first], axis=1)[again])
        yield from sorted(map(tuple, np.concatenate(found).tolist()))
