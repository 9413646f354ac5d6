"""Predictions from files, for metrics: numbered proteins and terms, and bins of scores.

A line takes five bytes: its protein within a block, its term, and the bin of its score.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from esmgo.assess.truth import TermCodes, Warn
from esmgo.data.accessions import Numbering, forms
from esmgo.data.prediction_files import read_predictions
from esmgo.data.rejects import ReadReport
from esmgo.errors import printable
from esmgo.files.source import Source, name_of
from esmgo.go.labels import LabelSpace
from esmgo.go.resolving import TermResolver
from esmgo.go.truepath import climb
from esmgo.metrics.evaluator import BLOCK, bins_of
from esmgo.metrics.truth import Truth
from esmgo.render.cafa import MOST_TERMS

log = logging.getLogger(__name__)


_BELOW = "with a score of 0 or below, left out"
_ABOVE = {
    "cafaeval": "with a score above 1, counted at every threshold",
    "exact": "with a score above 1, left out",
}


@dataclass(slots=True)
class _Lines:
    """Counts lines, and keeps the numbers of the first three."""

    n: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, lines: NDArray[np.int64]) -> None:
        self.n += len(lines)
        self.first += lines[: 3 - len(self.first)].tolist()


@dataclass(slots=True)
class BinnedPredictions:
    """The lines of one predictions file that count; see `predicted`."""

    name: str
    terms: TermCodes
    resolver: TermResolver
    n_proteins: int
    n_lines: int = 0
    n_other: int = 0
    n_invalid: int = 0
    n_repeated: int = 0
    n_over: int = 0
    unusual: dict[str, _Lines] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)
    written: dict[int, str] = field(default_factory=dict)
    """The first id of each target in this file."""
    twins: dict[str, str] = field(default_factory=dict)
    """Further ids of the same targets, with the first."""
    is_empty: bool = False
    """Whether no line counts."""
    parts: list[list[tuple[NDArray[np.unsignedinteger], ...]]] = field(default_factory=list)

    def rows_of(self, ids: Sequence[str], targets: Numbering) -> NDArray[np.intp]:
        """Return the number of each protein among the targets, -1 for the others; shape=(n,)."""
        rows = [targets.find(id) for id in ids]
        for id, row in zip(ids, rows, strict=True):
            if row < 0:
                self.others.add(id)
            elif (first := self.written.setdefault(row, id)) != id:
                self.twins[id] = first
        return np.array(rows, np.intp)

    def labels(self, truth: Truth) -> LabelSpace:
        """Return the smallest closed label space for the terms of the file and the truth."""
        seen = np.zeros(len(self.terms.ids), bool)
        for block in self.parts:
            for _, codes, _ in block:
                seen[codes] = True
        ids = {term.id for term in truth.labels.terms}
        ids.update(self.terms.ids[c] for c in np.flatnonzero(seen))
        if len(ids) == len(truth.labels):
            return truth.labels
        return LabelSpace.close(ids, self.terms.ontology)

    def blocks(
        self, labels: LabelSpace, *, fill: bool = False
    ) -> Iterator[tuple[NDArray[np.unsignedinteger], NDArray[np.intp]]]:
        """Yield propagated bins, shape=(T, B), with the indices of their proteins, shape=(B,).

        The lines of a block are freed when its bins are computed.
        """
        column = self.terms.columns(labels)
        for number in range(len(self.parts)):
            rows = np.arange(number * BLOCK, min((number + 1) * BLOCK, self.n_proteins))
            bins = self._bins(number, column, len(labels), len(rows))
            self.parts[number] = []
            climb(bins, labels, fill=fill)
            yield bins, rows

    def _bins(
        self, number: int, column: NDArray[np.int32], n_terms: int, width: int
    ) -> NDArray[np.unsignedinteger]:
        parts = self.parts[number]
        if not parts:
            return np.zeros((n_terms, width), np.uint8)
        place, codes, values = (np.concatenate(each) for each in zip(*parts, strict=True))
        bins = np.zeros((n_terms, width), values.dtype)
        cell = column[codes].astype(np.intp) * width + place
        np.maximum.at(bins.ravel(), cell, values)  # of repeated lines the highest score counts
        self.n_repeated += len(cell) - int(np.count_nonzero(bins))
        many = np.flatnonzero(np.bincount(place, minlength=width) > MOST_TERMS)
        if len(many):
            self.n_over += int(np.count_nonzero((bins[:, many] > 0).sum(axis=0) > MOST_TERMS))
        return bins

    def report(self, warn: Warn, truth: Truth, truth_name: str) -> None:
        """Warn of each CAFA rule that lines violate; call this after `blocks`.

        If the file predicts nothing for any protein of ``truth``, that is a warning, too.
        """
        name, base = printable(self.name, 60), printable(Path(self.name).name, 20)
        self.resolver.report(warn, self.name, "lines")
        for what, lines in self.unusual.items():
            if lines.n:
                places = ", ".join(f"{base}:{line}" for line in lines.first)
                warn(f"{printable(self.name, 40)}: {lines.n:,} lines {what}: {places}")
        some = ", ".join(printable(id, 20) for id in sorted(self.others)[:3])
        other = f"lines of {len(self.others):,} proteins that are not targets, left out: {some}"
        over = f"proteins with more than {MOST_TERMS:,} terms, the limit of CAFA"
        for n, what in (
            (self.n_other, other),
            (self.n_repeated, "lines repeat a protein and a term; the highest score counts"),
            (self.n_over, f"{over}; all counted"),
        ):
            if n:
                warn(f"{name}: {n:,} {what}")
        if self.twins:
            id, first = next(iter(self.twins.items()))
            pair = f"{printable(id, 30)} as {printable(first, 30)}"
            warn(f"{name}: {len(self.twins):,} further ids of the same proteins: {pair}")
        if not self.is_empty:
            return
        why = ""
        if self.others and not self.written:
            why = f"; {forms(min(self.others), truth_name, truth.proteins[0])}"
        warn(f"{printable(self.name, 40)}: nothing predicted for any protein of the truth{why}")


def predicted(
    source: Source,
    terms: TermCodes,
    truth: Truth,
    thresholds: NDArray[np.float64],
    *,
    rules: str = "cafaeval",
    report: ReadReport | None = None,
) -> BinnedPredictions:
    """Read a predictions file; see `read_predictions`. The proteins of ``truth`` are the targets.

    Proteins are compared by accession. Of a score only its bin between the ascending
    ``thresholds``, shape=(M,), is kept. The rules ``exact`` leave out a line with a score above 1;
    ``cafaeval`` keeps it. Both leave out a line with a score that is not above 0.
    """
    targets = Numbering(truth.proteins)
    found = BinnedPredictions(name_of(source), terms, terms.resolver(), len(targets))
    found.parts = [[] for _ in range(0, len(targets), BLOCK)]
    below, above = (found.unusual.setdefault(what, _Lines()) for what in (_BELOW, _ABOVE[rules]))
    code_type = np.uint16 if len(terms.ids) <= 1 << 16 else np.uint32
    for pairs in read_predictions(source, report=report):
        codes = terms.of(pairs.term, pairs.terms, found.resolver)
        rows = found.rows_of(pairs.proteins, targets)[pairs.protein]
        is_score, is_above = pairs.scores > 0, pairs.scores > 1
        below.add(pairs.lines[~is_score])
        above.add(pairs.lines[is_above])
        if rules == "exact":
            is_score &= ~is_above
        found.n_invalid += len(pairs) - int(np.count_nonzero(is_score))
        found.n_lines += len(pairs)
        found.n_other += int(np.count_nonzero(rows < 0))
        kept = np.flatnonzero((rows >= 0) & (codes >= 0) & is_score)
        if not len(kept):
            continue
        bins = bins_of(pairs.scores[kept], thresholds)
        block, place = np.divmod(rows[kept], BLOCK)
        order = np.argsort(block.astype(np.uint32), kind="stable")
        numbers, starts = np.unique(block[order], return_index=True)
        place, codes = place.astype(np.uint16), codes[kept].astype(code_type)
        for number, at in zip(numbers, np.split(order, starts[1:]), strict=True):
            found.parts[number].append((place[at], codes[at], bins[at]))
        log.debug("%s: %s lines read", printable(found.name, 60), f"{found.n_lines:,}")
    found.is_empty = not any(found.parts)
    return found
