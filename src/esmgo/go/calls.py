"""Called terms of proteins, sparse: what every file of calls is written from.

Nothing here knows why a term was called, or how it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esmgo.go.labels import LabelSpace


@dataclass(frozen=True, slots=True)
class Calls:
    """The called terms of a block of N proteins, M calls in all.

    Parameters
    ----------
    proteins : tuple of str
        Ids, as they were read.
    lengths : ndarray, shape=(N,), dtype=int64
        Residues.
    n_windows : ndarray, shape=(N,), dtype=int64
        Overlapping windows that each protein was scored in.
    similarity : ndarray, shape=(N,), dtype=float32
        To the nearest training protein, as the cosine of embeddings; NaN where not known.
    n_abstained : ndarray, shape=(N,), dtype=uint8
        Aspects in which no call was certain enough.
    indptr : ndarray, shape=(N + 1,), dtype=int64
        The calls of protein ``i`` stand in ``indptr[i]:indptr[i + 1]``, best first.
    columns : ndarray, shape=(M,), dtype=int32
        The called terms, as columns of a label space.
    scores : ndarray, shape=(M,), dtype=float32
        In [0, 1].
    precision : ndarray, shape=(M,), dtype=float32
        The calibrated probability that such a call is right; NaN where not known.
    sources : ndarray, shape=(M,), dtype=uint8
        Flags of what speaks for the call.
    """

    proteins: tuple[str, ...]
    lengths: NDArray[np.int64]
    n_windows: NDArray[np.int64]
    similarity: NDArray[np.float32]
    n_abstained: NDArray[np.uint8]
    indptr: NDArray[np.int64]
    columns: NDArray[np.int32]
    scores: NDArray[np.float32]
    precision: NDArray[np.float32]
    sources: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.proteins)

    def row(self, i: int) -> slice:
        """Return where the calls of protein ``i`` stand."""
        return slice(int(self.indptr[i]), int(self.indptr[i + 1]))

    @classmethod
    def gather(cls, proteins: Sequence[str], rows: Sequence[tuple[Calls, int]]) -> Calls:
        """Give each of ``proteins`` what a row of another block holds."""
        slices = [(block, block.row(i)) for block, i in rows]
        ends = np.cumsum([0, *(each.stop - each.start for _, each in slices)], dtype=np.int64)
        of_protein = {
            name: np.array([getattr(block, name)[i] for block, i in rows], dtype)
            for name, dtype in _OF_PROTEIN.items()
        }
        of_call = {
            name: np.concatenate(
                [np.empty(0, dtype), *(getattr(block, name)[at] for block, at in slices)]
            )
            for name, dtype in _OF_CALL.items()
        }
        return cls(tuple(proteins), indptr=ends, **of_protein, **of_call)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return all but the ids, by name."""
        return {name: getattr(self, name) for name in (*_OF_PROTEIN, "indptr", *_OF_CALL)}

    def is_sound(self, n_terms: int) -> bool:
        """Whether types and shapes are as told above, and all columns are there."""
        n, m = len(self), len(self.columns)
        lengths = dict.fromkeys(_OF_PROTEIN, n) | dict.fromkeys(_OF_CALL, m) | {"indptr": n + 1}
        dtypes = {**_OF_PROTEIN, **_OF_CALL, "indptr": np.int64}
        for name, array in self.arrays().items():
            if array.shape != (lengths[name],) or array.dtype != dtypes[name]:
                return False
        is_rows = self.indptr[0] == 0 and self.indptr[-1] == m and (np.diff(self.indptr) >= 0).all()
        return bool(is_rows and ((self.columns >= 0) & (self.columns < n_terms)).all())


_OF_PROTEIN: dict[str, type[np.generic]] = {
    "lengths": np.int64, "n_windows": np.int64, "similarity": np.float32, "n_abstained": np.uint8,
}  # fmt: skip
_OF_CALL: dict[str, type[np.generic]] = {
    "columns": np.int32, "scores": np.float32, "precision": np.float32, "sources": np.uint8,
}  # fmt: skip


class Ancestry(dict[int, frozenset[int]]):
    """The columns of all ancestors of each column, found when first asked for."""

    def __init__(self, labels: LabelSpace) -> None:
        super().__init__()
        self._labels = labels

    def __missing__(self, column: int) -> frozenset[int]:
        found = self[column] = self._labels.ancestors(column)
        return found


def most_specific(columns: Sequence[int], above: Ancestry) -> list[int]:
    """Return those of ``columns`` that are no ancestor of another, in their order.

    Examples
    --------
    >>> from esmgo.go.terms import Term
    >>> three = tuple(Term(f"GO:000000{i}", "", None) for i in (1, 2, 3))
    >>> most_specific([0, 1], Ancestry(LabelSpace(three, ((), (0,), (1,)))))
    [1]
    """
    general = frozenset[int]().union(*(above[column] for column in columns))
    return [column for column in columns if column not in general]
