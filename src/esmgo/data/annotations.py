"""Annotations from the CAFA table and GAF 2: which protein has which term.

The reader yields direct annotations, with current or old ids as written. It needs no ontology.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from esmgo.data.rejects import ReadReport
from esmgo.errors import AnnotationError, UsageError, printable
from esmgo.files.lines import text_lines
from esmgo.files.source import Source, chunks, name_of
from esmgo.go.terms import Aspect, is_go_id

_MAX_LINE = 1 << 20
_COLUMNS = ("entryid", "term", "aspect")
_TAXA = ("taxonomyid", "taxonid", "taxon_id")
_GAF = re.compile(r"!gaf-version:\s*(\S+)")
_CONTROL = re.compile("[\0-\x1f\x7f-\x9f]")

Lines = Iterator[tuple[int, str]]


class Annotation(NamedTuple):
    """A protein, a term, their line (from 1), and the aspect in that line."""

    protein: str
    term: str
    line: int
    aspect: Aspect


def read_annotations(source: Source, *, report: ReadReport | None = None) -> Iterator[Annotation]:
    """Yield the annotations of a CAFA table or a GAF 2 file, in the order of the file.

    A CAFA table starts with the line ``EntryID  term  aspect`` (separated by TAB, in
    either case of letters); GAF with ``!gaf-version: 2.``, and its protein is column 2.

    Parameters
    ----------
    source : str, path or binary file
        Plain text or gzip, recognised by content; ``-`` is standard input.
    report : ReadReport, optional
        Gets a warning with the number of GAF rows left out: NOT rows, which deny a function,
        and rows with the evidence code ND (no biological data available).

    Raises
    ------
    AnnotationError
        At the first row that cannot be read, with its line; also if there are no annotations.
    """
    name = name_of(source)
    lines = _lines(source, name)
    line, first = next(((n, text) for n, text in lines if text.strip()), (0, ""))
    if not line:
        raise AnnotationError(name, "no annotations: the file is empty")
    if first.startswith("!"):
        yield from _gaf(lines, line, first, name, report)
    else:
        yield from _table(lines, line, first, name)


def read_taxonomy(source: Source) -> dict[str, str]:
    """Return the NCBI taxon id of each protein of a CAFA taxonomy table, which has a header."""
    name = name_of(source)
    taxa: dict[str, str] = {}
    header = 0
    for line, text in _lines(source, name):
        cells = [cell.strip() for cell in text.split("\t")]
        if not header:
            if len(cells) != 2 or cells[0].lower() != "entryid" or cells[1].lower() not in _TAXA:
                reason = "header not recognised; expected EntryID, a TAB and taxonomyID"
                raise AnnotationError(name, reason, line)
            header = line
        elif any(cells):
            if len(cells) != 2 or not cells[0] or not re.fullmatch("[0-9]+", cells[1]):
                reason = "expected a protein id, a TAB and an NCBI taxon id"
                raise AnnotationError(name, reason, line)
            if taxa.setdefault(cells[0], cells[1]) != cells[1]:
                raise AnnotationError(name, f"a second taxon of {printable(cells[0], 40)}", line)
    return taxa


def _lines(source: Source, name: str) -> Lines:
    return text_lines(chunks(source, AnnotationError), name, AnnotationError, max_length=_MAX_LINE)


def _table(lines: Lines, start: int, header: str, name: str) -> Iterator[Annotation]:
    names = tuple(cell.strip().lower() for cell in header.split("\t"))
    if len(names) == 1:
        reason = "no TAB found; expected the header EntryID, term, aspect, separated by TAB"
        raise AnnotationError(name, reason, start)
    if names != _COLUMNS:
        reason = "header not recognised; expected EntryID, term, aspect, or !gaf-version: 2.2"
        raise AnnotationError(name, reason, start)
    line = start
    for line, text in lines:
        if not text.strip():
            continue
        cells = text.split("\t")
        if len(cells) != len(_COLUMNS):
            reason = f"{len(cells)} columns instead of 3 (EntryID, term, aspect)"
            raise AnnotationError(name, reason, line)
        protein, term, aspect = (cell.strip(" ") for cell in cells)
        yield _annotation(protein, term, aspect, line, name)
    if line == start:
        raise AnnotationError(name, "no annotations below the header", line)


def _gaf(
    lines: Lines, line: int, first: str, name: str, report: ReadReport | None
) -> Iterator[Annotation]:
    start = line
    version = _GAF.match(first)
    if version is None or not version[1].startswith("2."):
        raise AnnotationError(name, "the first line is not '!gaf-version: 2.2'", start)
    n_taken = n_not = n_unknown = 0
    for line, text in lines:
        if text.startswith("!") or not text.strip():
            continue
        cells = text.split("\t")
        if len(cells) < 15:
            raise AnnotationError(name, f"{len(cells)} columns; GAF 2 has 15 to 17", line)
        annotation = _annotation(cells[1], cells[4], cells[8], line, name)
        if "NOT" in (word.strip() for word in cells[3].upper().split("|")):
            n_not += 1
        elif cells[6] == "ND":
            n_unknown += 1
        else:
            n_taken += 1
            yield annotation
    left_out = f"{n_not:,} NOT and {n_unknown:,} ND annotations"
    if not n_taken:
        raise AnnotationError(name, f"no usable annotations: {left_out}, no others", start)
    if report is not None and n_not + n_unknown:
        report.warn(f"{printable(name, 60)}: {left_out} left out")


def _annotation(protein: str, term: str, aspect: str, line: int, name: str) -> Annotation:
    control = _CONTROL.search(protein)
    if not protein or control:
        found = f"control character 0x{ord(control[0]):02X} in" if control else "no"
        raise AnnotationError(name, f"{found} protein id", line)
    if not is_go_id(term):
        reason = f"{printable(repr(term), 40)} is not a GO id (GO: and seven digits)"
        raise AnnotationError(name, reason, line)
    try:
        return Annotation(protein, term, line, Aspect.parse(aspect))
    except UsageError as error:
        raise AnnotationError(name, str(error), line) from None
