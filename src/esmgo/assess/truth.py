"""True annotations of proteins, from files, and the numbering of terms for an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from esmgo.data.accessions import Numbering, forms
from esmgo.data.annotation_files import annotation_blocks
from esmgo.data.rejects import ReadReport
from esmgo.errors import AnnotationError, printable
from esmgo.files.source import Source, name_of
from esmgo.go.labels import LabelSpace
from esmgo.go.ontology import Ontology
from esmgo.go.resolving import TermResolver
from esmgo.go.sparse import SparseRows
from esmgo.metrics.truth import Truth

Warn = Callable[[str], None]


class TermCodes:
    """Numbers the active terms of an ontology, sorted by id."""

    def __init__(self, ontology: Ontology) -> None:
        self.ontology = ontology
        self.ids = sorted(ontology.terms)
        self._code = {id: i for i, id in enumerate(self.ids)}

    def resolver(self) -> TermResolver:
        """Return a resolver for the terms of one file, with the rules of CAFA's evaluator."""
        return TermResolver(self.ontology, keeps_replaced=False)

    def of(
        self, term: NDArray[np.int32], ids: Sequence[str], resolver: TermResolver
    ) -> NDArray[np.intp]:
        """Return the number of the term of each line, -1 without a current term; shape=(n,).

        ``term``, shape=(n,), are indices into ``ids``.
        """
        counts = np.bincount(term, minlength=len(ids)).tolist()
        used = zip(ids, counts, strict=True)
        found = [resolver.of(id, n) if n else None for id, n in used]
        codes = np.array([-1 if id is None else self._code[id] for id in found], np.intp)
        return codes[term]

    def columns(self, labels: LabelSpace) -> NDArray[np.int32]:
        """Return the column of each term, -1 for a term that is not in ``labels``."""
        return np.array([labels.column.get(id, -1) for id in self.ids], np.int32)


def read_truth(
    source: Source,
    terms: TermCodes,
    report: ReadReport,
    *,
    evidence: frozenset[str],
    targets: Collection[str] | None = None,
    known: Source | None = None,
) -> Truth:
    """Read the annotations of the targets and close them; proteins are sorted by id.

    ``source`` has annotations, direct or closed, in any format that `annotation_blocks` reads;
    ``known`` has earlier ones, see `Truth.known`. ``evidence`` has the evidence codes to take.
    Without ``targets`` all proteins are read. Files are compared by accession. ``report`` gets
    rejected rows, and what is left out. If no protein has a term of the ontology, it is an
    `AnnotationError`.
    """
    warn = report.warn
    name = name_of(source)
    wanted = None if targets is None else Numbering(targets)
    found = _annotations(source, terms, report, evidence, wanted)
    proteins, rows, codes = found.proteins, found.rows, found.codes
    if not len(rows):
        reason = "no protein with a term of the ontology"
        if wanted is not None:
            look = forms(found.example, "the targets", wanted.ids[0])
            reason = f"{reason} is a target; {look}"
        raise AnnotationError(printable(name, 50), reason)
    order = Numbering(proteins)
    if wanted is not None and (n := sum(order.find(id) < 0 for id in wanted.ids)):
        warn(f"{printable(name, 60)}: {n:,} of {len(wanted):,} targets have no true term")
    before = None
    if known is not None:
        before = _annotations(known, terms, report, evidence, order)
    if known is not None and before is not None and not before.proteins:
        look = forms(before.example, name, proteins[0])
        warn(f"{printable(name_of(known), 50)}: no protein of the truth; {look}")
    used = codes if before is None else np.concatenate([codes, before.codes])
    labels = LabelSpace.close((terms.ids[c] for c in np.unique(used)), terms.ontology)
    column = terms.columns(labels)
    closed = _closed(rows, column[codes], len(proteins), labels)
    if before is None:
        return Truth(tuple(proteins), closed, labels)
    place = np.array([order.find(id) for id in before.proteins], np.intp)
    earlier = _closed(place[before.rows], column[before.codes], len(proteins), labels)
    return Truth(tuple(proteins), closed, labels, earlier)


def merged(truth: Truth, name: str, warn: Warn) -> Truth:
    """Join the proteins of a data set that share an accession: predictions name them alike."""
    numbering = Numbering()
    number = np.array([numbering.add(id) for id in truth.proteins], np.intp)
    if not numbering.shared:
        return truth
    numbering.report(warn, name)
    rows = number[truth.terms.owner]
    terms = _closed(rows, truth.terms.indices, len(numbering), truth.labels)
    return Truth(tuple(numbering.ids), terms, truth.labels)


class _Annotations(NamedTuple):
    """Sorted proteins, and the index of the protein and the code of each annotation.

    ``example`` is an id of the file, of any protein.
    """

    proteins: list[str]
    rows: NDArray[np.int32]
    codes: NDArray[np.int32]
    example: str


def _annotations(
    source: Source,
    terms: TermCodes,
    report: ReadReport,
    evidence: frozenset[str],
    wanted: Numbering | None,
) -> _Annotations:
    """Read the annotations of the proteins ``wanted``, or of all proteins.

    The annotations of an isoform belong to it if it is wanted, else to its protein.
    """
    numbering, example, warn = Numbering(), "", report.warn
    resolver, n_other = terms.resolver(), 0
    parts: list[NDArray[np.int32]] = []

    def place(id: str) -> int:
        return numbering.add(id) if id and (wanted is None or wanted.find(id) >= 0) else -1

    rows_read = ReadReport(report.strict)
    for block in annotation_blocks(source, evidence=evidence, report=rows_read, is_truth=True):
        codes = terms.of(block.term.codes, block.term.values, resolver)
        rows = block.protein.numbers(place)
        if wanted is not None:
            of_form = block.form.numbers(place)
            rows = np.where(of_form < 0, rows, of_form)
        n_other += int(np.count_nonzero(rows < 0))
        example = example or next(iter(block.protein.values), "")
        pairs = np.stack([rows, codes]).astype(np.int32)
        parts.append(pairs[:, (rows >= 0) & (codes >= 0)])
    report.absorb_further(rows_read)
    name = name_of(source)
    resolver.report(warn, name, "lines")
    numbering.report(warn, name)
    if n_other:
        warn(f"{printable(name, 60)}: {n_other:,} lines of proteins that are not targets, left out")
    rows, codes = np.concatenate(parts, axis=1)
    parts.clear()  # as large as all rows and codes
    ids = numbering.ids
    order = sorted(np.unique(rows).tolist(), key=ids.__getitem__)
    rank = np.zeros(len(ids), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return _Annotations([ids[i] for i in order], rank[rows], codes, example)


def _closed(
    rows: NDArray[np.integer], columns: NDArray[np.int32], n: int, labels: LabelSpace
) -> SparseRows:
    order = np.argsort(rows, kind="stable")
    return SparseRows.of(np.bincount(rows, minlength=n), columns[order]).closed(labels)
