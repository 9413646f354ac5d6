"""Convert residues to the token ids of ESM2, as ``EsmTokenizer`` does, but faster."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

VOCABULARY = (
    "<cls>", "<pad>", "<eos>", "<unk>",
    "L", "A", "G", "V", "S", "E", "R", "T", "I", "D", "P", "K", "Q", "N", "F", "Y", "M", "H",
    "W", "C", "X", "B", "U", "Z", "O", ".", "-", "<null_1>", "<mask>",
)  # fmt: skip
"""The 33 tokens of ESM2, in the order of their ids (facebook/esm2_*/vocab.txt)."""

CLS, PAD, EOS, UNK, MASK = (
    VOCABULARY.index(t) for t in ("<cls>", "<pad>", "<eos>", "<unk>", "<mask>")
)

_TABLE = np.full(256, UNK, np.uint8)
for _id, _token in enumerate(VOCABULARY):
    if len(_token) == 1 and _token.isalpha():
        _TABLE[ord(_token)] = _id

MAX_OVERLAP = 256
"""Residues that adjacent windows share at least, if the context allows: a typical domain."""


def encode(sequence: str, context_length: int) -> NDArray[np.uint8]:
    """Return the token ids of a protein: ``<cls>``, residues, ``<eos>``; shape=(L,), dtype=uint8.

    ``sequence`` contains cleaned residues (`esmgo.data.residues.clean`). A protein of more than
    ``context_length`` tokens is cut at its C-terminal end.

    Examples
    --------
    >>> encode("MKT", 10).tolist()
    [0, 20, 15, 11, 2]
    """
    letters = np.frombuffer(sequence[: context_length - 2].encode("ascii"), np.uint8)
    ids = np.empty(len(letters) + 2, np.uint8)
    ids[0], ids[-1] = CLS, EOS
    ids[1:-1] = _TABLE[letters]
    return ids


def windows(sequence: str, context_length: int) -> list[str]:
    """Cut a protein into overlapping windows that fit the context; no residue is left out.

    Windows are spread evenly and share at least 256 residues (half a window if that is
    less), so that a domain cut by one window is complete in the next.

    Examples
    --------
    >>> windows("ABCDEFGH", 6)
    ['ABCD', 'CDEF', 'EFGH']
    """
    size = context_length - 2
    starts = window_starts(len(sequence), context_length)
    return [sequence[start : start + size] for start in starts]


class Completed:
    """Counts the proteins whose windows are all done.

    Parameters
    ----------
    parts : sequence of sequence of str
        The windows of each protein, one at least; the rows of a batch number all windows in order.

    Examples
    --------
    >>> completed = Completed([["MK", "KT"], ["MA"]])
    >>> completed(np.array([0, 2])), completed(np.array([1]))
    (1, 1)
    """

    def __init__(self, parts: Sequence[Sequence[str]]) -> None:
        self._n_left = np.array([len(part) for part in parts], np.int64)
        self.owner = np.repeat(np.arange(len(parts)), self._n_left)

    def __call__(self, rows: NDArray[np.intp]) -> int:
        """Take note of rows that are done; return how many more proteins are complete."""
        np.subtract.at(self._n_left, self.owner[rows], 1)
        return int(np.count_nonzero(self._n_left[np.unique(self.owner[rows])] == 0))


def window_starts(length: int, context_length: int) -> list[int]:
    """Return the first residue, counted from 0, of each of the `windows` of a protein."""
    size = context_length - 2
    if length <= size:
        return [0]
    step = max(1, size - min(MAX_OVERLAP, size // 2))
    last = length - size
    n = -(-last // step) + 1
    return [round(i * last / (n - 1)) for i in range(n)]
