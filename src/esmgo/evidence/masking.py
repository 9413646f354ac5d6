"""Segments of low complexity, which align well with unrelated proteins.

A segment of few kinds of residues, such as a run of one residue, gets a high score with every
similar segment, without a common ancestor. Residues that are masked do not add to a score.

References
----------
Wootton and Federhen, Computers & Chemistry 17:149 (1993): SEG, here with the settings of BLAST.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_WINDOW = 12
_LOW, _HIGH = 2.2, 2.5
"""Bits of entropy: a segment consists of windows up to the second, and has one up to the first."""

_MOST_TRIMMED = 100
"""Residues by which a segment is shortened at most."""


def masked(sequence: str) -> str:
    """Replace the residues in segments of low complexity by X.

    Examples
    --------
    >>> masked("MKTAYIAKQRQISFVKSHF" + "Q" * 20 + "DETLGPWCNRMVHAIKSDYF")
    'MKTAYIAKQRQISFVKSHFXXXXXXXXXXXXXXXXXXXXDETLGPWCNRMVHAIKSDYF'
    """
    codes = np.frombuffer(sequence.encode("ascii", "replace"), np.uint8)
    kinds = np.unique(codes)
    counts = np.zeros((len(codes) + 1, len(kinds)), np.int32)
    np.cumsum(codes[:, None] == kinds, axis=0, out=counts[1:])
    found = bytearray(codes)
    for start, end in _segments(counts, _entropy(counts), 0, len(codes)):
        found[start:end] = b"X" * (end - start)
    return found.decode()


def _entropy(counts: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the entropy of the residues in each window, in bits, by its first residue."""
    share = np.arange(1, _WINDOW + 1) / _WINDOW
    bits = np.append(0, -share * np.log2(share))
    found: NDArray[np.float64] = bits[counts[_WINDOW:] - counts[:-_WINDOW]].sum(axis=1)
    return found


def _segments(
    counts: NDArray[np.int32], entropy: NDArray[np.float64], start: int, end: int
) -> Iterator[tuple[int, int]]:
    """Yield the segments of low complexity between two positions.

    What trimming cuts off from a segment is searched again.
    """
    inside = entropy[start : max(end - _WINDOW + 1, start)]
    is_low = np.diff(inside <= _HIGH, prepend=False, append=False)
    for first, last in start + np.flatnonzero(is_low).reshape(-1, 2):
        if entropy[first:last].min() <= _LOW:
            left, right = first, last + _WINDOW - 1
            trimmed = _trimmed(counts, left, right)
            yield trimmed
            yield from _segments(counts, entropy, left, trimmed[0])
            yield from _segments(counts, entropy, trimmed[1], right)


def _trimmed(counts: NDArray[np.int32], start: int, end: int) -> tuple[int, int]:
    """Return the part of a segment whose composition is least probable; of equals the longest.

    Probable is a composition that many sequences have, whichever residues have which counts.
    """
    size = end - start
    cut = np.arange(min(_MOST_TRIMMED, size - 1) + 1)
    total = np.repeat(cut, cut + 1)  # residues cut off: none, then one on either side, and so on
    left = np.arange(len(total)) - total * (total + 1) // 2
    starts, lengths = start + left, size - total
    log_factorial = np.append(0, np.cumsum(np.log(np.arange(1, size + 21))))
    part = np.sort(counts[starts + lengths] - counts[starts], axis=1)
    part = np.pad(part, ((0, 0), (max(20 - part.shape[1], 0), 0)))
    place = np.arange(part.shape[1])
    is_new = np.diff(part, axis=1, prepend=-1) > 0
    in_run = place - np.maximum.accumulate(np.where(is_new, place, 0), axis=1) + 1
    n_orders = log_factorial[lengths] - log_factorial[part].sum(axis=1)
    n_choices = -np.log(in_run).sum(axis=1)
    best = int((n_orders + n_choices - lengths * np.log(20)).argmin())
    return int(starts[best]), int(starts[best] + lengths[best])
