"""Information accretion: the information in bits that a term adds to its parents.

Nothing here knows about scores or thresholds.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import AnnotationError, printable
from esmgo.files.lines import text_lines
from esmgo.files.source import Source, chunks, name_of
from esmgo.go.labels import LabelSpace
from esmgo.go.sparse import SparseRows
from esmgo.go.terms import is_go_id


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


def read_information_accretion(source: Source) -> dict[str, float]:
    """Read bits by GO id from a file of ``id<TAB>bits`` lines, plain or gzip.

    Raises
    ------
    AnnotationError
        If a line, which is named, is not a new GO id with finite bits of at least 0.
    """
    name = name_of(source)
    bits: dict[str, float] = {}
    for line, text in text_lines(
        chunks(source, AnnotationError), name, AnnotationError, max_length=1 << 20
    ):
        if not text.strip():
            continue
        id, tab, value = text.partition("\t")
        if not tab:
            raise AnnotationError(name, "no TAB found; expected a GO id, a TAB and bits", line)
        if not is_go_id(id):
            raise AnnotationError(name, f"{printable(repr(id), 40)} is not a GO id", line)
        if id in bits:
            raise AnnotationError(name, f"{id} appears a second time", line)
        bits[id] = _bits(value, name, line)
    if not bits:
        raise AnnotationError(name, "no information accretion found")
    return bits


def _bits(text: str, name: str, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        raise AnnotationError(name, f"{printable(repr(text), 40)} is not a number", line) from None
    if not (math.isfinite(value) and value >= 0):
        reason = (
            f"information accretion must be finite and at least 0 bits, not {printable(text, 40)}"
        )
        raise AnnotationError(name, reason, line)
    return value
