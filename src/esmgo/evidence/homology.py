"""Homology: votes of training proteins whose sequences align to a protein."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from esmgo.data.accessions import accession
from esmgo.data.fasta import Protein
from esmgo.errors import NOTICE
from esmgo.evidence.search import Database, Hits
from esmgo.evidence.votes import Votes

log = logging.getLogger(__name__)


class Homologs:
    """Training proteins that vote for the proteins to which their sequences align.

    ``ids`` are those of the M training proteins. ``sequences`` gives cleaned residues by id;
    those of other proteins are not used. Ids are compared by accession. DIAMOND uses ``threads``
    CPU threads.
    """

    def __init__(self, ids: Sequence[str], sequences: dict[str, str], threads: int) -> None:
        of = matched(ids, sequences)
        if n := len(ids) - len(of):
            log.log(NOTICE, "`homology` has no sequence of %s of %s training proteins", n, len(ids))
        self._rows = np.array(list(of), np.int64)
        self._database = Database([sequences[id] for id in of.values()], threads)

    def votes(
        self, proteins: Sequence[Protein], own: NDArray[np.intp] | None = None
    ) -> tuple[Votes, NDArray[np.float32]]:
        """Return the votes for N proteins, and bits per residue of the best alignment, (N,).

        ``own`` gives the row of each protein among the training proteins. It does not vote.
        """
        hits = self._database.search([p.sequence for p in proteins])
        if own is not None:
            hits = hits.take(self._rows[hits.subject] != own[hits.query])
        first, bits = hits.best(), np.zeros(len(proteins), np.float32)
        lengths = np.array([len(p.sequence) for p in proteins])
        bits[first.query] = first.bits / lengths[first.query]
        votes = votes_of(hits, len(proteins))
        return votes.of(self._rows[votes.voter]), bits


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


def votes_of(hits: Hits, n_queries: int) -> Votes:
    """Return one vote of each hit, weighted by its bit score.

    The score of a term is the sum of bit scores of the hits that have it, divided by the
    sum over all hits of the protein, as in DiamondScore.

    References
    ----------
    Kulmanov & Hoehndorf, DeepGOPlus, Bioinformatics 36:422 (2020).
    """
    total = np.bincount(hits.query, hits.bits, n_queries).astype(np.float64)
    return Votes(hits.query, hits.subject, hits.bits, total)
