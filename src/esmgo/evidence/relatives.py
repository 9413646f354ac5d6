"""The evidence sources of a checkpoint: find similar training proteins and score by their votes.

Nothing here knows how the scores are combined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from esmgo.data.accessions import forms
from esmgo.data.fasta import Protein
from esmgo.errors import UsageError, printable
from esmgo.evidence.coannotation import Coannotation
from esmgo.evidence.homology import Homologs, matched
from esmgo.evidence.index import Index
from esmgo.evidence.kmers import Similar, kmer_votes
from esmgo.evidence.local_search import SHORT, LocalSearch
from esmgo.evidence.neighbours import nearest_others, normalised, votes_of
from esmgo.evidence.programs import BUILTIN, NONE, SEARCHES
from esmgo.evidence.source_scores import SourceScores, Values, given_aspect
from esmgo.evidence.sources import EvidenceSource
from esmgo.evidence.votes import Votes, preferring_species, vote
from esmgo.go.labels import LabelSpace
from esmgo.go.sparse import SparseRows

_CURES = {
    EvidenceSource.NEIGHBOURS.word: "no index beside {path}: run fine-tune.py with"
    " `resume` to make it, or leave neighbours out of `sources`",
    EvidenceSource.KMERS.word: "no k-mers beside {path}: run esmgo blend to add them",
    EvidenceSource.HOMOLOGY.word: "no similar k-mers and sequences beside {path}: run esmgo blend"
    " again, or give `homology=FILE`",
}


class Relatives(NamedTuple):
    """The training proteins that are similar to N proteins, by name of the source.

    Parameters
    ----------
    votes : dict of str to Votes
        Weighted by similarity.
    similarity : dict of str to ndarray, shape=(N,), dtype=float32
        See `SourceScores.similarity`.
    taxa : ndarray, shape=(N,), dtype=int32
        NCBI taxon ids of the N proteins, 0 if unknown.
    """

    votes: dict[str, Votes]
    similarity: dict[str, Values]
    taxa: NDArray[np.int32]


def search_of(
    homology: str | Mapping[str, str] | None, index: Index | None
) -> str | Mapping[str, str] | None:
    """Return how to find homologs, None for not at all: by default builtin where it is possible."""
    if homology is None:
        return BUILTIN if index is not None and index.is_searchable else None
    return None if homology == NONE else homology


def available_sources(
    index: Index | None,
    homology: str | Mapping[str, str] | None,
    requested: Sequence[str] | None,
    path: str,
) -> tuple[str, ...]:
    """Return the requested sources, names of `SCORING`, or all that are available.

    ``index`` has the training proteins of the checkpoint at ``path``. ``homology`` is the name of
    a search, or their sequences by id; see `search_of`. Raises UsageError if a requested source
    is not available. The message names the remedy.
    """
    has = {
        EvidenceSource.HEAD: True,
        EvidenceSource.NEIGHBOURS: index is not None,
        EvidenceSource.KMERS: index is not None and index.kmers is not None,
        EvidenceSource.HOMOLOGY: homology is not None,
    }
    available = tuple(source.word for source, is_available in has.items() if is_available)
    for name in requested or ():
        if name not in available:
            raise UsageError(_CURES[name].format(path=printable(path, 60)))
    if isinstance(homology, str):
        if homology not in SEARCHES:
            names = ", ".join((*SEARCHES, NONE))
            reason = f"no search of the name {printable(homology, 40)}; {names}"
            raise UsageError(reason, field="homology")
        able = index is not None and index.sequences is not None
        if homology == BUILTIN:
            able = index is not None and index.is_searchable
        if not able:
            reason = _CURES[EvidenceSource.HOMOLOGY.word].format(path=printable(path, 60))
            raise UsageError(reason, field="homology")
    elif index is not None and homology is not None and not matched(index.ids, homology):
        look = forms(next(iter(homology), ""), "the checkpoint", next(iter(index.ids), ""))
        raise UsageError(f"names no training protein of the checkpoint; {look}", field="homology")
    return available if requested is None else tuple(dict.fromkeys(requested))


class Sources:
    """The sources of a checkpoint, before they are combined.

    Parameters
    ----------
    labels : LabelSpace
        The terms.
    index : Index, optional
        The training proteins.
    homologs : Homologs or LocalSearch, optional
        The training proteins whose sequences align to a protein.
    num_neighbours : int
        Number of nearest training proteins that vote by their embeddings.
    counted : SparseRows, optional
        Annotations from which frequency and co-annotation are computed; by default those of
        the index.
    is_blended : bool
        Whether co-annotation is used.
    with_kmers : bool
        Whether training proteins that share k-mers vote.
    """

    def __init__(
        self,
        labels: LabelSpace,
        index: Index | None,
        homologs: Homologs | LocalSearch | None = None,
        *,
        num_neighbours: int = 10,
        counted: SparseRows | None = None,
        is_blended: bool = True,
        with_kmers: bool = True,
    ) -> None:
        self.labels, self.index, self.num_neighbours = labels, index, num_neighbours
        self._frequency = np.zeros(len(labels), np.float32)
        self._homologs, self._with_kmers = homologs, with_kmers
        self._coannotation: Coannotation | None = None
        if index is not None:
            counted = index.terms if counted is None else counted
            counts = counted.frequency(len(labels))
            self._frequency = (counts / max(len(counted), 1)).astype(np.float32)
            if is_blended:
                self._coannotation = Coannotation(counted, labels)
            self._vectors = normalised(index.vectors)

    @property
    def runs_a_program(self) -> bool:
        """Whether each search starts another program, which takes seconds."""
        return isinstance(self._homologs, Homologs)

    def search_ahead(self, proteins: Sequence[Protein]) -> None:
        """Search for the homologs of several thousand proteins at once, if a program does it."""
        if isinstance(self._homologs, Homologs):
            self._homologs.search_ahead(proteins)

    def find_relatives(
        self,
        proteins: Sequence[Protein],
        vectors: NDArray[np.float32],
        own: NDArray[np.intp] | None = None,
    ) -> Relatives:
        """Find the training proteins that are similar to each of N proteins.

        ``vectors``, shape=(N, D), are the final states at ``<cls>``. ``own``, shape=(N,), gives the
        row of each protein in the index: a protein does not vote for itself.
        """
        found: dict[str, tuple[Votes, Values]] = {}
        taxa = np.array([protein.taxon for protein in proteins], np.int32)
        if self.index is None:
            return Relatives({}, {}, taxa)
        with_alignments = isinstance(self._homologs, LocalSearch)
        most = max(self.num_neighbours, SHORT * with_alignments)
        near = nearest_others(vectors, self._vectors, most, own)
        voters = near.first(self.num_neighbours)
        found[EvidenceSource.NEIGHBOURS.word] = votes_of(voters), voters.similarity[:, 0]
        similar: list[Similar] = []
        if self.index.kmers is not None:
            rows = np.full(len(proteins), -1) if own is None else own
            pairs = zip(proteins, rows, strict=True)
            similar = [self.index.kmers.most_similar(p.sequence, SHORT, i) for p, i in pairs]
            if self._with_kmers:
                found[EvidenceSource.KMERS.word] = kmer_votes(similar)
        if isinstance(self._homologs, LocalSearch):
            short_lists = list(map(np.union1d, near.protein, (one.protein for one in similar)))
            aligned = self._homologs.votes(proteins, own, short_lists)
            found[EvidenceSource.HOMOLOGY.word] = aligned
        elif self._homologs is not None:
            found[EvidenceSource.HOMOLOGY.word] = self._homologs.votes(proteins, own)
        votes = {name: pair[0] for name, pair in found.items()}
        return Relatives(votes, {name: pair[1] for name, pair in found.items()}, taxa)

    def score(self, relatives: Relatives, head: NDArray[np.float32]) -> SourceScores:
        """Return the scores of all sources; ``head``, shape=(N, T), are propagated scores."""
        weighted = dict(relatives.votes)
        if (homology := EvidenceSource.HOMOLOGY.word) in weighted and self.index is not None:
            weighted[homology] = preferring_species(
                weighted[homology], self.index.taxa, relatives.taxa
            )
        votes = {name: self._voted(each, len(head)) for name, each in weighted.items()}
        none = np.zeros_like(head)
        scores = SourceScores(head, votes, relatives.similarity, self._frequency, none)
        if self._coannotation is None or not votes:  # nothing will be blended
            return scores
        mean = np.zeros_like(head)
        for aspect in self.labels.aspects:
            at, _, part = given_aspect(scores, self.labels, aspect)
            mean[:, at] = np.mean(list(part.by_source().values()), axis=0)
        return replace(scores, coannotation=self._coannotation.scores(mean))

    def _voted(self, votes: Votes, n: int) -> NDArray[np.float32]:
        assert self.index is not None
        blocks = [block.values for block in vote(votes, [""] * n, self.index.terms, self.labels)]
        return np.concatenate(blocks)
