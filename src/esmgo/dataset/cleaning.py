"""Rows prepared for training: cleaned sequences and current terms.

Every rejected or changed row is counted in the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from esmgo.data.rejects import ReadReport, Reject
from esmgo.data.residues import (
    FEW_RESIDUES,
    MAX_LENGTH,
    BadResidue,
    Cleaned,
    clean,
    is_short,
    looks_like_nucleotides,
)
from esmgo.dataset.rows import Rows
from esmgo.errors import DatasetError, printable
from esmgo.go.ontology import Ontology
from esmgo.go.resolving import UNKNOWN, TermResolver
from esmgo.go.terms import Aspect, is_go_id


@dataclass(frozen=True, slots=True)
class TermRules:
    """How terms are resolved.

    Without an ontology every GO id is kept as it is. An aspect keeps only its own terms; it needs
    the ontology. Terms that are not in the ontology are dropped and counted, or refused.
    """

    ontology: Ontology | None
    aspect: Aspect | None
    drop_unknown: bool


def usable(rows: Rows, rules: TermRules, report: ReadReport) -> tuple[Rows, int]:
    """Return the cleaned rows with terms, and the number of rows without a term of the aspect.

    The vocabulary of the result has the current terms, each once. An unknown term is a
    `DatasetError`, a refused sequence with a strict ``report`` a `RecordError`.
    """
    if len(rows) == 0:
        raise DatasetError(rows.source, "no rows")
    cleaned = _clean_sequences(rows, report)
    if len(cleaned) == 0:
        why = f"none of its {len(rows):,} rows can be used; {report.rejects[0].reason}"
        raise DatasetError(rows.source, printable(why, 100))
    cleaned = _without_nulls(cleaned, report)
    _warn_of_repeats(cleaned, report)
    current = _current_terms(cleaned, rules, report)
    annotated = _with_terms(current, report)
    if rules.aspect is None or rules.ontology is None:
        return annotated, 0
    wanted = [rules.ontology.terms[id].aspect is rules.aspect for id in annotated.vocabulary]
    terms = annotated.terms.keep(np.array(wanted, np.bool_)[annotated.terms.indices])
    have = np.flatnonzero(terms.counts)
    return replace(annotated, terms=terms).take(have), len(terms) - len(have)


def warn_of(names: Sequence[str], what: str, source: str, report: ReadReport) -> None:
    """Warn of proteins, if any: what they have in common, how many, and the first names."""
    if names:
        listed = printable(", ".join(names[:4]), 50) + (" …" if len(names) > 4 else "")
        report.warn(f"{printable(source, 60)}: {what} ({len(names):,}): {listed}")


def _clean_sequences(rows: Rows, report: ReadReport) -> Rows:
    sequences: list[str] = []
    kept: list[int] = []
    changed: dict[str, list[str]] = {}
    for row, (id, text) in enumerate(zip(rows.ids, rows.sequences, strict=True)):
        try:
            cleaned = _checked(id, text)
        except ValueError as bad:
            report.reject(_reject(rows, row, str(bad)))
            continue
        sequences.append(cleaned.sequence)
        kept.append(row)
        report.n_accepted += 1
        for what, holds in (
            ("proteins with J, read as X", cleaned.n_j),
            ("sequences with stops at the end (* or .), dropped", cleaned.n_stops),
            (
                f"proteins of fewer than {FEW_RESIDUES} known residues",
                is_short(cleaned.sequence),
            ),
        ):
            if holds:
                changed.setdefault(what, []).append(id)
    for what, ids in changed.items():
        warn_of(ids, what, rows.source, report)
    return replace(rows.take(np.array(kept, np.intp)), sequences=sequences)


def _checked(id: str, text: str) -> Cleaned:
    """Return the cleaned sequence; a ValueError is the reason to reject."""
    if not id.isprintable() and any(ord(c) < 32 or 127 <= ord(c) < 160 for c in id):
        raise ValueError("control character in the id")
    try:
        cleaned = clean(text)
    except BadResidue as bad:
        raise ValueError(f"{bad} at position {bad.offset + 1}") from None
    sequence = cleaned.sequence
    if not sequence:
        raise ValueError("empty sequence")
    if len(sequence) > MAX_LENGTH:
        raise ValueError(f"{len(sequence):,} residues, more than {MAX_LENGTH:,}")
    if looks_like_nucleotides(sequence):
        raise ValueError("over 95 % A, C, G, T, U or N: nucleotides, not a protein")
    return cleaned


def _reject(rows: Rows, row: int, reason: str) -> Reject:
    place = rows.place(row)
    if place.unit == "line":
        return Reject(place.source, row + 1, rows.ids[row], place.number, 0, reason)
    return Reject(place.source, row + 1, rows.ids[row], 0, 0, f"{reason} ({place})")


def _without_nulls(rows: Rows, report: ReadReport) -> Rows:
    """Leave out terms that are null or empty."""
    if "" not in rows.vocabulary:
        return rows
    is_null = rows.terms.indices == rows.vocabulary.index("")
    found = np.flatnonzero(is_null)
    if len(found):
        id, place = rows.where(int(found[0]))
        what = f"terms that are null or empty, left out ({len(found):,}; first: {place},"
        report.warn(f"{printable(rows.source, 60)}: {what} {printable(id, 40)})")
    return replace(rows, terms=rows.terms.keep(~is_null))


def _warn_of_repeats(rows: Rows, report: ReadReport) -> None:
    pairs = np.sort(rows.terms.owner * max(len(rows.vocabulary), 1) + rows.terms.indices)
    n_repeats = int(np.count_nonzero(pairs[1:] == pairs[:-1]))
    if n_repeats:
        what = f"terms repeated for the same protein, counted once ({n_repeats:,})"
        report.warn(f"{printable(rows.source, 60)}: {what}")


def _current_terms(rows: Rows, rules: TermRules, report: ReadReport) -> Rows:
    """Replace each term by its current term, and leave out terms without one."""
    codes, counts = rows.terms.indices, rows.terms.frequency(len(rows.vocabulary))
    first = np.empty(len(counts), np.intp)
    first[codes[::-1]] = np.arange(len(codes))[::-1]  # the last assignment wins
    resolver = TermResolver(rules.ontology) if rules.ontology is not None else None
    current: list[str | None] = [None] * len(counts)
    for code in sorted(np.flatnonzero(counts).tolist(), key=first.__getitem__):
        term, entry, reason = rows.vocabulary[code], int(first[code]), ""
        if not is_go_id(term):
            reason = f"{printable(repr(term), 40)} is not a GO id (GO: and seven digits)"
        elif resolver is not None:
            current[code] = resolver.of(term, int(counts[code]), entry)
            if UNKNOWN in resolver.first and not rules.drop_unknown:
                reason = (
                    f"{term} is not in the ontology ({printable(resolver.ontology.release, 24)});"
                    " `drop_unknown_terms` drops such terms"
                )
        if reason:
            id, place = rows.where(entry)
            raise place.refuse(f"{printable(id, 40)}: {reason}")
    if resolver is None:
        return rows
    resolver.report(report.warn, rows.source, place=lambda at: "{}, {}".format(*rows.where(at)))
    new_code: dict[str, int] = {}
    columns = [-1 if id is None else new_code.setdefault(id, len(new_code)) for id in current]
    terms = rows.terms.renamed(np.array(columns, np.int32))
    return replace(rows, terms=terms.keep(terms.indices >= 0), vocabulary=list(new_code))


def _with_terms(rows: Rows, report: ReadReport) -> Rows:
    empty = np.flatnonzero(rows.terms.counts == 0)
    if len(empty) == len(rows):
        raise DatasetError(rows.source, f"no GO terms in any of its {len(rows):,} rows")
    names = [f"{printable(rows.ids[i], 30)} ({rows.place(i)})" for i in empty.tolist()]
    warn_of(names, "proteins without terms, left out", rows.source, report)
    return rows.take(np.flatnonzero(rows.terms.counts))
