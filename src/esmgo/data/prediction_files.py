"""Predictions from files: tables of several kinds, DeepGOPlus' output, and JSON Lines.

The first lines decide what a file is, never its name. A line that cannot be used is rejected, and
the others count. It needs no ontology.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from esmgo.data.cafa import (
    PROTEIN_NAMES,
    TERM,
    TERM_NAMES,
    Bad,
    Columns,
    Pairs,
    Refused,
    Row,
    blocks_of,
    cells_of,
    checked,
    gather,
    heading,
    lines_of,
    read_block,
)
from esmgo.data.foreign import is_binary, kind_of_binary, kind_of_text
from esmgo.data.rejects import ReadReport, Reject
from esmgo.errors import AnnotationError, printable
from esmgo.files.source import HEAD, Source, name_of
from esmgo.go.terms import is_go_id

Parse = Callable[[int, bytes, str, Bad], Pairs]
"""Takes the number of the first line, a block of lines, the name of the file, and what gets bad
lines."""

_SCORE_NAMES = frozenset({
    "score", "scores", "probability", "prob", "confidence", "prediction", "prediction_score",
})  # fmt: skip
_SEPARATORS = ("\t", ",", ";")
_SPLIT = re.compile(r"[\t,;]")
_TERM_AND_SCORE = re.compile(rb"[\t,;\"]GO:[0-9]{7}\|[0-9.]")
_HEAD = 1 << 20
"""Bytes in which DeepGOPlus' output is recognised; its first proteins may have no term."""

_MOST_REJECTS = 1_000
"""Rejected lines of a file that are kept; further ones are counted."""

_MANY_REJECTS = 100_000
"""Rejected lines after which a table is refused if nine tenths of its lines so far are bad."""


def read_predictions(source: Source, *, report: ReadReport | None = None) -> Iterator[Pairs]:
    """Read predictions in blocks: proteins, terms and scores.

    Four kinds are read, plain or gzip:

    - CAFA: ``protein  term  score``, separated by TAB or blanks. A header line, comment lines
      (``#``), the AUTHOR, MODEL, KEYWORDS, ACCURACY and END lines of older files, and further
      columns are skipped. In a table with a name before the score, such as those of ``predict.py``
      of DeepGOPlus, column 5 is the score.
    - A table with a header that names the columns, separated by TAB, comma or semicolon, such as
      the TSV of ``esmgo predict``.
    - DeepGOPlus: a protein and any number of ``term|score``, separated by TAB or comma.
    - JSON Lines of ``esmgo predict``, or objects with protein, term and score.

    Parameters
    ----------
    source : str, path or binary file
        ``-`` is standard input.
    report : ReadReport, optional
        Gets the lines that are rejected: too few columns, no protein, no term id, or a score that
        is not a finite number. Without a report the first is an `AnnotationError`.

    Raises
    ------
    AnnotationError
        If the file is of another kind, is empty, or if no line can be read.
    """
    name = name_of(source)
    faults = _Faults(name, report)
    blocks = blocks_of(source, name)
    for line, block in blocks:
        if line == 1 and is_binary(block[:HEAD]):
            kind = kind_of_binary(block[:HEAD]) or "binary data"
            reason = f"looks like {kind}; give TSV or JSON Lines (esmgo predict `format=tsv`)"
            raise AnnotationError(name, reason)
        opening = block.lstrip(b"\n")[:HEAD].split(b"\n", 1)[0].decode(errors="replace")
        if opening.startswith("#") and (cure := _cure(opening, [])):
            raise AnnotationError(name, cure)
        lines = lines_of(line, block, name, lambda *_: None)
        first = next(lines, None)
        if first is not None or (block.strip() and not opening.startswith("#")):
            break  # without a first line no line is UTF-8
    else:
        raise AnnotationError(name, "the file has no lines of data")
    second = next(lines, (0, ""))[1]
    parse, has_header = _recognised(first or (line, ""), second, block, name)
    if first is not None and has_header:
        n_before = first[0] - line + 1
        line, block = first[0] + 1, b"".join(block.split(b"\n", n_before)[n_before:])
    faults.is_table = isinstance(parse, partial)
    n_read = 0
    for start, data in chain([(line, block)], blocks):
        pairs = parse(start, data, name, faults.add)
        n_read += len(pairs)
        yield faults.finite(pairs)
    if not n_read and faults.n:
        found = f"none of {faults.n:,} lines can be read; {faults.first}"
        raise AnnotationError(name, found, faults.line)


@dataclass(slots=True)
class _Faults:
    """The lines of a file that are rejected."""

    name: str
    report: ReadReport | None
    is_table: bool = False
    n: int = 0
    line: int | None = None
    first: str = ""

    def add(self, line: int, protein: str, reason: str) -> None:
        """Reject a line; without a report it is an error."""
        if self.report is None:
            raise AnnotationError(self.name, reason, line)
        if not self.n:
            self.line, self.first = line, reason
        self.n += 1
        if self.is_table and self.n >= _MANY_REJECTS and self.n > 0.9 * line:
            found = f"{self.n:,} of the first {line:,} lines cannot be read; {self.first}"
            raise AnnotationError(self.name, found, self.line)
        if self.n > _MOST_REJECTS and not self.report.strict:
            self.report.n_unlisted += 1
        else:
            self.report.reject(Reject(self.name, line, protein, line, 0, reason))

    def finite(self, pairs: Pairs) -> Pairs:
        """Reject the lines whose score is infinite or not a number; return the others."""
        is_finite = np.isfinite(pairs.scores)
        if not is_finite.all():
            for i in np.flatnonzero(~is_finite).tolist():
                protein = pairs.proteins[pairs.protein[i]]
                self.add(int(pairs.lines[i]), protein, f"the score is {pairs.scores[i]}")
            pairs = replace(
                pairs, protein=pairs.protein[is_finite], term=pairs.term[is_finite],
                scores=pairs.scores[is_finite], lines=pairs.lines[is_finite],
            )  # fmt: skip
        if self.report is not None:
            self.report.n_accepted += len(pairs)
        return pairs


def _recognised(first: tuple[int, str], second: str, block: bytes, name: str) -> tuple[Parse, bool]:
    """Return what parses the blocks, by the first lines, and whether the first is a header."""
    line, text = first
    if text.lstrip().startswith("{"):
        _check_object(text, name, line)
        return lambda *block: gather(_from_objects(*block)), False
    if text.lstrip().startswith("["):
        raise AnnotationError(name, _cure(text.lstrip(), []), line)
    separator = next((each for each in _SEPARATORS if each in text.strip()), "")
    try:
        cells = cells_of(text, separator)
    except Refused as reason:
        raise AnnotationError(name, str(reason), line) from None
    has_term = len(cells) > 1 and TERM.fullmatch(cells[1]) is not None
    if has_term and len(cells) > 2:
        is_named = len(cells) > 4 and _is_number(cells[4]) and not _is_number(cells[2])
        separator = "" if separator == "\t" and not is_named else separator
        return partial(_table, Columns(score=4 if is_named else 2, separator=separator)), False
    if (columns := _columns(cells, separator, name, line)) is not None:
        return partial(_table, columns), True
    if _TERM_AND_SCORE.search(block[:_HEAD]):
        return lambda *block: gather(_of_proteins(*block)), False
    if not has_term and (cure := _cure(text, cells)):
        raise AnnotationError(name, cure, line)
    try:
        below = cells_of(second, separator)
    except Refused:
        below = []
    is_data = len(below) > 2 and TERM.fullmatch(below[1]) is not None and _is_number(below[2])
    if has_term or not is_data or any(map(_is_number, cells)) or "" in cells:
        return partial(_table, Columns()), False
    separator = "" if separator == "\t" else separator
    return partial(_table, Columns(separator=separator)), True  # a header of unknown names


def _table(columns: Columns, line: int, block: bytes, name: str, bad: Bad) -> Pairs:
    return read_block(line, block, columns, name, bad)


def _columns(cells: list[str], separator: str, name: str, line: int) -> Columns | None:
    """Return the columns that a header names; None if the line is no header."""
    names = list(map(heading, cells))
    found = [
        next((i for i, each in enumerate(names) if each in known), None)
        for known in (PROTEIN_NAMES, TERM_NAMES, _SCORE_NAMES)
    ]
    protein, term, score = found
    if term is None:
        return None
    if score is None and {"aspect", "evidence", "evidence_code", "qualifier"} & set(names):
        reason = "looks like annotations, without scores; they are given as `truth`"
        raise AnnotationError(name, reason, line)
    if score is None and (protein, term) == (0, 1):
        score = 2
    if protein is None or score is None:
        missing = "of protein ids" if protein is None else "named score"
        raise AnnotationError(name, f"the header has no column {missing}", line)
    return Columns(protein, term, score, separator)


def _cure(text: str, cells: list[str]) -> str:
    """Return what a file seems to be by its first line, and what to do; "" if unknown."""
    kind = "FASTA" if text.startswith(">") else kind_of_text(text)
    is_annotation = len(cells) > 9 and any(map(is_go_id, cells[3:5]))
    if text.startswith("!") or is_annotation:
        return "looks like GAF or GPAD, annotations without scores; they are given as `truth`"
    if any(map(is_go_id, cells[:1])):
        return "the term comes first; expected protein, GO id and score"
    if len(cells) == 12 and all(map(_is_number, cells[2:])):
        return (
            "looks like hits of BLAST or DIAMOND; esmgo baseline diamond makes predictions of them"
        )
    if kind == "FASTA":
        return "looks like FASTA; write its predictions with esmgo predict `format=cafa`"
    if kind == "JSON":
        return "looks like JSON, an array; jq -c '.[]' makes JSON Lines of it"
    if kind == "OBO":
        return "looks like OBO; it is given as `ontology`"
    if kind in ("", "; comments", "PHYLIP", "a TAB-separated table"):
        return ""
    return f"looks like {kind}; expected lines of protein, GO id and score"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _of_proteins(line: int, block: bytes, name: str, bad: Bad) -> Iterator[Row]:
    """Read DeepGOPlus' lines: a protein, then ``term|score`` any number of times."""
    for number, text in lines_of(line, block, name, bad):
        protein, _, rest = text.replace('"', "").partition("\t" if "\t" in text else ",")
        protein = protein.strip()
        for item in filter(None, map(str.strip, _SPLIT.split(rest))):
            term, _, score = item.partition("|")
            try:
                yield number, protein, term, checked(protein, term, score)
            except Refused as reason:
                bad(number, protein, str(reason))


def _check_object(text: str, name: str, line: int) -> None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return  # rejected as a line
    if isinstance(value, dict) and not {"calls", "term"} & value.keys():
        is_data = {"sequence", "terms"} & value.keys()
        what = "a data set; it is given as `dataset`" if is_data else "no 'calls' and no 'term'"
        raise AnnotationError(name, f"JSON Lines without scores: {what}", line)


def _from_objects(line: int, block: bytes, name: str, bad: Bad) -> Iterator[Row]:
    """Read JSON Lines: an object with all calls of a protein, or with one."""
    for number, text in lines_of(line, block, name, bad):
        protein = ""
        try:
            value = _object(text)
            protein = _text(value, "protein" if "protein" in value else "id")
            calls = value.get("calls", [value])
            if not isinstance(calls, list):
                raise Refused("field 'calls' is no list")
        except Refused as reason:
            bad(number, protein, str(reason))
            continue
        for call in calls:
            try:
                term, score = _text(call, "term"), call.get("score")
                if isinstance(score, bool):
                    raise Refused("the score is a boolean")
                row = number, protein, term, checked(protein, term, score)
            except Refused as reason:
                bad(number, protein, str(reason))
                continue
            yield row


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except RecursionError:
        raise Refused("lists or objects nested too deeply") from None
    except ValueError as error:  # also an integer of thousands of digits
        raise Refused(f"not JSON: {printable(error, 60)}") from None
    if not isinstance(value, dict):
        raise Refused("not a JSON object")
    return value


def _text(value: Any, field: str) -> str:
    found = value.get(field) if isinstance(value, dict) else None
    if not isinstance(found, str):
        raise Refused(f"no text in field {field!r}")
    return found
