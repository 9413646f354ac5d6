"""What the proteins of a benchmark really have, and what is left out of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from esmgo.go.labels import LabelSpace


@dataclass(frozen=True, slots=True)
class Truth:
    """Closed annotations of N proteins, as sparse rows over a label space.

    Parameters
    ----------
    proteins : tuple of str
        Ids of the N proteins.
    indptr : ndarray, shape=(N + 1,), dtype=int64
        Row ``i`` is ``indices[indptr[i]:indptr[i + 1]]``.
    indices : ndarray, dtype=int32
        Columns of ``labels``, each once in a row; closed (see `close_rows`).
    labels : LabelSpace
        The T columns.
    known : tuple of ndarray, optional
        ``indptr`` and ``indices`` of annotations known beforehand, closed: these cells
        count neither as true nor as called (CAFA's partial-knowledge targets).
    """

    proteins: tuple[str, ...]
    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    labels: LabelSpace
    known: tuple[NDArray[np.int64], NDArray[np.int32]] | None = field(default=None)

    def __len__(self) -> int:
        return len(self.proteins)

    def over(self, labels: LabelSpace) -> Truth:
        """Return the same annotations over a label space that holds all their terms."""
        if labels is self.labels:
            return self
        column = np.array([labels.column[term.id] for term in self.labels.terms], np.int32)
        known = self.known and (self.known[0], column[self.known[1]])
        return replace(self, indices=column[self.indices], labels=labels, known=known)
