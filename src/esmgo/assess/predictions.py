"""Predictions from files, for metrics: numbered proteins and terms, and bins of scores.

A line takes five bytes: its protein within a block, its term, and the bin of its score.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from esmgo.assess.truth import TermCodes, Warn
from esmgo.data.cafa import read_predictions
from esmgo.errors import printable
from esmgo.files.source import Source, name_of
from esmgo.go.labels import LabelSpace
from esmgo.go.resolving import TermResolver
from esmgo.go.truepath import climb
from esmgo.metrics.evaluator import BLOCK, bins_of
from esmgo.metrics.truth import Truth
from esmgo.render.cafa import MOST_TERMS

log = logging.getLogger(__name__)


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
    n_above_one: int = 0
    n_repeated: int = 0
    n_over: int = 0
    others: set[str] = field(default_factory=set)
    parts: list[list[tuple[NDArray[np.unsignedinteger], ...]]] = field(default_factory=list)

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

    def report(self, warn: Warn) -> None:
        """Warn of each CAFA rule that lines violate; call this after `blocks`."""
        self.resolver.report(warn, self.name, "lines")
        some = ", ".join(printable(id, 20) for id in sorted(self.others)[:3])
        other = f"lines of {len(self.others):,} proteins that are not targets, left out: {some}"
        over = f"proteins with more than {MOST_TERMS:,} terms, the limit of CAFA"
        for n, what in (
            (self.n_other, other),
            (self.n_invalid, "lines with a score outside (0, 1], left out"),
            (self.n_above_one, "lines with a score above 1, counted nevertheless"),
            (self.n_repeated, "lines repeat a protein and a term; the highest score counts"),
            (self.n_over, f"{over}; all counted"),
        ):
            if n:
                warn(f"{printable(self.name, 60)}: {n:,} {what}")


def predicted(
    source: Source,
    terms: TermCodes,
    truth: Truth,
    thresholds: NDArray[np.float64],
    *,
    rules: str = "cafaeval",
) -> BinnedPredictions:
    """Read a predictions file; see `read_predictions`. The proteins of ``truth`` are the targets.

    Of a score only its bin between the ascending ``thresholds``, shape=(M,), is kept. The rules
    ``exact`` leave out a line with a score above 1; ``cafaeval`` keeps it. Both leave out a line
    with a score that is not above 0.
    """
    row: Mapping[str, int] = {id: i for i, id in enumerate(truth.proteins)}
    found = BinnedPredictions(name_of(source), terms, terms.resolver(), len(row))
    found.parts = [[] for _ in range(0, len(row), BLOCK)]
    code_type = np.uint16 if len(terms.ids) <= 1 << 16 else np.uint32
    for pairs in read_predictions(source):
        codes = terms.of(pairs, found.resolver)
        rows = np.array([row.get(id, -1) for id in pairs.proteins], np.intp)[pairs.protein]
        is_score = pairs.scores > 0  # false for NaN
        above_one = pairs.scores > 1
        if rules == "cafaeval":
            found.n_above_one += int(np.count_nonzero(above_one))
        else:
            is_score &= ~above_one
        found.n_invalid += len(pairs) - int(np.count_nonzero(is_score))
        found.n_lines += len(pairs)
        if (n := int(np.count_nonzero(rows < 0))) > 0:
            found.n_other += n
            found.others.update(id for id in pairs.proteins if id not in row)
        kept = np.flatnonzero((rows >= 0) & (codes >= 0) & is_score)
        bins = bins_of(pairs.scores[kept], thresholds)
        block, place = np.divmod(rows[kept], BLOCK)
        order = np.argsort(block.astype(np.uint32), kind="stable")
        numbers, starts = np.unique(block[order], return_index=True)
        place, codes = place.astype(np.uint16), codes[kept].astype(code_type)
        for number, at in zip(numbers, np.split(order, starts[1:]), strict=True):
            found.parts[number].append((place[at], codes[at], bins[at]))
        log.debug("%s: %s lines read", printable(found.name, 60), f"{found.n_lines:,}")
    return found
