"""Groups of proteins by identity to the nearest training protein."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from esmgo.data.accessions import Numbering, accession
from esmgo.errors import AnnotationError, printable
from esmgo.files.lines import text_lines
from esmgo.files.source import Source, chunks, name_of

EDGES = (30.0, 40.0, 50.0, 70.0, 90.0)

BINS = ("no hit", "< 30 %", "30–40 %", "40–50 %", "50–70 %", "70–90 %", "90–100 %")
"""Groups by identity to the nearest training protein. The lower bound belongs to a group."""

STRATA = (*BINS, "not listed")
"""The groups of an evaluation; the last has the proteins that the file does not list."""


def read_identity(source: Source, warn: Callable[[str], None]) -> dict[str, float | None]:
    """Read the identity of each protein, in per cent, by accession; None means no hit.

    ``source`` is the ``nearest.tsv`` of an audit, or any table with the columns ``protein`` and
    ``identity``, in which an empty cell means no hit. Of ids that share an accession the highest
    identity counts; ``warn`` gets their number. An `AnnotationError` names the line.
    """
    name = name_of(source)
    lines = text_lines(chunks(source, AnnotationError), name, AnnotationError, max_length=1 << 20)
    number, header = next(lines, (1, ""))
    columns = header.split("\t")
    if not {"protein", "identity"} <= set(columns):
        reason = "the header has no columns 'protein' and 'identity'; nearest.tsv of esmgo audit?"
        raise AnnotationError(name, reason, number)
    protein, identity = columns.index("protein"), columns.index("identity")
    found: dict[str, float | None] = {}
    numbering = Numbering()
    seen: set[str] = set()
    for line, text in lines:
        if not text.strip():
            continue
        cells = text.split("\t")
        if len(cells) <= max(protein, identity):
            raise AnnotationError(name, f"{len(cells)} columns instead of {len(columns)}", line)
        id, value = cells[protein].strip(), _percent(cells[identity].strip(), name, line)
        if id in seen:
            raise AnnotationError(name, f"{printable(id, 40)} is listed twice", line)
        seen.add(id)
        numbering.add(id)
        before = found.get(accession(id))
        found[accession(id)] = max((x for x in (before, value) if x is not None), default=None)
    if not found:
        raise AnnotationError(name, "no proteins below the header")
    numbering.report(warn, name)
    return found


def _percent(text: str, name: str, line: int) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 100:
        reason = f"identity {printable(repr(text), 40)} is not a number from 0 to 100"
        raise AnnotationError(name, reason, line)
    return value


def strata_of(proteins: Sequence[str], identity: Mapping[str, float | None]) -> NDArray[np.intp]:
    """Return the index in `STRATA` of each protein; shape=(N,). See `read_identity`."""
    groups = np.full(len(proteins), len(STRATA) - 1, np.intp)
    for i, id in enumerate(map(accession, proteins)):
        if id in identity:
            value = identity[id]
            groups[i] = 0 if value is None else 1 + np.searchsorted(EDGES, value, side="right")
    return groups
