"""Which proteins share k-mers with a protein: how alike sequences are, without aligning them.

A protein is the set of its spaced k-mers over a reduced alphabet, the rare ones weighing more,
of two shapes, and two proteins are as alike as the cosine between such sets. Compared with all of
tens of thousands of proteins in milliseconds, by lists of who has which k-mer. Sequences are not
kept.

References
----------
Leslie, Eskin & Noble, The spectrum kernel, Pacific Symposium on Biocomputing 7:564 (2002).
Ma, Tromp & Li, PatternHunter (spaced seeds), Bioinformatics 18:440 (2002).
Murphy, Wallqvist & Levy (reduced alphabets), Protein Engineering 13:149 (2000).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esmgo.data.fasta import Protein
from esmgo.evidence.votes import Votes
from esmgo.go.sparse import take

SHAPES = "1110111", "11011011"
"""Residues of a k-mer that count, by kind: six of seven in a row, or of eight."""

GROUPS = ("A", "C", "DE", "FY", "G", "H", "ILMV", "KR", "N", "P", "Q", "ST", "W")
"""Residues that are taken for the same; other letters are in no k-mer."""

POWER = 1.5
"""Of the inverse document frequency: by far more do rare k-mers weigh than others."""

NEAREST = 50
"""Proteins that a protein's k-mers are looked for in, to tell which are conserved."""

_OTHER = 255
_GROUP = np.full(256, _OTHER, np.uint8)
for _number, _letters in enumerate(GROUPS):
    _GROUP[list(_letters.encode())] = _number


def kmers_of(sequence: str) -> NDArray[np.int32]:
    """Return the distinct k-mers of a sequence as numbers, ascending; shape=(k,)."""
    groups = _GROUP[np.frombuffer(sequence.encode("ascii", "replace"), np.uint8)]
    found = []
    for kind, shape in enumerate(SHAPES):
        n = max(len(groups) - len(shape) + 1, 0)
        key, is_known = np.full(n, kind, np.int32), np.ones(n, bool)
        for offset in (i for i, counts in enumerate(shape) if counts == "1"):
            part = groups[offset : offset + n]
            key = key * len(GROUPS) + part
            is_known &= part != _OTHER
        found.append(np.unique(key[is_known]))
    return np.concatenate(found)


@dataclass(frozen=True)
class Kmers:
    """Which of M proteins have which of K k-mers, H times in all.

    Parameters
    ----------
    n_proteins : int
        M.
    keys : ndarray, shape=(K,), dtype=int32
        The k-mers that any of them has, ascending.
    indptr : ndarray, shape=(K + 1,), dtype=int64
        Where the holders of each k-mer begin.
    holders : ndarray, shape=(H,), dtype=int32
        Which proteins have it, ascending.
    """

    n_proteins: int
    keys: NDArray[np.int32]
    indptr: NDArray[np.int64]
    holders: NDArray[np.int32]

    @classmethod
    def of(
        cls,
        sequences: Sequence[str],
        most: int | None = None,
        *,
        n_trained: int | None = None,
        step: Callable[[], object] = lambda: None,
    ) -> Kmers:
        """Gather the k-mers of proteins.

        Parameters
        ----------
        sequences : sequence of str
            M of them.
        most : int, optional
            K-mers to keep of a protein at most, on average: those that most of the proteins
            alike have, too, so what is conserved in families. All when left out.
        n_trained : int, optional
            The proteins behind the first so many are to be looked up themselves. They have no
            part in what is kept of the first, and none of them decides alone about another.
        step : callable
            Called M times meanwhile.
        """
        rows = list(map(kmers_of, sequences))
        sizes = np.array([len(row) for row in rows], np.int64)
        key = np.concatenate([*rows, np.zeros(0, np.int32)])
        holder = np.repeat(np.arange(len(rows), dtype=np.int32), sizes)
        order = np.argsort(key, kind="stable")
        key = key[order]
        starts = np.flatnonzero(np.diff(key, prepend=np.int32(-1)))
        indptr = np.append(starts, len(key)).astype(np.int64)
        whole = cls(len(rows), key[starts], indptr, holder[order])
        if most is None or len(key) <= most * len(rows):
            return whole
        support = np.zeros(len(key), np.uint8)
        for i, end in enumerate(np.cumsum(sizes)):
            is_trained = n_trained is None or i < n_trained
            others = n_trained if is_trained else None
            found = whole._support(i, rows[i], others)
            support[end - sizes[i] : end] = found if is_trained else np.maximum(found - 1, 0)
            step()
        return whole._kept(support[order], most * len(rows))

    def _support(self, i: int, row: NDArray[np.int32], among: int | None) -> NDArray[np.intp]:
        """Return how many of the proteins most like protein ``i`` have each of its k-mers."""
        at = np.searchsorted(self.keys, row)
        ends, holders = take(self.indptr, self.holders, at)
        cosine = self._cosine(at, ends, holders)
        cosine[i] = 0
        if among is not None:
            cosine[among:] = 0
        near = np.zeros(self.n_proteins, bool)
        near[best(cosine, NEAREST)] = True
        which = np.repeat(np.arange(len(at)), np.diff(ends))
        return np.bincount(which[near[holders]], minlength=len(at))

    def _kept(self, support: NDArray[np.uint8], room: int) -> Kmers:
        """Return those of the highest support that there is room for, of the last ones a part."""
        from_above = np.cumsum(np.bincount(support, minlength=NEAREST + 2)[::-1])
        least = len(from_above) - int(np.searchsorted(from_above, room, side="right"))
        is_kept = support >= least
        if least > 0:  # of those next below, k-mers by chance, each with all that hold it so
            is_next = support == least - 1
            left = (room - is_kept.sum()) / is_next.sum()
            is_kept |= is_next & (_scattered(self.keys) < left)[self._listed]
        counts = np.add.reduceat(is_kept, self.indptr[:-1], dtype=np.int64)
        has_any = counts > 0
        keys = self.keys[has_any]
        return Kmers(self.n_proteins, keys, _ends(counts[has_any]), self.holders[is_kept])

    @property
    def _listed(self) -> NDArray[np.intp]:
        """Which k-mer each of the holders is listed under; shape=(H,)."""
        return np.repeat(np.arange(len(self.keys)), np.diff(self.indptr))

    @cached_property
    def _rarity(self) -> NDArray[np.float64]:
        """What each k-mer weighs: inverse document frequency, to a power; shape=(K,)."""
        found: NDArray[np.float64] = np.log((self.n_proteins + 1) / np.diff(self.indptr)) ** POWER
        return found

    @cached_property
    def _length(self) -> NDArray[np.float64]:
        """Root of the sum of squares of each protein's weights; shape=(M,)."""
        weights = np.repeat(self._rarity**2, np.diff(self.indptr))
        return np.sqrt(np.bincount(self.holders, weights, self.n_proteins))

    def cosine(self, sequence: str) -> NDArray[np.float64]:
        """Return how alike each protein is, in [0, 1]; shape=(M,).

        Of the sequence only the k-mers count that some protein has.
        """
        row = kmers_of(sequence)
        at = np.searchsorted(self.keys, row)
        at = at[self.keys[np.minimum(at, len(self.keys) - 1)] == row] if len(self.keys) else at[:0]
        return self._cosine(at, *take(self.indptr, self.holders, at))

    def tour(self, step: Callable[[], object] = lambda: None) -> NDArray[np.intp]:
        """Return all proteins, each followed by the one most like it that is left; shape=(M,).

        Without any left that shares a k-mer the first one left is next. ``step`` is called M times.
        """
        key = self._listed[np.argsort(self.holders, kind="stable")]  # by protein, then ascending
        ends = _ends(np.bincount(self.holders, minlength=self.n_proteins))
        found = np.empty(self.n_proteins, np.intp)
        is_left = np.ones(self.n_proteins, bool)
        here = first = 0
        for i in range(self.n_proteins):
            found[i], is_left[here] = here, False
            at = key[ends[here] : ends[here + 1]]
            cosine = self._cosine(at, *take(self.indptr, self.holders, at)) * is_left
            here = int(cosine.argmax())
            if cosine[here] <= 0 and i + 1 < self.n_proteins:
                first += int(is_left[first:].argmax())
                here = first
            step()
        return found

    def reordered(self, order: NDArray[np.intp]) -> Kmers:
        """Return the same of proteins in another order; ``order`` holds each once, shape=(M,)."""
        place = np.empty(self.n_proteins, np.int32)
        place[order] = np.arange(self.n_proteins, dtype=np.int32)
        holders = place[self.holders]
        return replace(self, holders=holders[np.lexsort((holders, self._listed))])

    def _cosine(
        self, at: NDArray[np.intp], ends: NDArray[np.int64], holders: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        squares = self._rarity[at] ** 2
        weights = np.repeat(squares, np.diff(ends))
        shared = np.bincount(holders, weights, self.n_proteins).astype(np.float64)
        whole = np.sqrt(squares.sum()) * self._length
        found: NDArray[np.float64] = np.zeros_like(shared)
        np.divide(shared, whole, out=found, where=whole > 0)
        return np.minimum(found, 1, out=found)


def best(values: NDArray[np.float64], most: int) -> NDArray[np.intp]:
    """Return the places of the highest values above 0, highest first, then in order."""
    at = np.flatnonzero(values)
    if len(at) > most:
        least = np.partition(values[at], -most)[-most]
        at = at[values[at] >= least]
    return at[np.argsort(-values[at], kind="stable")][:most]


def _scattered(keys: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return a number in [0, 1) for each k-mer, always the same: a multiplicative hash."""
    return ((keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)) / 2.0**24


def _ends(counts: NDArray[Any]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


MOST_SHARING = 100
"""Training proteins that vote by the k-mers that they share with a protein, at most."""


def _sharing(
    kmers: Kmers, proteins: Sequence[Protein], own: NDArray[np.intp] | None
) -> tuple[Votes, NDArray[np.float32]]:
    """Let training proteins vote by k-mers; return the cosine to the first, too, shape=(N,).

    Each votes with the square of the cosine: a relative outweighs a hundred strangers.
    """
    voters, weights = [], []
    shared = np.zeros(len(proteins), np.float32)
    for i, protein in enumerate(proteins):
        cosine = kmers.cosine(protein.sequence)
        if own is not None:
            cosine[own[i]] = 0
        at = best(cosine, MOST_SHARING)
        voters.append(at)
        weights.append(cosine[at] ** 2)
        shared[i] = cosine[at[0]] if len(at) else 0
    query = np.repeat(np.arange(len(proteins)), list(map(len, voters)))
    voter, weight = np.concatenate(voters), np.concatenate(weights)
    total = np.bincount(query, weight, len(proteins)).astype(np.float64)
    return Votes(query, voter, weight, total), shared
