"""JSON Lines as rows: one object a line, checked field by field.

Nothing here knows what a term means or which letters are residues: only that a row
has an id, a sequence and a list of terms, all of them text.
"""

from __future__ import annotations

import json
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from esmgo.dataset.rows import Place, Rows
from esmgo.errors import DatasetError, printable
from esmgo.files.lines import text_lines
from esmgo.files.source import chunks

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


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


def _parse(line: str, place: Place) -> dict[str, Any]:
    try:
        value = json.loads(line, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except _Refused as refused:
        raise place.refuse(str(refused)) from None
    except json.JSONDecodeError as error:
        raise place.refuse(f"not JSON (column {error.colno}): {printable(error.msg, 60)}") from None
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
        counts = Counter(key for key, _ in pairs)
        twice, id = counts.most_common(1)[0][0], found.get("id", "a row")
        raise _Refused(
            f"{printable(id, 40)}: key {printable(repr(twice), 40)} comes twice in one object"
        )
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
    names = {str: "a text", list: "a list", dict: "an object"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "no JSON value")


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
        who = printable(id, 40)
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
