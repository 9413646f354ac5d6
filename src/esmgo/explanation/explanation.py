"""An explanation: the evidence for one term of one protein, and the verdict on it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import brief, printable
from esmgo.explanation.carriers import Training
from esmgo.explanation.decomposition import Decomposition
from esmgo.explanation.deletion import Deletion, highest
from esmgo.go.terms import Term

SUPPORTED, NOT_SUPPORTED = "supported", "not supported"
CONTRADICTED, LITTLE = "contradicted", "little to explain"
"""The possible verdicts on a call."""

WEAK = 0.5
"""A call of a lower precision is weak; without a calibration, of a lower score."""

TOLERANCE = 0.01
"""Largest gap of a complete track, as a part of the difference of scores, or of 1 below it."""


@dataclass(frozen=True, slots=True)
class Ancestor:
    """An ancestor of the requested term, or the term itself; ``depth`` is 0 at the root."""

    term: Term
    parents: tuple[str, ...]
    depth: int
    score: float


@dataclass(frozen=True)
class Track:
    """What each residue of a window adds to the score of a term.

    Parameters
    ----------
    values : ndarray, shape=(n,), dtype=float64
        In units of the logit; positive where the residue supports the term.
    score, baseline : float
        The logit of the window, and of as many unknown residues.
    n_steps : int
        Points on the path between the two.
    first : int
        The window's first residue, counted from 1.
    """

    values: NDArray[np.float64]
    score: float
    baseline: float
    n_steps: int
    first: int = 1

    __repr__ = brief

    @property
    def last(self) -> int:
        """The window's last residue, counted from 1."""
        return self.first + len(self.values) - 1

    @cached_property
    def marked(self) -> NDArray[np.intp]:
        """Places of the highest values, sorted; see `esmgo.explanation.deletion.highest`."""
        return highest(self.values)

    @property
    def gap(self) -> float:
        """The sum of the values, less the difference of the two scores."""
        return float(self.values.sum()) - (self.score - self.baseline)

    @property
    def is_complete(self) -> bool:
        """Whether the gap is within one part in a hundred."""
        return abs(self.gap) <= TOLERANCE * max(1.0, abs(self.score - self.baseline))


@dataclass(frozen=True, slots=True)
class Call:
    """The call that `esmgo.rank` and `esmgo.write_predictions` make with the same settings.

    Parameters
    ----------
    score : float
        Of the term, obeying the true-path rule.
    precision : float
        The calibrated probability that such a call is in the annotations; NaN if unknown.
    decoy_rate : float
        The calls that decoys get for each such call; see `Evidence`. NaN if unknown.
    information : float
        Bits of the term; see `information_content`. NaN if unknown.
    novelty, best_precision : float
        Of the protein; see `Evidence`. NaN if unknown.
    own_score : float
        Of the term, without the true-path rule.
    source : Term
        The term, or the descendant whose own score is ``score``.
    decomposition : Decomposition or None
        The parts of that score; None if only one source gives it.
    similarity : dict of str to float
        To the most similar training protein; see `SourceScores.similarity`.
    """

    score: float
    precision: float
    decoy_rate: float
    information: float
    novelty: float
    best_precision: float
    own_score: float
    source: Term
    decomposition: Decomposition | None
    similarity: Mapping[str, float]

    __repr__ = brief

    @property
    def is_weak(self) -> bool:
        """Whether the precision, or the score if it is unknown, is below one half."""
        return (self.score if math.isnan(self.precision) else self.precision) < WEAK


@dataclass(frozen=True, slots=True)
class Explanation:
    """The evidence for one term of one protein.

    Parameters
    ----------
    protein_id, sequence : str
        The protein.
    term : Term
        The requested term.
    call : Call
        Score and precision of the term, by all sources.
    ancestors : tuple of Ancestor
        From the root down to the term itself, with the scores of their calls.
    training : Training or None
        The training proteins that vote; None without an index.
    probability, own_probability : float
        The network's probability of the term, with and without the true-path rule.
    explained : Term
        The term whose probability the track explains: `Call.source`, or the descendant that
        the network's probability of it comes from.
    track : Track
        For the window in which ``explained`` scores highest.
    masking : Deletion
        The test of the marked residues.
    """

    protein_id: str
    sequence: str
    term: Term
    call: Call
    ancestors: tuple[Ancestor, ...]
    training: Training | None
    probability: float
    own_probability: float
    explained: Term
    track: Track
    masking: Deletion

    def __repr__(self) -> str:
        return printable(f"<Explanation of {self.title}: {self.verdict}>", 199)

    @property
    def verdict(self) -> str:
        """`CONTRADICTED`, `LITTLE`, `SUPPORTED` or `NOT_SUPPORTED`."""
        if self.training is not None and self.training.contradicts:
            return CONTRADICTED
        if self.call.is_weak:
            return LITTLE
        has_relatives = self.training is not None and self.training.supports
        return SUPPORTED if has_relatives or self.masking.is_supported else NOT_SUPPORTED

    @property
    def is_window(self) -> bool:
        """Whether the track covers only a part of the protein."""
        return len(self.track.values) < len(self.sequence)

    @property
    def title(self) -> str:
        """The term, the protein and its length, safe to print."""
        n = f"{len(self.sequence):,} residues"
        return f"{name_of(self.term)} in {printable(self.protein_id, 200)}, {n}"

    @property
    def sentence(self) -> str:
        """The reasons for the verdict, as sentences."""
        return " ".join([*_of_relatives(self.training), self._of_masking])

    @property
    def _of_masking(self) -> str:
        n, test = len(self.track.marked), self.masking
        if n == 0:
            return "No residue supports the term in the network, so there is nothing to test."
        before, after = (_probability(x) for x in (self.track.score, self.track.score - test.fall))
        beaten = int((test.random < test.fall).sum())
        tested = (
            f"Masking the {n} marked residues takes the network's probability from {before} to"
            f" {after}, further down than {beaten} of {len(test.random)} random masks of the same"
            f" shape (p = {test.p_value:.2f})"
        )
        if not test.is_supported:
            return f"{tested}: this does not support them as the network's reason."
        if self.track.score > test.fall:
            return f"{tested}. Without them it is still above one half: others can replace them."
        return f"{tested}."

    @property
    def remarks(self) -> list[str]:
        """Sentences that a reader of this card must know besides."""
        call, track, remarks = self.call, self.track, []
        if self.term.is_root:
            remarks.append("The root of an aspect is true of every protein.")
        if call.is_weak:
            what = "score" if math.isnan(call.precision) else "precision"
            value = call.score if math.isnan(call.precision) else call.precision
            remarks.append(f"The call is weak, with a {what} of {value:.2f}.")
        if call.source != self.term:
            remarks.append(
                f"The term's own score is {call.own_score:.4f}; that of its descendant"
                f" {name_of(call.source)} is higher and is decomposed instead."
            )
        if self.explained != call.source:
            remarks.append(
                f"The network's probability of {name_of(call.source)} comes from its descendant"
                f" {name_of(self.explained)}, whose residues are marked."
            )
        if self.is_window:
            remarks.append(
                f"Of this long protein residues {track.first:,} to {track.last:,} are explained,"
                " the window in which the network's score is highest."
            )
        if not track.is_complete:
            remarks.append(
                f"The attribution is not complete: with {track.n_steps} steps it misses the score"
                f" by {abs(track.gap):.3f}; interpret it with care."
            )
        return remarks


def _of_relatives(training: Training | None) -> list[str]:
    """Return a sentence about the relatives that align, if they are known."""
    if training is None:
        return []
    n, k = training.n_aligned, training.n_aligned_carriers
    if not n:
        return ["No training protein that is annotated in the aspect aligns to the protein."]
    start = "The only relative that aligns and is annotated in the aspect"
    if n == 1:
        return [f"{start} {'carries' if k else 'lacks'} the term."]
    start = f"Of the {n:,} relatives that align and are annotated in the aspect"
    if k in (0, n):
        return [f"{start} {'all carry' if k else 'none carries'} the term."]
    verb = "carries" if k == 1 else "carry"
    return [f"{start} {k:,} {verb} the term, with {100 * training.agreement:.0f} % of the scores."]


def name_of(term: Term) -> str:
    """Return a term's name with its id, safe to print."""
    return term.id if term.name == term.id else f"{printable(term.name, 200)} ({term.id})"


def _probability(logit: float) -> str:
    """Return the probability of a logit, with enough digits to differ from 0 and 1."""
    p = 0.5 + 0.5 * math.tanh(logit / 2)
    return f"{p:.2g}" if p < 0.1 else f"{p:.2f}" if p < 0.95 else f"{p:.4f}"
