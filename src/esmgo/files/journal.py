"""An append-only file and its journal, which records how much of the file is valid.

The journal has a line for every append: items, bytes, CRC-32. Data are written before their line,
and a line counts only if the CRC-32 matches. So after a kill, a power cut or a full disk exactly
the items of complete appends are kept.

All methods raise OSError if the system refuses.
"""

from __future__ import annotations

import os
import re
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

SYNC_BYTES = 64 << 20
"""Bytes between two syncs, the most that a power cut can lose; takes under a second to write."""

_LINE = re.compile(rb"([1-9]\d{0,17}) ([1-9]\d{0,17}) ([0-9a-f]{8})\n")
_CHUNK = 1 << 20


class Journalled:
    """N items in the file ``data``, and its journal.

    Opening checks every byte, and truncates both files after the last valid append.

    Parameters
    ----------
    data, journal : Path
        Created if missing.
    owner : str
        First line of the journal. If the line differs, both files are emptied.
    bounds : ndarray, shape=(N + 1,), dtype=int64
        Offset of each item in the data, and the end of the last one, in bytes; increasing.
    """

    def __init__(self, data: Path, journal: Path, owner: str, bounds: NDArray[np.int64]) -> None:
        self._bounds = bounds
        self._unsynced = 0
        with ExitStack() as stack:  # closes both files if one cannot be opened or read
            self.data = stack.enter_context(_opened(data))
            self._journal = stack.enter_context(_opened(journal))
            self.n_done, self._end, self.n_damaged = self._recovered(owner.encode() + b"\n")
            stack.pop_all()

    def append(self, n: int, data: memoryview) -> None:
        """Append the bytes of the next ``n`` items; after an error the valid items are as before.

        The disk is synced every `SYNC_BYTES` and after the last item.
        """
        begin, end = self._bounds[[self.n_done, self.n_done + n]].tolist()
        assert data.nbytes == end - begin
        line = f"{n} {data.nbytes} {zlib.crc32(data):08x}\n".encode()
        _write(self.data, data, begin)
        self._unsynced += data.nbytes
        is_due = self._unsynced >= SYNC_BYTES or end == self._bounds[-1]
        if is_due:
            os.fsync(self.data.fileno())
        _write(self._journal, memoryview(line), self._end)
        if is_due:
            os.fsync(self._journal.fileno())
            self._unsynced = 0
        self.n_done += n
        self._end += len(line)

    def close(self) -> None:
        """Sync both files to the disk and close them."""
        try:
            if self._unsynced:
                os.fsync(self.data.fileno())
                os.fsync(self._journal.fileno())
        finally:
            self._unsynced = 0
            self._journal.close()
            self.data.close()

    def _recovered(self, owner: bytes) -> tuple[int, int, int]:
        """Truncate both files; return items kept, bytes of the journal kept, and appends lost."""
        journal = self._journal.read()
        n_done, end = 0, len(owner)
        if not journal.startswith(owner):
            os.ftruncate(self._journal.fileno(), 0)
            _write(self._journal, memoryview(owner), 0)
            journal = owner
        while line := _LINE.match(journal, end):
            n, n_bytes, crc = int(line[1]), int(line[2]), int(line[3], 16)
            if n_done + n >= len(self._bounds):
                break
            if n_bytes != self._bounds[n_done + n] - self._bounds[n_done]:
                break
            if _crc(self.data, n_bytes) != crc:
                break
            n_done, end = n_done + n, line.end()
        os.ftruncate(self._journal.fileno(), end)
        os.ftruncate(self.data.fileno(), int(self._bounds[n_done]))
        return n_done, end, journal.count(b"\n", end)


def _opened(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0)


def _crc(file: BinaryIO, n_bytes: int) -> int | None:
    """Return the CRC-32 of the next bytes, or None if there are fewer."""
    buffer = memoryview(bytearray(min(n_bytes, _CHUNK)))
    crc = 0
    while n_bytes:
        n = file.readinto(buffer[: min(n_bytes, _CHUNK)])  # type: ignore[attr-defined]
        if not n:
            return None
        crc = zlib.crc32(buffer[:n], crc)
        n_bytes -= n
    return crc


def _write(file: BinaryIO, data: memoryview, at: int) -> None:
    """Write all of ``data`` at an offset; one write of the system may take only a part of it."""
    while len(data):
        n = os.pwrite(file.fileno(), data, at)
        data, at = data[n:], at + n
