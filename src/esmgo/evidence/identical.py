"""Training proteins that cannot be distinguished from a protein.

An index has no sequences, so equality is not proved. With k-mers, a training protein matches if a
protein has all k-mers that the index keeps of it, and a similar embedding. The same sequence always
has them; of sequences with one residue replaced about one in six does (docs/predict.md). Without
k-mers, the embeddings are equal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import brief, printable
from esmgo.evidence.index import Index, as_stored
from esmgo.go.calls import Ancestry, leaves
from esmgo.go.labels import LabelSpace

SIMILAR = 0.9
"""Lowest cosine of the embeddings with k-mers. A coarse index changes the vectors."""

_ROUNDING = 4e-3
"""Largest difference of equal embeddings, relative: two bits of float16."""


@dataclass(frozen=True, slots=True)
class Match:
    """A training protein that cannot be distinguished from a protein.

    Parameters
    ----------
    id : str
        As in the index.
    n_kmers : int
        The k-mers that the index keeps of it, all of which the protein has; 0 without k-mers.
    similarity : float
        Cosine of the embeddings.
    columns : ndarray, shape=(k,), dtype=int64
        Its annotations, closed.
    leaves : ndarray, shape=(l,), dtype=int64
        The most specific of them, rarest first.
    """

    id: str
    n_kmers: int
    similarity: float
    columns: NDArray[np.intp]
    leaves: NDArray[np.intp]

    __repr__ = brief

    def __str__(self) -> str:
        shared = "an equal embedding"
        if self.n_kmers:
            shared = f"all {self.n_kmers:,} k-mers kept of it, similarity {self.similarity:.3f}"
        return (
            "The same or nearly the same sequence as the training protein"
            f" {printable(self.id, 60)} ({shared})"
        )


def matches(
    index: Index, sequence: str, vector: NDArray[np.float32], labels: LabelSpace
) -> tuple[Match, ...]:
    """Return the training proteins that cannot be distinguished from a protein, most similar first.

    Parameters
    ----------
    index : Index
        Of M training proteins.
    sequence : str
        Residues of the protein.
    vector : ndarray, shape=(D,), dtype=float32
        Its embedding, by the encoder of the index.
    labels : LabelSpace
        The terms of the index.
    """
    if index.kmers is not None:
        rows = index.kmers.within(sequence)
    else:
        stored, own = index.vectors, as_stored(vector)
        limit = _ROUNDING * np.abs(own).max()
        rows = np.flatnonzero(np.abs(stored[:, 0] - own[0]) <= limit)
        rows = rows[(np.abs(stored[rows] - own) <= limit).all(axis=1)]
    if not len(rows):
        return ()
    found = index.vectors[rows].astype(np.float32)
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(vector)
    cosine = np.clip(found @ vector / np.maximum(lengths, 1e-12), -1, 1)
    kept = [i for i in np.argsort(-cosine, kind="stable") if cosine[i] >= SIMILAR]
    counts = index.terms.frequency(len(labels))
    return tuple(_match(index, int(rows[i]), float(cosine[i]), labels, counts) for i in kept)


def _match(
    index: Index, row: int, cosine: float, labels: LabelSpace, counts: NDArray[np.integer]
) -> Match:
    columns = index.terms.row(row).astype(np.intp)
    specific = np.array(leaves(columns.tolist(), Ancestry(labels)), np.intp)
    n_kmers = 0 if index.kmers is None else int(index.kmers.sums.n_kept[row])
    rarest = np.lexsort((specific, -labels.depth[specific], counts[specific]))
    return Match(index.ids[row], n_kmers, cosine, columns, specific[rarest])
