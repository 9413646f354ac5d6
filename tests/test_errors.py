"""Text of users in messages and in tables."""

from hypothesis import example, given
from hypothesis import strategies as st

from esmgo.errors import escaped, printable

TEXT = st.text(st.characters(exclude_categories=()) | st.sampled_from("\\xu01b\u200b\udcff\t\n"))


@given(TEXT, TEXT)
@example("p1\u200b", "p1\\u200b")
@example("\x1b", "\\x1b")
@example("\\", "\\\\")
@example("\t", "\\t")
@example("\udcff", "\\udcff")
@example("x" * 2000 + "a" + "x" * 2000, "x" * 2000 + "b" + "x" * 2000)
@example("\u00a0", " ")
def test_different_texts_stay_different_in_tables(one, other):
    assert (escaped(one) == escaped(other)) == (one == other)
    assert escaped(one).isprintable()
    escaped(one).encode()


@given(TEXT)
def test_messages_are_one_printable_line(text):
    found = printable(text, 30)
    assert found.isprintable()
    assert len(found) <= 30
    found.encode()


def test_plain_ids_are_kept_as_they_are():
    for id in ("sp|P04637|P53_HUMAN", "lcl|a b", "\N{GREEK SMALL LETTER ALPHA}", "x" * 3000, ""):
        assert escaped(id) == id
