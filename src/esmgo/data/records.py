"""FASTA text split into records, each with its place in the file. Other formats are refused.

The module does not know which letters are residues.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from esmgo.data.foreign import is_binary, kind_of_text
from esmgo.data.rejects import Reject
from esmgo.errors import FastaError
from esmgo.files.lines import pieces
from esmgo.files.source import HEAD, Source, chunks, name_of

_ID_END = re.compile(rb"[ \t\x01]")


@dataclass(slots=True)
class Record:
    """A record as written in the file."""

    source: str
    number: int
    line: int
    header: bytes
    parts: list[tuple[int, int, bytes]] = field(default_factory=list)
    """Line, offset in the line, bytes."""
    n_held: int = 0
    is_cut: bool = False

    @property
    def id(self) -> str:
        """The header up to the first blank, TAB or ^A."""
        return text_of(_ID_END.split(self.header, maxsplit=1)[0])

    def add(self, line: int, offset: int, data: bytes, max_held: int) -> None:
        """Add a piece of sequence; beyond ``max_held`` bytes drop all, and set ``is_cut``."""
        self.n_held += len(data)
        if self.n_held > max_held:
            self.parts.clear()
            self.is_cut = True
        elif data:
            self.parts.append((line, offset, data))

    def at(self, position: int) -> tuple[int, int]:
        """Return line and column, both from 1, of a position in the joined text."""
        for line, offset, data in self.parts:
            text = text_of(data)
            if position < len(text):
                return line, offset + position + 1
            position -= len(text)
        raise AssertionError("the position is inside the record")

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
    record: Record | None = None
    number, before, offset, in_header = 0, 0, 0, False
    for line, data, _ in pieces(chain([first], content)):
        starts = line != before
        before, offset = line, 0 if starts else offset
        if starts and data.startswith(b">"):
            if record is not None:
                yield record
            number, in_header = number + 1, True
            record = Record(name, number, line, data[1:])
        elif starts or not in_header:  # later pieces of a long header are dropped
            in_header = False
            if record is not None:
                record.add(line, offset, data, max_held)
            elif data.strip():
                raise _before_first_header(name, line, data)
        offset += len(data)
    if record is None:
        raise FastaError(name, "no FASTA records")
    yield record


def _before_first_header(name: str, line: int, data: bytes) -> FastaError:
    kind = kind_of_text(text_of(data[:HEAD]))
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
