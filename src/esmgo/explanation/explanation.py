"""An explanation: the evidence for one term of one protein, and the verdict of its test."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import brief, printable
from esmgo.explanation.deletion import Deletion, highest
from esmgo.go.terms import Term

SUPPORTED, NOT_SUPPORTED, LITTLE = "supported", "not supported", "little to explain"
"""The possible verdicts on the marked residues."""

WEAK = 0.5
"""A probability below this is no call."""

TOLERANCE = 0.01
"""Largest gap of a complete track, as a part of the difference of scores, or of 1 below it."""


@dataclass(frozen=True, slots=True)
class Ancestor:
    """An ancestor of the requested term, or the term itself; ``depth`` is 0 at the root."""

    term: Term
    parents: tuple[str, ...]
    depth: int
    probability: float


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
class Training:
    """The training proteins that carry the term: their number, and the most similar ones."""

    n_proteins: int
    n_carriers: int
    nearest: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The evidence for one term of one protein.

    Parameters
    ----------
    protein_id, sequence : str
        The protein.
    term : Term
        The requested term.
    probability, own_probability : float
        With and without the true-path rule.
    explained : Term
        The term whose score is explained: the requested term, or the descendant that its
        probability comes from.
    ancestors : tuple of Ancestor
        From the root down to the term itself.
    training : Training or None
        None if the checkpoint has no index.
    track : Track
        For the window in which ``explained`` scores highest.
    masking : Deletion
        The test of the marked residues.
    """

    protein_id: str
    sequence: str
    term: Term
    probability: float
    own_probability: float
    explained: Term
    ancestors: tuple[Ancestor, ...]
    training: Training | None
    track: Track
    masking: Deletion

    def __repr__(self) -> str:
        return printable(f"<Explanation of {self.title}: {self.verdict}>", 199)

    @property
    def is_weak(self) -> bool:
        """Whether the probability of the term is below one half."""
        return self.probability < WEAK

    @property
    def verdict(self) -> str:
        """`SUPPORTED`, `NOT_SUPPORTED` or `LITTLE`."""
        if not self.masking.is_supported:
            return NOT_SUPPORTED
        return LITTLE if self.is_weak else SUPPORTED

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
        """The result of the test, as a sentence."""
        n, test = len(self.track.marked), self.masking
        if n == 0:
            return "No residue supports the term, so there is nothing to mark or to test."
        before, after = (_probability(x) for x in (self.track.score, self.track.score - test.fall))
        beaten = int((test.random < test.fall).sum())
        tested = (
            f"Masking the {n} marked residues takes the probability from {before} to {after},"
            f" further down than {beaten} of {len(test.random)} random masks of the same shape"
            f" (p = {test.p_value:.2f})"
        )
        if self.verdict == NOT_SUPPORTED:
            return f"{tested}: this does not support them as the reason for the call."
        if self.verdict == LITTLE:
            return f"{tested}, but the call itself is weak."
        if self.track.score > test.fall:
            return f"{tested}. Without them the term is still called: others can replace them."
        return f"{tested}."

    @property
    def remarks(self) -> list[str]:
        """Sentences that a reader of this card must know besides."""
        track, remarks = self.track, []
        if self.term.is_root:
            remarks.append("The root of an aspect is true of every protein.")
        if self.is_weak:
            given = f"The caller gives this term only {self.probability:.2f}"
            remarks.append(f"{given}: there is little to explain.")
        if self.explained != self.term:
            remarks.append(
                f"The network's own probability of the term is {self.own_probability:.4f}; that of"
                f" its descendant {name_of(self.explained)} is higher and is explained instead."
            )
        if self.is_window:
            remarks.append(
                f"Of this long protein residues {track.first:,} to {track.last:,} are explained,"
                " the window in which the term scores highest."
            )
        if not track.is_complete:
            remarks.append(
                f"The attribution is not complete: with {track.n_steps} steps it misses the score"
                f" by {abs(track.gap):.3f}; interpret it with care."
            )
        return remarks


def name_of(term: Term) -> str:
    """Return a term's name with its id, safe to print."""
    return term.id if term.name == term.id else f"{printable(term.name, 200)} ({term.id})"


def _probability(logit: float) -> str:
    """Return the probability of a logit, with enough digits to differ from 0 and 1."""
    p = 0.5 + 0.5 * math.tanh(logit / 2)
    return f"{p:.2g}" if p < 0.1 else f"{p:.2f}" if p < 0.95 else f"{p:.4f}"
