"""Read the stanzas of an OBO file and check that the file is complete.

A damaged file is refused; the message names the line. Only names, aspects and references
to other terms are kept. Nothing here interprets the references.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeAlias

from esmgo.errors import OntologyError, printable
from esmgo.files.lines import text_lines
from esmgo.files.source import Source, chunks, name_of
from esmgo.go.terms import Aspect, Term, is_go_id

Pointer: TypeAlias = tuple[str, str, str, int]
Tag: TypeAlias = tuple[str, str, int]

_MAX_LINE = 1 << 24
_HEADER = re.compile(r"\[(\w+)\]\s*(!.*)?")
_TAG = re.compile(r"[A-Za-z][\w-]*")
_TAIL = re.compile(r"(\s\{[^{}]*\})?(\s!.*)?\Z", re.DOTALL)  # a modifier, a comment
_GO = re.compile(r"(\S*/)?go\b", re.IGNORECASE)
_ELSEWHERE = re.compile(r"(?!GO[:_])[A-Z][\w.-]*:\S+", re.IGNORECASE)
_ONCE = frozenset({"id", "name", "namespace"})
_POINTERS = ("is_a", "part_of", "alt_id", "replaced_by")
_KEPT = _ONCE | {"is_obsolete", "is_a", "relationship", "alt_id", "replaced_by"}
_KEPT_OF_HEADER = frozenset({"data-version", "default-namespace", "ontology"})
_ASPECTS = {aspect.value: aspect for aspect in Aspect}
_FORMATS = (
    ("<", "HTML or XML"),
    ("{", "JSON"),
    ("[{", "JSON"),
    ("Prefix(", "OWL"),
    ("Ontology(", "OWL"),
    ("@prefix", "Turtle"),
    (">", "FASTA"),
)


@dataclass(slots=True)
class Outline:
    """The content of an OBO file, in file order.

    ``lines`` gives the line of each GO term by id; ``terms`` gives the active terms.
    ``pointers`` gives (term, relation, other term, line) by relation, for obsolete terms,
    too. ``n_foreign`` counts terms of other ontologies.
    """

    name: str
    header: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    terms: dict[str, Term] = field(default_factory=dict)
    pointers: dict[str, list[Pointer]] = field(default_factory=lambda: {r: [] for r in _POINTERS})
    n_foreign: int = 0
    digest: str = ""

    def refuse(self, reason: str, line: int | None = None) -> OntologyError:
        """Return an error that names the file and, if given, the line."""
        return OntologyError(self.name, reason, line)

    def line_of(self, id: str, other: str, *relations: str) -> int | None:
        """Return the first line where one of ``relations`` leads from ``id`` to ``other``."""
        pointers = chain.from_iterable(self.pointers[relation] for relation in relations)
        return next((line for a, _, b, line in pointers if (a, b) == (id, other)), None)


def read_outline(source: Source) -> Outline:
    """Read an OBO file line by line.

    Raises
    ------
    OntologyError
        If the file is not an OBO file, is truncated, or has a malformed stanza. The message
        names the line.
    """
    outline = Outline(name_of(source))
    digest = hashlib.sha256()
    content = _hashed(chunks(source, OntologyError), digest)
    lines = text_lines(content, outline.name, OntologyError, max_length=_MAX_LINE)
    for kind, line, tags, is_last in _stanzas(lines, outline):
        if kind == "Term":
            broken = "; the last stanza is incomplete (a broken download?)" if is_last else ""
            _take_term(tags, line, outline, broken)
        elif not kind:
            _take_header(tags, outline)
    if not outline.lines:
        raise outline.refuse("no GO terms; an OBO file of GO is needed")
    outline.digest = digest.hexdigest()
    return outline


def _hashed(content: Iterable[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for chunk in content:
        digest.update(chunk)
        yield chunk


def _stanzas(
    lines: Iterable[tuple[int, str]], outline: Outline
) -> Iterator[tuple[str, int, list[Tag], bool]]:
    """Yield kind, line and kept tags of each stanza, and whether it is the last; header first."""
    kind, start, is_first, kept = "", 0, True, _KEPT_OF_HEADER
    tags: list[Tag] = []
    for line, raw in lines:
        text = raw.strip()
        if not text or text[0] == "!":
            continue
        tag, colon, value = text.partition(":")
        if colon and tag in kept:
            tags.append((tag, value.strip(), line))
        elif header := _HEADER.fullmatch(text):
            if header[1] != "Term" and header[1].lower() == "term":
                raise outline.refuse(f"[{header[1]}] must be written [Term]", line)
            yield kind, start, tags, False
            kind, start, tags = header[1], line, []
            kept = _KEPT if kind == "Term" else frozenset()
        elif not colon or not _TAG.fullmatch(tag):
            raise outline.refuse(_not_obo(text) if is_first else _no_tag(text), line)
        is_first = False
    yield kind, start, tags, True


def _no_tag(text: str) -> str:
    return f"{printable(repr(text), 40)} is not 'tag: value'"


def _not_obo(text: str) -> str:
    kind = next((name for start, name in _FORMATS if text.startswith(start)), "")
    return f"not an OBO file (looks like {kind})" if kind else "not an OBO file"


def _take_header(tags: list[Tag], outline: Outline) -> None:
    outline.header = {tag: value for tag, value, _ in reversed(tags)}  # the first value counts
    ontology = outline.header.get("ontology", "go")
    if not _GO.match(ontology):
        raise outline.refuse(f"ontology is {printable(repr(ontology), 40)}, expected 'go'")


def _take_term(tags: list[Tag], start: int, outline: Outline, broken: str) -> None:
    single: dict[str, str] = {}
    is_obsolete = False
    pointing: list[Tag] = []
    for tag, value, line in tags:
        if tag in _ONCE:
            if tag in single:
                raise outline.refuse(f"a second '{tag}:' in one stanza (a lost [Term] line?)", line)
            single[tag] = value
        elif tag == "is_obsolete":
            is_obsolete = _bare(value).lower() == "true"
        else:
            pointing.append((tag, value, line))
    id = single.get("id", "")
    if not id:
        raise outline.refuse(f"a [Term] stanza without id{broken}", start)
    if not is_go_id(id):
        _check_elsewhere(id, start, outline)
        outline.n_foreign += 1
        return
    if id in outline.lines:
        raise outline.refuse(f"{id} is defined again, first at line {outline.lines[id]}", start)
    if not is_obsolete:
        outline.terms[id] = _active(id, single, tags, start, outline, broken)
    outline.lines[id] = start
    _take_pointers(id, pointing, outline)


def _active(
    id: str, single: dict[str, str], tags: list[Tag], start: int, outline: Outline, broken: str
) -> Term:
    default = outline.header.get("default-namespace", "")
    if default in _ASPECTS:
        single.setdefault("namespace", default)
    missing = [tag for tag in ("name", "namespace") if not single.get(tag)]
    if missing:
        raise outline.refuse(f"{id} has no {' and no '.join(missing)}{broken}", start)
    namespace = single["namespace"].split(maxsplit=1)[0]
    aspect = _ASPECTS.get(namespace)
    if aspect is None:
        reason = f"{id} is in the unknown namespace {printable(repr(namespace), 40)}{broken}"
        raise outline.refuse(reason, next(line for tag, _, line in tags if tag == "namespace"))
    return Term(id, _bare(single["name"]), aspect)


def _bare(value: str) -> str:
    """Return a value without the modifier and the comment that may follow it."""
    return _TAIL.sub("", value, 1).rstrip() if "!" in value or "{" in value else value


def _take_pointers(id: str, pointing: list[Tag], outline: Outline) -> None:
    for tag, value, line in pointing:
        words = value.split(maxsplit=2)
        if tag != "relationship":
            words.insert(0, tag)
        if len(words) < 2 or words[1][0] in "!{":
            raise outline.refuse(f"'{tag}:' without a term", line)
        relation, other = words[:2]
        if relation not in _POINTERS:
            continue
        is_go = is_go_id(other)
        if not is_go:
            _check_elsewhere(other, line, outline)
        if is_go or relation == "is_a":
            outline.pointers[relation].append((id, relation, other, line))


def _check_elsewhere(id: str, line: int, outline: Outline) -> None:
    """Accept ids of other ontologies; refuse misspelt GO ids."""
    if not _ELSEWHERE.fullmatch(id):
        reason = f"{printable(repr(id), 40)} is not a GO id (GO: and seven digits)"
        raise outline.refuse(reason, line)
