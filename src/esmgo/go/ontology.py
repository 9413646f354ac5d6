"""The Gene Ontology as a value: terms, their parents, and where old ids went.

Only ``is_a`` and ``part_of`` within one aspect propagate, as CAFA scores them; never
``regulates``, never across aspects. Nothing here knows how an OBO file is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from esmgo.go.terms import Term

Key = TypeVar("Key")


class Up(Protocol[Key]):
    """Gives the parents of each: a mapping of ids, or a sequence of columns."""

    def __getitem__(self, key: Key, /) -> tuple[Key, ...]: ...


@dataclass(frozen=True, slots=True)
class Ontology:
    """An immutable, acyclic Gene Ontology.

    Parameters
    ----------
    terms : mapping of str to Term
        The active terms by id.
    parents : mapping of str to tuple of str
        Direct parents of every active term: is_a and part_of within the aspect.
    replacements : mapping of str to str or None
        Alternative ids and obsolete ids, with the active term they stand for, or
        None for an obsolete term without a replacement.
    release : str
        The ``data-version`` of the file, or the SHA-256 of its content without one.
    obsolete : frozenset of str, optional
        The ids that were terms and are no more; alternative ids of active terms are
        not among them.
    """

    terms: Mapping[str, Term]
    parents: Mapping[str, tuple[str, ...]]
    replacements: Mapping[str, str | None]
    release: str
    obsolete: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.terms)

    def resolve(self, id: str) -> str | None:
        """Return the active id that ``id`` stands for, or None where there is none.

        Raises
        ------
        KeyError
            If the ontology has never heard of ``id``.
        """
        return id if id in self.terms else self.replacements[id]

    def ancestors(self, id: str) -> frozenset[str]:
        """Return all terms above ``id``, itself not counted.

        Raises
        ------
        KeyError
            If ``id`` is not an active term.
        """
        return above(id, self.parents)


def above(start: Key, parents: Up[Key]) -> frozenset[Key]:
    """Return all that is reached from ``start`` by going up, itself not counted."""
    found: set[Key] = set()
    waiting = list(parents[start])
    while waiting:
        parent = waiting.pop()
        if parent not in found:
            found.add(parent)
            waiting.extend(parents[parent])
    return frozenset(found)
