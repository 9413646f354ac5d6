"""Proteins from FASTA files of any size, one at a time.

A file that is not protein FASTA, or ends too early, is refused. A record that is not a protein is
rejected, and the reader continues.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from esmgo.data.records import MAX_HEADER, Record, read_records, split_records
from esmgo.data.rejects import ReadReport, Reject
from esmgo.data.residues import (
    MAX_LENGTH,
    BadResidue,
    Cleaned,
    clean,
    looks_like_nucleotides,
)
from esmgo.data.taxonomy import described_taxon
from esmgo.errors import FastaError, brief, printable
from esmgo.files.source import Source, check_readable, check_unchanged, name_of, stamp

MAX_ID_LENGTH = 1_000
"""Most characters of an identifier; a longer one is probably a header without blanks."""

MANY_REJECTS = 100_000
"""A file with more rejected records, and fewer than one accepted in ten of them, is refused."""

_CONTROL = re.compile("[\0-\x1f\x7f-\x9f]")
_PIR = re.compile(r"(P1|F1|DL|DC|RL|RC|N1|N3|XX);")


@dataclass(frozen=True, slots=True)
class Protein:
    """A protein: its identifier as written, its residues in upper case, the rest of its header.

    ``taxon`` is the NCBI taxon id of its species, 0 if it is unknown.
    """

    id: str
    sequence: str
    description: str = field(default="", compare=False, repr=False)
    taxon: int = field(default=0, compare=False, repr=False)

    __repr__ = brief


class Seen(Protocol):
    """The identifiers of a file, with the line of the first record that has each."""

    def __contains__(self, id: object, /) -> bool: ...

    def __getitem__(self, id: str, /) -> int: ...

    def __setitem__(self, id: str, line: int, /) -> None: ...


def read_fasta(
    source: Source,
    *,
    report: ReadReport | None = None,
    strip_gaps: bool = False,
    allow_nucleotide_like: bool = False,
    max_length: int = MAX_LENGTH,
    seen: Seen | None = None,
) -> Iterator[Protein]:
    """Yield the proteins of a FASTA file in the order of the file.

    Parameters
    ----------
    source : str, path or binary file
        Plain text or gzip, recognised by content; ``-`` is standard input.
    report : ReadReport, optional
        Collects counts, rejected records and warnings. Without one, the first rejected
        record raises an error, so that no record is left out unnoticed.
    strip_gaps : bool
        Drop gaps from sequences instead of rejecting them; see `clean`.
    allow_nucleotide_like : bool
        Accept records that look like DNA or RNA.
    max_length : int
        Most residues of an accepted record.
    seen : Seen, optional
        The line of each identifier. A dict if it is not given, which grows with the file.

    Yields
    ------
    Protein
        The accepted records; ``report`` lists the others.

    Raises
    ------
    FastaError
        If the file is refused. The file is opened at the first ``next``.
    RecordError
        At the first rejected record, without a ``report`` or with a strict one.

    Examples
    --------
    >>> import io
    >>> list(read_fasta(io.BytesIO(b">p1 insulin\\nmalw\\nMRL*\\n")))
    [Protein(id='p1', sequence='MALWMRL')]
    """
    report = ReadReport(strict=True) if report is None else report
    n_accepted = n_rejected = 0
    unusual = _Unusual(name_of(source))
    rules = _Rules(strip_gaps, allow_nucleotide_like, max_length)
    seen = {} if seen is None else seen
    last = None
    before = stamp(source)
    try:
        for record in read_records(source, _held(max_length)):
            found = _judged(record, rules, seen, unusual)
            if isinstance(found, Reject):
                report.reject(found)
                n_rejected += 1
                if n_rejected > max(MANY_REJECTS, 10 * n_accepted):
                    n = n_accepted + n_rejected
                    reason = f"{n_rejected:,} of the first {n:,} records rejected; not proteins?"
                    raise FastaError(name_of(source), reason, record.line)
            else:
                last = record
                n_accepted += 1
                report.n_accepted += 1
                yield found
        check_unchanged(
            source, before, FastaError
        )  # the caller may have worked for hours on the records
    except FastaError as error:
        if error.line is not None or last is None:
            raise
        where = f"last good record: {printable(last.id, 30)}, line {last.line}"
        raise FastaError(error.source, f"{error.reason}; {where}") from None
    finally:
        unusual.warn(report)


def read_judged(
    source: str,
    start: int,
    length: int,
    rejected: Container[int],
    *,
    strip_gaps: bool = False,
    max_length: int = MAX_LENGTH,
) -> Iterator[Protein]:
    """Yield the proteins of a part of a FASTA file that `read_fasta` has read before.

    The settings must be those of the first reading. Memory holds one record.

    Parameters
    ----------
    source : str
        A plain FASTA file.
    start, length : int
        The bytes to read; a record begins at the first one.
    rejected : container of int
        The records to leave out, counted from 0 at ``start``.

    Raises
    ------
    FastaError
        If the file is missing, or a record is not as it was.
    """
    content = _bytes_of(source, start, length)
    for i, record in enumerate(split_records(source, content, _held(max_length))):
        if i not in rejected:
            try:
                cleaned = clean(record.text, strip_gaps=strip_gaps)
            except BadResidue as bad:
                raise FastaError(source, f"byte {start:,} and below has changed: {bad}") from None
            yield _protein(record, record.id, cleaned.sequence)


def _bytes_of(source: str, start: int, length: int) -> Iterator[bytes]:
    check_readable(source, FastaError)
    with Path(source).open("rb") as file:
        file.seek(start)
        while length and (data := file.read(min(length, 1 << 18))):
            length -= len(data)
            yield data


def _held(max_length: int) -> int:
    """Return the bytes of a record to hold, including white space and gaps."""
    return 4 * max_length + (1 << 20)


@dataclass(frozen=True, slots=True)
class _Rules:
    strip_gaps: bool
    allow_nucleotide_like: bool
    max_length: int


def _judged(record: Record, rules: _Rules, seen: Seen, unusual: _Unusual) -> Protein | Reject:
    """Return the protein of ``record``, or its rejection."""
    id = record.id
    if why := _bad_id(id):
        return record.reject(why)
    if id in seen:
        return record.reject(f"duplicate identifier (first seen line {seen[id]})", id=id)
    seen[id] = record.line
    try:
        cleaned = clean(record.text, strip_gaps=rules.strip_gaps)
    except BadResidue as bad:
        return record.reject(str(bad), *record.at(bad.offset), id=id)
    if why := _bad_sequence(cleaned.sequence, rules, is_cut=record.is_cut):
        return record.reject(why, id=id)
    unusual.note(record, id, cleaned)
    return _protein(record, id, cleaned.sequence)


def _protein(record: Record, id: str, sequence: str) -> Protein:
    description = record.description
    return Protein(id, sequence, description, described_taxon(description))


def _bad_id(id: str) -> str:
    if not id:
        return "header has no identifier after '>'"
    if len(id) > MAX_ID_LENGTH:
        return f"identifier of {len(id):,} characters or more (at most {MAX_ID_LENGTH:,})"
    control = _CONTROL.search(id)
    if control:
        return f"control character 0x{ord(control[0]):02X} in the identifier"
    if _PIR.match(id):
        return "PIR header, followed by a title line; convert the file to FASTA"
    return ""


def _bad_sequence(sequence: str, rules: _Rules, *, is_cut: bool) -> str:
    if is_cut or len(sequence) > rules.max_length:
        return f"longer than `max_length={rules.max_length:,}` residues"
    if not sequence:
        return "empty sequence"
    if not rules.allow_nucleotide_like and looks_like_nucleotides(sequence):
        return "over 95 % A, C, G, T, U, N: nucleotides? (`allow_nucleotide_like` takes it)"
    return ""


class _Unusual:
    """Accepted but unusual records: one warning of each kind names the first three."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.found: dict[str, tuple[int, list[str]]] = {}

    def note(self, record: Record, id: str, cleaned: Cleaned) -> None:
        sequence = cleaned.sequence
        kinds = (
            ("J is unknown to ESM2, read as X", cleaned.n_j),
            ("stops at the end (* or .), dropped", cleaned.n_stops),
            ("'.' beside '-', dropped as gaps", cleaned.n_dots),
            ("all residues are X", sequence.count("X") == len(sequence)),
            ("blanks after '>', left out", record.is_indented),
            ("'>>': the identifier begins with '>'", id.startswith(">")),
            ("identifier has invisible or direction-changing characters", not id.isprintable()),
            ("header is not UTF-8, read as Latin-1", not _is_utf8(record.header)),
        )
        for kind, holds in kinds:
            if holds:
                n, names = self.found.get(kind, (0, []))
                if n < 3:
                    names.append(f"record {record.number} ({printable(id, 20)})")
                self.found[kind] = (n + 1, names)

    def warn(self, report: ReadReport) -> None:
        for kind, (n, names) in self.found.items():
            more = f" and {n - len(names):,} more" if n > len(names) else ""
            report.warn(
                f"{printable(Path(self.source).name, 50)}: {kind}: {', '.join(names)}{more}"
            )


def _is_utf8(header: bytes) -> bool:
    if header.isascii():
        return True
    try:
        header.decode()
    except UnicodeDecodeError as error:  # a header cut into pieces may end inside a letter
        return len(header) > MAX_HEADER - 8 and error.reason == "unexpected end of data"
    return True
