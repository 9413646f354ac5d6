"""Tables of proteins and GO ids without evidence: CAFA, maps, UniProt, eggNOG, InterProScan.

A cell may have several ids. A row without an id is left out and counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esmgo.data.annotations import (
    AnnotationBlock,
    Faults,
    FileReport,
    aspect_codes,
    fault_of_aspect,
    fault_of_id,
    fault_of_term,
    fault_of_text,
)
from esmgo.data.columns import ABSENT, Column, Columns, read_columns
from esmgo.go.sparse import SparseRows
from esmgo.go.terms import is_go_id

_GO_ID = re.compile(r"GO:[0-9]{7}(?![0-9])")
_FOREIGN_ID = re.compile(r"(?!GO:)[A-Za-z][\w.-]*:\S+", re.ASCII)
_NONE = frozenset({"", "-", ".", "na", "n/a", "nan", "none", "null"})


@dataclass(frozen=True, slots=True)
class GoTable:
    """The columns of a table, from 0.

    Parameters
    ----------
    protein : int
        The column of the protein.
    terms : tuple of int
        The columns with GO ids.
    aspect : int
        The column of the aspect, if there is one.
    least : int
        The least number of columns of a row.
    is_prose : bool
        Whether ids stand within other text. If not, all words of a cell are ids, separated by
        ``;``, ``,``, ``|`` or blanks.
    takes_foreign : bool
        Whether ids of other ontologies are valid, too.
    in_words : int
        If not 0, blanks separate at most this number of columns; if 0, each TAB does.
    """

    protein: int = 0
    terms: tuple[int, ...] = (1,)
    aspect: int = ABSENT
    least: int = 2
    is_prose: bool = False
    takes_foreign: bool = False
    in_words: int = 0

    @property
    def splits(self) -> Callable[[str], list[str]]:
        """The function that returns the ids in a cell, or words that are none."""
        return _GO_ID.findall if self.is_prose else words_of


def words_of(cell: str) -> list[str]:
    """Return the words of a cell with ids, without those that stand for no id.

    Examples
    --------
    >>> words_of("GO:0016787; GO:0005634"), words_of("-")
    (['GO:0016787', 'GO:0005634'], [])
    """
    return [word for word in re.split(r"[;,|\s]+", cell) if word.lower() not in _NONE]


def is_id(word: str, takes_foreign: bool) -> bool:
    """Whether a word is a GO id or, with ``takes_foreign``, the id of another ontology."""
    return is_go_id(word) or (takes_foreign and _FOREIGN_ID.fullmatch(word) is not None)


def read_go_table(
    blocks: Iterable[tuple[int, bytes]], table: GoTable, about: FileReport
) -> Iterator[AnnotationBlock]:
    """Yield the annotations of a table; ``about`` gets bad rows and those without an id."""
    wanted = (table.protein, table.aspect, *table.terms)
    for rows in read_columns(blocks, wanted, comment=b"#", in_words=table.in_words):
        yield from _of_rows(rows, table, about)


def _of_rows(rows: Columns, table: GoTable, about: FileReport) -> Iterator[AnnotationBlock]:
    protein, aspect, *cells = rows.columns

    def fault(cell: str) -> str:
        if not cell.isascii() and (found := fault_of_text(cell)):
            return found
        wrong = [word for word in table.splits(cell) if not is_id(word, table.takes_foreign)]
        return fault_of_term(wrong[0]) if wrong else ""

    faults = Faults(rows)
    faults.check_width(table.least, f"expected at least {table.least}")
    faults.check(protein, fault_of_id)
    for cell in cells:
        faults.check(cell, fault)
    if table.aspect != ABSENT:
        faults.check(aspect, fault_of_aspect)
    is_good = about.rows_without(faults, protein)
    aspects = aspect_codes(aspect)
    has_term = np.zeros(len(is_good), np.bool_)
    none = Column(np.zeros(len(is_good), np.int32), [""])
    for cell in cells:
        row, term = _expanded(cell, table.splits)
        kept = is_good[row]
        row, codes = row[kept], term.codes[kept]
        has_term[row] = True
        if len(row):
            about.n_taken += len(row)
            term = Column(codes, term.values)
            yield AnnotationBlock(
                protein.take(row), term, none.take(row), aspects[row], rows.line[row]
            )
    about.leave_out("rows without a GO id", int(np.count_nonzero(is_good & ~has_term)))


def _expanded(cell: Column, splits: Callable[[str], list[str]]) -> tuple[NDArray[np.intp], Column]:
    """Return the row of each id in a column, and the ids."""
    code_of: dict[str, int] = {}
    lists = [[code_of.setdefault(id, len(code_of)) for id in splits(v)] for v in cell.values]
    flat = np.array([code for codes in lists for code in codes], np.int32)
    found = SparseRows.of([len(codes) for codes in lists], flat).take(cell.codes)
    return found.owner, Column(found.indices, list(code_of))
