"""The letters that are residues, and the cleaning of sequences."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_LENGTH = 100_000
"""Most residues of a record. Titin, the longest human protein, has 34,350."""

_OTHER = re.compile(r"[^ACDEFGHIKLMNPQRSTVWYBJOUXZ]")
_SPACE = re.compile(r"\s+")
_GAPS = re.compile(r"[-.]+")


class Cleaned(NamedTuple):
    """A sequence for the model, and how many J were replaced by X."""

    sequence: str
    n_j: int


class BadResidue(ValueError):
    """A letter that is not a residue, at ``offset`` (from 0) in the given text."""

    def __init__(self, offset: int, letter: str) -> None:
        self.offset, self.letter = offset, letter
        super().__init__(_why(letter))


def clean(text: str, *, strip_gaps: bool = False) -> Cleaned:
    """Return ``text`` in upper case, without white space and one final ``*``, with X for J.

    With ``strip_gaps``, ``-`` and ``.`` are dropped, too. `BadResidue` names the first letter
    that is none of the 20 amino acids or B, J, O, U, X, Z.

    Examples
    --------
    >>> clean("mkt ay\\nIAK*")
    Cleaned(sequence='MKTAYIAK', n_j=0)
    """
    sequence = _SPACE.sub("", text) if not text.isalpha() else text
    sequence = sequence.removesuffix("*")
    if strip_gaps:
        sequence = _GAPS.sub("", sequence)
    sequence = sequence.upper() if sequence.isascii() else sequence
    if _OTHER.search(sequence):
        raise _first_bad(text, strip_gaps=strip_gaps)
    n_j = sequence.count("J")
    return Cleaned(sequence.replace("J", "X") if n_j else sequence, n_j)


def looks_like_nucleotides(sequence: str) -> bool:
    """Whether 60 letters or more are over 95 % A, C, G, T, U or N: DNA or RNA, not protein."""
    n_bases = sum(sequence.count(base) for base in "ACGTUN")
    return len(sequence) >= 60 and n_bases > 0.95 * len(sequence)


def _first_bad(text: str, *, strip_gaps: bool) -> BadResidue:
    last = len(text.rstrip()) - 1
    for offset, letter in enumerate(text):
        is_gap = strip_gaps and letter in "-."
        is_final_stop = letter == "*" and offset == last
        if letter.isspace() or is_gap or is_final_stop:
            continue
        if not letter.isascii() or _OTHER.match(letter.upper()):
            return BadResidue(offset, letter)
    raise AssertionError("the text has a bad letter")


def _why(letter: str) -> str:
    if letter in "-.":
        return f"gap character {letter!r} (`strip_gaps` drops gaps)"
    if letter == "*":
        return "stop '*' inside the sequence"
    if letter == ">":
        return "'>' inside a sequence line (a lost line end?)"
    if not letter.isascii():
        return f"non-ASCII character U+{ord(letter):04X}"
    if not letter.isprintable():
        return f"control character 0x{ord(letter):02X}"
    return f"{letter!r} is not an amino acid (X stands for an unknown one)"
