"""Proteins that share k-mers with a protein: similarity of sequences without an alignment.

A protein is represented by the set of its spaced k-mers of two shapes over a reduced alphabet.
Rare k-mers weigh more. The similarity of two proteins is the cosine between their sets. Lists of
the proteins with each k-mer allow a comparison with tens of thousands of proteins in
milliseconds.

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
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import brief
from esmgo.evidence.packed_lists import PackedLists
from esmgo.evidence.votes import Votes
from esmgo.go.sparse import SparseRows

SHAPES = "1110111", "11011011"
"""The residues of a k-mer that count: six of seven in a row, and six of eight."""

GROUPS = ("A", "C", "DE", "FY", "G", "H", "ILMV", "KR", "N", "P", "Q", "ST", "W")
"""Groups of residues that are not distinguished; other letters are in no k-mer."""

POWER = 1.5
"""Weight of a k-mer: its inverse document frequency, to this power, so that rare ones dominate."""

NEAREST = 50
"""Most similar proteins in which a k-mer is searched, to decide whether it is conserved."""

MOST_SHARING = 100
"""Training proteins that vote by the k-mers that they share with a protein, at most."""

NEAR = 32
"""Most similar proteins that are listed for each protein."""

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


class Similar(NamedTuple):
    """The proteins that are most similar to a sequence, most similar first.

    Parameters
    ----------
    protein : ndarray, shape=(n,), dtype=int64
        Their numbers.
    cosine : ndarray, shape=(n,), dtype=float64
        The similarity, in (0, 1].
    """

    protein: NDArray[np.intp]
    cosine: NDArray[np.float64]


@dataclass(frozen=True)
class Kmers:
    """The k-mers of M proteins.

    Parameters
    ----------
    n_proteins : int
        M.
    keys : ndarray, shape=(K,), dtype=int32
        The k-mers that any of them has, ascending.
    holders : SparseRows or PackedLists
        The proteins with each k-mer, ascending; K rows.
    stored_lengths : ndarray, shape=(M,), dtype=float32, optional
        The result of `lengths`, computed when left out.
    near : SparseRows or PackedLists, optional
        For each protein itself and the `NEAR` most similar ones by all k-mers, ascending; M rows.
    """

    n_proteins: int
    keys: NDArray[np.int32]
    holders: SparseRows | PackedLists
    stored_lengths: NDArray[np.float32] | None = None
    near: SparseRows | PackedLists | None = None

    __repr__ = brief

    @classmethod
    def of(
        cls,
        sequences: Sequence[str],
        most: int | None = None,
        *,
        n_trained: int | None = None,
        step: Callable[[], object] = lambda: None,
    ) -> Kmers:
        """Collect the k-mers of proteins.

        Parameters
        ----------
        sequences : sequence of str
            M of them.
        most : int, optional
            K-mers to keep per protein on average. Those that most of the similar proteins
            have, too, are kept: they are conserved in families. All when left out; then the
            most similar proteins are not listed either.
        n_trained : int, optional
            The proteins after the first ``n_trained`` ones will be queries themselves. They do
            not influence which k-mers of the first ones are kept. One supporting protein fewer
            is counted for theirs, so that no single protein decides.
        step : callable
            Called M times, for a progress bar.
        """
        rows = list(map(kmers_of, sequences))
        sizes = np.array([len(row) for row in rows], np.int64)
        key = np.concatenate([*rows, np.zeros(0, np.int32)])
        holder = np.repeat(np.arange(len(rows), dtype=np.int32), sizes)
        order = np.argsort(key, kind="stable")
        key = key[order]
        starts = np.flatnonzero(np.diff(key, prepend=np.int32(-1)))
        indptr = np.append(starts, len(key)).astype(np.int64)
        whole = cls(len(rows), key[starts], SparseRows(indptr, holder[order]))
        if most is None:
            return whole
        support = np.zeros(len(key), np.uint8)
        near = []
        for i, end in enumerate(np.cumsum(sizes)):
            at = np.searchsorted(whole.keys, rows[i])
            lists = whole.holders.take(at)
            cosine = whole._cosine(at, lists)
            cosine[i] = 0
            near.append(np.append(best(cosine, NEAR), i))
            is_trained = n_trained is None or i < n_trained
            if is_trained and n_trained is not None:
                cosine[n_trained:] = 0
            is_near = np.zeros(len(rows), bool)
            is_near[best(cosine, NEAREST)] = True
            found = np.bincount(lists.owner[is_near[lists.indices]], minlength=len(at))
            support[end - sizes[i] : end] = found if is_trained else np.maximum(found - 1, 0)
            step()
        is_small = len(key) <= most * len(rows)
        kept = whole if is_small else whole._kept(support[order], most * len(rows))
        lists = SparseRows.of(list(map(len, near)), np.concatenate(near).astype(np.int32))
        return replace(kept, near=_ascending(lists))

    def _kept(self, support: NDArray[np.uint8], room: int) -> Kmers:
        """Keep ``room`` entries with the highest support; of the last level a pseudorandom part."""
        from_above = np.cumsum(np.bincount(support, minlength=NEAREST + 2)[::-1])
        least = len(from_above) - int(np.searchsorted(from_above, room, side="right"))
        is_kept = support >= least
        if least > 0:  # a part of the k-mers of the next lower level
            is_next = support == least - 1
            left = (room - is_kept.sum()) / is_next.sum()
            is_kept |= is_next & (_scattered(self.keys) < left)[self.lists.owner]
        kept = self.lists.keep(is_kept)
        has_any = kept.counts > 0
        lists = SparseRows.of(kept.counts[has_any], kept.indices)
        return Kmers(self.n_proteins, self.keys[has_any], lists)

    def _weights(self, at: NDArray[np.integer] | slice) -> NDArray[np.float64]:
        """Return the squares of the weights of some k-mers."""
        rarity = np.log((self.n_proteins + 1) / self.holders.counts[at])
        found: NDArray[np.float64] = (rarity**POWER) ** 2
        return found

    @cached_property
    def lists(self) -> SparseRows:
        """The proteins with each k-mer, not packed."""
        return self.holders if isinstance(self.holders, SparseRows) else self.holders.all()

    @cached_property
    def lengths(self) -> NDArray[np.float32]:
        """Root of the sum of squares of the weights of each protein's k-mers; shape=(M,)."""
        if self.stored_lengths is not None:
            return self.stored_lengths
        holders, counts = self.lists.indices, self.holders.counts
        weights = np.repeat(self._weights(slice(None)), counts)
        return np.sqrt(np.bincount(holders, weights, self.n_proteins)).astype(np.float32)

    def cosine(self, sequence: str) -> NDArray[np.float64]:
        """Return the similarity of each protein to a sequence, in [0, 1]; shape=(M,).

        K-mers of the sequence that no protein has are ignored.
        """
        at = self._known(sequence)
        return self._cosine(at, self.holders.take(at))

    def most_similar(self, sequence: str, most: int, own: int = -1) -> Similar:
        """Return the ``most`` proteins that are most similar to a sequence, without ``own``."""
        cosine = self.cosine(sequence)
        if own >= 0:
            cosine[own] = 0
        at = best(cosine, most)
        return Similar(at, cosine[at])

    def _known(self, sequence: str) -> NDArray[np.intp]:
        """Return the positions in `keys` of the k-mers of a sequence that any protein has."""
        row = kmers_of(sequence)
        at = np.searchsorted(self.keys, row)
        return (
            at[self.keys[np.minimum(at, len(self.keys) - 1)] == row] if len(self.keys) else at[:0]
        )

    def tour(self, step: Callable[[], object] = lambda: None) -> NDArray[np.intp]:
        """Return an order in which similar proteins are adjacent; shape=(M,).

        Each protein is followed by the most similar remaining one. If no remaining one shares a
        k-mer, the first remaining one is next. ``step`` is called M times, for a progress bar.
        """
        keys_of = self.lists.transposed(self.n_proteins)
        found = np.empty(self.n_proteins, np.intp)
        is_left = np.ones(self.n_proteins, bool)
        here = first = 0
        for i in range(self.n_proteins):
            found[i], is_left[here] = here, False
            at = keys_of.row(here)
            cosine = self._cosine(at, self.holders.take(at)) * is_left
            here = int(cosine.argmax())
            if cosine[here] <= 0 and i + 1 < self.n_proteins:
                first += int(is_left[first:].argmax())
                here = first
            step()
        return found

    def reordered(self, order: NDArray[np.intp]) -> Kmers:
        """Return the same proteins in another order, shape=(M,); it contains each once."""
        place = np.empty(self.n_proteins, np.int32)
        place[order] = np.arange(self.n_proteins, dtype=np.int32)
        lists = _ascending(SparseRows(self.lists.indptr, place[self.lists.indices]))
        near = self.near and self.near.take(order)
        near = near and _ascending(SparseRows(near.indptr, place[near.indices]))
        return Kmers(self.n_proteins, self.keys, lists, near=near)

    def near_any(self, rows: NDArray[np.integer]) -> NDArray[np.int32]:
        """Return the proteins that `near` lists for any of some proteins, ascending."""
        return np.unique(self.near.take(rows).indices) if self.near else rows.astype(np.int32)

    def _cosine(self, at: NDArray[np.integer], lists: SparseRows) -> NDArray[np.float64]:
        squares = self._weights(at)
        weights = np.repeat(squares, lists.counts)
        shared = np.bincount(lists.indices, weights, self.n_proteins).astype(np.float64)
        whole = np.sqrt(squares.sum()) * self.lengths
        found: NDArray[np.float64] = np.zeros_like(shared)
        np.divide(shared, whole, out=found, where=whole > 0)
        return np.minimum(found, 1, out=found)


def best(values: NDArray[np.float64], most: int) -> NDArray[np.intp]:
    """Return the positions of the highest values above 0, highest first; ties keep their order."""
    at = np.flatnonzero(values)
    if len(at) > most:
        least = np.partition(values[at], -most)[-most]
        at = at[values[at] >= least]
    return at[np.argsort(-values[at], kind="stable")][:most]


def _ascending(lists: SparseRows) -> SparseRows:
    """Return the same rows, each sorted."""
    return SparseRows(lists.indptr, lists.indices[np.lexsort((lists.indices, lists.owner))])


def _scattered(keys: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return a pseudorandom number in [0, 1) for each k-mer: a multiplicative hash."""
    return ((keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)) / 2.0**24


def kmer_votes(found: Sequence[Similar]) -> tuple[Votes, NDArray[np.float32]]:
    """Return the votes of training proteins that share k-mers, and the highest cosine, (N,).

    ``found`` are results of `Kmers.most_similar` for N proteins; at most `MOST_SHARING` of each
    vote. Each votes with the square of the cosine, so that one relative outweighs a hundred
    unrelated proteins.
    """
    found = [Similar(p[:MOST_SHARING], cosine[:MOST_SHARING]) for p, cosine in found]
    query = np.repeat(np.arange(len(found)), [len(one.protein) for one in found])
    voter = np.concatenate([one.protein for one in found])
    weight = np.concatenate([one.cosine for one in found]) ** 2
    total = np.bincount(query, weight, len(found)).astype(np.float64)
    shared = np.array([one.cosine.max(initial=0) for one in found], np.float32)
    return Votes(query, voter, weight, total), shared
