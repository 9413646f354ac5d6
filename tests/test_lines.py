"""Lines of a file, in blocks and as text."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmgo.errors import InputError
from esmgo.files.lines import text_lines, unix_lines, without_blank_lines
from esmgo.files.source import chunks

ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\n \t\n", "\n" * 9, "\r" * 20, "\r\n" * 12])
TEXTS = st.lists(st.tuples(st.text("ab é\t\x0b\x0c\u2028", max_size=4), ENDS), max_size=30)


def lines(data: bytes, **limit) -> list[tuple[int, str]]:
    return list(text_lines(chunks(io.BytesIO(data), InputError), "x", InputError, **limit))


def in_parts(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


def test_text_lines_name_the_line_that_is_no_utf_8_or_too_long():
    assert lines(b"a\r\nb\x0cc\n\nd") == [(1, "a"), (2, "b\x0cc"), (3, ""), (4, "d")]
    with pytest.raises(InputError, match=r"x:2: not UTF-8: byte 0xF6 at column 2"):
        lines(b"a\nb\xf6\n")
    with pytest.raises(InputError, match="x:2: a line of more than 3 bytes"):
        lines(b"a\nbbbb\n", max_length=3)
    with pytest.raises(InputError, match="x:30001: not UTF-8"):
        lines(b"a" + b"\n" * 30_000 + b"\xf6\n")
    with pytest.raises(InputError, match="x:40001: a line of more than 300 bytes"):
        lines(b"a" + b"\r\n \t\n" * 20_000 + b"b" * 301 + b"\n", max_length=300)


@given(TEXTS, st.integers(1, 40))
def test_every_line_that_is_not_blank_comes_with_its_number(texts, size):
    text = "".join(line + end for line, end in texts)
    expected = [
        (number, line)
        for number, line in enumerate(re.split("\r\n|\r|\n", text), 1)
        if line.strip(" \t\x0b\x0c")
    ]
    found = text_lines(in_parts(text.encode(), size), "x", InputError, max_length=1000)
    assert [(n, line) for n, line in found if line.strip(" \t\x0b\x0c")] == expected


@given(TEXTS, st.integers(1, 5))
def test_line_ends_do_not_depend_on_the_size_of_the_chunks(texts, size):
    data = "".join(line + end for line, end in texts).encode()
    whole = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert b"".join(unix_lines(in_parts(b"\xef\xbb\xbf" + data, size))) == whole


@pytest.mark.parametrize("blank", ["\n", "\r", "\r\n", " \n", "\t\r\n", "\n \r\t\r\n", "\x0c\n"])
def test_a_hundred_thousand_blank_lines_are_a_few_steps(blank):
    n = 100_000
    found = lines(b"a\n" + blank.encode() * n + b"  b\n" + blank.encode() * n + b"c")
    assert len(found) < 20
    n_each = n * len(re.findall("\r\n|\r|\n", blank))
    texts = [(number, line) for number, line in found if line.strip()]
    assert texts == [(1, "a"), (2 + n_each, "  b"), (3 + 2 * n_each, "c")]


def test_parts_between_blank_lines_make_up_the_block():
    block = b"\n" * 30 + b"a\nb\n\n\nc\n" + b" \t\n" * 10 + b" d\n" + b"\n" * 9
    rows = block.split(b"\n")
    for line, part in without_blank_lines(1, block):
        n = part.count(b"\n") + 1
        assert part.split(b"\n") == rows[line - 1 : line - 1 + n]
        rows[line - 1 : line - 1 + n] = [b""] * n
    assert not any(row.strip() for row in rows)
