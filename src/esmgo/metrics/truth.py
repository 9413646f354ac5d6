"""The true terms of a benchmark's proteins, and the annotations that do not count."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from esmgo.errors import brief
from esmgo.go.labels import LabelSpace
from esmgo.go.sparse import SparseRows


@dataclass(frozen=True, slots=True)
class Truth:
    """Closed annotations of N proteins over a label space.

    Parameters
    ----------
    proteins : tuple of str
        Ids of the N proteins.
    terms : SparseRows
        Columns of ``labels``, closed (`SparseRows.closed`).
    labels : LabelSpace
        The T columns.
    known : SparseRows, optional
        Earlier annotations, closed: these cells count neither as true nor as called
        (CAFA's partial-knowledge targets).
    """

    proteins: tuple[str, ...]
    terms: SparseRows
    labels: LabelSpace
    known: SparseRows | None = None

    __repr__ = brief

    def __len__(self) -> int:
        return len(self.proteins)

    def over(self, labels: LabelSpace) -> Truth:
        """Return the same annotations over a label space that holds all their terms."""
        if labels is self.labels:
            return self
        column = np.array([labels.column[term.id] for term in self.labels.terms], np.int32)
        known = self.known and self.known.renamed(column)
        return replace(self, terms=self.terms.renamed(column), labels=labels, known=known)
