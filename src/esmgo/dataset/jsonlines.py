"""JSON Lines as rows: one object per line, checked field by field.

The module checks that a row has an id, a sequence and a list of terms, all of them text. Terms
may be null: a list that is null is empty, and a term that is null becomes an empty string. A taxon
id is optional. The module does not check whether terms exist or letters are residues.
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

from esmgo.dataset.rows import Place, Rows, taxon_id
from esmgo.errors import DatasetError, printable
from esmgo.files.lines import text_lines
from esmgo.files.source import chunks
from esmgo.go.sparse import SparseRows

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_KINDS = (
    (type(None), "null"), (bool, "a boolean"), ((int, float), "a number"), (str, "a text"),
    (list, "a list"), (dict, "an object"), (object, "no JSON value"),
)  # fmt: skip


def read_json_lines(path: Path) -> Rows:
    """Read a file with one JSON object per line; gzip is recognised by content."""
    name = str(path)
    lines = text_lines(chunks(path, DatasetError), name, DatasetError)
    places = ((Place(name, "line", n), line) for n, line in lines if line and not line.isspace())
    return _rows(((place, _parse(line, place)) for place, line in places), name, "line")


def rows_of(values: Iterable[Mapping[str, Any]], source: str) -> Rows:
    """Return rows that are already in memory, checked like those of a file."""
    placed = ((Place(source, "row", number), value) for number, value in enumerate(values, 1))
    return _rows(placed, source, "row")


def _rows(values: Iterable[tuple[Place, Mapping[str, Any]]], source: str, unit: str) -> Rows:
    """Collect rows of JSON values, checking the type of each field."""
    ids: list[str] = []
    sequences: list[str] = []
    code_of: dict[str, int] = {}
    codes, ends, numbers, taxa = array("i"), array("q", [0]), array("q"), array("i")
    for place, value in values:
        id = _field(value, "id", str, "a text", "a row", place)
        row = printable(id, 40)
        if not id.strip():
            raise place.refuse("field 'id' is empty")
        ids.append(id)
        sequences.append(_field(value, "sequence", str, "a text", row, place))
        codes.extend(code_of.setdefault(term, len(code_of)) for term in _terms(value, row, place))
        ends.append(len(codes))
        numbers.append(place.number)
        taxa.append(taxon_id(value.get("taxon_id")))
    return Rows(
        source=source,
        ids=ids,
        sequences=sequences,
        vocabulary=list(code_of),
        terms=SparseRows(np.array(ends, np.int64), np.array(codes, np.int32)),
        files=((source, unit),),
        file=np.zeros(len(ids), np.int32),
        number=np.array(numbers, np.int64),
        taxa=np.array(taxa, np.int32),
    )


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
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise place.refuse("an unpaired surrogate (\\ud800 to \\udfff) is not text") from None
    return value


class _Refused(Exception):
    """Raised inside the JSON parser, which does not know the place."""


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice, id = counts.most_common(1)[0][0], found.get("id", "a row")
        raise _Refused(
            f"{printable(id, 40)}: key {printable(repr(twice), 40)} is repeated in one object"
        )
    return found


def _no_constant(text: str) -> None:
    raise _Refused(f"not JSON: {text} is not a JSON number")


def _kind(value: object) -> str:
    return next(name for kind, name in _KINDS if isinstance(value, kind))


def _field(
    value: Mapping[str, Any], field: str, kind: type, what: str, row: str, place: Place
) -> Any:
    if field not in value:
        raise place.refuse(f"{row} has no field {field!r}")
    if not isinstance(value[field], kind):
        raise place.refuse(f"field {field!r} of {row} is {_kind(value[field])}, not {what}")
    return value[field]


def _terms(value: Mapping[str, Any], row: str, place: Place) -> list[str]:
    if "terms" in value and "go_terms" in value:
        raise place.refuse(f"{row} has both 'terms' and 'go_terms'; keep one")
    field = "go_terms" if "go_terms" in value else "terms"
    if field in value and value[field] is None:
        return []
    terms: list[str | None] = _field(value, field, list, "a list of GO ids", row, place)
    for term in terms:
        if term is not None and not isinstance(term, str):
            raise place.refuse(f"field {field!r} of {row} holds {_kind(term)}, not only GO ids")
    return [term or "" for term in terms]
