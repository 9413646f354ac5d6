"""Homology: votes of training proteins whose sequences align to a protein."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from esmgo.data.accessions import accession
from esmgo.data.fasta import Protein
from esmgo.errors import NOTICE
from esmgo.evidence.index import Index
from esmgo.evidence.programs import DIAMOND, PROGRAMS, Program
from esmgo.evidence.search import Database, Hits
from esmgo.evidence.votes import Votes, votes_by_bits

log = logging.getLogger(__name__)


class Homologs:
    """Training proteins that vote for the proteins to which their sequences align.

    ``rows``, shape=(H,), are the numbers of H training proteins in the index, and ``sequences``
    their cleaned residues. The program uses ``threads`` CPU threads.
    """

    def __init__(
        self,
        rows: NDArray[np.integer],
        sequences: Sequence[str],
        threads: int,
        program: Program = DIAMOND,
    ) -> None:
        self._rows = rows.astype(np.int64)
        self._database = Database(sequences, threads, program)
        self._found, self._place = Hits.none(), dict[str, int]()  # of the last `search_ahead`

    @classmethod
    def of(cls, index: Index, homology: str | Mapping[str, str], threads: int) -> Homologs:
        """Return those of an index: by the name of a program, or sequences by id, for DIAMOND.

        Ids are compared by accession; sequences of other proteins are not used.
        """
        if isinstance(homology, str):
            assert index.sequences is not None
            sequences = [index.sequences[row] for row in range(len(index))]
            return cls(np.arange(len(index)), sequences, threads, PROGRAMS[homology])
        found = matched(index.ids, homology)
        if n := len(index) - len(found):
            what = "`homology` has no sequence of %s of %s training proteins"
            log.log(NOTICE, what, f"{n:,}", f"{len(index):,}")
        sequences = [homology[id] for id in found.values()]
        return cls(np.array(list(found)), sequences, threads)

    def votes(
        self,
        proteins: Sequence[Protein],
        own: NDArray[np.intp] | None = None,
    ) -> tuple[Votes, NDArray[np.float32]]:
        """Return the votes for N proteins, and bits per residue of the best alignment, (N,).

        ``own`` gives the row of each protein among the training proteins. It does not vote.
        """
        hits = self._hits([p.sequence for p in proteins])
        if own is not None:
            hits = hits.take(self._rows[hits.subject] != own[hits.query])
        first, bits = hits.best(), np.zeros(len(proteins), np.float32)
        lengths = np.array([len(p.sequence) for p in proteins])
        bits[first.query] = first.bits / lengths[first.query]
        voters = self._rows[hits.subject]
        return votes_by_bits(hits.query, voters, hits.bits, len(proteins)), bits

    def search_ahead(self, proteins: Sequence[Protein]) -> None:
        """Search for several thousand proteins at once, because each start takes seconds.

        `votes` takes the hits of these proteins from here; those of an earlier call are dropped.
        """
        sequences = list(dict.fromkeys(protein.sequence for protein in proteins))
        self._found = self._database.search(sequences)
        self._place = {sequence: i for i, sequence in enumerate(sequences)}

    def _hits(self, sequences: Sequence[str]) -> Hits:
        places = [self._place.get(sequence, -1) for sequence in sequences]
        if -1 in places:
            return self._database.search(sequences)
        return self._found.of_each(np.array(places, np.int64))


def matched(ids: Sequence[str], sequences: Iterable[str]) -> dict[int, str]:
    """Return the id of the sequence of each row of ``ids``: the same id, or the same accession."""
    written = {id: i for i, id in enumerate(ids)}
    by_accession = {accession(id): i for id, i in written.items()}
    found: dict[int, str] = {}
    for id in sequences:
        row = written.get(id)
        row = by_accession.get(accession(id)) if row is None else row
        if row is not None and (row not in found or ids[row] == id):
            found[row] = id
    return found
