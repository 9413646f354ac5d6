"""The taxon of each protein, from a table or from the headers of a FASTA file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from esmgo.data.accessions import accession
from esmgo.errors import AnnotationError, printable
from esmgo.files.lines import text_lines
from esmgo.files.source import Source, chunks, name_of

_LONGEST = 1 << 20
_MOST_IDLE = 1_000_000
"""Lines that add nothing, at most: a small compressed file may hold any number of them."""

_TAXON = re.compile(r"(?i)(?:(?:taxon|ncbitaxon|taxid|ox)[:=])?([0-9]{1,9})", re.ASCII)
_OX = re.compile(r"(?:^|\s)OX=([0-9]{1,9})(?=\s|$)", re.ASCII)
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
    for n_rows, (line, id, taxon) in enumerate(_rows(source, name, without)):
        _one_more(n_rows - len(taxa), "rows repeat a protein", name, line)
        if taxa.setdefault(accession(id), taxon) != taxon:
            raise AnnotationError(name, f"a second taxon of {printable(id, 40)}", line)
    if not taxa:
        raise AnnotationError(name, "no taxa: expected lines of protein and NCBI taxon id")
    if without and warn is not None:
        lines = ", ".join(f"line {line}" for line in without[:3])
        warn(f"{printable(name, 60)}: {len(without):,} headers without a taxon, left out: {lines}")
    return taxa


def described_taxon(description: str) -> int:
    """Return the NCBI taxon id that the rest of a FASTA header names, or 0.

    Examples
    --------
    >>> described_taxon("Cellular tumor antigen p53 OS=Homo sapiens OX=9606 GN=TP53")
    9606
    >>> described_taxon("10090")
    10090
    """
    first = description.split(maxsplit=1)[:1]
    found = _OX.search(description) or _TAXON.fullmatch("".join(first))
    return int(found[1]) if found else 0


def _rows(source: Source, name: str, without: list[int]) -> Iterator[tuple[int, str, str]]:
    """Yield line, protein and taxon; add the lines of FASTA headers that lack one to a list."""
    from esmgo.data.cafa import PROTEIN_NAMES, heading  # pyarrow takes a third of a second

    content = chunks(source, AnnotationError)
    lines = text_lines(content, name, AnnotationError, max_length=_LONGEST)
    start, is_fasta = 0, False
    protein, taxon, width, n_idle = 0, 1, 2, 0
    for line, text in lines:
        parts = text.split("\t") if "\t" in text.strip() else _SEPARATOR.split(text.strip())
        cells = [cell.strip(' "') for cell in parts]
        if not any(cells):
            n_idle = _one_more(n_idle, "rows have no value", name, line)
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
        elif not text.startswith(">"):
            n_idle = _one_more(n_idle, "lines in one record", name, line)
        else:
            n_idle = 0
            id, _, rest = " ".join(text[1:].split()).partition(" ")
            described = described_taxon(rest)
            if described:
                yield line, id, str(described)
            else:
                without.append(line)


def _one_more(n: int, what: str, name: str, line: int) -> int:
    """Return ``n + 1``; raise AnnotationError if these are too many lines that add nothing."""
    if n >= _MOST_IDLE:
        raise AnnotationError(name, f"more than {_MOST_IDLE:,} {what}", line)
    return n + 1
