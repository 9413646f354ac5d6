"""The base of all writers of called terms, and what writers need beside the calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO, TypeAlias

from esmgo.errors import printable
from esmgo.go.calls import Ancestry, Calls, Purpose
from esmgo.go.labels import LabelSpace
from esmgo.go.unspecific import unspecific_of

ParsedId: TypeAlias = tuple[str, str, str, str]


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
