"""CAFA tables: lines of protein, term and score, and lists of ids.

The reader parses millions of lines by columns, in blocks. It reads a block with an unusual line
again, line by line, so that an error names the line. It needs no ontology.
`esmgo.data.prediction_files` reads predictions of other kinds with the same functions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from csv import Error as CsvError
from csv import reader as csv_reader
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from esmgo.data.columns import ink_lines
from esmgo.errors import AnnotationError, printable
from esmgo.files.lines import decoded_line, line_blocks
from esmgo.files.source import Source, chunks, name_of

BLOCK = 1 << 23
"""Bytes per block: about 300,000 lines."""

TERM = re.compile(r"(GO:[0-9]{7})|(?!GO:)[A-Za-z][\w.-]*:\S+", re.ASCII)
"""An id of GO or of another ontology."""

TERM_NAMES = frozenset(
    {"term", "go", "go_id", "goid", "go_term", "goterm", "term_id", "go_term/ec_number"}
)
"""Names of the column of terms in headers, in lower case."""

PROTEIN_NAMES = frozenset({
    "protein", "proteins", "protein_id", "proteinid", "prot_id", "entryid", "entry_id", "entry",
    "id", "target", "targets", "target_id", "accession", "uniprot", "uniprot_id", "uniprotid",
    "query", "qseqid", "seqid", "seq_id", "sequence_id", "gene", "gene_id",
})  # fmt: skip
"""Names of the column of proteins in headers, in lower case."""

_ID_NAMES = PROTEIN_NAMES | TERM_NAMES
_LONGEST = 1 << 20
_PREAMBLE = frozenset({"AUTHOR", "MODEL", "KEYWORDS", "ACCURACY", "END"})


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
        As written, also infinite or NaN.
    lines : ndarray, shape=(n,), dtype=int64
        The line in the file, from 1.
    """

    protein: NDArray[np.int32]
    term: NDArray[np.int32]
    proteins: list[str]
    terms: list[str]
    scores: NDArray[np.float64]
    lines: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.protein)


@dataclass(frozen=True, slots=True)
class Columns:
    """The indices of the columns of a table, and the character between them.

    Without a separator, columns are separated by TAB or, in a line without TAB, by blanks.
    """

    protein: int = 0
    term: int = 1
    score: int = 2
    separator: str = ""

    @property
    def used(self) -> tuple[int, ...]:
        """The indices of the columns that are read."""
        return (self.protein, self.term, self.score)


class Refused(ValueError):
    """A line cannot be read. The message is the reason, without file and line."""


Bad = Callable[[int, str, str], None]
"""Takes the number of a line that cannot be used, its protein, and the reason."""

Row = tuple[int, str, str, float]
"""Line, protein, term and score."""


def read_ids(source: Source, warn: Callable[[str], None] | None = None) -> list[str]:
    """Return the distinct first words of all lines: ids of proteins or of terms.

    A header line and comment lines (``#``) are skipped. Of a FASTA file the ids are returned.
    ``warn`` gets the number of lines without an id.
    """
    name = name_of(source)
    found: dict[str, None] = {}
    without: list[int] = []
    start, separator = "", ""
    for line, block in blocks_of(source, name):
        for number, text in lines_of(line, block, name):
            if not start:
                start = text
                if heading(cells_of(text)[0].split(",")[0]) in _ID_NAMES:
                    separator = "," if "," in text and "\t" not in text else ""
                    continue
            if start.startswith(">"):
                if not text.startswith(">"):
                    continue
                words = text[1:].split(maxsplit=1)
            else:
                words = _cells_or_refuse(text, separator, name, number)
            word = words[0] if words else ""
            if word := word.split(",")[0] if word.startswith("GO:") else word:
                found[word] = None
            else:
                without.append(number)
    if without and warn is not None:
        lines = ", ".join(f"line {line}" for line in without[:3])
        warn(f"{printable(name, 60)}: {len(without):,} lines without an id, left out: {lines}")
    if not found:
        raise AnnotationError(name, "the file has no ids")
    return list(found)


def _cells_or_refuse(text: str, separator: str, name: str, line: int) -> list[str]:
    try:
        return cells_of(text, separator)
    except Refused as reason:
        raise AnnotationError(name, str(reason), line) from None


def blocks_of(source: Source, name: str) -> Iterator[tuple[int, bytes]]:
    """Yield complete lines in blocks of about `BLOCK` bytes, and the number of the first."""
    content = chunks(source, AnnotationError)
    return line_blocks(content, name, AnnotationError, size=BLOCK, max_length=_LONGEST)


def read_block(line: int, block: bytes, columns: Columns, name: str, bad: Bad) -> Pairs:
    """Return the lines of a block, of which ``line`` is the first; ``bad`` gets unusable lines."""
    pairs = _fast(line, block, columns)
    return gather(_careful(line, block, columns, name, bad)) if pairs is None else pairs


def gather(rows: Iterable[Row]) -> Pairs:
    """Number the proteins and terms of single lines."""
    proteins: dict[str, int] = {}
    terms: dict[str, int] = {}
    found = [
        (proteins.setdefault(p, len(proteins)), terms.setdefault(t, len(terms)), score, line)
        for line, p, t, score in rows
    ]
    columns = np.array(found, np.float64).reshape(-1, 4)
    protein, term, lines = (columns[:, i].astype(np.int64) for i in (0, 1, 3))
    return Pairs(
        protein.astype(np.int32), term.astype(np.int32), list(proteins), list(terms),
        columns[:, 2], lines,
    )  # fmt: skip


def lines_of(
    line: int, block: bytes, name: str, bad: Bad | None = None
) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line that is neither blank nor a comment.

    Without ``bad`` a line that is not UTF-8 is an `AnnotationError`.
    """
    for row, start, end in ink_lines(block, b"#"):
        number = line + row
        try:
            text = decoded_line(block[start:end], name, AnnotationError, number)
        except AnnotationError as error:
            if bad is None:
                raise
            bad(number, "", error.reason)
            continue
        if not text.isspace():  # blanks that are no ASCII
            yield number, text


def cells_of(text: str, separator: str = "") -> list[str]:
    """Split a line at its separator, by default TAB if it has one, else blanks."""
    if not separator:
        cells = text.split("\t") if "\t" in text.strip() else text.split()
    elif separator == "\t":
        cells = text.split("\t")
    else:
        try:
            cells = next(csv_reader([text], delimiter=separator))
        except CsvError as error:
            raise Refused(f"not CSV: {printable(error, 60)}") from None
    return [cell.strip() for cell in cells]


def heading(cell: str) -> str:
    """Return the name of a column as `PROTEIN_NAMES` and `TERM_NAMES` have it."""
    return cell.strip("\"'# ").lower().replace(" ", "_")


def checked(protein: str, term: str, score: object) -> float:
    """Return the score of a line; `Refused` is the reason why it cannot be read."""
    if not protein or not protein.isprintable():
        raise Refused("control character in the protein id" if protein else "no protein id")
    if not TERM.fullmatch(term):
        raise Refused(f"{printable(repr(term), 40)} is not a GO id (GO: and seven digits)")
    try:
        return float(score)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        reason = f"the score {printable(repr(score), 40)} is not a number"
        raise Refused(reason) from None


def _fast(line: int, block: bytes, columns: Columns) -> Pairs | None:
    """Read a block by columns; return None if it has an unusual line."""
    separator = columns.separator or "\t"
    first = block.split(b"\n", 1)[0].decode(errors="replace")
    width = len(cells_of(first, separator)) if separator in first else 0
    if width <= max(columns.used) or b"\n#" in block or block.startswith(b"#"):
        return None
    names = [str(i) for i in range(width)]
    wanted = [names[i] for i in columns.used]
    text = pa.dictionary(pa.int32(), pa.string())
    kinds = dict(zip(wanted, (text, text, pa.float64()), strict=True))
    try:
        table = csv.read_csv(
            pa.BufferReader(block),
            csv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=names),
            csv.ParseOptions(delimiter=separator, quote_char=False if separator == "\t" else '"'),
            csv.ConvertOptions(column_types=kinds, include_columns=wanted, null_values=[]),
        )
    except pa.ArrowInvalid:
        return None
    protein, term = (table.column(i).combine_chunks() for i in (0, 1))
    proteins, terms = protein.dictionary.to_pylist(), term.dictionary.to_pylist()
    are_plain = all(id and id.isprintable() and id.strip(" ") == id for id in proteins)
    if not are_plain or not all(map(TERM.fullmatch, terms)):
        return None
    scores = table.column(2).to_numpy()
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))
    if not block.endswith(b"\n"):
        ends = np.append(ends, len(block))
    lines = line + np.flatnonzero(np.diff(ends, prepend=-1) > 1)  # the others are empty
    if len(lines) != len(table):
        return None
    return Pairs(
        protein.indices.to_numpy(), term.indices.to_numpy(), proteins, terms, scores, lines
    )


def _careful(line: int, block: bytes, columns: Columns, name: str, bad: Bad) -> Iterator[Row]:
    """Read a block line by line."""
    for number, text in lines_of(line, block, name, bad):
        protein = ""
        try:
            cells = cells_of(text, columns.separator)
            if _is_preamble(cells):
                continue
            protein = cells[min(columns.protein, len(cells) - 1)]
            if len(cells) <= max(columns.used):
                raise Refused(
                    f"{len(cells)} columns; expected a protein, a GO id, a score, separated by TAB"
                )
            protein, term, score = (cells[i] for i in columns.used)
            value = checked(protein, term, score)
        except Refused as reason:
            bad(number, protein, str(reason))
            continue
        yield number, protein, term, value


def _is_preamble(cells: list[str]) -> bool:
    """Whether a line is a header, also in the middle of joined files, or one of older files."""
    if len(cells) > 1 and heading(cells[1]) in TERM_NAMES:
        return True
    return cells[0] in _PREAMBLE and not (len(cells) > 1 and TERM.fullmatch(cells[1]))
