"""A subgraph in the DOT language of Graphviz: roots on top, one panel per aspect.

The same text is laid out by the `dot` program and, in a browser, by viz-js. It is a
function of the subgraph alone. Names and ids come from files of other people, so every
text is made printable (`esmgo.errors.printable`) and then escaped for its place.
"""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Iterator, Sequence
from itertools import pairwise, product

from esmgo.errors import printable
from esmgo.go.terms import Aspect, is_go_id
from esmgo.render.colours import CALLED, LINE, fill_of, ink_on
from esmgo.render.subgraph import Node, Panel, Subgraph

TITLES = {
    Aspect.MF: "Molecular function",
    Aspect.BP: "Biological process",
    Aspect.CC: "Cellular component",
    None: "Terms of unknown aspect",
}

_LINE = {True: 22, False: 19}  # letters a line, by is_called: two or three lines for most names
_LINES = 5  # a longer name gets longer lines instead of more of them
_NAME = 200  # the longest current GO name has 193 letters
_PAGE = 1.6  # width over height of a screen or a landscape page
_BOX = (1.9, 1.0)  # inches a box takes with the space around it, wide and high
_RANKSEP = (0.38, 0.9)  # inches between levels, at least and at most


def to_dot(subgraph: Subgraph, *, has_title: bool = True) -> str:
    """Return the subgraph as DOT, the same text for the same subgraph.

    Without ``has_title`` the legend is the only text above the panels.

    An arrow points from the child to its parent, as GO viewers draw it. In the text the parent
    comes first and the arrow is set at its end (``dir=back``): then Graphviz ranks the roots on
    top, and sets the titles of panels there in all its versions, which it does not for
    ``rankdir=BT``.
    """
    key = {node.term.id: f"n{i}" for i, node in enumerate(subgraph.nodes)}
    rows, ranksep = _rows(subgraph.panels)
    lines = [
        "digraph subgraph_of_go {",
        f"  label={_heading(subgraph, has_title=has_title)}; labelloc=t; labeljust=c;",
        '  rankdir=TB; bgcolor="#ffffff"; fontname="Arial"; fontsize=11; pad=0.25;',
        f"  nodesep=0.16; ranksep={ranksep:.2f}; charset=utf8; outputorder=edgesfirst;",
        '  node [shape=box, style="filled,rounded", fontname="Arial"];',
        '  node [margin="0.08,0.05", width=0.6, height=0.3];',
        f'  edge [dir=back, color="{LINE}", penwidth=0.9, arrowsize=0.6];',
    ]
    for row in rows:
        for panel in row:
            lines.extend(_panel(panel, key))
    if len(subgraph.panels) > 1:  # the panels of the first row begin at one height
        lines.append("  top [shape=point, style=invis, width=0, height=0];")
        first = (key[_root(panel)] for panel in rows[0])
        lines.extend(f"  top -> {root} [style=invis, weight=9];" for root in first)
    for above, below in pairwise(rows):
        lines.extend(_stack(above, below, key))
    return "\n".join([*lines, "}", ""])


def link_of(id: str) -> str | None:
    """Return the address of a term's page in QuickGO, or None if ``id`` is not a GO id."""
    return f"https://www.ebi.ac.uk/QuickGO/term/{id}" if is_go_id(id) else None


def _panel(panel: Panel, key: dict[str, str]) -> Iterator[str]:
    title = TITLES[panel.aspect]
    yield f"  subgraph cluster_{panel.aspect.name if panel.aspect else 'none'} {{"
    yield f"    label=<<B>{title}</B>>; labelloc=t; labeljust=l; fontsize=14;"
    yield '    style="filled,rounded"; color="#c8d0da"; fillcolor="#f6f7f9"; margin=12;'
    for node in panel.nodes:  # by id: the layout is a matter of the terms, not of scores
        yield f"    {key[node.term.id]} [{_box(node)}];"
    reach = _reach(panel)
    for child, parents in panel.parents.items():
        for parent in parents:
            longer = f" [minlen={reach[child]}]" if reach[child] > 1 else ""
            yield f"    {key[parent]} -> {key[child]}{longer};"
    yield from _grid(panel, key)
    yield "  }"


def _box(node: Node) -> str:
    fill = fill_of(node.probability)
    small, large = (8, 11) if node.is_called else (7, 9)
    name = printable(node.term.name, _NAME)
    wrapped = textwrap.wrap(
        name, max(_LINE[node.is_called], math.ceil(len(name) / _LINES) + 4)
    ) or ["(no name)"]
    text = "<BR/>".join(map(_markup, wrapped))
    if node.is_called:
        text = f"<B>{text}</B>"
    below = f"{node.probability:.2f}"
    if node.term.id != node.term.name:
        below = f"{_markup(printable(node.term.id, 40))} &#160; {below}"
    outline = f'color="{CALLED}", penwidth=3' if node.is_called else f'color="{LINE}", penwidth=0.8'
    note = f"{printable(node.term.id, 40)} {name}, probability {node.probability:.4f}"
    note += ", called" if node.is_called else ", ancestor of a called term"
    address = link_of(node.term.id)
    link = f', URL="{address}", target="_blank"' if address else ""
    return (
        f'label=<{text}<BR/><FONT POINT-SIZE="{small}">{below}</FONT>>, fontsize={large}, '
        f'fillcolor="{fill}", fontcolor="{ink_on(fill)}", {outline}, tooltip={_quoted(note)}{link}'
    )


def _heading(subgraph: Subgraph, *, has_title: bool) -> str:
    """Return title and legend as one HTML-like label, which Graphviz sets above the panels."""
    title = _markup(printable(subgraph.protein_id, 80)) or "(no id)"
    counted = subgraph.summary
    if subgraph.release:
        counted += f" &#183; GO {_markup(printable(subgraph.release, 40))}"
    rows = [f'<FONT POINT-SIZE="20"><B>{title}</B></FONT>']
    if subgraph.description:
        rows.append(_markup(printable(subgraph.description, 120)))
    rows.append(counted)
    if subgraph.selection:
        rows.append(f"Called: {_markup(printable(subgraph.selection, 200))}")
    above = "".join(f"<TR><TD>{row}</TD></TR>" for row in rows) if has_title else ""
    scale = "".join(
        f'<TD BGCOLOR="{fill_of(p / 10)}" WIDTH="26" BORDER="0">'
        f'<FONT COLOR="{ink_on(fill_of(p / 10))}" POINT-SIZE="9">{p / 10:g}</FONT></TD>'
        for p in range(11)
    )
    return (
        '<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="3" CELLPADDING="2">'
        f"{above}"
        '<TR><TD><TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3"><TR>'
        f"<TD>probability&#160;</TD>{scale}"
        '<TD WIDTH="18"></TD>'
        f'<TD BORDER="3" COLOR="{CALLED}"><B>called</B></TD>'
        f'<TD WIDTH="8"></TD><TD BORDER="1" COLOR="{LINE}">ancestor</TD>'
        '<TD WIDTH="18"></TD><TD>child &#8594; parent (is a, or part of)</TD>'
        "</TR></TABLE></TD></TR></TABLE>>"
    )


def _rows(panels: Sequence[Panel]) -> tuple[list[list[Panel]], float]:
    """Arrange the panels in rows so that the picture fills a page best; also return ranksep.

    Graphviz would set all panels side by side: a hundred BP terms beside a few MF terms
    would be too wide to read. A picture that stays wide gets more space between its levels,
    so that edges are steeper and easier to follow.
    """
    sizes = [_size(panel) for panel in panels]
    plans = sorted(product(range(len(panels)), repeat=len(panels)), key=lambda p: len(set(p)))
    plan = min(plans, key=lambda plan: _page(plan, sizes)[0])
    rows = [[panels[i] for i, row in enumerate(plan) if row == r] for r in sorted(set(plan))]
    rows.sort(key=lambda row: max(len(panel.nodes) for panel in row))
    _, wide, n_levels = _page(plan, sizes)
    has_edges = any(any(panel.level.values()) for panel in panels)
    spare = (wide * _BOX[0] / _PAGE - n_levels * _BOX[1]) / n_levels if has_edges else 0.0
    return rows, min(max(_RANKSEP[0], _RANKSEP[0] + spare), _RANKSEP[1])


def _size(panel: Panel) -> tuple[int, int]:
    """Estimate how many boxes a panel is wide and high."""
    levels = list(panel.level.values())
    if not any(levels):
        n_columns = math.ceil(math.sqrt(len(levels)))
        return n_columns, math.ceil(len(levels) / n_columns)
    return max(map(levels.count, set(levels))), max(levels) + 1


def _page(plan: Sequence[int], sizes: Sequence[tuple[int, int]]) -> tuple[float, int, int]:
    """Return the page that holds the panels when ``plan`` gives their rows; boxes wide, high."""
    rows = [[sizes[i] for i, row in enumerate(plan) if row == r] for r in set(plan)]
    wide = max((sum(w for w, _ in row) for row in rows), default=0)
    high = sum(max(h for _, h in row) for row in rows)
    return max(wide * _BOX[0] / _PAGE, high * _BOX[1]), wide, high


def _stack(above: list[Panel], below: list[Panel], key: dict[str, str]) -> Iterator[str]:
    """Place one row of panels below another by invisible edges."""
    for upper, lower in product(above, below):
        deepest = max(upper.level, key=lambda term: (upper.level[term], term))
        yield f"  {key[deepest]} -> {key[_root(lower)]} [style=invis, weight=0, minlen=2];"


def _root(panel: Panel) -> str:
    return min(panel.level, key=lambda term: (panel.level[term], term))


def _reach(panel: Panel) -> dict[str, int]:
    """Return how many levels each child is placed below its parents.

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
    return reach


def _grid(panel: Panel, key: dict[str, str]) -> Iterator[str]:
    """Arrange terms without any edge in rows and columns, most probable first."""
    linked = {id for id, up in panel.parents.items() if up}
    linked |= {parent for up in panel.parents.values() for parent in up}
    alone = [node for node in panel.nodes if node.term.id not in linked]
    alone.sort(key=lambda node: (-node.probability, node.term.id))
    keys = [key[node.term.id] for node in alone]
    n_columns = math.ceil(math.sqrt(len(keys)))
    if len(keys) > 1:
        yield f"    {{ rank=same; {' -> '.join(keys[:n_columns])} [style=invis]; }}"
    for above, below in zip(keys, keys[n_columns:], strict=False):
        yield f"    {above} -> {below} [style=invis];"


def _markup(text: str) -> str:
    """Escape for an HTML-like label, in which Graphviz reads ``\\N`` and ``\\\\`` as well."""
    return html.escape(text).replace("\\", "&#92;&#92;")


def _quoted(text: str) -> str:
    """Quote as a DOT string, in which Graphviz reads backslashes and entities."""
    plain = text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'
