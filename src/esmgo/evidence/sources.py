"""What speaks for a term besides the head: training proteins alike, by embedding and sequence.

Nothing here knows how sources are weighed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import IntFlag
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from esmgo.data.fasta import Protein
from esmgo.evidence import diamond as homology
from esmgo.evidence import neighbours
from esmgo.evidence.coannotation import Coannotation
from esmgo.evidence.index import Index
from esmgo.evidence.kmers import _sharing
from esmgo.evidence.source_scores import SourceScores, of_aspect
from esmgo.evidence.votes import Annotated, Votes, vote
from esmgo.go.labels import LabelSpace


class EvidenceSource(IntFlag):
    """What speaks for a call: who gives the term more than its frequency in training."""

    HEAD = 1
    NEIGHBOURS = 2
    KMERS = 4
    HOMOLOGY = 8
    COANNOTATION = 16
    DESCENDANT = 32


class Relatives(NamedTuple):
    """The training proteins that are like N proteins, and how close the nearest is.

    See `SourceScores` for ``similarity``, ``shared`` and ``bits``, shape=(N,) each.
    """

    votes: dict[str, Votes]
    similarity: NDArray[np.float32]
    shared: NDArray[np.float32]
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
        How many vote by their embeddings.
    threads : int
        Of DIAMOND.
    counted : Annotated, optional
        Those that frequency and co-annotation of terms are counted in; the index when left out.
    is_blended : bool
        Whether anybody listens to co-annotation.
    """

    def __init__(
        self,
        labels: LabelSpace,
        index: Index | None,
        sequences: dict[str, str] | None = None,
        *,
        num_neighbours: int = 10,
        threads: int = 1,
        counted: Annotated | None = None,
        is_blended: bool = True,
    ) -> None:
        self.labels, self.index, self.num_neighbours = labels, index, num_neighbours
        self.threads = threads
        self._frequency = np.zeros(len(labels), np.float32)
        self._known = None
        self._database: homology.Database | None = None
        self._coannotation: Coannotation | None = None
        if index is not None:
            counted = index if counted is None else counted
            counts = np.bincount(counted.indices, minlength=len(labels))
            self._frequency = (counts / max(len(counted.indptr) - 1, 1)).astype(np.float32)
            if is_blended:
                self._coannotation = Coannotation(counted, labels)
            self._known = neighbours.normalised(index.vectors)
            if sequences is not None:
                at = {id: i for i, id in enumerate(index.ids)}
                ids = [id for id in sequences if id in at]
                self._subject = np.array([at[id] for id in ids], np.int64)
                self._database = homology.Database([sequences[id] for id in ids], threads)

    def ask(
        self,
        proteins: Sequence[Protein],
        vectors: NDArray[np.float32],
        own: NDArray[np.intp] | None = None,
    ) -> Relatives:
        """Look up the training proteins that are like each of N proteins.

        Parameters
        ----------
        proteins : sequence of Protein
            N of them.
        vectors : ndarray, shape=(N, D), dtype=float32
            Final states at ``<cls>``.
        own : ndarray, shape=(N,), optional
            Where each stands in the index itself, and does not vote.
        """
        n = len(proteins)
        votes: dict[str, Votes] = {}
        similarity = np.full(n, np.nan, np.float32)
        shared, bits = np.zeros((2, n), np.float32)
        if self._known is not None:
            k = self.num_neighbours
            found = neighbours.nearest(vectors, self._known, k if own is None else k + 1)
            found = found if own is None else found.without(own)
            similarity = found.similarity[:, 0]
            votes["neighbours"] = neighbours.votes_of(found)
        if self.index is not None and self.index.kmers is not None:
            votes["kmers"], shared = _sharing(self.index.kmers, proteins, own)
        if self._database is not None:
            hits = self._database.search([p.sequence for p in proteins])
            if own is not None:
                hits = hits.take(self._subject[hits.subject] != own[hits.query])
            first = hits.best()
            lengths = np.array([len(p.sequence) for p in proteins])
            bits[first.query] = first.bits / lengths[first.query]
            alike = homology.votes_of(hits, n)
            votes["homology"] = alike.of(self._subject[alike.voter])
        return Relatives(votes, similarity, shared, bits)

    def said(self, asked: Relatives, head: NDArray[np.float32]) -> SourceScores:
        """Return what all sources say of each term.

        Parameters
        ----------
        asked : Relatives
            Of N proteins.
        head : ndarray, shape=(N, T), dtype=float32
            Probabilities of the head, propagated.
        """
        votes = {name: self._voted(each, len(head)) for name, each in asked.votes.items()}
        close = asked.similarity, asked.shared, asked.bits
        said = SourceScores(head, votes, *close, self._frequency, np.zeros_like(head))
        if self._coannotation is None or not votes:  # nothing to be blended
            return said
        mean = np.zeros_like(head)
        for aspect in self.labels.aspects:
            at, _, part = of_aspect(said, self.labels, aspect)
            mean[:, at] = np.mean(list(part.by_source().values()), axis=0)
        return replace(said, coannotated=self._coannotation.said(mean))

    def _voted(self, votes: Votes, n: int) -> NDArray[np.float32]:
        assert self.index is not None
        blocks = [block.values for block in vote(votes, [""] * n, self.index, self.labels)]
        return np.concatenate(blocks)


def speaking(said: SourceScores, labels: LabelSpace) -> NDArray[np.uint8]:
    """Return which sources give a term more than its frequency in training; shape=(N, T)."""
    flags = np.zeros(said.head.shape, np.uint8)
    for name, values in said.by_source().items():
        source = np.uint8(EvidenceSource[name.upper()])
        flags |= np.where(values > said.frequency, source, np.uint8(0))
    told = replace(said, votes={})
    for aspect in labels.aspects:
        at, _, part = of_aspect(told, labels, aspect)
        flags[:, at] |= np.where(
            part.coannotated > part.frequency, np.uint8(EvidenceSource.COANNOTATION), np.uint8(0)
        )
    return flags
