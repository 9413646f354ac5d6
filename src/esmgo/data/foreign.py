"""Recognises files that are not FASTA by their first bytes."""

from __future__ import annotations

import re

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
_CONTROLS = bytes({*range(32), 127} - set(b"\t\n\v\f\r\x01\x1b"))


def kind_of_text(line: str) -> str:
    """Return the format of a file by ``line``, its first that is not blank; "" if unknown.

    Examples
    --------
    >>> kind_of_text("LOCUS       AAA12345   20 aa")
    'GenBank'
    """
    return next((kind for pattern, kind in _TEXTS if re.match(pattern, line)), "")


def is_binary(head: bytes) -> bool:
    """Whether ``head``, the first bytes of a file, is not text. FASTA may contain a few NUL."""
    n_controls = len(head) - len(head.translate(None, _CONTROLS))
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b">"):
        return n_controls > 0.05 * len(head) and n_controls > 20
    n_high = sum(byte >= 0x80 for byte in head)
    return b"\0" in head or n_controls > 0.05 * len(head) or n_high > 0.5 * len(head)
