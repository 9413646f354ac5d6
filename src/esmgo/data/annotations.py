"""Annotations in blocks, and the checks of the rows of any table of annotations.

The readers of the formats use this module. They need no ontology: ids are as written, and a term
may be old or unknown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from esmgo.data.columns import Column, Columns
from esmgo.data.rejects import ReadReport, Reject
from esmgo.errors import AnnotationError, UsageError, printable
from esmgo.go.terms import Aspect, is_go_id

ASPECTS = tuple(Aspect)

_MOST_BAD = 1000
"""Bad rows after which a file is refused if nine tenths of its rows are bad."""

_CONTROL = re.compile("[\0-\x1f\x7f-\x9f]")
_NOT_UTF8 = re.compile("[\udc80-\udcff]")


class Annotation(NamedTuple):
    """A protein, a term, their line (from 1), and the aspect in that line, None without one."""

    protein: str
    term: str
    line: int
    aspect: Aspect | None


@dataclass(frozen=True, slots=True)
class AnnotationBlock:
    """The n annotations of consecutive lines.

    Parameters
    ----------
    protein, term : Column
        Ids as written.
    form : Column
        The isoform or the chain of the protein that has the annotation; empty for the protein
        itself.
    aspect : ndarray, shape=(n,), dtype=int8
        Index into `ASPECTS`; -1 if the line has no aspect.
    line : ndarray, shape=(n,), dtype=int64
        The line of each annotation, from 1.
    """

    protein: Column
    term: Column
    form: Column
    aspect: NDArray[np.int8]
    line: NDArray[np.int64]

    def take(self, rows: NDArray[np.bool_]) -> AnnotationBlock:
        """Return the selected annotations."""
        protein, term, form = (each.take(rows) for each in (self.protein, self.term, self.form))
        return AnnotationBlock(protein, term, form, self.aspect[rows], self.line[rows])

    def __len__(self) -> int:
        return len(self.line)

    def __iter__(self) -> Iterator[Annotation]:
        proteins, terms = self.protein.values, self.term.values
        lists = (a.tolist() for a in (self.protein.codes, self.term.codes, self.line, self.aspect))
        for protein, term, line, aspect in zip(*lists, strict=True):
            known = ASPECTS[aspect] if aspect >= 0 else None
            yield Annotation(proteins[protein], terms[term], line, known)


class Faults:
    """The first fault of each row of some columns; an empty string is none."""

    def __init__(self, rows: Columns) -> None:
        self.rows = rows
        self.reasons = [""]
        self.codes = np.zeros(len(rows.line), np.int32)

    def check(self, column: Column, fault: Callable[[str], str]) -> None:
        """Note the fault of each value of a column."""
        found = column.map(fault)
        if any(found):
            number = {reason: i for i, reason in enumerate(dict.fromkeys(found), len(self.reasons))}
            self.reasons += number
            codes = np.array([number[reason] if reason else 0 for reason in found], np.int32)
            self._add(codes[column.codes])

    def check_width(self, least: int, columns: str) -> None:
        """Note the rows with too few columns; ``columns`` describes those of the format."""
        for width in np.unique(self.rows.width[self.rows.width < least]).tolist():
            self.reasons.append(f"{width} columns; {columns}")
            self._add(np.where(self.rows.width == width, len(self.reasons) - 1, 0))

    def _add(self, codes: NDArray[np.integer]) -> None:
        self.codes = np.where(self.codes == 0, codes, self.codes).astype(np.int32)


@dataclass(slots=True)
class FileReport:
    """What is taken from a file, what is rejected, and what is left out.

    Without ``report`` the first bad row is an `AnnotationError`.
    """

    name: str
    report: ReadReport | None
    n_rows: int = 0
    n_bad: int = 0
    n_taken: int = 0
    first_bad: tuple[int, str] | None = None
    left_out: Counter[str] = field(default_factory=Counter)
    codes_taken: Counter[str] = field(default_factory=Counter)
    codes_left_out: Counter[str] = field(default_factory=Counter)

    def note(self, message: str, *, is_warning: bool = False) -> None:
        """Report a line about the file, as a notice or as a warning."""
        text = f"{printable(self.name, 60)}: {message}"
        if self.report is not None and is_warning:
            self.report.warn(text)
        elif self.report is not None:
            self.report.notices.append(text)

    def leave_out(self, reason: str, n: int) -> None:
        """Count rows that are left out."""
        if n:
            self.left_out[reason] += n

    def rows_without(self, faults: Faults, ids: Column) -> NDArray[np.bool_]:
        """Reject the rows with a fault; return whether each row is without, shape=(n,)."""
        is_good: NDArray[np.bool_] = faults.codes == 0
        bad = np.flatnonzero(~is_good)
        if len(bad) and self.first_bad is None:
            self.first_bad = int(faults.rows.line[bad[0]]), faults.reasons[faults.codes[bad[0]]]
        first, n_good = self.n_rows + 1, len(is_good) - len(bad)
        self.n_rows += len(is_good)
        self.n_bad += len(bad)
        if self.first_bad and (
            self.report is None or self.n_bad > max(_MOST_BAD, 9 * (self.n_rows - self.n_bad))
        ):
            line, reason = self.first_bad
            n = f"{self.n_bad:,} of the first {self.n_rows:,} rows cannot be read; the first: "
            raise AnnotationError(self.name, (n if self.report else "") + reason, line)
        if self.report is not None:
            self.report.n_accepted += n_good
            for row in bad.tolist():
                reason, line = faults.reasons[faults.codes[row]], int(faults.rows.line[row])
                self.report.reject(Reject(self.name, first + row, ids.of(row), line, 0, reason))
        return is_good

    def refuse_if_empty(self, start: int) -> None:
        """Raise AnnotationError if nothing is taken; ``start`` is the first line of the table."""
        if self.n_taken:
            return
        if self.codes_left_out:
            codes = listed(self.codes_left_out)
            reason = f"no annotation has the chosen evidence: {codes} (`evidence=all` takes all)"
        elif self.left_out:
            reason = f"no usable annotations: {listed(self.left_out)}, no others"
        elif self.first_bad:
            line, why = self.first_bad
            raise AnnotationError(self.name, f"no row can be read; the first: {why}", line)
        else:
            reason = "no annotations below the header"
        raise AnnotationError(self.name, reason, start)

    def finish(self, start: int) -> None:
        """Refuse a file without annotations, else report what was left out."""
        self.refuse_if_empty(start)
        if self.left_out:
            self.note(f"rows left out: {listed(self.left_out)}", is_warning=True)
        if self.codes_taken:
            taken = f"evidence taken: {listed(self.codes_taken)}"
            if self.codes_left_out:
                taken += f"; left out: {listed(self.codes_left_out)}"
            self.note(taken, is_warning=bool(self.codes_left_out))


def listed(counts: Counter[str], limit: int = 65) -> str:
    """Return names and counts, the most frequent first, within about ``limit`` characters.

    Examples
    --------
    >>> listed(Counter(IEA=1200, IDA=3)), listed(Counter(IEA=1200, IDA=3), 9)
    ('IEA 1,200, IDA 3', 'IEA 1,200, 1 more 3')
    """
    words = [(f"{printable(name, 30)} {n:,}", n) for name, n in counts.most_common()]
    n_shown = 1
    while n_shown < len(words) and len(", ".join(w for w, _ in words[: n_shown + 1])) <= limit:
        n_shown += 1
    shown = [word for word, _ in words[:n_shown]]
    if rest := words[n_shown:]:
        shown.append(f"{len(rest)} more {sum(n for _, n in rest):,}")
    return ", ".join(shown)


def fault_of_id(text: str) -> str:
    """Return what is wrong with the id of a protein, or an empty string."""
    if not text:
        return "no protein id"
    if text.isprintable():
        return ""
    if control := _CONTROL.search(text):
        return f"control character 0x{ord(control[0]):02X} in protein id"
    return fault_of_text(text)


def fault_of_text(text: str) -> str:
    """Return the first byte that is not UTF-8, or an empty string."""
    byte = _NOT_UTF8.search(text)
    if byte is None:
        return ""
    return f"not UTF-8: byte 0x{ord(byte[0]) - 0xDC00:02X}; save the file as UTF-8"


def fault_of_term(text: str) -> str:
    """Return what is wrong with a GO id, or an empty string."""
    if is_go_id(text):
        return ""
    return f"{printable(repr(text), 40)} is not a GO id (GO: and seven digits)"


def fault_of_aspect(text: str) -> str:
    """Return what is wrong with an aspect, or an empty string."""
    try:
        Aspect.parse(text)
    except UsageError as error:
        return str(error)
    return ""


def aspect_codes(column: Column) -> NDArray[np.int8]:
    """Return the index in `ASPECTS` of each row, -1 if its value is no aspect; shape=(n,)."""
    codes = [-1 if fault_of_aspect(v) else ASPECTS.index(Aspect.parse(v)) for v in column.values]
    return np.array(codes, np.int8)[column.codes]
