"""The letters that are residues, and the cleaning of sequences."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

MAX_LENGTH = 100_000
"""Most residues of a record. Titin, the longest human protein, has 34,350."""

FEW_RESIDUES = 10
"""With fewer known residues in a sequence, readers warn, and no precision is promised."""

_OTHER = re.compile(r"[^ACDEFGHIKLMNPQRSTVWYBJOUXZ]")
_BLANKS = " \t\r\n"
_NOTHING = str.maketrans("", "", _BLANKS)


def is_short(sequence: str) -> bool:
    """Whether a sequence has fewer than `FEW_RESIDUES` known residues; X is an unknown one."""
    return len(sequence) - sequence.count("X") < FEW_RESIDUES


class Cleaned(NamedTuple):
    """A sequence for the model, and what was changed.

    ``n_j`` counts the J replaced by X, ``n_stops`` the ``*`` and ``.`` dropped at the end, and
    ``n_dots`` the ``.`` dropped as gaps.
    """

    sequence: str
    n_j: int = 0
    n_stops: int = 0
    n_dots: int = 0


class BadResidue(ValueError):
    """A letter that is not a residue, at ``offset`` (from 0) in the given text."""

    def __init__(self, offset: int, letter: str) -> None:
        self.offset, self.letter = offset, letter
        super().__init__(_why(letter))


def clean(text: str, *, strip_gaps: bool = False) -> Cleaned:
    """Return ``text`` in upper case, without blanks, line ends and stops at its end, X for J.

    Blanks are space and TAB; other white space is not dropped. A stop is ``*`` or ``.``, as
    gffread writes it. With ``strip_gaps``, ``-`` is dropped, too, and in a text with ``-`` also
    ``.``, which is a gap there. A stop inside is never dropped: what follows is another protein.
    `BadResidue` names the first letter that is none of the 20 amino acids or B, J, O, U, X, Z.

    Examples
    --------
    >>> clean("mkt ay\\nIAK*")
    Cleaned(sequence='MKTAYIAK', n_j=0, n_stops=1, n_dots=0)
    >>> clean("MK-TA.Y", strip_gaps=True)
    Cleaned(sequence='MKTAY', n_j=0, n_stops=0, n_dots=1)
    """
    if text.isascii() and text.isalpha():
        sequence, n_dots, n_stops = text, 0, 0
    else:
        sequence = text.translate(_NOTHING)
        n_dots = 0
        if strip_gaps and "-" in sequence:
            n_dots = sequence.count(".")
            sequence = sequence.replace("-", "").replace(".", "")
        n_stops = len(sequence)
        sequence = sequence.rstrip("*.")
        n_stops -= len(sequence)
    sequence = sequence.upper() if sequence.isascii() else sequence
    if _OTHER.search(sequence):
        raise _first_bad(text, strip_gaps=strip_gaps)
    n_j = sequence.count("J")
    sequence = sequence.replace("J", "X") if n_j else sequence
    return Cleaned(sequence, n_j, n_stops, n_dots)


def looks_like_nucleotides(sequence: str) -> bool:
    """Whether 60 letters or more are over 95 % A, C, G, T, U or N: DNA or RNA, not protein."""
    n_bases = sum(sequence.count(base) for base in "ACGTUN")
    return len(sequence) >= 60 and n_bases > 0.95 * len(sequence)


def _first_bad(text: str, *, strip_gaps: bool) -> BadResidue:
    gaps = "" if not strip_gaps else "-." if "-" in text else "-"
    end = len(text.rstrip(f"{_BLANKS}*.{gaps}"))  # stops follow
    for offset, letter in enumerate(text[:end]):
        if letter in _BLANKS or letter in gaps:
            continue
        if not letter.isascii() or _OTHER.match(letter.upper()):
            return BadResidue(offset, letter)
    raise AssertionError("the text has a bad letter")


def _why(letter: str) -> str:
    if letter == "-":
        return "gap character '-' (`strip_gaps` drops gaps)"
    if letter == ".":
        return "'.' inside the sequence: a stop, or a gap (`strip_gaps` drops it beside '-')"
    if letter == "*":
        return "stop '*' inside the sequence"
    if letter == ">":
        return "'>' inside a sequence line (a lost line end?)"
    if letter.isspace():
        return f"white space U+{ord(letter):04X}{_named(letter)} inside the sequence"
    if not letter.isascii():
        return f"non-ASCII character U+{ord(letter):04X}{_named(letter)}"
    if not letter.isprintable():
        return f"control character 0x{ord(letter):02X}"
    return f"{letter!r} is not an amino acid (X stands for an unknown one)"


def _named(letter: str) -> str:
    """Return the name of a character that prints like a blank or not at all."""
    name = "" if letter.isprintable() else unicodedata.name(letter, "").lower()
    return f" ({name})" if name else ""
