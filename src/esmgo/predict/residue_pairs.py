"""Ordered pairs of residues at short distances: whether a sequence is arranged as proteins are.

Helices, strands and segments of one composition make some pairs of residues frequent at certain
distances in proteins, in one direction more than in the other. A shuffled sequence has the
residues of a protein but not these pairs. A reversed one has them in the wrong direction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import brief
from esmgo.evidence.alignment import codes_of
from esmgo.evidence.blosum import FREQUENCY, RESIDUES
from esmgo.predict.stored_calibration import packed, signed, unpacked, unsigned

DISTANCES = 8
"""Pairs of residues are counted at the distances from 1 to this."""

_N = len(RESIDUES)
_SHAPE = DISTANCES, _N, _N
_SCALE = 1000
"""Steps of a stored log-odds."""

_ADDED = 5.0
"""Added to each count of a pair."""

_LONGEST = 1000
"""Residues of a training sequence that are counted."""

_BACKGROUND = np.array(FREQUENCY) / sum(FREQUENCY)


@dataclass(frozen=True)
class ResiduePairs:
    """The log-odds of ordered pairs of residues in proteins, by their distance.

    Parameters
    ----------
    log_odds : ndarray, shape=(DISTANCES, 20, 20), dtype=float64
        The logarithm of the frequency of a pair over that of the same residues in any order, in
        thousandths; residues as in `RESIDUES`.
    """

    log_odds: NDArray[np.float64]

    __repr__ = brief

    @classmethod
    def of(cls, sequences: Iterable[str]) -> ResiduePairs:
        """Count the pairs in proteins."""
        counts = np.zeros((DISTANCES, (_N + 1) ** 2))
        for sequence in sequences:
            codes = codes_of(sequence)[:_LONGEST].astype(np.intp)
            for k in range(1, min(DISTANCES, len(codes) - 1) + 1):
                pairs = codes[:-k] * (_N + 1) + codes[k:]
                counts[k - 1] += np.bincount(pairs, minlength=(_N + 1) ** 2)
        known = counts.reshape(DISTANCES, _N + 1, _N + 1)[:, :_N, :_N] + _ADDED
        share = known / known.sum(axis=(1, 2), keepdims=True)
        expected = share.sum(axis=2, keepdims=True) * share.sum(axis=1, keepdims=True)
        return cls(np.round(np.log(share / expected) * _SCALE) / _SCALE)

    @cached_property
    def _parts(self) -> NDArray[np.float64]:
        """The symmetric part and the other, 0 for unknown residues; (2, DISTANCES, 21, 21)."""
        turned = self.log_odds.transpose(0, 2, 1)
        both = np.stack([(self.log_odds + turned) / 2, (self.log_odds - turned) / 2])
        return np.pad(both, ((0, 0), (0, 0), (0, 1), (0, 1)))

    def excess(self, sequence: str) -> NDArray[np.float64]:
        """Return how far the pairs of a sequence exceed those of a random order of its residues.

        The log-odds of its pairs are summed, less the sum that a random order is expected to have,
        in standard deviations of that sum. The symmetric part of the log-odds comes first, then the
        part that changes its sign when the sequence is reversed; shape=(2 · DISTANCES,). The first
        residue is left out, since it is a methionine in most proteins.
        """
        codes = codes_of(sequence)[1:]
        n = len(codes)
        share = np.bincount(codes, minlength=_N + 1)[:_N] / max(n, 1)
        found = []
        for odds in self._parts:
            for k, with_unknown in enumerate(odds, 1):
                table = with_unknown[:_N, :_N]
                mean = share @ table @ share
                spread = np.sqrt(max(share @ table**2 @ share - mean**2, 1e-9))
                pairs = max(n - k, 0)
                total = with_unknown[codes[:pairs], codes[k:]].sum()
                found.append((total - pairs * mean) / (spread * np.sqrt(max(pairs, 1))))
        return np.array(found)

    def to_json(self) -> str:
        """Return a text that `from_json` takes."""
        steps = np.round(self.log_odds * _SCALE).astype(np.int32).ravel()
        return packed(unsigned(steps))

    @classmethod
    def from_json(cls, text: str) -> ResiduePairs:
        """Read a result of `to_json`; raises ValueError or TypeError if ``text`` is none."""
        stored = unpacked(text, DISTANCES * _N**2)
        return cls(signed(stored).reshape(_SHAPE) / _SCALE)


def composition(sequence: str) -> float:
    """Return how far the residues of a sequence differ from those of Swiss-Prot, in bits.

    It is the relative entropy of their frequencies. As many residues of Swiss-Prot as there are
    kinds are added, so that short sequences do not differ by chance.
    """
    counts = np.bincount(codes_of(sequence), minlength=_N + 1)[:_N]
    share = (counts + _N * _BACKGROUND) / (counts.sum() + _N)
    return float((share * np.log2(share / _BACKGROUND)).sum())
