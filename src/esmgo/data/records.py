"""FASTA text split into records, each with its place in the file. Other formats are refused.

The module does not know which letters are residues.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from esmgo.data.foreign import is_binary, kind_of_text
from esmgo.data.rejects import Reject
from esmgo.errors import FastaError
from esmgo.files.lines import unix_lines, without_blank_lines
from esmgo.files.source import HEAD, Source, chunks, name_of

MAX_HEADER = 1 << 20
"""Bytes of a header that are kept."""

_ID_END = re.compile(rb"[ \t\x01]")


@dataclass(slots=True)
class Record:
    """A record as written in the file."""

    source: str
    number: int
    line: int
    header: bytes = b""
    """Without ``>`` and the blanks after it."""
    is_indented: bool = False
    """Whether blanks follow the ``>``."""
    is_cut: bool = False
    _body: bytearray = field(default_factory=bytearray)
    _n_rows: int = 0
    _left_out: list[tuple[int, int]] = field(default_factory=list)
    """A row of the body, and the number of blank lines left out before it."""
    _in_header: bool = True

    @property
    def id(self) -> str:
        """The header up to the first blank, TAB or ^A."""
        return text_of(_ID_END.split(self.header, maxsplit=1)[0])

    @property
    def description(self) -> str:
        """The header after the identifier, up to ^A, which separates the titles of one sequence."""
        rest = _ID_END.split(self.header, maxsplit=1)[1:]
        return text_of(rest[0].partition(b"\x01")[0]).strip() if rest else ""

    @property
    def text(self) -> str:
        """The lines of sequence, without long runs of blank lines."""
        return text_of(bytes(self._body))

    def add(self, line: int, data: bytes, max_held: int) -> None:
        """Add the next bytes of the record, which begin in ``line``.

        Beyond ``max_held`` bytes of sequence, drop all of it and set ``is_cut``.
        """
        if self._in_header:
            end, newline, data = data.partition(b"\n")
            whole = self.header + end
            self.header = whole.lstrip(b" \t")[:MAX_HEADER]
            self.is_indented |= whole[:1] in (b" ", b"\t")
            self._in_header = not newline
            line += 1
        if self.is_cut:
            return
        for start, part in without_blank_lines(line, data):
            if start > line:
                self._body += b"\n"
                self._n_rows += 1
                self._left_out.append((self._n_rows, start - line - 1))
            self._body += part
            n = part.count(b"\n")
            self._n_rows, line = self._n_rows + n, start + n
        if len(self._body) > max_held:
            self._body.clear()
            self._left_out.clear()
            self.is_cut = True

    def at(self, position: int) -> tuple[int, int]:
        """Return line and column, both from 1, of a position in ``text``."""
        before = self.text[:position]
        row = before.count("\n")
        n_left_out = sum(n for start, n in self._left_out if start <= row)
        return self.line + 1 + row + n_left_out, position - before.rfind("\n")

    def reject(self, reason: str, line: int = 0, column: int = 0, *, id: str = "") -> Reject:
        """Return the rejection of this record, placed at its header if no line is given."""
        return Reject(self.source, self.number, id, line or self.line, column, reason)


def read_records(source: Source, max_held: int) -> Iterator[Record]:
    """Yield the records of a FASTA file as written, with at most ``max_held`` bytes of each."""
    name = name_of(source)
    content = chunks(source, FastaError)
    first = next(content, b"")
    if is_binary(first[:HEAD]):
        raise FastaError(name, "not FASTA text (binary data)")
    yield from split_records(name, chain([first], content), max_held)


def split_records(name: str, content: Iterable[bytes], max_held: int) -> Iterator[Record]:
    """Yield the records of FASTA text; see `read_records`.

    ``name`` is that of the file. Records and lines are counted from the start of ``content``.
    """
    record: Record | None = None
    number, line, line_end = 0, 0, b"\n"  # as if a line end came before the file
    for chunk in unix_lines(content):
        data = line_end + chunk
        line_end = b"\n" if data.endswith(b"\n") else b""  # a '>' may come in the next chunk
        rest, *records = data.removesuffix(line_end).split(b"\n>")
        if record is not None:
            record.add(line, rest, max_held)
        elif rest.strip():
            raise _before_first_header(name, line, rest)
        line += rest.count(b"\n")
        for text in records:
            if record is not None:
                yield record
            number, line = number + 1, line + 1
            record = Record(name, number, line)
            record.add(line, text, max_held)
            line += text.count(b"\n")
    if record is None:
        raise FastaError(name, "no FASTA records")
    yield record


def _before_first_header(name: str, line: int, data: bytes) -> FastaError:
    text = data.lstrip()
    line += data.count(b"\n", 0, len(data) - len(text))
    kind = kind_of_text(text_of(text[:HEAD].partition(b"\n")[0]))
    if kind == "FASTQ":
        return FastaError(name, "looks like FASTQ, not protein FASTA", line)
    if kind.startswith(";"):
        return FastaError(name, "';' comment lines are not read; remove them", line)
    found = f" (looks like {kind})" if kind else ""
    return FastaError(name, f"text before the first '>' header{found}", line)


def text_of(data: bytes) -> str:
    """Decode UTF-8, or else Latin-1, which accepts any byte."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
