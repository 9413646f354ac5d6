"""The label space: the terms that the columns of a score matrix stand for.

A model scores a fixed, ordered list of terms. The list is *closed*: the parents of each
term are in it, too. Terms are sorted by GO id, so the columns do not depend on the order
of rows in a file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from operator import ge
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import brief
from esmgo.go.ontology import Ontology, above
from esmgo.go.terms import Aspect, Term, is_go_id

Step = tuple[NDArray[np.intp], NDArray[np.intp]]


@dataclass(frozen=True)
class LabelSpace:
    """The ordered terms that the columns of a score matrix stand for.

    Parameters
    ----------
    terms : tuple of Term
        Sorted by id, each once.
    parents : tuple of tuple of int
        For each column, the columns of its direct parents: is_a and part_of within
        the aspect. Empty for roots. Without an ontology all are empty.
    release : str
        The GO release (``data-version``) that names and parents come from.
    unspecific : frozenset of str
        The ids of terms that this release flags as not for annotation; empty if it flags none.
        They do not distinguish label spaces.
    """

    terms: tuple[Term, ...]
    parents: tuple[tuple[int, ...], ...]
    release: str = field(default="")
    unspecific: frozenset[str] = field(default=frozenset(), compare=False)

    __repr__ = brief

    @classmethod
    def close(
        cls, ids: Iterable[str], ontology: Ontology | None, aspect: Aspect | None = None
    ) -> LabelSpace:
        """Build the smallest closed label space that holds ``ids``.

        Parameters
        ----------
        ids : iterable of str
            Current GO ids; see `Ontology.resolve`.
        ontology : Ontology or None
            Without one, ids serve as names and no term has a parent.
        aspect : Aspect, optional
            The aspect of all terms; used only without an ontology.
        """
        if ontology is None:
            plain = tuple(Term(id, id, aspect) for id in sorted(set(ids)))
            return cls(plain, tuple(() for _ in plain))
        order = sorted(_closed(ids, ontology))
        column = {id: j for j, id in enumerate(order)}
        parents = tuple(tuple(sorted(column[p] for p in ontology.parents[id])) for id in order)
        terms = tuple(ontology.terms[id] for id in order)
        return cls(terms, parents, ontology.release, ontology.unspecific & column.keys())

    def union(self, other: LabelSpace) -> LabelSpace:
        """Return a label space with the terms and parents of both.

        A name, aspect or parent that only one of them has is kept.
        """
        if self is other or self == other:
            return self
        terms = {term.id: term for term in other.terms}
        terms |= {t.id: t for t in self.terms if t.aspect or t.id not in terms}
        above: dict[str, set[str]] = {id: set() for id in terms}
        for space in (self, other):
            for term, up in zip(space.terms, space.parents, strict=True):
                above[term.id].update(space.terms[p].id for p in up)
        order = sorted(terms)
        column = {id: j for j, id in enumerate(order)}
        parents = tuple(tuple(sorted(column[p] for p in above[id])) for id in order)
        release, unspecific = self.release or other.release, self.unspecific | other.unspecific
        return LabelSpace(tuple(terms[id] for id in order), parents, release, unspecific)

    def __len__(self) -> int:
        return len(self.terms)

    @cached_property
    def column(self) -> dict[str, int]:
        """The column of each GO id."""
        return {term.id: j for j, term in enumerate(self.terms)}

    @cached_property
    def depth(self) -> NDArray[np.int32]:
        """Edges on the longest path to a root, per column; shape=(T,)."""
        depth = [0] * len(self)  # numbers of an array are slower one by one
        for j in reversed(self.children_first):
            for p in self.parents[j]:
                depth[j] = max(depth[j], depth[p] + 1)
        return np.array(depth, np.int32)

    def columns_of(self, aspect: Aspect | None, *, roots: bool = False) -> NDArray[np.intp]:
        """Return the columns of one aspect, without its root unless ``roots``; shape=(n,)."""
        own, is_root = self._columns.get(aspect, (np.empty(0, np.intp), np.empty(0, bool)))
        return own if roots else own[~is_root]

    @cached_property
    def _columns(self) -> dict[Aspect | None, tuple[NDArray[np.intp], NDArray[np.bool_]]]:
        """The columns of each aspect, and which of them are roots."""
        found: dict[Aspect | None, list[int]] = {}
        for j, term in enumerate(self.terms):
            found.setdefault(term.aspect, []).append(j)
        return {
            aspect: (np.array(own), np.array([self.terms[j].is_root for j in own]))
            for aspect, own in found.items()
        }

    @cached_property
    def aspects(self) -> tuple[Aspect | None, ...]:
        """The aspects that have a term other than the root, in the order MF, BP, CC."""
        present = {term.aspect for term in self.terms if not term.is_root}
        return tuple(aspect for aspect in (*Aspect, None) if aspect in present)

    def ancestors(self, column: int) -> frozenset[int]:
        """Return the columns of all ancestors of ``column``, without itself."""
        return above(column, self.parents)

    @cached_property
    def children_first(self) -> list[int]:
        """All columns, every child before its parents."""
        waiting_children = [0] * len(self)
        for up in self.parents:
            for p in up:
                waiting_children[p] += 1
        order = [j for j in range(len(self)) if waiting_children[j] == 0]
        for j in order:
            for p in self.parents[j]:
                waiting_children[p] -= 1
                if waiting_children[p] == 0:
                    order.append(p)
        return order  # shorter if there is a cycle

    @cached_property
    def upward(self) -> tuple[Step, ...]:
        """The steps that propagate scores from children to parents, lowest parents first.

        A step is ``(parents, children)``, shape=(P,) and shape=(P, k): P parents of equal
        height with ``k`` children each. The scores of the children are final when the step
        runs, so each edge is visited once. Comparing rows of children is ten times as fast
        as ``reduceat``.
        """
        height = [0] * len(self)
        children: list[list[int]] = [[] for _ in self.terms]
        for j in self.children_first:
            for p in self.parents[j]:
                height[p] = max(height[p], height[j] + 1)
                children[p].append(j)
        by_shape: dict[tuple[int, int], list[int]] = {}
        for p, below in enumerate(children):
            if below:
                by_shape.setdefault((height[p], len(below)), []).append(p)
        return tuple(
            (np.array(parents), np.array([children[p] for p in parents]))
            for _, parents in sorted(by_shape.items())
        )

    def to_json(self) -> dict[str, Any]:
        """Return JSON values from which `from_json` restores the label space."""
        name_of = {a: a.name for a in Aspect} | {None: None}  # the property is slow
        rows = [
            [term.id, term.name, name_of[term.aspect], list(up)]
            for term, up in zip(self.terms, self.parents, strict=True)
        ]
        flagged = {"unspecific": sorted(self.unspecific)} if self.unspecific else {}
        return {"release": self.release, "terms": rows} | flagged

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> LabelSpace:
        """Restore a label space from the result of `to_json`.

        Raises
        ------
        ValueError, TypeError, KeyError
            If ``value`` is not such a result.
        """
        by_name: dict[str | None, Aspect | None] = {a.name: a for a in Aspect} | {None: None}
        terms = tuple(
            Term(str(id), str(name), by_name[aspect]) for id, name, aspect, _ in value["terms"]
        )
        parents = tuple(tuple(map(int, up)) for *_, up in value["terms"])
        columns = list(chain.from_iterable(parents))
        if columns and not 0 <= min(columns) <= max(columns) < len(terms):
            raise ValueError("a parent is not a column")
        ids = [term.id for term in terms]
        if not all(map(is_go_id, ids)):
            raise ValueError("a term has no GO id")
        if any(map(ge, ids, ids[1:])):
            raise ValueError("terms are not sorted by unique id")
        unspecific = frozenset(map(str, value.get("unspecific", ())))
        if not unspecific.issubset(ids):
            raise ValueError("a term that is flagged is not a column")
        space = cls(terms, parents, str(value["release"]), unspecific)
        if len(space.children_first) < len(terms):
            raise ValueError("a term is its own ancestor")
        return space

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of terms, order, parents and release, in hexadecimal digits."""
        value = self.to_json()
        value.pop("unspecific", None)
        text = json.dumps(value, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _closed(ids: Iterable[str], ontology: Ontology) -> set[str]:
    """Return ``ids`` and all their ancestors; each term is visited once."""
    closed = set(ids)
    waiting = list(closed)
    while waiting:
        for parent in ontology.parents[waiting.pop()]:
            if parent not in closed:
                closed.add(parent)
                waiting.append(parent)
    return closed


def aspect_of_column(labels: LabelSpace) -> NDArray[np.intp]:
    """Return the position of each term's aspect in ``labels.aspects``, -1 for roots; (T,)."""
    found = np.full(len(labels), -1, np.intp)
    for a, aspect in enumerate(labels.aspects):
        found[labels.columns_of(aspect)] = a
    return found
