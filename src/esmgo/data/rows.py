"""Rows of a data set as columns, each row with its place in a file; JSON Lines in.

Nothing here knows what a term means or which letters are residues: only that a row
has an id, a sequence and a list of terms, all of them text.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import DatasetError, shown
from esmgo.go.source import chunks, text_lines

__all__ = ["Place", "Rows", "join", "read_json_lines", "rows_of", "take"]

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands: the line of a text file, or the row of a table, from 1."""

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
    """N rows as written, nothing cleaned and no term looked up.

    Parameters
    ----------
    source : str
        The file, or the first of several.
    ids, sequences : list of str
        As written.
    vocabulary : list of str
        The distinct terms.
    indptr : ndarray, shape=(N + 1,), dtype=int64
        Row ``i`` has the terms ``vocabulary[codes[indptr[i]:indptr[i + 1]]]``.
    codes : ndarray, dtype=int32
        Indices into ``vocabulary``.
    files : tuple of (str, str)
        Name of each file, and whether its rows are counted by ``line`` or ``row``.
    file : ndarray, shape=(N,), dtype=int32
        Index into ``files``.
    number : ndarray, shape=(N,), dtype=int64
        Line or row in that file, from 1.
    """

    source: str
    ids: list[str]
    sequences: list[str]
    vocabulary: list[str]
    indptr: NDArray[np.int64]
    codes: NDArray[np.int32]
    files: tuple[tuple[str, str], ...]
    file: NDArray[np.int32]
    number: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    def place(self, row: int) -> Place:
        """Where row ``row``, from 0, stands."""
        source, unit = self.files[self.file[row]]
        return Place(source, unit, int(self.number[row]))

    @property
    def row_of(self) -> NDArray[np.intp]:
        """The row of each entry of ``codes``."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))

    def where(self, entry: int) -> tuple[str, Place]:
        """Id and place of the row that entry ``entry`` of ``codes`` belongs to."""
        row = int(np.searchsorted(self.indptr, entry, side="right")) - 1
        return self.ids[row], self.place(row)

    def take(self, rows: NDArray[np.intp]) -> Rows:
        """Return the rows with these indices, in this order."""
        indptr, codes = take(self.indptr, self.codes, rows)
        return replace(
            self,
            ids=[self.ids[i] for i in rows],
            sequences=[self.sequences[i] for i in rows],
            indptr=indptr,
            codes=codes,
            file=self.file[rows],
            number=self.number[rows],
        )


def take(
    indptr: NDArray[np.int64], indices: NDArray[np.int32], rows: NDArray[np.intp]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the rows with these indices of sparse annotations, as ``indptr, indices``."""
    lengths = np.diff(indptr)[rows]
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    entries = np.arange(ends[-1]) + np.repeat(indptr[rows] - ends[:-1], lengths)
    return ends, indices[entries]


def read_json_lines(path: Path) -> Rows:
    """Read a file with one JSON object a line; gzip is recognised by content.

    Raises
    ------
    DatasetError
        Naming file, line and field.
    """
    builder = _Builder(str(path), "line")
    lines = text_lines(chunks(path, DatasetError), str(path), DatasetError)
    for number, line in lines:
        if line and not line.isspace():
            place = Place(str(path), "line", number)
            builder.add(place, _parse(line, place))
    return builder.rows()


def rows_of(values: Iterable[Mapping[str, Any]], source: str) -> Rows:
    """Return rows that are in memory already; they are checked like those of a file."""
    builder = _Builder(source, "row")
    for number, value in enumerate(values, 1):
        builder.add(Place(source, "row", number), value)
    return builder.rows()


def join(shards: Sequence[Rows]) -> Rows:
    """Return the rows of all shards as one.

    Raises
    ------
    DatasetError
        If an id comes twice; it names both places.
    """
    code_of: dict[str, int] = {}
    codes = []
    for shard in shards:
        renamed = [code_of.setdefault(term, len(code_of)) for term in shard.vocabulary]
        codes.append(np.array(renamed, np.int32)[shard.codes])
    lengths = np.concatenate([np.diff(shard.indptr) for shard in shards])
    sizes = [len(shard) for shard in shards]
    rows = Rows(
        source=shards[0].source,
        ids=[id for shard in shards for id in shard.ids],
        sequences=[sequence for shard in shards for sequence in shard.sequences],
        vocabulary=list(code_of),
        indptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        codes=np.concatenate(codes),
        files=tuple(file for shard in shards for file in shard.files),
        file=np.repeat(np.arange(len(shards), dtype=np.int32), sizes),
        number=np.concatenate([shard.number for shard in shards]),
    )
    _check_unique(rows)
    return rows


def _check_unique(rows: Rows) -> None:
    first: dict[str, int] = {}
    for row, id in enumerate(rows.ids):
        if first.setdefault(id, row) != row:
            earlier, here = rows.place(first[id]), rows.place(row)
            where = f"{earlier}"
            if earlier.source != here.source:
                where = f"{earlier} of {Path(earlier.source).name}"
            raise here.refuse(
                f"id {shown(repr(id), 40)} is on {shown(where, 50)} already; keep one of the two"
            )


def _parse(line: str, place: Place) -> dict[str, Any]:
    try:
        value = json.loads(line, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except _Refused as refused:
        raise place.refuse(str(refused)) from None
    except json.JSONDecodeError as error:
        raise place.refuse(f"not JSON (column {error.colno}): {shown(error.msg, 60)}") from None
    except RecursionError:
        raise place.refuse("not a row: lists or objects nested too deeply") from None
    except ValueError:  # an integer of thousands of digits
        raise place.refuse("not a row: a number has too many digits") from None
    if not isinstance(value, dict):
        raise place.refuse(f"not a row: {_kind(value)} where a JSON object was expected")
    if _SURROGATE.search(line):
        _refuse_surrogates(value, place)
    return value


class _Refused(Exception):
    """Raised inside the JSON parser, which does not know the place."""


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        id = found.get("id")
        raise _Refused(f"{shown(id, 40)}: key {shown(repr(twice), 40)} comes twice in one object")
    return found


def _no_constant(text: str) -> None:
    raise _Refused(f"not JSON: {text} is no JSON number")


def _refuse_surrogates(value: object, place: Place) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise place.refuse("an unpaired surrogate (\\ud800 to \\udfff) is not text") from None


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    return {str: "a text", list: "a list", dict: "an object"}.get(type(value), type(value).__name__)


class _Builder:
    """Collects rows of JSON values, checking the type of each field."""

    def __init__(self, source: str, unit: str) -> None:
        self.source, self.unit = source, unit
        self.ids: list[str] = []
        self.sequences: list[str] = []
        self.code_of: dict[str, int] = {}
        self.codes, self.ends, self.numbers = array("i"), array("q", [0]), array("q")

    def add(self, place: Place, value: Mapping[str, Any]) -> None:
        id = _text(value, "id", "a row", place)
        who = shown(id, 40)
        if not id.strip():
            raise place.refuse("field 'id' is empty")
        self.sequences.append(_text(value, "sequence", who, place))
        for term in _terms(value, who, place):
            self.codes.append(self.code_of.setdefault(term, len(self.code_of)))
        self.ids.append(id)
        self.ends.append(len(self.codes))
        self.numbers.append(place.number)

    def rows(self) -> Rows:
        return Rows(
            source=self.source,
            ids=self.ids,
            sequences=self.sequences,
            vocabulary=list(self.code_of),
            indptr=np.array(self.ends, np.int64),
            codes=np.array(self.codes, np.int32),
            files=((self.source, self.unit),),
            file=np.zeros(len(self.ids), np.int32),
            number=np.array(self.numbers, np.int64),
        )


def _text(value: Mapping[str, Any], field: str, who: str, place: Place) -> str:
    if field not in value:
        raise place.refuse(f"{who} has no field {field!r}")
    text = value[field]
    if not isinstance(text, str):
        raise place.refuse(f"field {field!r} of {who} is {_kind(text)}, not a text")
    return text


def _terms(value: Mapping[str, Any], who: str, place: Place) -> list[str]:
    if "terms" in value and "go_terms" in value:
        raise place.refuse(f"{who} has both 'terms' and 'go_terms'; keep one")
    field = "go_terms" if "go_terms" in value else "terms"
    if field not in value:
        raise place.refuse(f"{who} has no field 'terms'")
    terms = value[field]
    if not isinstance(terms, list):
        raise place.refuse(f"field {field!r} of {who} is {_kind(terms)}, not a list of GO ids")
    for term in terms:
        if not isinstance(term, str):
            raise place.refuse(f"field {field!r} of {who} holds {_kind(term)}, not only GO ids")
    return terms
