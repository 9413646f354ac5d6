"""Annotations resolved to current terms and matched to the records of a FASTA file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from esmgo.data.accessions import accession
from esmgo.data.annotations import Annotation, read_annotations
from esmgo.data.rejects import ReadReport
from esmgo.errors import AnnotationError, printable
from esmgo.files.source import Source, name_of
from esmgo.go.ontology import Ontology
from esmgo.go.resolving import UNKNOWN, TermResolver


@dataclass(slots=True)
class ProteinTerms:
    """The current terms of a protein, and the first line that names it."""

    line: int
    terms: set[str] = field(default_factory=set)


def current_terms(
    source: Source,
    ontology: Ontology | None,
    report: ReadReport,
    *,
    drop_unknown_terms: bool = False,
) -> dict[str, ProteinTerms]:
    """Read annotations and return the current terms of each protein, in the order of the file.

    Alternative and obsolete ids are mapped to their current terms; obsolete terms without a
    successor are dropped. ``report`` counts both. An `AnnotationError` names the line of a term
    that is not in the ontology, unless ``drop_unknown_terms``, or not in the aspect of its line.
    """
    found: dict[str, ProteinTerms] = {}
    name = name_of(source)
    resolver = TermResolver(ontology) if ontology is not None else None
    for annotation in read_annotations(source, report=report):
        term: str | None = annotation.term
        if resolver is not None:
            term = _current(annotation, resolver, name, drop_unknown_terms)
        if term is not None:
            at = found.setdefault(annotation.protein, ProteinTerms(annotation.line))
            at.terms.add(term)
    if resolver is not None:
        resolver.report(report.warn, name, place=lambda at: f"{at.protein}, line {at.line}")
    if not found:
        raise AnnotationError(name, "no annotation is left with a term of the ontology")
    return found


def by_record(
    annotated: Mapping[str, ProteinTerms], ids: Iterable[str], name: str, sequences: str
) -> dict[str, ProteinTerms]:
    """Return the annotations by the ids of FASTA records, matched by id or by accession.

    A protein without a record is an `AnnotationError`: the data set would lack it unnoticed.
    """
    record_of: dict[str, str] = {}
    for id in ids:
        record_of.setdefault(accession(id), id)
        record_of[id] = id
    found: dict[str, ProteinTerms] = {}
    for protein, at in annotated.items():
        record = record_of.get(protein) or record_of.get(accession(protein))
        if record is None:
            reason = f"{printable(protein, 40)} is not in {printable(sequences, 60)}"
            raise AnnotationError(name, reason, at.line)
        found.setdefault(record, ProteinTerms(at.line)).terms.update(at.terms)
    return found


def _current(
    annotation: Annotation, resolver: TermResolver, name: str, drop_unknown_terms: bool
) -> str | None:
    """Return the current term; refuse an unknown term and one of a different aspect."""
    id, terms = annotation.term, resolver.ontology.terms
    term, reason = resolver.of(id, at=annotation), ""
    if UNKNOWN in resolver.first and not drop_unknown_terms:
        reason = "not in the ontology (`drop_unknown_terms` drops it)"
    elif id in terms and (aspect := terms[id].aspect) and aspect is not annotation.aspect:
        reason = f"in {aspect.value}, not in {annotation.aspect.value}"
    if reason:
        protein = printable(annotation.protein, 40)
        raise AnnotationError(name, f"{protein}: {id} is {reason}", annotation.line)
    return term
