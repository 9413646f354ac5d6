"""Lines of a file, in pieces and as text."""

from __future__ import annotations

import io

import pytest

from esmgo.errors import InputError
from esmgo.files.lines import MAX_PIECE, pieces, text_lines
from esmgo.files.source import chunks


def test_a_long_line_comes_in_pieces():
    found = list(pieces([b"A" * (MAX_PIECE - 1), b"AB", b"C\nD"]))
    assert [(p.line, len(p.data), p.ends) for p in found] == [
        (1, MAX_PIECE + 1, False),
        (1, 1, True),
        (2, 1, True),
    ]


def test_text_lines_name_the_line_that_is_no_utf_8_or_too_long():
    def lines(data: bytes, **limit):
        return list(text_lines(chunks(io.BytesIO(data), InputError), "x", InputError, **limit))

    assert lines(b"a\r\nb\x0cc\n\nd") == [(1, "a"), (2, "b\x0cc"), (3, ""), (4, "d")]
    with pytest.raises(InputError, match=r"x:2: not UTF-8: byte 0xF6 at column 2"):
        lines(b"a\nb\xf6\n")
    with pytest.raises(InputError, match="x:2: a line of more than 3 bytes"):
        lines(b"a\nbbbb\n", max_length=3)
