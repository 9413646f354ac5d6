"""Annotations resolved to current terms and matched to the records of a FASTA file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from esmgo.data.accessions import Numbering, accession, forms
from esmgo.data.annotation_files import annotation_blocks
from esmgo.data.annotations import ASPECTS, AnnotationBlock
from esmgo.data.rejects import ReadReport, Reject
from esmgo.errors import AnnotationError, printable
from esmgo.files.source import Source, name_of
from esmgo.go.ontology import Ontology
from esmgo.go.resolving import UNKNOWN, TermResolver
from esmgo.go.terms import Aspect


@dataclass(slots=True)
class ProteinTerms:
    """The current terms of a protein, and the first line that names it.

    Of an isoform or a chain, ``protein`` is the protein that it belongs to.
    """

    line: int
    terms: set[str] = field(default_factory=set)
    protein: str = ""


def current_terms(
    source: Source,
    ontology: Ontology | None,
    report: ReadReport,
    *,
    evidence: frozenset[str],
    drop_unknown_terms: bool = False,
) -> dict[str, ProteinTerms]:
    """Read annotations and return the current terms of each protein, in the order of the file.

    Alternative and obsolete ids are mapped to their current terms; obsolete terms without a
    successor are dropped. ``report`` counts both, and gets the rows that name a term in another
    aspect than its own. An `AnnotationError` names the line of a term that is not in the
    ontology, unless ``drop_unknown_terms``. ``evidence`` has the evidence codes to take.
    """
    found: dict[str, ProteinTerms] = {}
    name = name_of(source)
    resolver = TermResolver(ontology) if ontology is not None else None
    for block in annotation_blocks(source, evidence=evidence, report=report):
        terms: list[str | None] = list(block.term.values)
        if resolver is not None:
            block = _in_their_aspects(block, resolver.ontology, name, report)
            terms = _current(block, resolver, name, drop_unknown_terms)
        _add(found, block, terms)
    if resolver is not None:
        resolver.report(report.warn, name, place=lambda at: "{}, line {}".format(*at))
    if not found:
        raise AnnotationError(name, "no annotation is left with a term of the ontology")
    return found


def by_record(
    annotated: Mapping[str, ProteinTerms],
    ids: Iterable[str],
    name: str,
    sequences: str,
    report: ReadReport,
    *,
    require_sequences: bool = False,
) -> dict[str, ProteinTerms]:
    """Return the annotations by the ids of FASTA records, matched by accession.

    Of records that share an accession the first has the annotations; ``report`` counts the others.
    The annotations of an isoform or a chain without a record belong to the record of its protein.
    Proteins without a record are left out, and ``report`` counts them. It is an `AnnotationError`
    if there are any and ``require_sequences``, or if no protein has a record.
    """
    records = Numbering(ids)
    records.report(report.warn, sequences)
    record_of = {accession(id): id for id in records.ids}
    found: dict[str, ProteinTerms] = {}
    missing: dict[str, int] = {}
    for protein, at in annotated.items():
        record = record_of.get(accession(protein)) or record_of.get(accession(at.protein))
        if record is not None:
            found.setdefault(record, ProteinTerms(at.line)).terms.update(at.terms)
        else:
            missing.setdefault(at.protein or protein, at.line)
    if not missing:
        return found
    first, line = next(iter(missing.items()))
    if require_sequences:
        reason = f"{printable(first, 40)} is not in {printable(sequences, 60)}"
        raise AnnotationError(name, reason, line)
    if not found:
        look = forms(first, sequences, next(iter(record_of.values()), "none"))
        raise AnnotationError(name, f"no protein has a sequence; {look}", line)
    listed = ", ".join(f"{printable(id, 20)} (line {n})" for id, n in [*missing.items()][:3])
    more = " …" if len(missing) > 3 else ""
    text = f"{len(missing):,} proteins without a sequence left out: {listed}{more}"
    report.warn(f"{printable(name, 50)}: {text}")
    return found


def _in_their_aspects(
    block: AnnotationBlock, ontology: Ontology, name: str, report: ReadReport
) -> AnnotationBlock:
    """Reject the rows whose aspect is not that of their term."""
    number: dict[Aspect | None, int] = {aspect: i for i, aspect in enumerate(ASPECTS)}
    of_term = [
        number.get(ontology.terms[id].aspect, -1) if id in ontology.terms else -1
        for id in block.term.values
    ]
    true = np.array(of_term, np.int8)[block.term.codes]
    is_wrong = (true >= 0) & (block.aspect >= 0) & (true != block.aspect)
    for row in np.flatnonzero(is_wrong).tolist():
        id, line = block.protein.of(row), int(block.line[row])
        its, given = ASPECTS[true[row]].value, ASPECTS[block.aspect[row]].value
        reason = f"{block.term.of(row)} is in {its}, not in {given}"
        report.reject(Reject(name, 0, id, line, 0, reason))
        report.n_accepted -= 1
    return block.take(~is_wrong) if is_wrong.any() else block


def _current(
    block: AnnotationBlock, resolver: TermResolver, name: str, drop_unknown_terms: bool
) -> list[str | None]:
    """Return the current id of each term of the block; refuse an unknown term."""
    current: list[str | None] = [None] * len(block.term.values)
    counts = np.bincount(block.term.codes, minlength=len(block.term.values)).tolist()
    for code, row in _first_rows(block.term.codes):
        protein, line = block.protein.of(row), int(block.line[row])
        term = block.term.values[code]
        current[code] = resolver.of(term, counts[code], at=(protein, line))
        if UNKNOWN in resolver.first and not drop_unknown_terms:
            reason = f"{term} is not in the ontology (`drop_unknown_terms` drops it)"
            raise AnnotationError(name, f"{printable(protein, 40)}: {reason}", line)
    return current


def _add(found: dict[str, ProteinTerms], block: AnnotationBlock, terms: list[str | None]) -> None:
    """Add the annotations of a block to those of earlier blocks."""
    block = block.take(np.array([term is not None for term in terms], np.bool_)[block.term.codes])
    if not len(block):
        return
    has_form = block.form.where(bool)
    n = len(block.protein.values)
    owner = np.where(has_form, block.form.codes + n, block.protein.codes).astype(np.int64)
    sets: dict[int, set[str]] = {}
    for code, row in _first_rows(owner):
        protein = block.protein.of(row)
        form = block.form.of(row)
        key = form or protein
        at = found.get(key)
        if at is None:
            at = found[key] = ProteinTerms(int(block.line[row]), protein=protein if form else "")
        sets[code] = at.terms
    pairs = np.unique(owner * len(terms) + block.term.codes)
    for code, term in zip(
        (pairs // len(terms)).tolist(), (pairs % len(terms)).tolist(), strict=True
    ):
        sets[code].add(str(terms[term]))


def _first_rows(codes: NDArray[np.integer]) -> list[tuple[int, int]]:
    """Return each code and its first row, in the order of the rows."""
    found, rows = np.unique(codes, return_index=True)
    order = np.argsort(rows)
    return list(zip(found[order].tolist(), rows[order].tolist(), strict=True))
