"""The training proteins of a checkpoint: vectors, annotations, k-mers, sequences, species.

Nothing here knows how proteins are compared or how they vote.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import brief
from esmgo.evidence.kmers import Kmers
from esmgo.evidence.stored_sequences import StoredSequences
from esmgo.go.sparse import SparseRows

_ROWS = 4096
"""Vectors converted at a time, which bounds the memory."""


@dataclass(frozen=True, slots=True)
class Index:
    """M training proteins.

    Parameters
    ----------
    ids : tuple of str
        As in the data set.
    vectors : ndarray, shape=(M, D), dtype=float16
        Final hidden states at ``<cls>``, the input of the head.
    terms : SparseRows
        Closed annotations, as columns of the checkpoint's label space.
    taxa : ndarray, shape=(M,), dtype=int32
        NCBI taxon ids, 0 if unknown.
    fingerprint : str
        SHA-256 of the file it was read from.
    kmers : Kmers, optional
        K-mers of their sequences.
    sequences : StoredSequences, optional
        Their sequences.
    """

    ids: tuple[str, ...]
    vectors: NDArray[np.float16]
    terms: SparseRows
    taxa: NDArray[np.int32]
    fingerprint: str = ""
    kmers: Kmers | None = None
    sequences: StoredSequences | None = None

    __repr__ = brief

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def is_searchable(self) -> bool:
        """Whether it has all that `esmgo.evidence.local_search` needs."""
        has_near = self.kmers is not None and self.kmers.near is not None
        return has_near and self.sequences is not None

    def reordered(self, order: NDArray[np.intp]) -> Index:
        """Return the same proteins in another order; ``order`` contains each once, shape=(M,)."""
        kmers = self.kmers and self.kmers.reordered(order)
        ids = tuple(self.ids[i] for i in order)
        sequences = self.sequences and self.sequences.take(order)
        vectors, terms = self.vectors[order], self.terms.take(order)
        return Index(ids, vectors, terms, self.taxa[order], kmers=kmers, sequences=sequences)


def as_stored(vectors: NDArray[np.float32]) -> NDArray[np.float16]:
    """Return vectors as an `Index` holds them; values out of range become the largest number."""
    import torch  # faster than NumPy, and loaded where there are vectors

    largest = float(np.finfo(np.float16).max)
    stored = np.empty(vectors.shape, np.float16)
    for first in range(0, len(vectors), _ROWS):
        rows = torch.from_numpy(vectors[first : first + _ROWS])
        stored[first : first + _ROWS] = rows.clamp(-largest, largest).half()
    return stored
