"""Predictions and truth from files, as what metrics take: numbered proteins, terms and bins.

A line keeps five bytes: its protein within a block, its term, and the bin of its score.
Nothing here computes a metric, and torch is not needed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from esmgo.data.cafa import Pairs, read_pairs, read_predictions
from esmgo.errors import AnnotationError, printable
from esmgo.files.source import Source, name_of
from esmgo.go.labels import LabelSpace
from esmgo.go.ontology import Ontology
from esmgo.go.resolving import TermResolver
from esmgo.go.sparse import SparseRows
from esmgo.go.truepath import climb
from esmgo.metrics.evaluator import BLOCK, bins_of
from esmgo.metrics.truth import Truth
from esmgo.render.cafa import MOST_TERMS

log = logging.getLogger(__name__)

Say = Callable[[str], None]


class TermCodes:
    """Numbers the active terms of an ontology, sorted by id."""

    def __init__(self, ontology: Ontology) -> None:
        self.ontology = ontology
        self.ids = sorted(ontology.terms)
        self._code = {id: i for i, id in enumerate(self.ids)}

    def resolver(self) -> TermResolver:
        """Return what finds and counts the terms of one file, as CAFA's evaluator does."""
        return TermResolver(self.ontology, keeps_replaced=False)

    def of(self, pairs: Pairs, resolver: TermResolver) -> NDArray[np.intp]:
        """Return the number of the term of each line, -1 where there is none; shape=(n,)."""
        counts = np.bincount(pairs.term, minlength=len(pairs.terms)).tolist()
        found = map(resolver.of, pairs.terms, counts)
        codes = np.array([-1 if id is None else self._code[id] for id in found], np.intp)
        return codes[pairs.term]


def read_truth(
    source: Source,
    terms: TermCodes,
    say: Say,
    *,
    targets: Collection[str] | None = None,
    known: Source | None = None,
) -> Truth:
    """Read annotations and close them; proteins come out sorted by id.

    Parameters
    ----------
    source : str, path or binary file
        ``protein  term`` lines, direct or closed.
    terms : TermCodes
        The ontology.
    say : callable
        Takes one line about each kind of oddity.
    targets : collection of str, optional
        The only proteins to take.
    known : str, path or binary file, optional
        Annotations that were known before, in the same form: see `Truth.known`.

    Raises
    ------
    AnnotationError
        With the line, if it cannot be read; also if no protein is left.
    """
    name = name_of(source)
    proteins, rows, codes = _annotations(source, terms, say, targets)
    if not len(rows):
        reason = "no protein with a term of the ontology"
        raise AnnotationError(name, reason + (" is among the targets" if targets else ""))
    if targets is not None and (n := len(set(targets).difference(proteins))):
        say(f"{printable(name, 60)}: {n:,} of {len(set(targets)):,} targets have no true term here")
    order = {id: i for i, id in enumerate(proteins)}
    before = _annotations(known, terms, say, order) if known is not None else None
    used = codes if before is None else np.concatenate([codes, before[2]])
    labels = LabelSpace.close((terms.ids[c] for c in np.unique(used)), terms.ontology)
    column = _columns(terms, labels)
    closed = _closed(rows, column[codes], len(proteins), labels)
    if before is None:
        return Truth(tuple(proteins), closed, labels)
    place = np.array([order[id] for id in before[0]], np.intp)
    was = _closed(place[before[1]], column[before[2]], len(proteins), labels)
    return Truth(tuple(proteins), closed, labels, was)


def _annotations(
    source: Source, terms: TermCodes, say: Say, targets: Collection[str] | None
) -> tuple[list[str], NDArray[np.intp], NDArray[np.intp]]:
    """Return proteins, sorted, and for each annotation the place of its protein, and its code."""
    number: dict[str, int] = {}
    resolver, n_other = terms.resolver(), 0
    wanted = None if targets is None else frozenset(targets)
    parts: list[NDArray[np.intp]] = []
    for pairs in read_pairs(source):
        codes = terms.of(pairs, resolver)
        taken = np.array([wanted is None or id in wanted for id in pairs.proteins], bool)
        n_other += len(pairs) - int(np.count_nonzero(taken[pairs.protein]))
        kept = taken[pairs.protein] & (codes >= 0)
        used = np.unique(pairs.protein[kept])
        place = np.zeros(len(pairs.proteins), np.intp)
        for i in used:
            place[i] = number.setdefault(pairs.proteins[i], len(number))
        parts.append(np.stack([place[pairs.protein[kept]], codes[kept]]))
    name = name_of(source)
    resolver.report(say, name, "lines")
    if n_other:
        say(f"{printable(name, 60)}: {n_other:,} lines of proteins that are not targets, left out")
    proteins = sorted(number)
    rank = np.empty(len(number), np.intp)
    rank[[number[id] for id in proteins]] = np.arange(len(number))
    both = np.concatenate(parts, axis=1)
    return proteins, rank[both[0]], both[1]


def _columns(terms: TermCodes, labels: LabelSpace) -> NDArray[np.int32]:
    """Return the column of each term by its number, -1 for those that are not there."""
    return np.array([labels.column.get(id, -1) for id in terms.ids], np.int32)


def _closed(
    rows: NDArray[np.intp], columns: NDArray[np.int32], n: int, labels: LabelSpace
) -> SparseRows:
    order = np.argsort(rows, kind="stable")
    return SparseRows.of(np.bincount(rows, minlength=n), columns[order]).closed(labels)


@dataclass(slots=True)
class BinnedPredictions:
    """The lines of one predictions file that matter: see `predicted`."""

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
        """Yield propagated bins, shape=(T, B), and the proteins that they are of.

        The lines of a block are given up once it is made.
        """
        column = _columns(self.terms, labels)
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
        np.maximum.at(bins.ravel(), cell, values)  # a repeated line: the highest counts
        self.n_repeated += len(cell) - int(np.count_nonzero(bins))
        many = np.flatnonzero(np.bincount(place, minlength=width) > MOST_TERMS)
        if len(many):
            self.n_over += int(np.count_nonzero((bins[:, many] > 0).sum(axis=0) > MOST_TERMS))
        return bins

    def say(self, say: Say) -> None:
        """Say what was odd; call it when all blocks have been taken."""
        name = printable(self.name, 60)
        self.resolver.report(say, self.name, "lines")
        if self.n_other:
            some = ", ".join(printable(id, 20) for id in sorted(self.others)[:3])
            say(
                f"{name}: {self.n_other:,} lines of {len(self.others):,} proteins that are not"
                f" targets, left out: {some}"
            )
        if self.n_invalid:
            say(f"{name}: {self.n_invalid:,} lines with a score outside (0, 1], left out")
        if self.n_above_one:
            say(f"{name}: {self.n_above_one:,} lines with a score above 1, counted all the same")
        if self.n_repeated:
            say(
                f"{name}: {self.n_repeated:,} lines repeat a protein and a term; the highest counts"
            )
        if self.n_over:
            say(
                f"{name}: {self.n_over:,} proteins with more than {MOST_TERMS:,} terms,"
                " which is all that CAFA takes; all counted"
            )


def predicted(
    source: Source,
    terms: TermCodes,
    truth: Truth,
    thresholds: NDArray[np.float64],
    *,
    rules: str = "cafaeval",
) -> BinnedPredictions:
    """Read a predictions file.

    Parameters
    ----------
    source : str, path or binary file
        See `read_predictions`.
    terms : TermCodes
        The ontology.
    truth : Truth
        Its proteins are the targets.
    thresholds : ndarray, shape=(M,), dtype=float64
        Ascending; of a score only its bin is kept.
    rules : str
        What a score above 1 is: ``exact`` leaves the line out, ``cafaeval`` takes it.
        Neither takes one that is not above 0.

    Raises
    ------
    AnnotationError
        With the line, if it cannot be read.
    """
    row: Mapping[str, int] = {id: i for i, id in enumerate(truth.proteins)}
    found = BinnedPredictions(name_of(source), terms, terms.resolver(), len(row))
    found.parts = [[] for _ in range(0, len(row), BLOCK)]
    code_type = np.uint16 if len(terms.ids) <= 1 << 16 else np.uint32
    for pairs in read_predictions(source):
        codes = terms.of(pairs, found.resolver)
        rows = np.array([row.get(id, -1) for id in pairs.proteins], np.intp)[pairs.protein]
        is_score = pairs.scores > 0  # false of "nan"
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
        _share_out(found.parts, rows[kept], codes[kept].astype(code_type), bins)
        log.debug("%s: %s lines read", printable(found.name, 60), f"{found.n_lines:,}")
    return found


def _share_out(
    parts: list[list[tuple[NDArray[np.unsignedinteger], ...]]],
    rows: NDArray[np.intp],
    codes: NDArray[np.unsignedinteger],
    bins: NDArray[np.unsignedinteger],
) -> None:
    """Give each block of proteins its lines, in their order."""
    block, place = np.divmod(rows, BLOCK)
    order = np.argsort(block.astype(np.uint32), kind="stable")
    numbers, starts = np.unique(block[order], return_index=True)
    for number, at in zip(numbers, np.split(order, starts[1:]), strict=True):
        parts[number].append((place[at].astype(np.uint16), codes[at], bins[at]))
