"""Annotations as current terms of the proteins at hand: old ids mapped, unknown ones found.

Nothing here knows about sequences or about ancestors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from esmgo.data.annotations import Annotation, accession, read_annotations
from esmgo.data.rejects import ReadReport
from esmgo.errors import AnnotationError, printable
from esmgo.files.source import Source, name_of
from esmgo.go.ontology import Ontology
from esmgo.go.terms import Aspect


@dataclass(slots=True)
class ProteinTerms:
    """The current terms of a protein, and the line that names it first."""

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

    Alternative and obsolete ids are mapped to the terms they stand for; what has no
    successor is dropped. Both are counted in ``report``.

    Raises
    ------
    AnnotationError
        At a term that the ontology does not know, unless ``drop_unknown_terms``; at one that
        is in another aspect than its line says (shifted columns?).
    """
    found: dict[str, ProteinTerms] = {}
    name = name_of(source)
    current = _Current(name, ontology, drop_unknown_terms=drop_unknown_terms)
    for annotation in read_annotations(source, report=report):
        term = current.of(annotation)
        if term is not None:
            at = found.setdefault(annotation.protein, ProteinTerms(annotation.line))
            at.terms.add(term)
    current.tell(report)
    if not found:
        raise AnnotationError(name, "no annotation is left with a term of the ontology")
    return found


def by_record(
    annotated: Mapping[str, ProteinTerms], ids: Iterable[str], name: str, sequences: str
) -> dict[str, ProteinTerms]:
    """Return the annotations by the ids of FASTA records, which may hold an accession.

    Raises
    ------
    AnnotationError
        At a protein that has no record: a data set without it would be another one.
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


class _Current:
    """Finds the current term of each annotation and counts what had to be changed."""

    def __init__(self, name: str, ontology: Ontology | None, *, drop_unknown_terms: bool) -> None:
        self.name, self.ontology = name, ontology
        self.drop_unknown_terms = drop_unknown_terms
        self.changed: dict[str, tuple[int, Annotation]] = {}

    def of(self, annotation: Annotation) -> str | None:
        term = annotation.term
        if self.ontology is None:
            return term
        if term in self.ontology.terms:
            self._check_aspect(annotation, self.ontology.terms[term].aspect)
            return term
        try:
            resolved = self.ontology.resolve(term)
        except KeyError:
            if not self.drop_unknown_terms:
                who = f"{printable(annotation.protein, 40)}: {term} is not in the ontology"
                reason = f"{who} (`drop_unknown_terms` drops it)"
                raise AnnotationError(self.name, reason, annotation.line) from None
            self._note("with unknown terms dropped", annotation)
            return None
        kind = "with old ids mapped to current terms" if resolved else "of obsolete terms dropped"
        self._note(kind, annotation)
        return resolved

    def _check_aspect(self, annotation: Annotation, aspect: Aspect | None) -> None:
        if aspect is not None and annotation.aspect is not aspect:
            who = f"{printable(annotation.protein, 40)}: {annotation.term} is in {aspect.value}"
            reason = f"{who}, not in {annotation.aspect.value}"
            raise AnnotationError(self.name, reason, annotation.line)

    def _note(self, kind: str, annotation: Annotation) -> None:
        n, first = self.changed.get(kind, (0, annotation))
        self.changed[kind] = (n + 1, first)

    def tell(self, report: ReadReport) -> None:
        for kind, (n, first) in self.changed.items():
            where = f"first {printable(first.protein, 30)} {first.term}, line {first.line}"
            report.warn(f"{printable(self.name, 50)}: {n:,} annotations {kind}; {where}")
