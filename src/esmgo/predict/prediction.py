"""The result for a protein, and the evidence for a block of proteins."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esmgo.data.fasta import Protein
from esmgo.errors import brief, printable
from esmgo.evidence.identical import Match
from esmgo.go.frames import frame
from esmgo.go.labels import LabelSpace
from esmgo.go.scores import Scores
from esmgo.go.terms import ROOTS, Aspect, Term
from esmgo.go.truepath import implied
from esmgo.render.text import Ranked, html_table


@dataclass(frozen=True, slots=True)
class Prediction:
    """The called terms of one protein.

    Parameters
    ----------
    protein : Protein
        The protein as it was read.
    scores : ndarray, shape=(T,), dtype=float32
        Probabilities of the terms of ``labels``.
    labels : LabelSpace
        The terms.
    n_windows : int
        Overlapping windows in which the protein was scored; 1 if it fits the context.
    precision : ndarray, shape=(T,), dtype=float32, optional
        The calibrated probability that such a call is in the annotations; NaN without a
        calibration.
    decoy_rate : ndarray, shape=(T,), dtype=float32, optional
        The calls that decoys get for each such call; see `Evidence`.
    information : ndarray, shape=(T,), dtype=float64, optional
        Bits of each term.
    matches : tuple of Match
        The training proteins with the same sequence.
    novelty : float
        How unlike the training proteins the protein is; see `Evidence`.
    best_precision : float
        The precision of the best calls of such proteins; see `Evidence`.
    max_novelty : float
        Nothing is listed for a protein with a higher novelty.
    """

    protein: Protein
    scores: NDArray[np.float32]
    labels: LabelSpace
    n_windows: int = 1
    precision: NDArray[np.float32] | None = None
    decoy_rate: NDArray[np.float32] | None = None
    information: NDArray[np.float64] | None = None
    matches: tuple[Match, ...] = ()
    novelty: float = math.nan
    best_precision: float = math.nan
    max_novelty: float = 1.0

    def __repr__(self) -> str:
        best = [(t, p) for t, p in self.top(3 + len(ROOTS), general=False) if not t.is_root][:3]
        terms = ", ".join(f"{printable(term.name, 40)} {p:.2f}" for term, p in best)
        name, n = printable(self.protein.id, 30), len(self.protein.sequence)
        return f"<Prediction of {name}, {n:,} residues: {terms or 'no term'}>"

    def _repr_html_(self) -> str:
        best = self.best(5)
        rows = [self.row(int(j)) for columns in best.values() for j in columns]
        return html_table(self.protein.id, self.protein.description, rows)

    def to_pandas(self) -> Any:
        """Return a data frame of all terms, most probable first; see `frame` for the error.

        The columns are ``term``, ``name``, ``aspect``, ``score``, ``precision`` and
        ``decoy_rate``, which are NaN without a calibration, and ``information``.
        """
        rows = [self.row(int(j)) for j in self.ranked()]
        return frame(
            {
                "term": [row.term.id for row in rows],
                "name": [row.term.name for row in rows],
                "aspect": [row.term.aspect.name if row.term.aspect else "" for row in rows],
                "score": [row.probability for row in rows],
                "precision": [row.precision for row in rows],
                "decoy_rate": [row.decoy_rate for row in rows],
                "information": [row.information for row in rows],
            }
        )

    def ranked(self, sort: str = "score") -> NDArray[np.intp]:
        """Return all columns, best first; shape=(T,).

        With ``sort="score"`` the most probable ones are first. With ``"information"`` the order is
        that of probability × bits, the expected information, if the bits are known. Equal ones are
        ordered by their probability; then deeper terms are first.
        """
        value = self.scores
        if sort == "information" and self.information is not None:
            value = self.scores * np.nan_to_num(self.information).astype(np.float32)
        at = np.arange(len(self.labels))
        return np.lexsort((at, -self.labels.depth, -self.scores, -value))

    def top(
        self, k: int | None, *, general: bool = True, sort: str = "score"
    ) -> list[tuple[Term, float]]:
        """Return the ``k`` best terms (None: all) with their probabilities; see `ranked`.

        Without ``general``, terms that a child implies are left out; see `implied`.
        """
        columns = self._listed(general, sort)[:k]
        return [(self.labels.terms[j], float(self.scores[j])) for j in columns]

    def best(
        self,
        k: int,
        *,
        general: bool = False,
        aspects: Collection[Aspect] = (),
        min_score: float = 0.0,
        sort: str = "score",
    ) -> dict[Aspect | None, NDArray[np.intp]]:
        """Return the columns of the ``k`` best terms of each aspect, best first.

        Parameters
        ----------
        k : int
            Terms of each aspect, at most.
        general : bool
            Also roots, and terms that a child implies; see `implied`.
        aspects : collection of Aspect
            Only these; by default all that have a term.
        min_score : float
            Lowest probability.
        sort : str
            ``score`` or ``information``; see `ranked`.
        """
        listed = self._listed(general, sort)
        listed = listed[self.scores[listed] >= np.float32(min_score)]
        found = {}
        for aspect in self.labels.aspects:
            if not aspects or aspect in aspects:
                own = self.labels.columns_of(aspect, roots=general)
                found[aspect] = listed[np.isin(listed, own)][:k]
        return found

    def row(self, column: int) -> Ranked:
        """Return one term with its numbers and matching training protein."""
        known = next((match.id for match in self.matches if column in match.columns), "")
        precision, decoy_rate, information = (
            math.nan if values is None else float(values[column])
            for values in (self.precision, self.decoy_rate, self.information)
        )
        term, score = self.labels.terms[column], float(self.scores[column])
        return Ranked(term, score, precision, decoy_rate, information, known)

    @property
    def is_unlike(self) -> bool:
        """Whether the novelty is above its limit: the protein is unlike anything known."""
        return self.novelty > self.max_novelty

    def _listed(self, general: bool, sort: str) -> NDArray[np.intp]:
        if self.is_unlike:
            return np.empty(0, np.intp)
        order = self.ranked(sort)
        return order if general else order[~implied(self.scores, self.labels)[order]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Scores of a block of proteins, and their origin.

    Parameters
    ----------
    scores : Scores
        Obeying the true-path rule; N proteins, T terms.
    precision : ndarray, shape=(N, T), dtype=float32
        The calibrated probability that such a call is in the annotations; NaN if the
        checkpoint has no calibration, and for proteins of fewer than 10 known residues.
    decoy_rate : ndarray, shape=(N, T), dtype=float32
        The calls that decoys get for each such call of a protein; see
        `Calibration.decoy_rate_of`. NaN where ``precision`` is.
    information : ndarray, shape=(T,), dtype=float64
        Bits of each term; NaN if they are unknown. See `information_content`.
    sources : ndarray, shape=(N, T), dtype=uint8
        Flags of `EvidenceSource`; 0 where no source scores the term above its frequency.
    similarity : ndarray, shape=(N,), dtype=float32
        Cosine similarity of embeddings to the nearest training protein; NaN without an index.
    novelty : ndarray, shape=(N,), dtype=float32
        How unlike the training proteins each protein is, in [0, 1]; see `esmgo.predict.novelty`.
        NaN if the checkpoint has no blend with a novelty, and where ``precision`` is.
    best_precision : ndarray, shape=(N,), dtype=float32
        The precision of the best calls of held-out proteins of this novelty; see
        `Novelty.precision_of`.
    n_windows : ndarray, shape=(N,), dtype=int64
        Overlapping windows in which each protein was scored.
    group : ndarray, shape=(N,), dtype=int64
        Group of the calibration, by the closest training protein.
    """

    scores: Scores
    precision: NDArray[np.float32]
    decoy_rate: NDArray[np.float32]
    information: NDArray[np.float64]
    sources: NDArray[np.uint8]
    similarity: NDArray[np.float32]
    novelty: NDArray[np.float32]
    best_precision: NDArray[np.float32]
    n_windows: NDArray[np.int64]
    group: NDArray[np.intp]

    __repr__ = brief

    def prediction(self, i: int, protein: Protein, matches: tuple[Match, ...] = ()) -> Prediction:
        """Return the result for protein ``i`` of the block."""
        return Prediction(
            protein, self.scores.values[i], self.scores.labels, int(self.n_windows[i]),
            self.precision[i], self.decoy_rate[i], self.information, matches,
            float(self.novelty[i]), float(self.best_precision[i]),
        )  # fmt: skip
