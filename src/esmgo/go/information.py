"""Information of terms in bits: of a term itself, and what it adds to its parents.

Nothing here knows about scores or thresholds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import AnnotationError, printable
from esmgo.files.lines import text_lines
from esmgo.files.source import Source, chunks, name_of
from esmgo.go.labels import LabelSpace
from esmgo.go.sparse import SparseRows
from esmgo.go.terms import is_go_id

_SEPARATOR = re.compile(r"[\s,;]+")
_FOREIGN = re.compile(r"(?!GO[:_])[A-Za-z][\w.-]*:\S+", re.ASCII)
_TERMS = frozenset({"term", "terms", "go", "go_id", "goid", "go_term", "goterm", "term_id", "id"})
_BITS = frozenset({
    "ia", "ic", "bits", "weight", "information_accretion", "information_content", "value",
})  # fmt: skip


def information_accretion(terms: SparseRows, labels: LabelSpace) -> NDArray[np.float64]:
    """Return -log2 P(term | all its direct parents) from annotated proteins.

    Parameters
    ----------
    terms : SparseRows
        Columns of ``labels``, N rows, closed under the true-path rule (`SparseRows.closed`).
    labels : LabelSpace
        Supplies the parents.

    Returns
    -------
    ndarray, shape=(T,), dtype=float64
        Bits, never negative; 0 for roots and for terms that no protein has.

    References
    ----------
    Clark and Radivojac, Bioinformatics 29:i53 (2013).

    Examples
    --------
    >>> from esmgo.go.terms import Aspect, Term
    >>> two = LabelSpace(tuple(Term(f"GO:000000{i}", "", Aspect.MF) for i in (1, 2)), ((), (0,)))
    >>> information_accretion(SparseRows.of([2, 1, 1, 1], np.int32([0, 1, 0, 0, 0])), two).tolist()
    [0.0, 2.0]
    """
    n_proteins, n_terms = len(terms), len(labels)
    proteins = terms.owner[np.argsort(terms.indices, kind="stable")]
    n_with = terms.frequency(n_terms)
    starts = np.concatenate([[0], np.cumsum(n_with)])
    rows = [proteins[lo:hi] for lo, hi in pairwise(starts)]  # the proteins of each term
    n_able = np.zeros(n_terms, np.int64)  # proteins with all parents of the term
    n_parents = np.zeros(n_proteins, np.int16)
    for j, up in enumerate(labels.parents):
        if len(up) == 1:
            n_able[j] = n_with[up[0]]
        elif up and n_with[j]:
            for p in up:
                n_parents[rows[p]] += 1
            rarest = min(up, key=lambda p: len(rows[p]))
            n_able[j] = np.count_nonzero(n_parents[rows[rarest]] == len(up))
            for p in up:
                n_parents[rows[p]] = 0
    bits = np.zeros(n_terms)
    is_used = (n_with > 0) & (n_able > n_with)  # equal counts give an exact 0
    bits[is_used] = -np.log2(n_with[is_used] / n_able[is_used])
    return bits


def information_content(terms: SparseRows, labels: LabelSpace) -> NDArray[np.float64]:
    """Return -log2 of the fraction of the proteins with any term of the aspect that have each term.

    A term never has fewer bits than its ancestors. A term that no protein has gets the bits of a
    term that one protein has.

    Parameters
    ----------
    terms : SparseRows
        Columns of ``labels``, N rows, closed under the true-path rule (`SparseRows.closed`).
    labels : LabelSpace
        Supplies the aspects.

    Returns
    -------
    ndarray, shape=(T,), dtype=float64
        Bits, never negative; 0 for roots and in an aspect that no protein has.

    References
    ----------
    Resnik, IJCAI-95, 448 (1995).

    Examples
    --------
    >>> from esmgo.go.terms import Aspect, Term
    >>> two = LabelSpace(tuple(Term(f"GO:000000{i}", "", Aspect.MF) for i in (1, 2)), ((), (0,)))
    >>> information_content(SparseRows.of([2, 1, 1, 1], np.int32([0, 1, 0, 0, 0])), two).tolist()
    [0.0, 2.0]
    """
    counts = np.maximum(terms.frequency(len(labels)), 1)
    bits = np.zeros(len(labels))
    for aspect in labels.aspects:
        at = labels.columns_of(aspect, roots=True)
        is_own = np.zeros(len(labels), bool)
        is_own[at] = True
        n_annotated = len(np.unique(terms.owner[is_own[terms.indices]]))
        bits[at] = np.log2(max(n_annotated, 1) / counts[at])
    return bits


def read_information_accretion(
    source: Source, warn: Callable[[str], None] | None = None
) -> dict[str, float]:
    """Read bits by GO id from a file with a term and its bits in each line, plain or gzip.

    Columns are separated by TAB, blanks, commas or semicolons. A header, which may name the
    columns, comment lines (``#``) and further columns are skipped. ``warn`` gets the number of
    terms of other ontologies, which are left out.

    Raises
    ------
    AnnotationError
        If a line, which is named, is not a new term with finite bits of at least 0; also if there
        is no GO id.
    """
    name = name_of(source)
    bits: dict[str, float] = {}
    foreign, n_foreign = list[str](), 0
    rows = _rows(source, name)
    first = next(rows, (1, [""]))
    header = _columns(first[1])
    term, value = header or (0, 1)
    for line, cells in rows if header else chain([first], rows):
        if len(cells) <= max(term, value):
            raise AnnotationError(name, "expected a GO id, a TAB and bits", line)
        id = cells[term]
        if _FOREIGN.fullmatch(id):
            foreign, n_foreign = [*foreign, id][:3], n_foreign + 1
            continue
        if not is_go_id(id) or id in bits:
            fault = "appears a second time" if id in bits else "is not a GO id"
            raise AnnotationError(name, f"{printable(repr(id), 40)} {fault}", line)
        bits[id] = _bits(cells[value], name, line)
    some = ", ".join(printable(id, 20) for id in foreign)
    if not bits:
        why = f"; only ids of other ontologies: {some}" if foreign else ""
        raise AnnotationError(name, f"no information accretion found{why}")
    if foreign and warn is not None:
        warn(f"{printable(name, 60)}: {n_foreign:,} terms of other ontologies, left out: {some}")
    return bits


def _rows(source: Source, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line that is neither blank nor a comment."""
    content = chunks(source, AnnotationError)
    for line, text in text_lines(content, name, AnnotationError, max_length=1 << 20):
        if text.strip() and not text.startswith("#"):
            cells = text.split("\t") if "\t" in text.strip() else _SEPARATOR.split(text.strip())
            yield line, [cell.strip(' "') for cell in cells]


def _columns(cells: list[str]) -> tuple[int, int] | None:
    """Return the columns of the term and of its bits that a header has; None if it is none."""
    names = [cell.lower().replace(" ", "_") for cell in cells]
    term = next((i for i, each in enumerate(names) if each in _TERMS), None)
    bits = next((i for i, each in enumerate(names) if each in _BITS), None)
    if term is None and bits is None:
        is_data = any(is_go_id(cell) or _FOREIGN.fullmatch(cell) for cell in cells)
        has_number = any(cell[-1:].isdigit() for cell in cells[1:])
        return None if is_data or has_number else (0, 1)
    term = (0 if bits else 1) if term is None else term
    return term, term + 1 if bits is None else bits


def _bits(text: str, name: str, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        raise AnnotationError(name, f"{printable(repr(text), 40)} is not a number", line) from None
    if not (math.isfinite(value) and value >= 0):
        reason = (
            f"information accretion must be finite and at least 0 bits, not {printable(text, 40)};"
            " a term that is not listed weighs 0"
        )
        raise AnnotationError(name, reason, line)
    return value + 0.0  # -0.0 becomes 0.0
