"""What speaks for a term besides the head: nearest training proteins, by embedding and sequence.

Nothing here knows how sources are weighed.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntFlag
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from esmgo.data.fasta import Protein
from esmgo.go.labels import LabelSpace
from esmgo.model.index import Index
from esmgo.predict import homology, neighbours
from esmgo.predict.stacking import Said
from esmgo.predict.voting import Votes, vote

__all__ = ["Asked", "Source", "Sources", "speaking"]


class Source(IntFlag):
    """What speaks for a call: who gives the term more than its frequency in training."""

    HEAD = 1
    NEIGHBOURS = 2
    HOMOLOGY = 4
    DESCENDANT = 8


class Asked(NamedTuple):
    """The training proteins that are like N proteins, and how close the nearest is.

    See `Said` for ``similarity`` and ``bits``, shape=(N,) each.
    """

    neighbours: Votes | None
    homology: Votes | None
    similarity: NDArray[np.float32]
    bits: NDArray[np.float32]


class Sources:
    """The sources of a checkpoint, each by itself.

    Parameters
    ----------
    labels : LabelSpace
        The terms.
    index : Index, optional
        The training proteins.
    sequences : dict of str to str, optional
        Training proteins by id, to compare sequences with by DIAMOND.
    num_neighbours : int
        How many vote.
    threads : int
        Of DIAMOND.
    """

    def __init__(
        self,
        labels: LabelSpace,
        index: Index | None,
        sequences: dict[str, str] | None = None,
        *,
        num_neighbours: int = 10,
        threads: int = 1,
    ) -> None:
        self.labels, self.index, self.num_neighbours = labels, index, num_neighbours
        self.threads = threads
        self._frequency = np.zeros(len(labels), np.float32)
        self._known = None
        self._database: homology.Database | None = None
        if index is not None:
            self._frequency = index.frequency(len(labels)).astype(np.float32)
            self._known = neighbours.normalised(index.vectors)
            if sequences is not None:
                at = {id: i for i, id in enumerate(index.ids)}
                ids = [id for id in sequences if id in at]
                self._subject = np.array([at[id] for id in ids], np.int64)
                self._database = homology.Database([sequences[id] for id in ids], threads)

    def ask(self, proteins: Sequence[Protein], vectors: NDArray[np.float32]) -> Asked:
        """Look up the training proteins that are like each of N proteins.

        Parameters
        ----------
        proteins : sequence of Protein
            N of them.
        vectors : ndarray, shape=(N, D), dtype=float32
            Final states at ``<cls>``.
        """
        n = len(proteins)
        near = alike = None
        similarity, bits = np.full(n, np.nan, np.float32), np.zeros(n, np.float32)
        if self._known is not None:
            found = neighbours.nearest(vectors, self._known, self.num_neighbours)
            similarity = found.similarity[:, 0]
            near = neighbours.votes_of(found)
        if self._database is not None:
            hits = self._database.search([p.sequence for p in proteins])
            best = hits.best()
            lengths = np.array([len(p.sequence) for p in proteins])
            bits[best.query] = best.bits / lengths[best.query]
            votes = homology.votes_of(hits, n)
            alike = votes.of(self._subject[votes.voter])
        return Asked(near, alike, similarity, bits)

    def said(self, asked: Asked, head: NDArray[np.float32]) -> Said:
        """Return what all sources say of each term.

        Parameters
        ----------
        asked : Asked
            Of N proteins.
        head : ndarray, shape=(N, T), dtype=float32
            Probabilities of the head, propagated.
        """
        near, alike = (self._voted(v, len(head)) for v in (asked.neighbours, asked.homology))
        return Said(head, near, alike, asked.similarity, asked.bits, self._frequency)

    def _voted(self, votes: Votes | None, n: int) -> NDArray[np.float32] | None:
        if votes is None:
            return None
        assert self.index is not None
        blocks = [block.values for block in vote(votes, [""] * n, self.index, self.labels)]
        return np.concatenate(blocks)


def speaking(said: Said) -> NDArray[np.uint8]:
    """Return which sources give a term more than its frequency in training; shape=(N, T)."""
    flags = np.zeros(said.head.shape, np.uint8)
    for source, values in (
        (Source.HEAD, said.head),
        (Source.NEIGHBOURS, said.neighbours),
        (Source.HOMOLOGY, said.homology),
    ):
        if values is not None:
            flags |= np.where(values > said.frequency, np.uint8(source), np.uint8(0))
    return flags
