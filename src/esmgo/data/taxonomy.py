"""The taxon of each protein, from a table or from the headers of a FASTA file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from esmgo.data.accessions import accession
from esmgo.data.cafa import PROTEIN_NAMES, heading
from esmgo.errors import AnnotationError, printable
from esmgo.files.lines import text_lines
from esmgo.files.source import Source, chunks, name_of

_LONGEST = 1 << 20
_MOST_EMPTY = 100_000
_TAXON = re.compile(r"(?i)(?:(?:taxon|ncbitaxon|taxid|ox)[:=])?([0-9]{1,9})", re.ASCII)
_OX = re.compile(r"\sOX=([0-9]{1,9})(?=\s|$)", re.ASCII)
_NAME = re.compile(r"(ncbi_?)?tax(on|onomy|onomic)?(_?id)?|organism(_\(id\)|_?id)?|ox")
_SEPARATOR = re.compile(r"[\s,;]+")


def read_taxonomy(source: Source, warn: Callable[[str], None] | None = None) -> dict[str, str]:
    """Return the NCBI taxon id of each protein by its accession.

    A row is ``protein  taxon``, separated by TAB, blanks, commas or semicolons. A header may name
    these columns among others, such as ``Organism (ID)`` of UniProt's tables. If the first line
    starts with ``>``, every such line is the header of a protein, ``>protein  taxon`` or with
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
    protein, taxon, width, n_empty = 0, 1, 2, 0
    for line, text in lines:
        parts = text.split("\t") if "\t" in text.strip() else _SEPARATOR.split(text.strip())
        cells = [cell.strip(' "') for cell in parts]
        if not any(cells):
            n_empty += 1
            if n_empty > _MOST_EMPTY:
                raise AnnotationError(name, f"{n_empty:,} rows without a value", line)
            continue
        if not start:
            start, is_fasta = line, text.startswith(">")
            names = list(map(heading, cells))
            named = [i for i, each in enumerate(names) if _NAME.fullmatch(each)]
            if named and cells[1:] and not is_fasta:
                ids = [i for i, each in enumerate(names) if each in PROTEIN_NAMES]
                protein, taxon, width = (*ids, int(named == [0]))[0], named[-1], len(cells)
                continue
        if not is_fasta:
            is_row = len(cells) == width and cells[protein]
            found = _TAXON.fullmatch(cells[taxon]) if is_row else None
            if found is None:
                reason = "expected a protein id, a TAB and an NCBI taxon id"
                raise AnnotationError(name, reason, line)
            yield line, cells[protein], found[1]
        elif text.startswith(">"):
            words = text[1:].split()
            found = _OX.search(text) or (_TAXON.fullmatch(words[1]) if words[1:] else None)
            if found is None:
                without.append(line)
            else:
                yield line, words[0], found[1]
