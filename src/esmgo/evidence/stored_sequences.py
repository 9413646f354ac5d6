"""The sequences of an index: compressed in its file, and decompressed when they are needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import CheckpointError, brief

_CODEC = "zstd"
_FAST, _SMALL = 3, 19
"""Levels of compression: the second takes a minute for 27 million residues."""


class StoredSequences:
    """M sequences.

    Parameters
    ----------
    lengths : ndarray, shape=(M,), dtype=int32
        Residues of each.
    read : callable
        Returns all residues, one sequence after the other; called once, when they are needed.
    """

    def __init__(self, lengths: NDArray[np.int32], read: Callable[[], bytes]) -> None:
        self.lengths, self._read = lengths, read

    __repr__ = brief

    @classmethod
    def of(cls, sequences: Sequence[str]) -> StoredSequences:
        """Hold cleaned sequences."""
        text = "".join(sequences).encode("ascii")
        return cls(np.array(list(map(len, sequences)), np.int32), lambda: text)

    @classmethod
    def unpacked(
        cls, lengths: NDArray[np.int32], data: NDArray[np.uint8], most: int, path: Path
    ) -> StoredSequences:
        """Hold the result of `packed`, which the file at ``path`` contains.

        Raises ValueError if the sequences would take more than ``most`` bytes. What is damaged is
        refused when the sequences are needed, as a CheckpointError.
        """
        size = int(lengths.sum(dtype=np.int64))
        if (lengths < 1).any() or size > most:
            raise ValueError("sequences of an impossible size")

        def read() -> bytes:
            import pyarrow as pa  # most proteins have no training protein of their length

            try:
                text: bytes = pa.decompress(data, size, _CODEC, asbytes=True)
                if text.isascii():
                    return text
            except (pa.ArrowException, OSError):
                pass
            raise CheckpointError(path, "damaged sequences")

        return cls(lengths, read)

    def packed(self, *, small: bool = False) -> NDArray[np.uint8]:
        """Compress all residues; with ``small`` more slowly, into fewer bytes."""
        import pyarrow as pa

        codec = pa.Codec(_CODEC, compression_level=_SMALL if small else _FAST)
        return np.frombuffer(codec.compress(self._text, asbytes=True), np.uint8)

    @cached_property
    def n_residues(self) -> int:
        """Residues of all sequences."""
        return int(self.lengths.sum(dtype=np.int64))

    @cached_property
    def _text(self) -> bytes:
        return self._read()

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        return np.cumsum(self.lengths, dtype=np.int64) - self.lengths

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int | np.integer) -> str:
        start = int(self._starts[row])
        return self._text[start : start + int(self.lengths[row])].decode()

    def take(self, rows: NDArray[np.integer]) -> StoredSequences:
        """Return some of the sequences, in this order."""
        return StoredSequences.of([self[row] for row in rows])

    def equal_to(self, sequence: str) -> NDArray[np.intp]:
        """Return the rows of a sequence; ascending."""
        rows = np.flatnonzero(self.lengths == len(sequence))
        return np.array([row for row in rows if self[row] == sequence], np.intp)
