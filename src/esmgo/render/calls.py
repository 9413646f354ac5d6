"""Called terms as TSV, CSV, JSON Lines, Parquet and CAFA's text.

A writer takes blocks of calls as they come; the file does not depend on the size of the
blocks. Nothing here knows where calls come from.
"""

from __future__ import annotations

import json
import re
from typing import Any, BinaryIO

import numpy as np

from esmgo.errors import escaped
from esmgo.go.calls import Calls, Purpose
from esmgo.go.scores import Scores
from esmgo.render.cafa import cafa_lines
from esmgo.render.writer import About, AccessionWriter, Writer

SCHEMA_VERSION = 1
"""Version of JSON Lines and Parquet. It grows when old readers would misread it."""

_NUMBERS = "score", "precision", "decoy_rate", "information"
HEADER = ("protein", "term", "name", "aspect", *_NUMBERS, "source", "n_windows", "novelty")

ROW_GROUP = 1 << 17
"""Calls in a row group of Parquet."""

_SPECIAL = re.compile('[",\r\n]')
_FORMULA = re.compile(
    "'*[=+@\t\r\n\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}"
    "\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}-]"
)
"""Apostrophes are included, so that different texts stay different."""


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
            name, novelty = self._cell(escaped(id)), float(calls.novelty[i])
            last = f"{calls.n_windows[i]}{between}{_text(novelty)}{self._end}"
            lines = [
                f"{name}{between}{self._terms[j]}{between}{score:.6g}{between}"
                f"{_text(precision)}{between}{_text(decoys)}{between}"
                f"{'' if bits != bits else format(bits, '.2f')}{between}"
                f"{words[flags]}{between}{last}"
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
                "novelty": _figures(float(calls.novelty[i])),
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
        numbers = dict.fromkeys((*_NUMBERS, "novelty"), pa.float32()) | {"n_windows": pa.int32()}
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
            columns, novelty = pa.array(calls.terms.indices[at]), calls.novelty[owner[at]]
            numbers = (calls.scores, calls.precision, calls.decoy_rate, calls.information)
            values = [
                ids.take(pa.array(owner[at])),
                *(texts.take(columns) for texts in self._terms),
                *(pa.array(x[at], mask=np.isnan(x[at])) for x in numbers),
                self._words.take(pa.array(calls.sources[at])),
                pa.array(calls.n_windows[owner[at]], pa.int32()),
                pa.array(novelty, mask=np.isnan(novelty)),
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


def _text(value: float) -> str:
    """Return six significant figures, or nothing for NaN."""
    return "" if value != value else format(value, ".6g")


def _figures(value: float) -> float | None:
    """Return six significant figures, or None for NaN."""
    return None if value != value else float(f"{value:.6g}")
