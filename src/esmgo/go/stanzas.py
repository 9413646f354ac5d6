"""Read the stanzas of an OBO file and check that the file is complete.

A damaged file is refused; the message names the line. Only names, aspects and references
to other terms are kept. Nothing here interprets the references.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TypeAlias

from esmgo.errors import OntologyError, printable
from esmgo.files.lines import text_lines
from esmgo.files.source import Source, chunks, name_of
from esmgo.go.terms import Aspect, Term, is_go_id
from esmgo.go.unspecific import UNSPECIFIC_SUBSETS

Pointer: TypeAlias = tuple[str, str, str, int]
Tag: TypeAlias = tuple[str, str, int]

_MAX_LINE = 1 << 24
_MOST_BRACES = 8  # that are tried as the start of modifiers
_HEADER = re.compile(r"\[(\w+)\]\s*(!.*)?")
_TAG = re.compile(r"[A-Za-z][\w-]*")
_COMMENT = re.compile(r"\s!", re.ASCII)
_PAIR = r'\s*([^\s={},"]+)\s*=\s*(?:"(?:[^"\\]|\\.)*+"|[^\s={},"]*)\s*'
_BRACE = re.compile(r"\s\{", re.ASCII)
_MODIFIERS = re.compile(rf"\s\{{(?:{_PAIR}(?:,{_PAIR})*+|\s*)\}}\s*(?:!|\Z)", re.ASCII)
_KEY = re.compile(_PAIR, re.ASCII)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "W": " "}
_GO = re.compile(r"(\S*/)?go(slim\w*)?\b", re.IGNORECASE)
_SUBSET = re.compile(r"subset|slim", re.IGNORECASE)
_MISSPELT = re.compile(r"go?|go:.*|go[_.-]?\d.*|\S*/go_\d*|\d+", re.IGNORECASE)
_ONCE = frozenset({"id", "name", "namespace"})
_POINTERS = ("is_a", "part_of", "alt_id", "replaced_by")
_KEPT = _ONCE | {"is_obsolete", "is_a", "relationship", "alt_id", "replaced_by", "subset"}
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
    too; ``elsewhere`` has those to terms of other ontologies, and ``conditional`` those that
    hold in some taxa only. ``unspecific`` has the terms of `UNSPECIFIC_SUBSETS`. ``n_foreign``
    counts terms of other ontologies.
    """

    name: str
    header: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    terms: dict[str, Term] = field(default_factory=dict)
    pointers: dict[str, list[Pointer]] = field(default_factory=lambda: {r: [] for r in _POINTERS})
    elsewhere: list[Pointer] = field(default_factory=list)
    conditional: list[Pointer] = field(default_factory=list)
    unspecific: set[str] = field(default_factory=set)
    n_foreign: int = 0
    digest: str = ""

    @property
    def slim(self) -> str:
        """What the header calls the file, if that is a slim, a subset of GO."""
        ontology = self.header.get("ontology", "")
        return ontology if _SUBSET.search(ontology) else ""

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
    outline.header = {tag: _split(value)[0] for tag, value, _ in reversed(tags)}  # first counts
    ontology = outline.header.get("ontology", "go")
    if not _GO.match(ontology):
        raise outline.refuse(f"ontology is {printable(repr(ontology), 40)}, expected 'go'")


def _take_term(tags: list[Tag], start: int, outline: Outline, broken: str) -> None:
    single = _single(tags, outline)
    id = single.get("id", "")
    if not id:
        raise outline.refuse(f"a [Term] stanza without id{broken}", start)
    if not is_go_id(id):
        _check_elsewhere(id, start, outline)
        outline.n_foreign += 1
        return
    if id in outline.lines:
        raise outline.refuse(f"{id} is defined again, first at line {outline.lines[id]}", start)
    obsolete = (_split(value)[0].lower() for tag, value, _ in tags if tag == "is_obsolete")
    if "true" not in obsolete:
        outline.terms[id] = _active(id, single, tags, start, outline, broken)
    if any(tag == "subset" and _split(value)[0] in UNSPECIFIC_SUBSETS for tag, value, _ in tags):
        outline.unspecific.add(id)
    outline.lines[id] = start
    _take_pointers(id, tags, outline)


def _single(tags: list[Tag], outline: Outline) -> dict[str, str]:
    """Return the tags that a term has once. A term of another ontology may have several names."""
    found: dict[str, str] = {}
    for tag, value, line in tags:
        if tag in _ONCE:
            text = _split(value)[0]
            is_other = found.setdefault(tag, text) != text
            if is_other and (tag == "id" or is_go_id(found.get("id", ""))):
                raise outline.refuse(f"a second '{tag}:' in one stanza (a lost [Term] line?)", line)
    return found


def _active(
    id: str, single: dict[str, str], tags: list[Tag], start: int, outline: Outline, broken: str
) -> Term:
    default = outline.header.get("default-namespace", "")
    if default in _ASPECTS:
        single.setdefault("namespace", default)
    missing = [tag for tag in ("name", "namespace") if not single.get(tag)]
    if missing:
        raise outline.refuse(f"{id} has no {' and no '.join(missing)}{broken}", start)
    namespace = single["namespace"]
    aspect = _ASPECTS.get(namespace)
    if aspect is None:
        reason = f"{id} is in the unknown namespace {printable(repr(namespace), 40)}{broken}"
        raise outline.refuse(reason, next(line for tag, _, line in tags if tag == "namespace"))
    return Term(id, _unescaped(single["name"]), aspect)


def _split(value: str) -> tuple[str, str]:
    """Return a value without the modifiers and the comment after it, and the modifiers."""
    if "!" not in value and "{" not in value:
        return value, ""
    comment = _COMMENT.search(value)
    end = comment.start() if comment else len(value)
    for brace in islice(_BRACE.finditer(value, 0, end), _MOST_BRACES):
        if modifiers := _MODIFIERS.match(value, brace.start()):
            return value[: brace.start()].rstrip(), modifiers[0]
    return value[:end].rstrip(), ""


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda x: _ESCAPED.get(x[1], x[1]), text) if "\\" in text else text


def _take_pointers(id: str, tags: list[Tag], outline: Outline) -> None:
    for tag, value, line in tags:
        if tag in _ONCE or tag in ("is_obsolete", "subset"):
            continue
        words = value.split(maxsplit=2)
        if tag != "relationship":
            words.insert(0, tag)
        if len(words) < 2 or words[1][0] in "!{":
            raise outline.refuse(f"'{tag}:' without a term", line)
        relation, other = words[:2]
        if relation not in _POINTERS:
            continue
        found = outline.pointers[relation]
        if "gci_" in value and _is_conditional(value):
            found = outline.conditional
        elif not is_go_id(other):
            _check_elsewhere(other, line, outline)
            found = outline.elsewhere
        found.append((id, relation, other, line))


def _is_conditional(value: str) -> bool:
    """Whether a relation has a general class inclusion: it holds in one taxon, for example."""
    text, modifiers = _split(value)
    return "gci_" in text or any(key.startswith("gci_") for key in _KEY.findall(modifiers))


def _check_elsewhere(id: str, line: int, outline: Outline) -> None:
    """Accept ids of other ontologies, also bare words; refuse misspelt GO ids."""
    if _MISSPELT.fullmatch(id) or " " in id:
        reason = f"{printable(repr(id), 40)} is not a GO id (GO: and seven digits)"
        raise outline.refuse(reason, line)
