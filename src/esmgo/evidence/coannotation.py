"""What a protein's terms of other aspects say of a term: which terms come together.

Who is a kinase takes part in phosphorylation. Of the training proteins alike some were looked
at in one aspect only, so what they vote for there says something of the other aspects, too.
Nothing here knows where scores come from.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from esmgo.evidence.votes import Annotated
from esmgo.go.labels import LabelSpace, aspect_of_column
from esmgo.go.sparse import take

COMMON = 0.05
"""Part of the proteins above which a term says too little of others to be listened to."""

POWER = 3
"""Of the bits that having a term tells: by far more do rare terms weigh than others."""

LEAST = 2
"""Proteins that must have both terms; also added to those that have the first alone."""

QUIET = 0.05
"""Scores, and parts of proteins, that are not worth the time; what is above it weighs."""

DOUBT = 30.0
"""Weight of saying nothing: one term, barely heard, tells hardly more than none."""


class Coannotation:
    """Which terms the proteins with a term have in other aspects.

    Parameters
    ----------
    known : Annotated
        M proteins.
    labels : LabelSpace
        T terms.
    """

    def __init__(self, known: Annotated, labels: LabelSpace) -> None:
        self._known, n, m = known, len(labels), len(known.indptr) - 1
        self._aspect = aspect_of_column(labels)
        counts = np.bincount(known.indices, minlength=n)
        is_heard = (counts >= LEAST) & (counts <= COMMON * m) & (self._aspect >= 0)
        bits = np.log2(max(m, 1) / np.maximum(counts, 1))
        self._weight = np.where(is_heard, bits**POWER, 0)
        holder = np.repeat(np.arange(m), np.diff(known.indptr))
        self._holders = holder[np.argsort(known.indices, kind="stable")]
        self._ends = np.concatenate([[0], np.cumsum(counts)])
        self._any = np.zeros((m, len(labels.aspects) + 1), bool)
        self._any[holder, self._aspect[known.indices]] = True  # roots go to the last column
        self._found: dict[int, tuple[NDArray[np.int32], NDArray[np.float64]]] = {}

    def _with(self, term: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return terms of other aspects, and which part of the proteins with ``term`` has them.

        Of those that have any of the aspect.
        """
        if term not in self._found:
            rows = self._holders[self._ends[term] : self._ends[term + 1]]
            _, indices = take(self._known.indptr, self._known.indices, rows)
            both = np.bincount(indices, minlength=len(self._aspect))
            at = np.flatnonzero((both >= LEAST) & (self._aspect >= 0))
            at = at[self._aspect[at] != self._aspect[term]]
            part = both[at] / (self._any[rows].sum(axis=0)[self._aspect[at]] + LEAST)
            loud = part > QUIET
            self._found[term] = at[loud].astype(np.int32), part[loud]
        return self._found[term]

    def said(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what a protein's scores say of the terms of other aspects, in [0, 1].

        The mean over its terms of all other aspects, weighted by how probable and how rare they
        are, and of 0, of the part of the proteins with that term that has the one asked about, too.

        Parameters
        ----------
        scores : ndarray, shape=(N, T), dtype=float32
            Probabilities of terms.
        """
        found = np.zeros_like(scores)
        n_aspects = self._any.shape[1]
        for row, into in zip(scores, found, strict=True):
            heard = np.flatnonzero((row > QUIET) & (self._weight > 0))
            if not len(heard):
                continue
            weight = (row[heard] - QUIET) * self._weight[heard]
            terms, parts = zip(*map(self._with, heard.tolist()), strict=True)
            times = np.repeat(weight, list(map(len, terms)))
            said = np.bincount(
                np.concatenate(terms), np.concatenate(parts) * times, scores.shape[1]
            )
            by_aspect = np.bincount(self._aspect[heard], weight, n_aspects)
            into[:] = said / (DOUBT + by_aspect.sum() - by_aspect)[self._aspect]
        return found
