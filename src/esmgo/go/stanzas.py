"""The lines of an OBO file: what stands where, and whether the file is whole.

The parser behind it (obonet) forgets line numbers and reads damaged files without a
word, so this first pass checks the structure and hands on, in clean form, only the
lines that matter here. Nothing here knows how terms relate.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from esmgo.errors import OntologyError, shown
from esmgo.go.source import Source, chunks, name_of, text_lines
from esmgo.go.terms import Aspect, is_go_id

__all__ = ["Outline", "read_outline"]

_MAX_LINE = 1 << 24
_HEADER = re.compile(r"\[(\w+)\]\s*(!.*)?")
_TAG = re.compile(r"[A-Za-z][\w-]*")
_GO = re.compile(r"(\S*/)?go\b", re.IGNORECASE)
_ELSEWHERE = re.compile(r"(?!GO[:_])[A-Z][\w.-]*:\S+", re.IGNORECASE)
_ONCE = frozenset({"id", "name", "namespace"})
_POINTERS = frozenset({"is_a", "alt_id", "replaced_by", "part_of"})
_NAMESPACES = frozenset(aspect.value for aspect in Aspect)
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
    """What the first pass found.

    ``terms`` gives the line of each stanza by GO id, ``pointers`` the line of each
    (term, tag, other term), ``header`` value and line of the header's tags; ``lines``
    is what is left to parse, and ``n_foreign`` counts stanzas of other ontologies.
    """

    name: str
    terms: dict[str, int] = field(default_factory=dict)
    pointers: dict[tuple[str, str, str], int] = field(default_factory=dict)
    header: dict[str, tuple[str, int]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    n_foreign: int = 0
    last_term: str = ""
    digest: str = ""

    def refuse(self, reason: str, *pointer: str) -> OntologyError:
        """Return the error for a term, or for one of its pointers, with its line."""
        is_term = len(pointer) == 1
        line = self.terms.get(pointer[0]) if is_term else self.pointers.get(tuple(pointer))  # type: ignore[arg-type]
        return OntologyError(self.name, reason, line)


def read_outline(source: Source) -> Outline:
    """Read an OBO file line by line.

    Raises
    ------
    OntologyError
        With the line, if the file is no OBO file, is cut, or has a malformed stanza.
    """
    outline = Outline(name_of(source))
    digest = hashlib.sha256()
    content = _hashed(chunks(source, OntologyError), digest)
    reader = _Reader(outline)
    for line, text in text_lines(content, outline.name, OntologyError, max_length=_MAX_LINE):
        stripped = text.strip()
        if stripped and not stripped.startswith("!"):
            reader.take(line, stripped)
    reader.finish()
    outline.digest = digest.hexdigest()
    return outline


def _hashed(content: Iterable[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for chunk in content:
        digest.update(chunk)
        yield chunk


class _Reader:
    """Reads one stanza at a time."""

    def __init__(self, outline: Outline) -> None:
        self.outline = outline
        self.stanza, self.line = "", 0
        self.tags: list[tuple[str, str, int]] = []
        self.is_first = True

    def take(self, line: int, text: str) -> None:
        """Take a line that is neither blank nor a comment."""
        header = _HEADER.fullmatch(text) if text.startswith("[") else None
        tag, colon, value = text.partition(":")
        if header is not None and header[1] != "Term" and header[1].lower() == "term":
            raise OntologyError(self.outline.name, f"[{header[1]}] is not written [Term]", line)
        if header is None and (not colon or not _TAG.fullmatch(tag)):
            raise self._malformed(line, text)
        self.is_first = False
        if header is not None:
            self._close()
            self.stanza, self.line, self.tags = header[1], line, []
        elif self.stanza == "Term":
            self.tags.append((tag, value.strip(), line))
        elif not self.stanza:
            self.outline.header.setdefault(tag, (value.strip(), line))

    def finish(self) -> None:
        """Close the last stanza, which a broken download leaves incomplete."""
        self._close(is_last=True)
        if not self.outline.terms:
            raise OntologyError(self.outline.name, "no GO terms; an OBO file of GO is needed")

    def _malformed(self, line: int, text: str) -> OntologyError:
        if not self.is_first:
            reason = f"{shown(repr(text), 40)} is not 'tag: value'"
            return OntologyError(self.outline.name, reason, line)
        kind = next((words for start, words in _FORMATS if text.startswith(start)), "")
        found = f" (looks like {kind})" if kind else ""
        return OntologyError(self.outline.name, f"not an OBO file{found}", line)

    def _close(self, *, is_last: bool = False) -> None:
        if not self.stanza:
            self._check_header()
        elif self.stanza == "Term":
            self._close_term(is_last=is_last)

    def _check_header(self) -> None:
        found = self.outline.header.get("ontology")
        if found and not _GO.match(found[0]):
            reason = f"ontology is {shown(repr(found[0]), 40)}, expected 'go'"
            raise OntologyError(self.outline.name, reason)

    def _close_term(self, *, is_last: bool) -> None:
        single = self._single_tags()
        id = single.get("id", "")
        broken = "; the last stanza is incomplete (a broken download?)" if is_last else ""
        if not id:
            reason = f"a [Term] stanza without id{broken}"
            raise OntologyError(self.outline.name, reason, self.line)
        if not is_go_id(id):
            self._check_elsewhere(id, self.line)
            self.outline.n_foreign += 1
            return
        if id in self.outline.terms:
            reason = f"{id} stands here again, first at line {self.outline.terms[id]}"
            raise OntologyError(self.outline.name, reason, self.line)
        if ("is_obsolete", "true") not in {(tag, value.lower()) for tag, value, _ in self.tags}:
            self._check_complete(id, single, broken)
        self.outline.terms[id] = self.line
        self.outline.last_term = id
        self._hand_on(id, single)

    def _single_tags(self) -> dict[str, str]:
        single: dict[str, str] = {}
        for tag, value, line in self.tags:
            if tag in _ONCE:
                if tag in single:
                    reason = f"a second '{tag}:' in one stanza (a lost [Term] line?)"
                    raise OntologyError(self.outline.name, reason, line)
                single[tag] = value
        default = self.outline.header.get("default-namespace", ("", 0))[0]
        if default in _NAMESPACES:
            single.setdefault("namespace", default)
        return single

    def _check_complete(self, id: str, single: dict[str, str], broken: str) -> None:
        missing = [tag for tag in ("name", "namespace") if not single.get(tag)]
        if missing:
            reason = f"{id} has no {' and no '.join(missing)}{broken}"
            raise OntologyError(self.outline.name, reason, self.line)
        namespace = single["namespace"].split(maxsplit=1)[0]
        if namespace not in _NAMESPACES:
            line = next((line for tag, _, line in self.tags if tag == "namespace"), self.line)
            reason = f"{id} is in the unknown namespace {shown(repr(namespace), 40)}{broken}"
            raise OntologyError(self.outline.name, reason, line)

    def _hand_on(self, id: str, single: dict[str, str]) -> None:
        lines = ["", "[Term]", *(f"{tag}: {value}" for tag, value in single.items())]
        for tag, value, line in self.tags:
            if tag == "is_obsolete":
                lines.append(f"is_obsolete: {value.lower()}")
            elif tag == "relationship" or tag in _POINTERS:
                relation, other = self._pointer(tag, value, line)
                if relation in _POINTERS and (is_go_id(other) or relation == "is_a"):
                    self.outline.pointers.setdefault((id, relation, other), line)
                    kept = f"part_of {other}" if relation == "part_of" else other
                    lines.append(f"{tag}: {kept}")
        self.outline.lines += lines

    def _pointer(self, tag: str, value: str, line: int) -> tuple[str, str]:
        """Return relation and other term of a tag that points at one."""
        words = value.split()
        if tag != "relationship":
            words.insert(0, tag)
        if len(words) < 2 or words[1].startswith(("!", "{")):
            raise OntologyError(self.outline.name, f"'{tag}:' without a term", line)
        relation, other = words[:2]
        if relation in _POINTERS and not is_go_id(other):
            self._check_elsewhere(other, line)
        return relation, other

    def _check_elsewhere(self, id: str, line: int) -> None:
        """Let ids of other ontologies pass, but no misspelt GO id."""
        if not _ELSEWHERE.fullmatch(id):
            reason = f"{shown(repr(id), 40)} is not a GO id (GO: and seven digits)"
            raise OntologyError(self.outline.name, reason, line)
