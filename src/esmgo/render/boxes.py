"""What every picture of a subgraph holds: its boxes, edges, and rows of panels.

`esmgo.render.picture` writes it as SVG, `esmgo.render.dot` for Graphviz. Names and ids come from
files of other people, so every text is made printable (`esmgo.errors.printable`) here and
escaped there.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from esmgo.errors import printable
from esmgo.go.terms import Aspect, is_go_id
from esmgo.render.subgraph import Node, Panel, Subgraph

TITLES = {
    Aspect.MF: "Molecular function",
    Aspect.BP: "Biological process",
    Aspect.CC: "Cellular component",
    None: "Terms of unknown aspect",
}

PAGE = 1.2
"""Width over height of a picture that can be read on a screen or a landscape page."""

PANEL_FILL, PANEL_LINE = "#f6f7f9", "#c8d0da"

_LINE = {True: 22, False: 19}  # letters a line, by is_called: two or three lines for most names
_LINES = 5  # a longer name gets longer lines instead of more of them
_NAME = 200  # the longest current GO name has 193 letters


@dataclass(frozen=True, slots=True)
class Box:
    """The texts of a term's box; ``large`` and ``small`` are their sizes in points."""

    lines: list[str]
    below: str
    note: str
    large: int
    small: int
    link: str | None


def box_of(node: Node) -> Box:
    """Return the name in lines, the line below it with id and probability, and the tooltip."""
    name, id = printable(node.term.name, _NAME), printable(node.term.id, 40)
    length = max(_LINE[node.is_called], math.ceil(len(name) / _LINES) + 4)
    probability = f"{node.probability:.2f}"
    below = f"{id} \u00a0 {probability}" if node.term.id != node.term.name else probability
    note = f"{id} {name}, probability {node.probability:.4f}"
    note += ", called" if node.is_called else ", ancestor of a called term"
    large, small = (11, 8) if node.is_called else (9, 7)
    lines = textwrap.wrap(name, length) or ["(no name)"]
    return Box(lines, below, note, large, small, link_of(node.term.id))


def link_of(id: str) -> str | None:
    """Return the address of a term's page in QuickGO, or None if ``id`` is not a GO id."""
    return f"https://www.ebi.ac.uk/QuickGO/term/{id}" if is_go_id(id) else None


def heading_of(subgraph: Subgraph) -> list[str]:
    """Return the lines above the panels; the first is the title."""
    counted = subgraph.summary
    if subgraph.release:
        counted += f" · GO {printable(subgraph.release, 40)}"
    rows = [printable(subgraph.protein_id, 80) or "(no id)"]
    if subgraph.description:
        rows.append(printable(subgraph.description, 120))
    rows.append(counted)
    if subgraph.selection:
        rows.append(f"Called: {printable(subgraph.selection, 200)}")
    return rows


def arranged(panels: Sequence[Panel], sizes: Sequence[tuple[float, float]]) -> list[list[Panel]]:
    """Arrange panels of these widths and heights in rows so that the picture fills a page best.

    Side by side a hundred BP terms beside a few MF terms would be too wide to read.
    """
    plans = sorted(product(range(len(panels)), repeat=len(panels)), key=lambda p: len(set(p)))

    def page(plan: Sequence[int]) -> float:
        rows = [[sizes[i] for i, row in enumerate(plan) if row == r] for r in set(plan)]
        wide = max((sum(w for w, _ in row) for row in rows), default=0)
        return max(wide / PAGE, sum(max(h for _, h in row) for row in rows))

    plan = min(plans, key=page)
    rows = [[panels[i] for i, row in enumerate(plan) if row == r] for r in sorted(set(plan))]
    return sorted(rows, key=lambda row: max(len(panel.nodes) for panel in row))


def edges_of(panel: Panel) -> Iterator[tuple[str, str, int]]:
    """Yield parent, child, and how many levels the child is placed below it at least.

    Many leaves of one parent side by side make a panel wide. More than three are therefore
    placed at several heights in turn, as Graphviz' ``unflatten`` does.
    """
    has_child = {parent for parents in panel.parents.values() for parent in parents}
    leaves: dict[str, list[str]] = {}
    for child, parents in panel.parents.items():
        if child not in has_child and len(parents) == 1:
            leaves.setdefault(parents[0], []).append(child)
    reach = dict.fromkeys(panel.parents, 1)
    for siblings in leaves.values():
        heights = 1 if len(siblings) <= 3 else min(math.ceil(math.sqrt(len(siblings) / 2)), 6)
        for i, leaf in enumerate(siblings):
            reach[leaf] = 1 + i % heights
    for child, parents in panel.parents.items():
        for parent in parents:
            yield parent, child, reach[child]


def grid_of(panel: Panel) -> list[list[str]]:
    """Arrange terms without any edge in rows, most probable first."""
    linked = {id for id, up in panel.parents.items() if up}
    linked |= {parent for up in panel.parents.values() for parent in up}
    alone = [node for node in panel.nodes if node.term.id not in linked]
    alone.sort(key=lambda node: (-node.probability, node.term.id))
    ids = [node.term.id for node in alone]
    n_columns = math.ceil(math.sqrt(len(ids))) or 1
    return [ids[i : i + n_columns] for i in range(0, len(ids), n_columns)]
