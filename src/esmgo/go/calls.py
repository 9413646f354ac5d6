"""The called terms of proteins. All output formats are written from `Calls`.

Nothing here knows why a term was called or how calls are written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntFlag
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import brief
from esmgo.go.frames import frame
from esmgo.go.labels import LabelSpace
from esmgo.go.sparse import SparseRows


class Purpose(IntFlag):
    """What calls are written to; each purpose has its own conditions for a call."""

    TABLE = 1
    CAFA = 2
    ANNOTATION = 4

    @property
    def word(self) -> str:
        """The name in files."""
        return str(self.name).lower()


ALL_PURPOSES = Purpose.TABLE | Purpose.CAFA | Purpose.ANNOTATION


@dataclass(frozen=True, slots=True)
class Calls:
    """The called terms of a block of N proteins, M calls in all.

    Parameters
    ----------
    proteins : tuple of str
        Ids, as in the input.
    lengths : ndarray, shape=(N,), dtype=int64
        Residues per protein.
    n_windows : ndarray, shape=(N,), dtype=int64
        Overlapping windows per protein.
    similarity : ndarray, shape=(N,), dtype=float32
        Cosine similarity of embeddings to the nearest training protein; NaN without an index.
    novelty : ndarray, shape=(N,), dtype=float32
        How unlike the training proteins each protein is, in [0, 1]; NaN if it is unknown.
    n_abstained : ndarray, shape=(N,), dtype=uint8
        Aspects in which no call was certain enough.
    terms : SparseRows
        The called terms of each protein, best first, as columns of a label space; M in all.
    scores : ndarray, shape=(M,), dtype=float32
        In [0, 1].
    precision : ndarray, shape=(M,), dtype=float32
        Calibrated probability that such a call is right; NaN without a calibration.
    decoy_rate : ndarray, shape=(M,), dtype=float32
        Calls that decoys get for each such call of a protein; NaN without a calibration.
    information : ndarray, shape=(M,), dtype=float32
        Bits of the term; NaN if they are unknown.
    sources : ndarray, shape=(M,), dtype=uint8
        Flags of the sources that support the call.
    purposes : ndarray, shape=(M,), dtype=uint8
        Flags of `Purpose`: the purposes whose conditions the call fulfils, at least one.
    """

    proteins: tuple[str, ...]
    lengths: NDArray[np.int64]
    n_windows: NDArray[np.int64]
    similarity: NDArray[np.float32]
    novelty: NDArray[np.float32]
    n_abstained: NDArray[np.uint8]
    terms: SparseRows
    scores: NDArray[np.float32]
    precision: NDArray[np.float32]
    decoy_rate: NDArray[np.float32]
    information: NDArray[np.float32]
    sources: NDArray[np.uint8]
    purposes: NDArray[np.uint8]

    __repr__ = brief

    def __len__(self) -> int:
        return len(self.proteins)

    def row(self, i: int) -> slice:
        """Return the slice of protein ``i`` in the arrays of M calls."""
        return slice(int(self.terms.indptr[i]), int(self.terms.indptr[i + 1]))

    def of(self, purpose: Purpose) -> Calls:
        """Return the calls for any of some purposes, of the same proteins."""
        is_kept = self.purposes & np.uint8(purpose) != 0
        if is_kept.all():
            return self
        found = {name: getattr(self, name)[is_kept] for name in _OF_CALL if name != "columns"}
        return replace(self, terms=self.terms.keep(is_kept), **found)

    def to_pandas(self, labels: LabelSpace) -> Any:
        """Return a data frame with a row per call, best first; ``labels`` are those of `terms`.

        The columns are ``protein``, ``term``, ``name``, ``aspect``, ``score``, ``precision`` and
        ``decoy_rate``, which are NaN without a calibration, and ``information``. See `frame` for
        the error.
        """
        called = [labels.terms[j] for j in self.terms.indices]
        return frame(
            {
                "protein": [self.proteins[i] for i in self.terms.owner],
                "term": [term.id for term in called],
                "name": [term.name for term in called],
                "aspect": [term.aspect.name if term.aspect else "" for term in called],
                "score": self.scores,
                "precision": self.precision,
                "decoy_rate": self.decoy_rate,
                "information": self.information,
            }
        )

    @classmethod
    def gather(cls, proteins: Sequence[str], rows: Sequence[tuple[Calls, int]]) -> Calls:
        """Build a block; ``rows`` gives the block and the row to copy for each protein."""
        slices = [(block, block.row(i)) for block, i in rows]
        held = {id(block): block.arrays() for block, _ in rows}  # a few blocks, many rows
        arrays = [(held[id(block)], at) for block, at in slices]
        of_protein = {
            name: np.array([getattr(block, name)[i] for block, i in rows], dtype)
            for name, dtype in _OF_PROTEIN.items()
        }
        of_call = {
            name: np.concatenate([np.empty(0, dtype), *(block[name][at] for block, at in arrays)])
            for name, dtype in _OF_CALL.items()
        }
        counts = [at.stop - at.start for _, at in slices]
        terms = SparseRows.of(counts, of_call.pop("columns"))
        return cls(tuple(proteins), terms=terms, **of_protein, **of_call)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all arrays by name, for `from_arrays`."""
        names = (*_OF_PROTEIN, *(name for name in _OF_CALL if name != "columns"))
        terms = {"indptr": self.terms.indptr, "columns": self.terms.indices}
        return {**terms, **{name: getattr(self, name) for name in names}}

    @classmethod
    def from_arrays(cls, proteins: Sequence[str], arrays: Mapping[str, NDArray[Any]]) -> Calls:
        """Restore calls from `arrays`, unchecked; see `is_sound`."""
        others = dict(arrays)
        terms = SparseRows(others.pop("indptr"), others.pop("columns"))
        return cls(tuple(proteins), terms=terms, **others)

    def is_sound(self, n_terms: int) -> bool:
        """Whether types and shapes are as documented and all columns exist."""
        n, m = len(self), len(self.terms.indices)
        lengths = dict.fromkeys(_OF_PROTEIN, n) | dict.fromkeys(_OF_CALL, m) | {"indptr": n + 1}
        dtypes = {**_OF_PROTEIN, **_OF_CALL, "indptr": np.int64}
        for name, array in self.arrays().items():
            if array.shape != (lengths[name],) or array.dtype != dtypes[name]:
                return False
        return self.terms.is_valid(n_terms)


_OF_PROTEIN: dict[str, type[np.generic]] = {
    "lengths": np.int64, "n_windows": np.int64, "similarity": np.float32, "novelty": np.float32,
    "n_abstained": np.uint8,
}  # fmt: skip
_OF_CALL: dict[str, type[np.generic]] = {
    "columns": np.int32, "scores": np.float32, "precision": np.float32,
    "decoy_rate": np.float32, "information": np.float32, "sources": np.uint8, "purposes": np.uint8,
}  # fmt: skip


class Ancestry(dict[int, frozenset[int]]):
    """The columns of all ancestors of each column, computed on first access."""

    def __init__(self, labels: LabelSpace) -> None:
        super().__init__()
        self._labels = labels

    def __missing__(self, column: int) -> frozenset[int]:
        found = self[column] = self._labels.ancestors(column)
        return found


def leaves(columns: Sequence[int], above: Ancestry) -> list[int]:
    """Return the most specific of ``columns``: those that are not an ancestor of another.

    Examples
    --------
    >>> from esmgo.go.terms import Term
    >>> three = tuple(Term(f"GO:000000{i}", "", None) for i in (1, 2, 3))
    >>> leaves([0, 1], Ancestry(LabelSpace(three, ((), (0,), (1,)))))
    [1]
    """
    general = frozenset[int]().union(*(above[column] for column in columns))
    return [column for column in columns if column not in general]
