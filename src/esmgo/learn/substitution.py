"""Random substitution of residues in training, with the frequencies of evolution.

A protein usually keeps its function when residues change to similar ones. A caller that reads
another variant of a protein in each epoch learns this, instead of memorising the sequence.
Probabilities: `esmgo.evidence.blosum`.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from esmgo.evidence.blosum import FREQUENCY, RESIDUES, blosum62
from esmgo.model.tokens import VOCABULARY


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
    return np.array([VOCABULARY.index(letter) for letter in RESIDUES], np.uint8)


@cache
def _cumulative() -> NDArray[np.float64]:
    """Return cumulative probabilities of residues per token, shape=(33, 20); 0 for other tokens."""
    odds = 2 ** (blosum62()[:20, :20] / np.float64(2)) * np.array(FREQUENCY)
    np.fill_diagonal(odds, 0)
    cumulative = np.zeros((len(VOCABULARY), 20))
    cumulative[_tokens()] = np.cumsum(odds, axis=1) / odds.sum(axis=1, keepdims=True)
    cumulative[_tokens(), -1] = 1
    return cumulative
