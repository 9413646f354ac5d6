"""The taxon of each protein, from a table or from the headers of a FASTA file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from esmgo.data.accessions import accession
from esmgo.errors import AnnotationError, printable
from esmgo.files.lines import text_lines
from esmgo.files.source import Source, chunks, name_of

_LONGEST = 1 << 20
_TAXON = re.compile(r"(?:(?:taxon|ncbitaxon|taxid|ox)[:=])?([0-9]+)", re.IGNORECASE | re.ASCII)
_OX = re.compile(r"\sOX=([0-9]+)(?=\s|$)", re.ASCII)
_NAMES = re.compile(r"tax|organism|ox", re.IGNORECASE)


def read_taxonomy(source: Source, warn: Callable[[str], None] | None = None) -> dict[str, str]:
    """Return the NCBI taxon id of each protein by its accession.

    A row is ``protein  taxon``, separated by TAB or blanks, below a header or not. If the first
    line starts with ``>``, every such line is the header of a protein, ``>protein  taxon`` or with
    ``OX=``; all other lines, and headers without a taxon, are skipped. ``warn`` gets the number of
    the latter.

    Raises
    ------
    AnnotationError
        At a row without protein or taxon, or with a second taxon of a protein; if there is no row.
    """
    name = name_of(source)
    taxa: dict[str, str] = {}
    without: list[int] = []
    for line, id, taxon in _rows(source, name, without):
        if taxa.setdefault(accession(id), taxon) != taxon:
            raise AnnotationError(name, f"a second taxon of {printable(id, 40)}", line)
    if not taxa:
        raise AnnotationError(name, "no taxa: expected lines of protein and NCBI taxon id")
    if without and warn is not None:
        lines = ", ".join(f"line {line}" for line in without[:3])
        warn(f"{printable(name, 60)}: {len(without):,} headers without a taxon, left out: {lines}")
    return taxa


def _rows(source: Source, name: str, without: list[int]) -> Iterator[tuple[int, str, str]]:
    """Yield line, protein and taxon; add the lines of FASTA headers that lack one to a list."""
    content = chunks(source, AnnotationError)
    lines = text_lines(content, name, AnnotationError, max_length=_LONGEST)
    start, is_fasta = 0, False
    for line, text in lines:
        cells = [cell.strip() for cell in (text.split("\t") if "\t" in text else text.split())]
        if not any(cells):
            continue
        if not start:
            start, is_fasta = line, text.startswith(">")
            if len(cells) > 1 and _NAMES.search(cells[1]) and not _TAXON.fullmatch(cells[1]):
                continue
        if not is_fasta:
            taxon = _TAXON.fullmatch(cells[1]) if len(cells) == 2 and cells[0] else None
            if taxon is None:
                reason = "expected a protein id, a TAB and an NCBI taxon id"
                raise AnnotationError(name, reason, line)
            yield line, cells[0], taxon[1]
        elif text.startswith(">"):
            words = text[1:].split()
            found = _OX.search(text) or (_TAXON.fullmatch(words[1]) if words[1:] else None)
            if found is None:
                without.append(line)
            else:
                yield line, words[0], found[1]
