"""The scoring system of alignments: BLOSUM62, the costs of gaps, and the statistics of scores.

A score becomes comparable in bits, and the number of hits that chance alone produces follows
from the bits and the size of the search.

References
----------
Henikoff and Henikoff, PNAS 89:10915 (1992): BLOSUM62. Frequencies of residues: Swiss-Prot.
Karlin and Altschul, PNAS 87:2264 (1990): the statistics.
Altschul et al., Nucleic Acids Research 29:351 (2001): the edge effect; parameters of NCBI BLAST.
"""

from __future__ import annotations

from functools import cache
from math import log

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESIDUES = "ARNDCQEGHILKMFPSTWYV"
FREQUENCY = (
    .083, .055, .041, .055, .014, .039, .067, .071, .023, .059,
    .096, .058, .024, .039, .047, .066, .053, .011, .029, .069,
)  # fmt: skip
"""The fraction of each of the `RESIDUES` in Swiss-Prot; the sum is .999."""

GAP, GAP_RESIDUE = 11, 1
"""A gap costs `GAP`, and `GAP_RESIDUE` for each of its residues."""

UNKNOWN = -1
"""The score of a letter that is none of the `RESIDUES` with any letter."""

_LAMBDA, _K = 0.267, 0.041
_ALPHA, _BETA = 1.9, -30.0
"""Parameters of BLAST for BLOSUM62 with these gaps; the last two are of the edge effect."""

_BLOSUM62 = """
 4
-1  5
-2  0  6
-2 -2  1  6
 0 -3 -3 -3  9
-1  1  0  0 -3  5
-1  0  0  2 -4  2  5
 0 -2  0 -1 -3 -2 -2  6
-2  0  1 -1 -3  0  0 -2  8
-1 -3 -3 -3 -1 -3 -3 -4 -3  4
-1 -2 -3 -4 -1 -2 -3 -4 -3  2  4
-1  2  0 -1 -3  1  1 -2 -1 -3 -2  5
-1 -1 -2 -3 -1  0 -2 -3 -2  1  2 -1  5
-2 -3 -3 -3 -2 -3 -3 -3 -1  0  0 -3  0  6
-1 -2 -2 -1 -3 -1 -1 -2 -2 -3 -3 -1 -2 -4  7
 1 -1  1  0 -1  0  0  0 -1 -2 -2  0 -1 -2 -1  4
 0 -1  0 -1 -1 -1 -1 -2 -2 -1 -1 -1 -1 -2 -1  1  5
-3 -3 -4 -4 -2 -2 -3 -2 -2 -3 -2 -3 -1  1 -4 -3 -2 11
-2 -2 -2 -3 -2 -1 -2 -3  2 -1 -1 -2 -1  3 -3 -2 -2  2  7
 0 -3 -3 -3 -1 -2 -2 -3 -3  3  1 -2  1 -1 -2 -2  0 -3 -1  4
"""
"""Log-odds of aligned pairs in half bits: twice log2 of observed over expected frequency."""


@cache
def blosum62() -> NDArray[np.int8]:
    """Return BLOSUM62, in half bits; shape=(21, 21): the `RESIDUES`, then any other letter."""
    scores = np.full((21, 21), UNKNOWN, np.int8)
    low = np.zeros((20, 20), np.int8)
    low[np.tril_indices(20)] = np.array(_BLOSUM62.split(), np.int8)
    scores[:20, :20] = low + np.tril(low, -1).T
    scores.flags.writeable = False
    return scores


def bits(scores: ArrayLike) -> NDArray[np.float64]:
    """Convert scores of local alignments, any shape, to bits."""
    return (_LAMBDA * np.asarray(scores, np.float64) - log(_K)) / log(2)


def expected_hits(
    scores: ArrayLike, query_length: int, n_residues: int, n_proteins: int
) -> NDArray[np.float64]:
    """Return how many hits of at least each score chance alone produces: the E-value of BLAST.

    Parameters
    ----------
    scores : array_like
        Scores of local alignments, any shape.
    query_length : int
        Residues of the query.
    n_residues, n_proteins : int
        Residues and proteins of the whole database, not only of the aligned part.
    """
    shorter = length_adjustment(query_length, n_residues, n_proteins)
    space = float(query_length - shorter) * float(n_residues - n_proteins * shorter)
    return space * np.exp2(-bits(scores))


def length_adjustment(query_length: int, n_residues: int, n_proteins: int) -> int:
    """Return by how much BLAST shortens each protein: an alignment needs room before its end.

    The largest whole number that is not above the expected length of a chance alignment in the
    remaining search space, and that leaves at least ``max(query_length, n_residues)`` expected
    starts of alignments.
    """
    length = np.arange(query_length, dtype=np.float64)
    space = _K * (query_length - length) * (n_residues - n_proteins * length)
    has_room = (n_residues > n_proteins * length) & (space > max(query_length, n_residues))
    expected = _ALPHA / _LAMBDA * np.log(space, where=has_room, out=np.zeros_like(space)) + _BETA
    return max(int((has_room & (length <= expected)).sum()) - 1, 0)
