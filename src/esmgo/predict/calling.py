"""The rules that select the called terms of a protein.

Nothing here knows about files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from esmgo.go.calls import ALL_PURPOSES, Ancestry, Calls, Purpose, leaves
from esmgo.go.labels import LabelSpace
from esmgo.go.sparse import SparseRows
from esmgo.go.terms import Aspect

if TYPE_CHECKING:
    from esmgo.predict.prediction import Evidence

MIN_SCORE = 0.1
"""Default lowest score of a call; not used with a promised precision."""

MIN_INFORMATION = 3.32
"""Default fewest bits of a promised call: at most a tenth of the proteins carry the term."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Conditions for calling a term, in the order in which they apply.

    Parameters
    ----------
    aspects : tuple of Aspect
        Call terms of these aspects only; empty for all. Roots are not called.
    min_score : float
        Lowest score of a call.
    precision : float, optional
        Promised precision of a call.
    max_novelty : float, optional
        A protein with a higher novelty has no calls: it is unlike anything known.
    min_information : float
        Fewest bits of a promised call. General terms are called as its ancestors only.
    most_specific : bool
        Drop terms with a called descendant.
    top_k : int, optional
        Keep the ``k`` best calls of each protein.
    with_ancestors : bool
        Add all ancestors of the kept calls, including the root.
    """

    aspects: tuple[Aspect, ...] = ()
    min_score: float = MIN_SCORE
    precision: float | None = None
    min_information: float = MIN_INFORMATION
    max_novelty: float | None = None
    most_specific: bool = False
    top_k: int | None = None
    with_ancestors: bool = False

    def __str__(self) -> str:
        parts = [f"a score of {self.min_score:g} or more"] if self.min_score else []
        if self.precision:
            bits = f" (terms of {self.min_information:g} bits or more, and their ancestors)"
            promise = f"a promised precision of {self.precision:g}"
            parts += [promise + bits * bool(self.min_information)]
        if self.max_novelty is not None:
            parts += [f"a novelty of {self.max_novelty:g} or less"]
        parts += [f"a place among the {self.top_k} best of a protein"] if self.top_k else []
        return " and ".join(parts) or "any score"


class CallRules:
    """Applies rules to the terms of one label space.

    Parameters
    ----------
    rules : Rules or mapping of Purpose to Rules
        The rules of each purpose, or those of all purposes. All have the same aspects. The first
        rules define the abstentions.
    labels : LabelSpace
        The terms.
    """

    def __init__(self, rules: Rules | Mapping[Purpose, Rules], labels: LabelSpace) -> None:
        self.rules = {ALL_PURPOSES: rules} if isinstance(rules, Rules) else dict(rules)
        self.labels = labels
        self._first = next(iter(self.rules.values()))
        aspects = self._first.aspects
        chosen = [a for a in labels.aspects if not aspects or a in aspects]
        self._columns = [labels.columns_of(aspect) for aspect in chosen]
        self._is_allowed = np.zeros(len(labels), np.bool_)
        for columns in self._columns:
            self._is_allowed[columns] = True
        self._above = Ancestry(labels)

    def calls(
        self,
        evidence: Evidence,
        lengths: Sequence[int],
        promised: Callable[[float, float], NDArray[np.bool_]] | None = None,
    ) -> Calls:
        """Choose the calls of a block of proteins.

        Parameters
        ----------
        evidence : Evidence
            Evidence for N proteins.
        lengths : sequence of int
            Number of residues of each protein.
        promised : callable, optional
            Maps a precision and the fewest bits to an array of shape=(N, T), dtype=bool: which
            calls keep the promise. Needed for rules with a precision.
        """
        values = evidence.scores.values
        n_abstained = np.zeros(len(values), np.uint8)
        purposes = np.zeros(values.shape, np.uint8)
        for purpose, rules in self.rules.items():
            is_kept = (values >= np.float32(rules.min_score)) & self._is_allowed
            if rules.max_novelty is not None:
                is_kept &= ~(evidence.novelty > rules.max_novelty)[:, None]
            if rules.precision is not None:
                assert promised is not None
                is_kept &= promised(rules.precision, rules.min_information)
                if rules is self._first:
                    for columns in self._columns:
                        n_abstained += ~is_kept[:, columns].any(axis=1)
            for found, kept, row in zip(purposes, is_kept, values, strict=True):
                found[self._chosen(np.flatnonzero(kept), row, rules)] |= np.uint8(purpose)
        rows = [
            self._ranked(np.flatnonzero(found), row)
            for found, row in zip(purposes, values, strict=True)
        ]
        called = np.concatenate([np.empty(0, np.intp), *rows])
        terms = SparseRows.of(list(map(len, rows)), called.astype(np.int32))
        at = terms.owner, called
        return Calls(
            evidence.scores.proteins,
            np.array(lengths, np.int64),
            np.asarray(evidence.n_windows, np.int64),
            np.asarray(evidence.similarity, np.float32),
            np.asarray(evidence.novelty, np.float32),
            n_abstained,
            terms,
            values[at],
            evidence.precision[at],
            evidence.decoy_rate[at],
            evidence.information[called].astype(np.float32),
            evidence.sources[at],
            purposes[at],
        )

    def _chosen(
        self, columns: NDArray[np.intp], scores: NDArray[np.float32], rules: Rules
    ) -> NDArray[np.intp]:
        """Return the called columns of one protein."""
        if rules.most_specific:
            columns = np.array(leaves(columns.tolist(), self._above), np.intp)
        columns = self._ranked(columns, scores)[: rules.top_k]
        if rules.with_ancestors:
            closed = set(columns.tolist()).union(*(self._above[j] for j in columns.tolist()))
            columns = np.array(sorted(closed), np.intp)
        return columns

    def _ranked(self, columns: NDArray[np.intp], scores: NDArray[np.float32]) -> NDArray[np.intp]:
        """Return columns best first, deeper terms first on ties."""
        return columns[np.lexsort((columns, -self.labels.depth[columns], -scores[columns]))]
