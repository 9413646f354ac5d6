"""Homology without an external program: a short list of training proteins, then alignment.

The short list has the training proteins with the most similar k-mers and embeddings. Those that
align best bring the training proteins that are similar to them, repeatedly, so that remote
relatives are found through closer ones. An alignment counts if its score is significant even after
it is reduced by what the reversed protein reaches: that part of the similarity is composition.

References
----------
Smith & Waterman, Journal of Molecular Biology 147:195 (1981).
Park et al., Intermediate sequences increase the detection of homology, JMB 273:349 (1997).
Karplus et al., SAM-T04 (reversed sequences as a null model), Proteins 61 S7:135 (2005).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray

from esmgo.data.fasta import Protein
from esmgo.evidence.alignment import local_scores
from esmgo.evidence.blosum import bits, expected_hits
from esmgo.evidence.index import Index
from esmgo.evidence.kmers import Kmers
from esmgo.evidence.masking import masked
from esmgo.evidence.programs import E_VALUE, MOST_HITS
from esmgo.evidence.stored_sequences import StoredSequences
from esmgo.evidence.votes import Votes, votes_by_bits

SHORT = 600
"""Training proteins of the most similar k-mers in the short list, and of the nearest embeddings."""

BEST, ROUNDS = 8, 3
"""Proteins that bring similar ones in each round: the best that have not, of a sufficient score."""

SUFFICIENT = 45
"""A score that an alignment of unrelated proteins rarely has."""


class LocalSearch:
    """Training proteins that vote for the proteins to which their sequences align.

    The index must have k-mers and sequences. ``threads`` proteins are compared at once.
    """

    def __init__(self, index: Index, threads: int = 1) -> None:
        assert index.kmers is not None
        assert index.sequences is not None
        self._kmers: Kmers = index.kmers
        self._sequences: StoredSequences = index.sequences
        self._threads = threads

    def votes(
        self,
        proteins: Sequence[Protein],
        own: NDArray[np.intp] | None,
        short_lists: Sequence[NDArray[np.integer]],
    ) -> tuple[Votes, NDArray[np.float32]]:
        """Return the votes for N proteins, and bits per residue of the best alignment, (N,).

        ``short_lists`` are the training proteins to begin with. ``own`` gives the row of each
        protein among the training proteins. It does not vote.
        """
        rows = np.full(len(proteins), -1) if own is None else own
        texts = [protein.sequence for protein in proteins]
        threads = min(self._threads, torch.get_num_threads())  # the share of this thread
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(self._hits, texts, short_lists, rows))
        query = np.repeat(np.arange(len(proteins)), [len(each) for each, _ in found])
        subject, weight = (np.concatenate(each) for each in zip(*found, strict=True))
        best = np.array([each.max(initial=0) for _, each in found])
        lengths = np.array(list(map(len, texts)))
        votes = votes_by_bits(query, subject, weight, len(proteins))
        return votes, (best / lengths).astype(np.float32)

    def _hits(
        self, sequence: str, short_list: NDArray[np.integer], own: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the training proteins that align to a sequence and the bits, best first."""
        query = masked(sequence)
        at = np.setdiff1d(short_list, [own]).astype(np.int64)
        scores = scores_of(query, self._sequences, at)
        is_left = np.ones(len(at), bool)
        for _ in range(ROUNDS):
            able = np.flatnonzero(is_left & (scores >= SUFFICIENT))
            able = able[np.argsort(-scores[able], kind="stable")][:BEST]
            is_left[able] = False
            near = np.setdiff1d(self._kmers.near_any(at[able]), [*at, own])
            if not len(near):
                break
            at = np.concatenate([at, near])
            scores = np.concatenate([scores, scores_of(query, self._sequences, near)])
            is_left = np.concatenate([is_left, np.ones(len(near), bool)])
        kept = is_significant(scores, len(sequence), self._sequences)
        at, scores = at[kept], scores[kept]
        excess = np.maximum(scores_of(query[::-1], self._sequences, at) - SUFFICIENT, 0)
        kept = is_significant(np.maximum(scores - excess, 0), len(sequence), self._sequences)
        at, scores = at[kept], scores[kept]
        order = np.lexsort((at, -scores))[:MOST_HITS]
        return at[order], bits(scores[order])


def scores_of(
    query: str, sequences: StoredSequences, rows: NDArray[np.integer]
) -> NDArray[np.int32]:
    """Return the scores of a query with some of the training proteins; see `local_scores`."""
    return local_scores(query, [sequences[row] for row in rows])


def is_significant(
    scores: NDArray[np.int32], query_length: int, sequences: StoredSequences
) -> NDArray[np.bool_]:
    """Return which scores chance produces at most `E_VALUE` times among all training proteins."""
    return expected_hits(scores, query_length, sequences.n_residues, len(sequences)) <= E_VALUE
