"""Rows of a data set as columns, each with its place in a file.

The module does not depend on the format of the file, on terms or on residues.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import DatasetError, printable
from esmgo.go.sparse import SparseRows


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a row: a line of a text file or a row of a table, from 1."""

    source: str
    unit: str
    number: int

    def __str__(self) -> str:
        return f"{self.unit} {self.number}"

    def refuse(self, reason: str) -> DatasetError:
        """Return the error that names this place."""
        if self.unit == "line":
            return DatasetError(self.source, reason, self.number)
        return DatasetError(self.source, f"row {self.number}: {reason}")


@dataclass(frozen=True, slots=True)
class Rows:
    """N rows as written, before sequences are cleaned and terms resolved.

    Parameters
    ----------
    source : str
        The file, or the first of several.
    ids, sequences : list of str
        As written.
    vocabulary : list of str
        The distinct terms.
    terms : SparseRows
        Columns are indices into ``vocabulary``.
    files : tuple of (str, str)
        Name of each file, and the unit of its rows: ``line`` or ``row``.
    file : ndarray, shape=(N,), dtype=int32
        Index into ``files``.
    number : ndarray, shape=(N,), dtype=int64
        Line or row in that file, from 1.
    taxa : ndarray, shape=(N,), dtype=int32
        NCBI taxon id, 0 if it is unknown.
    """

    source: str
    ids: list[str]
    sequences: list[str]
    vocabulary: list[str]
    terms: SparseRows
    files: tuple[tuple[str, str], ...]
    file: NDArray[np.int32]
    number: NDArray[np.int64]
    taxa: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.ids)

    def place(self, row: int) -> Place:
        """Return the place of row ``row``, counted from 0."""
        source, unit = self.files[self.file[row]]
        return Place(source, unit, int(self.number[row]))

    def where(self, entry: int) -> tuple[str, Place]:
        """Return id and place of the row with entry ``entry`` of ``terms.indices``."""
        row = int(np.searchsorted(self.terms.indptr, entry, side="right")) - 1
        return self.ids[row], self.place(row)

    def take(self, rows: NDArray[np.intp]) -> Rows:
        """Return the rows with these indices, in this order."""
        return replace(
            self,
            ids=[self.ids[i] for i in rows],
            sequences=[self.sequences[i] for i in rows],
            terms=self.terms.take(rows),
            file=self.file[rows],
            number=self.number[rows],
            taxa=self.taxa[rows],
        )


def taxon_id(value: object) -> int:
    """Return the NCBI taxon id that a value of the column ``taxon_id`` is, 0 for any other value.

    Examples
    --------
    >>> [taxon_id(value) for value in (9606, "9606", "human", None, -1, True)]
    [9606, 9606, 0, 0, 0, 0]
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        return 0
    text = str(value).strip()
    return int(text) if len(text) <= 9 and text.isascii() and text.isdecimal() else 0


def join(shards: Sequence[Rows]) -> Rows:
    """Return the rows of all shards as one; a duplicate id is a `DatasetError`."""
    code_of: dict[str, int] = {}
    terms = []
    for shard in shards:
        codes = [code_of.setdefault(term, len(code_of)) for term in shard.vocabulary]
        terms.append(shard.terms.renamed(np.array(codes, np.int32)))
    rows = Rows(
        source=shards[0].source,
        ids=[id for shard in shards for id in shard.ids],
        sequences=[sequence for shard in shards for sequence in shard.sequences],
        vocabulary=list(code_of),
        terms=SparseRows.of(
            np.concatenate([each.counts for each in terms]),
            np.concatenate([each.indices for each in terms]),
        ),
        files=tuple(file for shard in shards for file in shard.files),
        file=np.repeat(np.arange(len(shards), dtype=np.int32), [len(shard) for shard in shards]),
        number=np.concatenate([shard.number for shard in shards]),
        taxa=np.concatenate([shard.taxa for shard in shards]),
    )
    _check_unique(rows)
    return rows


def _check_unique(rows: Rows) -> None:
    first: dict[str, int] = {}
    for row, id in enumerate(rows.ids):
        if first.setdefault(id, row) != row:
            earlier, here = rows.place(first[id]), rows.place(row)
            of = "" if earlier.source == here.source else f" of {Path(earlier.source).name}"
            where = printable(f"{earlier}{of}", 50)
            raise here.refuse(
                f"id {printable(repr(id), 40)} is on {where} already; keep one of the two"
            )
