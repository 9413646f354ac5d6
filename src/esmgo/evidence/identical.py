"""Training proteins with the same sequence as a protein, and what is annotated there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import brief, printable
from esmgo.evidence.index import Index
from esmgo.go.calls import Ancestry, leaves
from esmgo.go.labels import LabelSpace


@dataclass(frozen=True, slots=True)
class Match:
    """A training protein with the same sequence.

    Parameters
    ----------
    id : str
        As in the index.
    columns : ndarray, shape=(k,), dtype=int64
        Its annotations, closed.
    leaves : ndarray, shape=(l,), dtype=int64
        The most specific of them, rarest first.
    """

    id: str
    columns: NDArray[np.intp]
    leaves: NDArray[np.intp]

    __repr__ = brief

    def __str__(self) -> str:
        return f"The same sequence as the training protein {printable(self.id, 60)}"


def matches(index: Index, sequence: str, labels: LabelSpace) -> tuple[Match, ...]:
    """Return the training proteins with the same sequence, in the order of the index.

    An index without sequences has none. ``labels`` are the terms of the index.
    """
    if index.sequences is None:
        return ()
    rows = index.sequences.equal_to(sequence)
    if not len(rows):
        return ()
    counts = index.terms.frequency(len(labels))
    return tuple(_match(index, int(row), labels, counts) for row in rows)


def _match(index: Index, row: int, labels: LabelSpace, counts: NDArray[np.integer]) -> Match:
    columns = index.terms.row(row).astype(np.intp)
    specific = np.array(leaves(columns.tolist(), Ancestry(labels)), np.intp)
    rarest = np.lexsort((specific, -labels.depth[specific], counts[specific]))
    return Match(index.ids[row], columns, specific[rarest])
