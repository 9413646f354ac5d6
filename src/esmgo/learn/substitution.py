"""Random substitution of residues in training, with the frequencies of evolution.

A protein usually keeps its function when residues change to similar ones. A caller that reads
another variant of a protein in each epoch learns this, instead of memorising the sequence.

References
----------
Henikoff and Henikoff, PNAS 89:10915 (1992): BLOSUM62. Frequencies: Swiss-Prot.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from esmgo.model.tokens import VOCABULARY

_RESIDUES = "ARNDCQEGHILKMFPSTWYV"

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

_FREQUENCY = (
    .083, .055, .041, .055, .014, .039, .067, .071, .023, .059,
    .096, .058, .024, .039, .047, .066, .053, .011, .029, .069,
)  # fmt: skip


def substituted(
    tokens: NDArray[np.uint8], rate: float, random: np.random.Generator
) -> NDArray[np.uint8]:
    """Replace a fraction of a protein's residues by others, with BLOSUM62 probabilities.

    Parameters
    ----------
    tokens : ndarray, shape=(L,), dtype=uint8
        Token ids; only the 20 residues are replaced.
    rate : float
        Probability that a residue is replaced, in [0, 1].
    random : numpy.random.Generator
        Draws L numbers to choose positions, then one number per chosen position.
    """
    cumulative = _cumulative()
    at = np.flatnonzero((random.random(len(tokens)) < rate) & (cumulative[tokens, -1] > 0))
    found = tokens.copy()
    drawn = random.random(len(at))
    found[at] = _tokens()[(drawn[:, None] >= cumulative[tokens[at]]).sum(axis=1)]
    return found


@cache
def _tokens() -> NDArray[np.uint8]:
    return np.array([VOCABULARY.index(letter) for letter in _RESIDUES], np.uint8)


@cache
def _cumulative() -> NDArray[np.float64]:
    """Return cumulative probabilities of residues per token, shape=(33, 20); 0 for other tokens."""
    score = np.zeros((20, 20))
    score[np.tril_indices(20)] = np.array(_BLOSUM62.split(), np.float64)
    score += np.tril(score, -1).T
    odds = 2 ** (score / 2) * np.array(_FREQUENCY)
    np.fill_diagonal(odds, 0)
    cumulative = np.zeros((len(VOCABULARY), 20))
    cumulative[_tokens()] = np.cumsum(odds, axis=1) / odds.sum(axis=1, keepdims=True)
    cumulative[_tokens(), -1] = 1
    return cumulative
