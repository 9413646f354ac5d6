"""Recognises files that are not FASTA, or no annotations, by their first lines."""

from __future__ import annotations

import re
from collections.abc import Sequence

_TEXTS = (
    (r"@(HD|SQ|RG|PG|CO)\t", "SAM"),
    (r"@", "FASTQ"),
    (r"LOCUS\s", "GenBank"),
    (r"ID   ", "EMBL or Swiss-Prot"),
    (r"CLUSTAL|MUSCLE \(", "a Clustal alignment"),
    (r"# ?STOCKHOLM", "a Stockholm alignment"),
    (r"#NEXUS", "NEXUS"),
    (r"(HEADER|ATOM|REMARK|TITLE|CRYST1|MODEL) ", "PDB"),
    (r"data_\w", "mmCIF"),
    (r"(?i)<(!doctype html|html|head|body)", "HTML"),
    (r"<", "XML or HTML"),
    (r"[{\[]", "JSON"),
    (r"##gff-version", "GFF"),
    (r"!gaf-version", "GAF"),
    (r"%PDF", "PDF"),
    (r"format-version:", "OBO"),
    (r";", "; comments"),
    (r"\s*\d+\s+\d+\s*$", "PHYLIP"),
    (r"[^\t]+\t[^\t]+(\t|$)", "a TAB-separated table"),
)
_TABLES = (
    (r">", "FASTA", "it is given as `sequences`"),
    (r"format-version:|data-version:|\[Term\]", "OBO", "it is given as `ontology`"),
    (r"(?i)<(!doctype html|html|head|body)", "an HTML page", "download the file again"),
    (r"<", "XML, such as OWL or UniProt XML", "download GAF, or UniProt's table (TSV)"),
    (r"[{\[]", "JSON", "jq -r '[.id, (.terms | join(\";\"))] | @tsv' makes a table of JSON Lines"),
    (r"##gff-version", "GFF", "make a table of protein and Ontology_term ids from column 9"),
    (r"##fileformat=VCF|#CHROM\t", "VCF: variants, not proteins", "give GAF or a table"),
    (r"@", "FASTQ or SAM", "give GAF or a table of proteins and GO ids"),
    (r"ID   |LOCUS {2}", "a flat file of entries", "download UniProt's table (TSV) or GAF instead"),
    (r'"[^"]*"\t', "cells in quotes", "write the table without quotes (in R: quote=FALSE)"),
)
"""Formats by the first line, and what to do."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf)", re.IGNORECASE)
_ID = re.compile(r"GO:\d{7}")
_BINARY = (
    (b"PAR1", "Parquet"),
    (b"ARROW1", "an Arrow file"),
    (b"\x89HDF", "HDF5"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"%PDF", "PDF"),
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x03", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x80\x05", "a Python pickle"),
)
_CONTROLS = bytes({*range(32), 127} - set(b"\t\n\v\f\r\x01\x1b"))


def kind_of_text(line: str) -> str:
    """Return the format of a file by ``line``, its first that is not blank; "" if unknown.

    Examples
    --------
    >>> kind_of_text("LOCUS       AAA12345   20 aa")
    'GenBank'
    """
    return next((kind for pattern, kind in _TEXTS if re.match(pattern, line)), "")


def kind_of_binary(head: bytes) -> str:
    """Return the format of a file that is not text by its first bytes; "" if unknown."""
    return next((kind for magic, kind in _BINARY if head.startswith(magic)), "")


def is_binary(head: bytes) -> bool:
    """Whether ``head``, the first bytes of a file, is not text. FASTA may contain a few NUL."""
    n_controls = len(head) - len(head.translate(None, _CONTROLS))
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b">"):
        return n_controls > 0.05 * len(head) and n_controls > 20
    n_high = sum(byte >= 0x80 for byte in head)
    return b"\0" in head or n_controls > 0.05 * len(head) or n_high > 0.5 * len(head)


def foreign_to_tables(opening: str, head: bytes) -> tuple[str, str] | None:
    """Return the format of a file that is no table, and what to do; None if it may be one.

    ``opening`` is its first line that is not blank, and ``head`` are its first bytes.

    Examples
    --------
    >>> foreign_to_tables(">P1", b">P1")
    ('FASTA', 'it is given as `sequences`')
    """
    if kind := kind_of_binary(head):
        return kind, "save it as TAB-separated text"
    found = ((kind, cure) for pattern, kind, cure in _TABLES if re.match(pattern, opening))
    return next(found, None)


def kind_of_table(rows: Sequence[Sequence[str]], head: bytes) -> tuple[str, str]:
    """Return what a table without readable annotations seems to be, and what to do.

    ``rows`` are its first lines that are no comments, split at TAB, and ``head`` are its first
    bytes.

    Examples
    --------
    >>> kind_of_table([["P1"], ["P2"]], b"P1\\nP2\\n")[0]
    'no TAB found: a list of single words'
    """
    if is_binary(head):
        return "binary data", "save it as TAB-separated text"
    cells = next((row for row in rows if any(map(_ID.search, row))), rows[0])
    words = cells if len(cells) > 1 else cells[0].split()
    if len(cells) == 1 and "," in cells[0]:
        return "no TAB found: CSV", "tr ',' '\\t' < FILE makes a table if no cell has a comma"
    if len(words) > 1 and _ID.fullmatch(words[0]):
        if _NUMBER.fullmatch(words[1]):
            return "header not recognised: terms and numbers", "`ia` of evaluate takes them"
        return "the term comes first", "awk -v OFS='\\t' '{print $2, $1}' FILE swaps the columns"
    if len(cells) == 9 and cells[3].isdigit() and cells[4].isdigit():
        return "GFF or GTF", "make a table of protein and Ontology_term ids from column 9"
    if len(cells) > 11 and all(map(_NUMBER.fullmatch, cells[2:12])):
        return "hits of BLAST or DIAMOND", "they have no GO ids; give GAF or a table"
    return _kind_of_columns([cell.lower() for cell in rows[0]], words)


def _kind_of_columns(names: Sequence[str], words: Sequence[str]) -> tuple[str, str]:
    """Return the same for a table that has nothing more typical than its columns."""
    if "entry" in names:
        return "a UniProt table without GO", "add the column Gene Ontology IDs (go_id) to it"
    if "#query" in names or "#query_name" in names:
        return "a table of eggNOG-mapper without GOs", "keep all its columns"
    if len(words) > 2 and _ID.search(words[1]):
        if _ID.search(words[2]):
            return "header not recognised: several columns of GO ids", "join them by ;"
        if _NUMBER.fullmatch(words[2]):
            return "header not recognised: predictions with scores", "`predictions` takes them"
        cure = "put the line EntryID, term, aspect above them, or keep two: cut -f1,2"
        return "header not recognised: three columns", cure
    if len(words) == 1:
        return "no TAB found: a list of single words", "give two columns, protein and GO id"
    if any(map(_ID.search, words)):
        cure = "put a header such as EntryID, term, aspect above them"
        return "header not recognised: GO ids in an unknown column", cure
    cure = "expected GAF, GPAD or a table with the header EntryID, term, aspect"
    return "header not recognised: no GO ids in the first rows", cure
