"""Called terms as TSV, CSV, JSON Lines, Parquet and CAFA's text.

A writer takes blocks of calls as they come; the file does not depend on the size of the
blocks. Nothing here knows where calls come from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, BinaryIO, TypeAlias

import numpy as np

from esmgo.errors import escaped, printable
from esmgo.go.calls import Ancestry, Calls, Purpose
from esmgo.go.labels import LabelSpace
from esmgo.go.scores import Scores
from esmgo.go.unspecific import unspecific_of
from esmgo.render.cafa import cafa_lines

ParsedId: TypeAlias = tuple[str, str, str, str]

SCHEMA_VERSION = 1
"""Version of JSON Lines and Parquet. It grows when old readers would misread it."""

_NUMBERS = "score", "precision", "decoy_rate", "information"
HEADER = ("protein", "term", "name", "aspect", *_NUMBERS, "source", "n_windows")

ROW_GROUP = 1 << 17
"""Calls in a row group of Parquet."""

_SPECIAL = re.compile('[",\r\n]')
_FORMULA = re.compile(
    "'*[=+@\t\r\n\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}"
    "\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}-]"
)
"""Apostrophes are included, so that different texts stay different."""


@dataclass(frozen=True)
class About:
    """What writers need beside the calls.

    Parameters
    ----------
    labels : LabelSpace
        The terms of the columns.
    model : str
        Fingerprint of the model.
    version : str
        Of the program.
    kept : mapping of str to str
        Describes which calls were kept, by purpose.
    sources : tuple of str
        The name of each bit of a call's sources, lowest first.
    parse_id : callable
        Maps a protein's id to accession, database (or empty), symbol and canonical accession.
    date : str
        Of the predictions, ``YYYY-MM-DD``.
    reference, assigned_by : str
        The reference that annotations cite, and the database that assigns them.
    taxon : int, optional
        NCBI taxon of all proteins.
    """

    labels: LabelSpace
    model: str
    version: str
    kept: Mapping[str, str]
    sources: tuple[str, ...]
    parse_id: Callable[[str], ParsedId]
    date: str
    reference: str
    assigned_by: str
    taxon: int | None = None

    @cached_property
    def above(self) -> Ancestry:
        """The ancestors of each column."""
        return Ancestry(self.labels)

    @cached_property
    def unspecific(self) -> frozenset[int]:
        """The columns of terms that GO does not allow in annotations, and of the roots."""
        found = unspecific_of(self.labels.unspecific)
        terms = enumerate(self.labels.terms)
        return frozenset(j for j, term in terms if term.is_root or term.id in found)

    @cached_property
    def source_words(self) -> tuple[str, ...]:
        """The names for each value that a call's sources can have, joined by ``+``."""
        return tuple(
            "+".join(word for bit, word in enumerate(self.sources) if flags >> bit & 1)
            for flags in range(1 << len(self.sources))
        )

    @cached_property
    def terms(self) -> list[tuple[str, str, str]]:
        """Id, name and aspect of each column, safe to print."""
        return [
            (term.id, printable(term.name, 1000), term.aspect.name if term.aspect else "")
            for term in self.labels.terms
        ]


class Writer:
    """Writes one format into an open binary file; a subclass for each.

    It writes the calls for its purpose.
    """

    purpose = Purpose.TABLE

    def __init__(self, file: BinaryIO, about: About) -> None:
        self._file, self._about = file, about

    def write(self, calls: Calls) -> None:
        """Write the next block of proteins."""
        raise NotImplementedError

    def close(self) -> None:
        """Write what comes at the end, if anything; the file stays open."""


class AccessionWriter(Writer):
    """Writes a format that names proteins by accession, each once.

    Of several records with one accession the first is written. ``repeated`` has the ids of the
    others, with that of the first.
    """

    def __init__(self, file: BinaryIO, about: About) -> None:
        super().__init__(file, about)
        self.repeated: dict[str, str] = {}
        self._first: dict[str, str] = {}  # the first id of each accession

    def _named(self, calls: Calls) -> Iterator[tuple[int, ParsedId]]:
        """Yield the index of each protein to write, and the parts of its id."""
        for i, id in enumerate(calls.proteins):
            parts = self._about.parse_id(id)
            first = self._first.setdefault(parts[0], id)
            if first is id:
                yield i, parts
            else:
                self.repeated[id] = first


class TableWriter(Writer):
    """TSV with a header, a line per call; six significant figures."""

    _between, _end = "\t", "\n"

    def __init__(self, file: BinaryIO, about: About) -> None:
        super().__init__(file, about)
        self._terms = [self._between.join(map(self._cell, term)) for term in about.terms]
        file.write((self._between.join(HEADER) + self._end).encode())

    def write(self, calls: Calls) -> None:
        """Write the next block of proteins; one without calls has no line."""
        words, between = self._about.source_words, self._between
        for i, id in enumerate(calls.proteins):
            name, windows = self._cell(escaped(id)), int(calls.n_windows[i])
            lines = [
                f"{name}{between}{self._terms[j]}{between}{score:.6g}{between}"
                f"{'' if precision != precision else format(precision, '.6g')}{between}"
                f"{'' if decoys != decoys else format(decoys, '.6g')}{between}"
                f"{'' if bits != bits else format(bits, '.2f')}"
                f"{between}{words[flags]}{between}{windows}{self._end}"
                for j, score, precision, decoys, bits, flags in _of(calls, i)
            ]
            self._file.write("".join(lines).encode("utf-8", "backslashreplace"))

    def _cell(self, text: str) -> str:
        return text


class CsvWriter(TableWriter):
    """CSV as in RFC 4180, for spreadsheets, with the columns of TSV.

    A text that a spreadsheet would run as a formula is quoted and gets a leading apostrophe.

    References
    ----------
    https://owasp.org/www-community/attacks/CSV_Injection
    """

    _between, _end = ",", "\r\n"

    def _cell(self, text: str) -> str:
        is_formula = _FORMULA.match(text)
        if is_formula or _SPECIAL.search(text):
            text = '"' + "'" * bool(is_formula) + text.replace('"', '""') + '"'
        return text


class JsonWriter(Writer):
    """JSON Lines, an object per protein, also for one without calls."""

    def write(self, calls: Calls) -> None:
        """Write the next block of proteins."""
        terms, words = self._about.terms, self._about.source_words
        for i, id in enumerate(calls.proteins):
            called = [
                {
                    "term": terms[j][0],
                    "name": terms[j][1],
                    "aspect": terms[j][2] or None,
                    "score": _figures(score),
                    "precision": _figures(precision),
                    "decoy_rate": _figures(decoys),
                    "information": None if bits != bits else round(bits, 2),
                    "source": words[flags],
                }
                for j, score, precision, decoys, bits, flags in _of(calls, i)
            ]
            value = {
                "schema_version": SCHEMA_VERSION,
                "protein": id,
                "length": int(calls.lengths[i]),
                "n_windows": int(calls.n_windows[i]),
                "similarity": _figures(float(calls.similarity[i])),
                "calls": called,
            }
            text = json.dumps(value, ensure_ascii=False) + "\n"
            self._file.write(text.encode("utf-8", "backslashreplace"))


class ParquetWriter(Writer):
    """Parquet, a row per call, with the model's fingerprint among the metadata."""

    def __init__(self, file: BinaryIO, about: About) -> None:
        import pyarrow as pa  # a third of a second
        import pyarrow.parquet as pq

        metadata = {
            "schema_version": str(SCHEMA_VERSION),
            "model": about.model,
            "esmgo": about.version,
            "go_release": about.labels.release,
            "kept": about.kept[self.purpose.word],
        }
        numbers = dict.fromkeys(_NUMBERS, pa.float32()) | {"n_windows": pa.int32()}
        kinds = [numbers.get(name, pa.string()) for name in HEADER]
        self._schema = pa.schema(list(zip(HEADER, kinds, strict=True)), metadata)
        self._writer = pq.ParquetWriter(
            file, self._schema, compression="zstd", write_page_checksum=True
        )
        self._terms = [pa.array(column, pa.string()) for column in zip(*about.terms, strict=True)]
        self._words = pa.array(about.source_words, pa.string())
        self._waiting: list[Any] = []
        self._n_waiting = 0

    def write(self, calls: Calls) -> None:
        """Write the next block of proteins; one without calls has no row."""
        import pyarrow as pa

        owner = calls.terms.owner
        ids = pa.array(calls.proteins, pa.string())
        for first in range(0, len(owner), ROW_GROUP):
            at = slice(first, first + ROW_GROUP)
            columns = pa.array(calls.terms.indices[at])
            numbers = (calls.scores, calls.precision, calls.decoy_rate, calls.information)
            values = [
                ids.take(pa.array(owner[at])),
                *(texts.take(columns) for texts in self._terms),
                *(pa.array(x[at], mask=np.isnan(x[at])) for x in numbers),
                self._words.take(pa.array(calls.sources[at])),
                pa.array(calls.n_windows[owner[at]], pa.int32()),
            ]
            self._waiting.append(pa.Table.from_arrays(values, schema=self._schema))
            self._n_waiting += len(columns)
            if self._n_waiting >= ROW_GROUP:
                self._flush(ROW_GROUP)

    def close(self) -> None:
        """Write the last row group and the footer."""
        try:
            if self._n_waiting:
                self._flush(self._n_waiting)
        finally:
            self._writer.close()

    def _flush(self, n: int) -> None:
        import pyarrow as pa

        table = pa.concat_tables(self._waiting).combine_chunks()
        self._writer.write_table(table.slice(0, n))
        self._waiting, self._n_waiting = [table.slice(n)], len(table) - n


class CafaWriter(AccessionWriter):
    """CAFA's text: accession, term and score without a header; see `esmgo.render.cafa`."""

    purpose = Purpose.CAFA

    def write(self, calls: Calls) -> None:
        """Write the next block of proteins, 1,500 terms of each at most."""
        values = np.zeros((len(calls), len(self._about.labels)), np.float32)
        values[calls.terms.owner, calls.terms.indices] = calls.scores
        named = {i: parts[0] for i, parts in self._named(calls)}
        scores = Scores(tuple(named.values()), values[list(named)], self._about.labels)
        for lines in cafa_lines(scores):
            self._file.write(lines)


def _of(calls: Calls, i: int) -> Any:
    """Return column, score, precision, decoy rate, bits and sources of a protein's calls."""
    at = calls.row(i)
    numbers = (calls.scores, calls.precision, calls.decoy_rate, calls.information)
    columns = (calls.terms.indices, *numbers, calls.sources)
    return zip(*(values[at].tolist() for values in columns), strict=True)


def _figures(value: float) -> float | None:
    """Return six significant figures, or None for NaN."""
    return None if value != value else float(f"{value:.6g}")
