"""CAFA tables: lines of protein and term, in predictions also with a score.

The reader parses millions of lines by columns, in blocks. It reads a block with an unusual line
again, line by line, so that an error names the line. It needs no ontology.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from esmgo.errors import AnnotationError, printable
from esmgo.files.lines import decoded_line, line_blocks
from esmgo.files.source import Source, chunks, name_of

BLOCK = 1 << 23
"""Bytes per block: about 300,000 lines."""

_LONGEST = 1 << 20
_TERM = re.compile(r"(GO:[0-9]{7})|(?!GO:)[A-Za-z][\w.-]*:\S+", re.ASCII)
_PREAMBLE = frozenset({"AUTHOR", "MODEL", "KEYWORDS", "ACCURACY", "END"})
_HEADER = frozenset({"term", "go", "go_id", "goid", "go_term", "term_id"})


@dataclass(frozen=True, slots=True)
class Pairs:
    """Consecutive lines of a table.

    Parameters
    ----------
    protein, term : ndarray, shape=(n,), dtype=int32
        Indices into ``proteins`` and ``terms``.
    proteins, terms : list of str
        The distinct ids of the block.
    scores : ndarray, shape=(n,), dtype=float64
        As written; 1 in a table without scores.
    """

    protein: NDArray[np.int32]
    term: NDArray[np.int32]
    proteins: list[str]
    terms: list[str]
    scores: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.protein)


def read_predictions(source: Source) -> Iterator[Pairs]:
    """Read ``protein  term  score`` lines, separated by TAB or blanks, in blocks.

    A header line, the AUTHOR, MODEL, KEYWORDS, ACCURACY and END lines of older CAFA files, and
    further columns are skipped. A score may be any number. An `AnnotationError` names the line
    with too few columns, no protein, no term id, or a score that is not a number.
    """
    return _read(source, 3)


def read_pairs(source: Source) -> Iterator[Pairs]:
    """Read ``protein  term`` lines in blocks, by the rules of `read_predictions`."""
    return _read(source, 2)


def read_ids(source: Source) -> list[str]:
    """Return the distinct first words of all lines: ids of proteins or of terms."""
    name = name_of(source)
    found: dict[str, None] = {}
    for line, block in _blocks(source, name):
        for _, cells in _lines(line, block, name):
            found[cells[0]] = None
    if not found:
        raise AnnotationError(name, "the file has no ids")
    return list(found)


def _read(source: Source, n_columns: int) -> Iterator[Pairs]:
    name = name_of(source)
    is_empty = True
    for line, block in _blocks(source, name):
        pairs = _fast(block, n_columns)
        if pairs is None:
            pairs = _careful(line, block, n_columns, name)
        is_empty &= len(pairs) == 0
        yield pairs
    if is_empty:
        raise AnnotationError(name, "the file has no lines of data")


def _blocks(source: Source, name: str) -> Iterator[tuple[int, bytes]]:
    content = chunks(source, AnnotationError)
    return line_blocks(content, name, AnnotationError, size=BLOCK, max_length=_LONGEST)


def _fast(block: bytes, n_columns: int) -> Pairs | None:
    """Read a block by columns; return None if it has an unusual line."""
    width = block.split(b"\n", 1)[0].count(b"\t") + 1
    if width < n_columns:
        return None
    names = [f"column {i}" for i in range(width)]
    kinds = [pa.dictionary(pa.int32(), pa.string())] * 2 + [pa.float64()]
    try:
        table = csv.read_csv(
            pa.BufferReader(block),
            csv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=names),
            csv.ParseOptions(delimiter="\t", quote_char=False),
            csv.ConvertOptions(
                column_types=dict(zip(names, kinds[:n_columns], strict=False)),
                include_columns=names[:n_columns],
                null_values=[],
            ),
        )
    except pa.ArrowInvalid:
        return None
    protein, term = (table.column(i).combine_chunks() for i in (0, 1))
    proteins, terms = protein.dictionary.to_pylist(), term.dictionary.to_pylist()
    are_plain = all(id and id.isprintable() and id.strip(" ") == id for id in proteins)
    if not are_plain or not all(map(_TERM.fullmatch, terms)):
        return None
    scores = table.column(2).to_numpy() if n_columns == 3 else np.ones(len(table))
    return Pairs(protein.indices.to_numpy(), term.indices.to_numpy(), proteins, terms, scores)


def _careful(line: int, block: bytes, n_columns: int, name: str) -> Pairs:
    """Read a block line by line; refuse the first malformed line."""
    proteins: dict[str, int] = {}
    terms: dict[str, int] = {}
    rows: list[tuple[int, int, float]] = []
    for number, cells in _lines(line, block, name):
        if _is_preamble(number, cells):
            continue
        if reason := _fault(cells, n_columns):
            raise AnnotationError(name, reason, number)
        protein = proteins.setdefault(cells[0], len(proteins))
        term = terms.setdefault(cells[1], len(terms))
        rows.append((protein, term, float(cells[2]) if n_columns == 3 else 1.0))
    columns = np.array(rows, np.float64).reshape(-1, 3)
    codes = columns[:, :2].astype(np.int32)
    return Pairs(codes[:, 0], codes[:, 1], list(proteins), list(terms), columns[:, 2])


def _lines(line: int, block: bytes, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line that is not blank."""
    for number, data in enumerate(block.split(b"\n"), line):
        text = decoded_line(data, name, AnnotationError, number)
        if text.strip():
            cells = text.split("\t") if "\t" in text.strip() else text.split()
            yield number, [cell.strip() for cell in cells]


def _is_preamble(number: int, cells: list[str]) -> bool:
    if number == 1 and len(cells) > 1 and cells[1].lower() in _HEADER:
        return True
    return cells[0] in _PREAMBLE and not (len(cells) > 1 and _TERM.fullmatch(cells[1]))


def _fault(cells: list[str], n_columns: int) -> str:
    """Return what is wrong with a line, or an empty string."""
    wanted = ("a protein", "a GO id", "a score")[:n_columns]
    if len(cells) < n_columns:
        return f"{len(cells)} columns; expected {', '.join(wanted)}, separated by TAB"
    if not cells[0] or not cells[0].isprintable():
        return "control character in the protein id" if cells[0] else "no protein id"
    if not _TERM.fullmatch(cells[1]):
        return f"{printable(repr(cells[1]), 40)} is not a GO id (GO: and seven digits)"
    if n_columns == 3:
        try:
            float(cells[2])
        except ValueError:
            return f"the score {printable(repr(cells[2]), 40)} is not a number"
    return ""
