"""Files of annotations: the content decides the format, and the reader of that format reads it.

GAF and GPAD are recognised by their version line, or else by their columns; other tables by their
header, or else by the first rows. Any other file is refused with the name of what it seems to be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

from esmgo.data.annotations import Annotation, AnnotationBlock, FileReport
from esmgo.data.columns import ABSENT, ink_lines
from esmgo.data.evidence_codes import EXPERIMENTAL, parse_evidence
from esmgo.data.foreign import foreign_to_tables, kind_of_table
from esmgo.data.gaf import GAF, Layout, read_associations
from esmgo.data.go_tables import GoTable, is_id, read_go_table, words_of
from esmgo.data.gpad import GPAD_1, GPAD_2
from esmgo.data.rejects import ReadReport
from esmgo.errors import AnnotationError, printable
from esmgo.files.lines import line_blocks
from esmgo.files.source import HEAD, Source, chunks, name_of
from esmgo.go.terms import is_go_id

BLOCK = 1 << 23
"""Bytes per block: about 50,000 rows of GAF."""

_LONGEST = 1 << 20
_MOST_ROWS = 50
"""Rows by which a format is recognised."""

_VERSION = re.compile(rb"(?im)^!\s*(gaf|gpad|gpa|gpi)-version:?[ \t]*([0-9.]+)")
_PROTEINS = (
    "entryid", "entry", "gene product id", "protein stable id", "protein", "protein_id", "query",
    "query_name", "accession", "uniprot", "uniprot_id", "gene stable id", "geneid", "gene_id",
    "gene", "id", "target", "target id",
)  # fmt: skip
_TERMS = (
    "term", "go_id", "goid", "go id", "go term accession", "gene ontology ids", "go term",
    "go_term", "go_terms", "go terms", "gos", "go", "term_id", "terms", "go_ids", "go ids",
)  # fmt: skip
_ASPECTS = ("aspect", "go aspect", "go_aspect", "ontology", "namespace")
_EVIDENCE = (
    "go evidence code", "evidence", "evidence code", "evidence_code", "go term evidence code",
)  # fmt: skip
_QUALIFIERS = ("qualifier", "qualifiers")
_UNIPROT = re.compile(r"gene ontology \(|cross-reference \(go\)")
_TITLES = ("db", "db_object_id", "db object id", "database")

Blocks = Iterator[tuple[int, bytes]]


class _Head(NamedTuple):
    """The start of a file.

    ``opening`` is the first line that is not blank. ``rows`` are the first lines that are no
    comments, split at TAB; each has a number in ``lines`` and its start in ``block``.
    """

    version: tuple[str, str]
    opening: str
    rows: list[list[str]]
    lines: list[int]
    starts: list[int]
    block: bytes


class _Format(NamedTuple):
    """A format that is read. Its first ``n_header`` rows are no data; ``doubt`` is a warning."""

    name: str
    layout: Layout | GoTable
    n_header: int = 0
    doubt: str = ""


def read_annotations(
    source: Source,
    *,
    evidence: str = "experimental",
    report: ReadReport | None = None,
) -> Iterator[Annotation]:
    """Yield the annotations of a file, in the order of the file; docs/data.md lists the formats.

    Parameters
    ----------
    source : str, path or binary file
        Plain text or gzip, recognised by content; ``-`` is standard input.
    evidence : str, optional
        The evidence codes to take, if the format has them: ``experimental``, ``all``, or codes
        separated by commas.
    report : ReadReport, optional
        Gets rejected rows, and a line with the number of rows left out: with NOT, which denies a
        function, with other evidence, and of objects that are no protein.

    Raises
    ------
    AnnotationError
        If the format is not recognised or no annotation is left; without ``report``, also at the
        first row that cannot be read. It names the line.
    """
    for block in annotation_blocks(source, evidence=parse_evidence(evidence), report=report):
        yield from block


def annotation_blocks(
    source: Source,
    *,
    evidence: frozenset[str],
    report: ReadReport | None = None,
    is_truth: bool = False,
) -> Iterator[AnnotationBlock]:
    """Yield the annotations of a file in blocks; see `read_annotations` and `parse_evidence`.

    With ``is_truth``, a table without header may have further columns, which are ignored, and ids
    of other ontologies are annotations, too: benchmarks have such tables.
    """
    about = FileReport(name_of(source), report)
    content = chunks(source, AnnotationError)
    blocks = line_blocks(content, about.name, AnnotationError, size=BLOCK, max_length=_LONGEST)
    head = _head(blocks, about.name)
    found = _recognised(head, is_truth, about.name)
    about.note(f"read as {found.name}")
    has_codes = isinstance(found.layout, Layout) and found.layout.evidence != ABSENT
    if not has_codes and evidence != frozenset(EXPERIMENTAL):
        about.note("`evidence` has no effect: the file has no evidence codes", is_warning=True)
    if found.doubt:
        about.note(found.doubt, is_warning=True)
    if found.n_header < len(head.rows):
        line, start = head.lines[found.n_header], head.starts[found.n_header]
        blocks = chain([(line, head.block[start:])], blocks)
    if isinstance(found.layout, Layout):
        yield from read_associations(blocks, found.layout, evidence, about)
    else:
        yield from read_go_table(blocks, found.layout, about)
    about.finish(1)


def _head(blocks: Blocks, name: str) -> _Head:
    """Read to the first rows that are no comments."""
    version, opening = ("", ""), ""
    for first, block in blocks:
        if found := _VERSION.search(block):
            version = found[1].decode().lower(), found[2].decode()
        if not opening:
            opening = block.lstrip().split(b"\n", 1)[0].decode(errors="replace")
        head = _Head(version, opening, [], [], [], block)
        for i, start, end in ink_lines(block, b"!"):
            text = block[start:end].decode(errors="replace")
            if text.startswith("#") and "\t" not in text:
                continue
            head.rows.append([cell.strip() for cell in text.split("\t")])
            head.lines.append(first + i)
            head.starts.append(start)
            if len(head.rows) == _MOST_ROWS:
                break
        if head.rows:
            return head
    if opening:
        raise AnnotationError(name, "no annotations: comments alone", 1)
    raise AnnotationError(name, "no annotations: the file is empty")


def _recognised(head: _Head, is_truth: bool, name: str) -> _Format:
    """Return the format of a file, or raise AnnotationError with what it seems to be."""
    line = head.lines[0]
    if head.version[0]:
        return _of_version(*head.version, head.rows, name, line)
    for row in head.rows:
        layout = _layout_of(row)
        if layout is not None:
            kind = "GAF" if layout is GAF else "GPAD"
            doubt = f"no version line; the columns are those of {kind}"
            return _Format(kind, layout, _n_titles(head.rows), doubt)
    foreign = foreign_to_tables(head.opening, head.block[:HEAD])
    found = None if foreign else _by_header(head.rows[0]) or _by_rows(head.rows, is_truth)
    if found is not None:
        return found
    kind, cure = foreign or kind_of_table(head.rows, head.block[:HEAD])
    raise AnnotationError(name, f"{kind}; {cure}", line)


def _of_version(
    kind: str, number: str, rows: Sequence[Sequence[str]], name: str, line: int
) -> _Format:
    kind = "GPAD" if kind == "gpa" else kind.upper()
    layouts = {"GAF 1": GAF, "GAF 2": GAF, "GPAD 1": GPAD_1, "GPAD 2": GPAD_2}
    layout = layouts.get(f"{kind} {number.partition('.')[0]}")
    if layout is None:
        cure = "give the GAF or GPAD" if kind == "GPI" else "versions 1 and 2 of GAF and GPAD are"
        raise AnnotationError(name, f"{kind} {printable(number, 12)} is not read; {cure}", line)
    return _Format(f"{kind} {printable(number, 12)}", layout, _n_titles(rows))


def _layout_of(row: Sequence[str]) -> Layout | None:
    """Return the layout of a row of GAF or GPAD."""
    if len(row) >= GAF.least and is_go_id(row[GAF.term]):
        return GAF
    if len(row) >= GPAD_1.least and is_go_id(row[GPAD_1.term]) and row[5].startswith("ECO:"):
        return GPAD_2 if ":" in row[0] else GPAD_1
    return None


def _n_titles(rows: Sequence[Sequence[str]]) -> int:
    """Return 1 if the first row of GAF or GPAD has the names of the columns."""
    return int(rows[0][0].lower().lstrip("#") in _TITLES)


def _by_header(row: Sequence[str]) -> _Format | None:
    """Return the format of a table whose first row has the names of the columns."""
    is_words = len(row) == 1
    cells = row[0].split() if is_words else row
    names = [cell.lower().lstrip("#").strip() for cell in cells]
    protein, term, aspect, evidence, qualifier = (
        next((names.index(name) for name in known if name in names), None)
        for known in (_PROTEINS, _TERMS, _ASPECTS, _EVIDENCE, _QUALIFIERS)
    )
    prose = tuple(i for i, name in enumerate(names) if _UNIPROT.match(name))
    if term is None and prose and protein is not None:
        return _Format("a UniProt table", GoTable(protein, prose, is_prose=True), 1)
    if term is None or term == (protein or 0):
        return None
    protein = protein or 0
    if evidence is not None or qualifier is not None:
        layout = Layout(
            protein, ABSENT if qualifier is None else qualifier, term,
            ABSENT if evidence is None else evidence, 2, f"the header has {len(names)}",
            aspect=ABSENT if aspect is None else aspect, may_lack_terms=True,
        )  # fmt: skip
        return _Format("a table with evidence codes or qualifiers", layout, 1)
    kind = f"a table of {printable(cells[protein], 25)} and {printable(cells[term], 25)}"
    if "seed_ortholog" in names or "seed_eggnog_ortholog" in names:
        kind = "a table of eggNOG-mapper"
    elif names[:3] == ["entryid", "term", "aspect"]:
        kind = "a CAFA table"
    elif "gene ontology ids" in names:
        kind = "a UniProt table"
    least = max(protein, term, aspect or 0) + 1
    table = GoTable(protein, (term,), ABSENT if aspect is None else aspect, least)
    return _Format(kind, replace(table, in_words=len(names)) if is_words else table, 1)


def _by_rows(lines: Sequence[Sequence[str]], is_truth: bool) -> _Format | None:
    """Return the format of a table without header, or with one that has unknown names."""
    for row in lines:
        if len(row) > 10 and row[2].isdigit() and row[6].isdigit() and row[9] in ("T", "F"):
            return _Format("a table of InterProScan", GoTable(0, (13,), least=11, is_prose=True))
    is_words = all(len(row) == 1 for row in lines)
    rows = [row[0].split(None, 1) for row in lines] if is_words else lines
    ids = [words_of(row[1]) if len(row) > 1 else [] for row in rows]
    if not any(words and is_id(words[0], is_truth) for words in ids):
        return None
    n_header = int(bool(ids[0]) and not re.search("[0-9]{3}", rows[0][1]))
    table = GoTable(takes_foreign=is_truth)
    is_pairs = max(len(row) for row in rows) == 2
    if is_words:
        is_pairs = all(is_id(word, is_truth) for word in chain(*ids[n_header:]))
        table = replace(table, in_words=2 if is_pairs else 3)
    has_more = any(is_id(row[2], is_truth) for row in rows if len(row) > 2)
    if not is_pairs and (has_more or not is_truth):
        return None
    return _Format("a table of proteins and GO ids", table, n_header)
