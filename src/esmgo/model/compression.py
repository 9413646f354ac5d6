"""Integers, weights and vectors in few bytes, for files that travel with the program."""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from esmgo.go.sparse import SparseRows

MOST = 0.99
"""Fraction of the variance of vectors to keep, at least."""

_STEPS = 7
"""Steps on either side of zero; the 15 values fit in four bits."""


def deflated(values: NDArray[np.int32]) -> bytes:
    """Compress integers from 0, shape=(n,), most of which are small.

    The high bytes of all numbers come first. Then come the low bytes: first those of numbers
    without a high byte, which are small, too.
    """
    planes = values.astype("<i4").view(np.uint8).reshape(-1, 4).T
    low, has_high = planes[0], (planes[1] | planes[2] | planes[3]) > 0
    stream = zlib.compressobj(9, strategy=zlib.Z_RLE)  # other repeats are accidental
    found = b""
    for part in (planes[1:].ravel(), low[~has_high], low[has_high]):
        found += stream.compress(part.tobytes()) + stream.flush(zlib.Z_BLOCK)  # a code for each
    return found + stream.flush()


def inflated(data: NDArray[np.uint8], most: int) -> NDArray[np.int32]:
    """Decompress the result of `deflated`, to ``most`` bytes at most.

    Raises ValueError or zlib.error if ``data`` is damaged, or if the integers need more.
    """
    stream = zlib.decompressobj()
    plain = stream.decompress(data.data, max(most, 1))  # 0 is no limit
    if not stream.eof:
        raise ValueError(f"cut short, or more than {most:,} bytes")
    *high, stored = np.frombuffer(plain, np.uint8).reshape(4, -1)
    is_high = high[0] | high[1] | high[2]
    at_low, at_high = np.flatnonzero(is_high == 0), np.flatnonzero(is_high)
    low = np.empty_like(stored)  # positions are several times as fast as masks
    low[at_low], low[at_high] = stored[: len(at_low)], stored[len(at_low) :]
    values = low.astype(np.int32)
    for place, plane in enumerate(high, 1):
        if plane.any():
            values |= plane.astype(np.int32) << 8 * place
    return values


def deflated_lists(lists: SparseRows) -> tuple[bytes, bytes]:
    """Compress lists of ascending integers from 0: their lengths and steps.

    A step is the difference to the number before. Steps of lists of similar length, which are
    of similar size, are stored together.
    """
    steps = np.diff(lists.indices, prepend=np.int32(0))
    starts = lists.indptr[:-1][lists.counts > 0]
    steps[starts] = lists.indices[starts]
    return deflated(lists.counts.astype(np.int32)), deflated(steps[_by_length(lists.counts)])


def inflated_lists(lengths: NDArray[np.uint8], steps: NDArray[np.uint8], most: int) -> SparseRows:
    """Decompress the result of `deflated_lists`, each part to ``most`` bytes at most.

    Raises ValueError or zlib.error if lengths or steps are damaged, or if a part needs more.
    """
    counts = inflated(lengths, most)
    found = inflated(steps, most)
    lists = SparseRows.of(counts, np.empty_like(found))
    if (counts < 0).any() or lists.indptr[-1] != len(found):
        raise ValueError("lists and their lengths do not fit together")
    values = lists.indices
    values[_by_length(counts)] = found
    np.cumsum(values, dtype=np.int32, out=values)  # differences are right even if it overflows
    before = np.concatenate([np.zeros(1, np.int32), values])[lists.indptr[:-1]]
    values -= np.repeat(before, counts)
    return lists


def _by_length(counts: NDArray[np.integer]) -> NDArray[np.intp]:
    """Return an order of all entries by the bits of their list's length, first entries apart."""
    kind = np.repeat(2 * np.frexp(counts)[1].astype(np.int8), counts)
    kind[(np.cumsum(counts) - counts)[counts > 0]] += 1
    return np.argsort(kind, kind="stable")


def in_bytes(rows: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return rows of numbers as integers of -127 to 127, and the scale of each row."""
    steps, scales = _in_steps(rows, 127)
    return steps.astype(np.int8), scales


def _in_steps(rows: NDArray[Any], n_steps: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return integers of at most ``n_steps`` to either side of zero, and the scale of each row."""
    scales = np.abs(rows).max(axis=1, initial=0) / n_steps
    return np.rint(rows / np.where(scales > 0, scales, 1)[:, None]), scales


class Coarse(NamedTuple):
    """M vectors as their first d principal components, each in four bits.

    Parameters
    ----------
    steps : ndarray, shape=(M, (d + 1) // 2), dtype=uint8
        Two components in a byte, the first in its high half. A component is an integer of -7 to
        7, stored with 7 added.
    scales : ndarray, shape=(M,), dtype=float32
        The factor of each vector's integers.
    axes : ndarray, shape=(d, D), dtype=float32
        Principal axes, each as long as the standard deviation along it.
    centre : ndarray, shape=(D,), dtype=float32
        The mean of the vectors.
    """

    steps: NDArray[np.uint8]
    scales: NDArray[np.float32]
    axes: NDArray[np.float32]
    centre: NDArray[np.float32]

    @classmethod
    def of(cls, vectors: NDArray[np.floating]) -> Coarse:
        """Compress vectors, shape=(M, D); the axes keep 99 % of their variance."""
        wide: NDArray[Any] = vectors.astype(np.float64)
        centre = wide.mean(axis=0) if len(wide) else np.zeros(wide.shape[1])
        wide -= centre
        variance, axes = np.linalg.eigh(wide.T @ wide / max(len(wide), 1))
        variance, axes = variance[::-1].clip(0), axes[:, ::-1]
        kept = np.cumsum(variance)
        d = int((kept < MOST * kept[-1]).sum()) + 1 if kept[-1] > 0 else 0
        spread, axes = np.sqrt(variance[:d]), axes[:, :d]
        along = wide @ axes / spread
        steps, scales = _in_steps(along, _STEPS)
        halves: NDArray[Any] = np.pad((steps + _STEPS).astype(np.uint8), [(0, 0), (0, d % 2)])
        packed = halves[:, ::2] << 4 | halves[:, 1::2]
        rest = scales, spread[:, None] * axes.T, centre
        return cls(packed, *(each.astype(np.float32) for each in rest))

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of the vectors.

        Raises ValueError if the arrays do not fit together.
        """
        (n, halves), (d, width) = self.steps.shape, self.axes.shape
        if (halves, self.scales.shape, self.centre.shape) != ((d + 1) // 2, (n,), (width,)):
            raise ValueError("steps, scales and axes do not fit together")
        return n, width

    def vectors(self) -> NDArray[np.float32]:
        """Return the approximate vectors; shape=(M, D).

        Raises ValueError if the arrays do not fit together.
        """
        n, _ = self.shape
        halves, d = self.steps.shape[1], len(self.axes)
        steps = np.stack([self.steps >> 4, self.steps & 15], axis=2).reshape(n, 2 * halves)[:, :d]
        along: NDArray[np.float32] = (steps.astype(np.float32) - _STEPS) * self.scales[:, None]
        found: NDArray[np.float32] = along @ self.axes
        found += self.centre
        return found
