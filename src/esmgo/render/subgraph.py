"""The GO subgraph of one protein: its called terms and all their ancestors.

Nothing here knows how it is drawn (`esmgo.render.dot`) or written (`esmgo.render.graph`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import LabelMismatch, brief
from esmgo.go.labels import LabelSpace
from esmgo.go.terms import Aspect, Term

SCHEMA_VERSION = 1
"""Version of the JSON form. It grows when old readers would misread it."""


@dataclass(frozen=True, slots=True)
class Node:
    """A term of the subgraph: called, or an ancestor of a called term."""

    term: Term
    probability: float
    is_called: bool


@dataclass(frozen=True)
class Panel:
    """The terms of a subgraph that belong to one aspect; no edge leaves it.

    Parameters
    ----------
    aspect : Aspect or None
        None without an ontology.
    nodes : tuple of Node
        Sorted by GO id.
    parents : dict
        For each GO id of the panel the ids of its direct parents, sorted.
    """

    aspect: Aspect | None
    nodes: tuple[Node, ...]
    parents: dict[str, tuple[str, ...]]

    __repr__ = brief

    @cached_property
    def level(self) -> dict[str, int]:
        """Edges on the longest way up, per GO id; 0 at the root."""
        level: dict[str, int] = {}
        for id in TopologicalSorter(self.parents).static_order():  # parents first
            level[id] = max((level[parent] + 1 for parent in self.parents[id]), default=0)
        return level


@dataclass(frozen=True)
class Subgraph:
    """The called terms of one protein with all their ancestors.

    Parameters
    ----------
    protein_id : str
        As in the input, not escaped.
    nodes : tuple of Node
        Sorted by GO id.
    edges : tuple of (str, str)
        Child and parent, as GO ids, sorted. A label space does not record whether a
        child *is a* parent or *part of* it, so neither does an edge.
    release : str
        The GO release; empty if unknown.
    description : str
        The rest of the protein's FASTA header.
    selection : str
        How the called terms were selected.
    """

    protein_id: str
    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]
    release: str = ""
    description: str = ""
    selection: str = ""

    __repr__ = brief

    @property
    def n_called(self) -> int:
        """How many of the terms were called."""
        return sum(node.is_called for node in self.nodes)

    @property
    def summary(self) -> str:
        """The number of terms, as text."""
        n_called, n_ancestors = self.n_called, len(self.nodes) - self.n_called
        if not n_called:
            return "no term was called"
        terms = "term" if n_called == 1 else "terms"
        ancestors = "ancestor" if n_ancestors == 1 else "ancestors"
        return f"{n_called} called {terms} and {n_ancestors or 'no'} {ancestors}"

    @cached_property
    def panels(self) -> tuple[Panel, ...]:
        """One panel per aspect present: MF, BP, CC, then terms of unknown aspect."""
        parents: dict[str, list[str]] = {node.term.id: [] for node in self.nodes}
        for child, parent in self.edges:
            parents[child].append(parent)
        panels = []
        for aspect in (*Aspect, None):
            inside = tuple(node for node in self.nodes if node.term.aspect is aspect)
            if inside:
                up = {node.term.id: tuple(parents[node.term.id]) for node in inside}
                panels.append(Panel(aspect, inside, up))
        return tuple(panels)

    def to_json(self) -> dict[str, Any]:
        """Return plain values: schema version, protein, release, nodes and edges."""
        nodes = [
            {
                "id": node.term.id,
                "name": node.term.name,
                "aspect": node.term.aspect.name if node.term.aspect else None,
                "probability": round(node.probability, 6),
                "is_called": node.is_called,
            }
            for node in self.nodes
        ]
        edges = [{"child": child, "parent": parent} for child, parent in self.edges]
        return {
            "schema_version": SCHEMA_VERSION,
            "protein": self.protein_id,
            "description": self.description,
            "selection": self.selection,
            "release": self.release,
            "nodes": nodes,
            "edges": edges,
        }


def subgraph_of(
    protein_id: str,
    probabilities: NDArray[Any],
    labels: LabelSpace,
    called: Sequence[int],
    *,
    description: str = "",
    selection: str = "",
) -> Subgraph:
    """Cut the called terms and all their ancestors out of the label space.

    Raises LabelMismatch if ``probabilities`` has not one value per column.

    Parameters
    ----------
    protein_id : str
        Names the picture.
    probabilities : ndarray, shape=(T,)
        One per column, in [0, 1].
    labels : LabelSpace
        Supplies the terms and their parents. Without an ontology no term has any,
        and the subgraph is the called terms alone.
    called : sequence of int
        Columns, in any order.
    description, selection : str
        The rest of the protein's FASTA header; how the called terms were selected.

    Examples
    --------
    >>> root, child = Term("GO:0003674", "molecular_function", Aspect.MF), Term(
    ...     "GO:0005515", "protein binding", Aspect.MF
    ... )
    >>> labels = LabelSpace((root, child), ((), (0,)))
    >>> subgraph_of("P04637", np.array([0.9, 0.8]), labels, [1]).edges
    (('GO:0005515', 'GO:0003674'),)
    """
    if probabilities.shape != (len(labels),):
        raise LabelMismatch(expected=len(labels), actual=probabilities.shape[-1])
    chosen = {int(column) for column in called}
    kept = sorted(chosen.union(*(labels.ancestors(column) for column in chosen)))
    values = np.asarray(probabilities, np.float64)
    nodes = [Node(labels.terms[j], float(values[j]), j in chosen) for j in kept]
    edges = [(labels.terms[j].id, labels.terms[p].id) for j in kept for p in labels.parents[j]]
    nodes.sort(key=lambda node: node.term.id)
    return Subgraph(
        protein_id, tuple(nodes), tuple(sorted(edges)), labels.release, description, selection
    )
