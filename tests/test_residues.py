"""Letters that are residues, stops at the end, gaps."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmgo.data.residues import BadResidue, Cleaned, clean

RESIDUES = "ACDEFGHIKLMNPQRSTVWYBOUXZ"
LETTERS = st.text(RESIDUES, min_size=1, max_size=20)
ENDS = st.text("*. \t\r\n", max_size=6)


@given(LETTERS, ENDS)
def test_stops_at_the_end_are_counted_and_nothing_else_changes(residues, end):
    n_stops = end.count("*") + end.count(".")
    assert clean(residues + end) == Cleaned(residues, 0, n_stops, 0)
    assert clean(residues.lower() + end) == Cleaned(residues, 0, n_stops, 0)


@given(LETTERS, st.text("*.", min_size=1, max_size=4), LETTERS, ENDS, st.booleans())
def test_residues_are_never_joined_over_a_stop(before, stops, after, end, strip_gaps):
    with pytest.raises(BadResidue) as caught:
        clean(before + stops + after + end, strip_gaps=strip_gaps)
    assert (caught.value.offset, caught.value.letter) == (len(before), stops[0])


@given(st.text(RESIDUES + "-.* ", max_size=40))
def test_gaps_go_where_they_are_asked_to(text):
    with suppress(BadResidue):
        found = clean(text, strip_gaps=True)
        assert found.sequence == "".join(letter for letter in text if letter not in "-.* ")
        assert "*" not in text.rstrip("-.* ")
        inner = text.rstrip(".* ")
        assert "-" in text or "." not in inner
        assert found.n_dots == (text.count(".") if "-" in text else 0)
    with suppress(BadResidue):
        clean(text)
        assert "-" not in text


@given(st.text(max_size=30), st.booleans())
def test_what_is_cleaned_is_clean(text, strip_gaps):
    with suppress(BadResidue):
        sequence = clean(text, strip_gaps=strip_gaps).sequence
        assert clean(sequence) == Cleaned(sequence)
        assert set(sequence) <= set(RESIDUES)


def bad_residue(text: str, strip_gaps: bool) -> BadResidue | None:
    try:
        clean(text, strip_gaps=strip_gaps)
    except BadResidue as bad:
        return bad
    return None


@given(st.text(RESIDUES + "j *.-1#\xa0\x0b\u2028", min_size=1, max_size=20), st.booleans())
def test_the_first_bad_letter_is_named(text, strip_gaps):
    if bad := bad_residue(text, strip_gaps):
        assert text[bad.offset] == bad.letter
        assert bad.letter not in RESIDUES
        allowed = RESIDUES + "j " + ("-" if strip_gaps else "") + ("." if "-" in text else "")
        assert set(text[: bad.offset]) <= set(allowed)
