"""The Gene Ontology: terms, their parents, and the replacements of old ids.

Only ``is_a`` and ``part_of`` within one aspect propagate, as in CAFA. ``regulates`` and
relations across aspects do not. Nothing here knows the OBO format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from esmgo.errors import brief
from esmgo.go.terms import Term

Key = TypeVar("Key")


class Up(Protocol[Key]):
    """The parents of each key: a mapping of ids, or a sequence indexed by column."""

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
        The active term that replaces each alternative or obsolete id; None if there is
        not exactly one.
    release : str
        The ``data-version`` of the file, or the SHA-256 of its content without one.
    obsolete : frozenset of str, optional
        The ids of obsolete terms.
    unspecific : frozenset of str, optional
        The ids of terms flagged as not for annotation; see `esmgo.go.unspecific`.
    """

    terms: Mapping[str, Term]
    parents: Mapping[str, tuple[str, ...]]
    replacements: Mapping[str, str | None]
    release: str
    obsolete: frozenset[str] = frozenset()
    unspecific: frozenset[str] = frozenset()

    __repr__ = brief

    def __len__(self) -> int:
        return len(self.terms)

    def resolve(self, id: str) -> str | None:
        """Return ``id`` if it is active, else its replacement, or None if it has none.

        Raises
        ------
        KeyError
            If the ontology does not contain ``id``.
        """
        return id if id in self.terms else self.replacements[id]

    def ancestors(self, id: str) -> frozenset[str]:
        """Return all ancestors of ``id``, without itself.

        Raises
        ------
        KeyError
            If ``id`` is not an active term.
        """
        return above(id, self.parents)


def above(start: Key, parents: Up[Key]) -> frozenset[Key]:
    """Return all ancestors of ``start``, without itself."""
    found: set[Key] = set()
    waiting = list(parents[start])
    while waiting:
        parent = waiting.pop()
        if parent not in found:
            found.add(parent)
            waiting.extend(parents[parent])
    return frozenset(found)
