"""A subgraph in the DOT language of Graphviz: roots on top, one panel per aspect.

The text is a function of the subgraph alone. Texts are escaped for their place.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from itertools import pairwise, product

from esmgo.render.boxes import (
    PAGE,
    PANEL_FILL,
    PANEL_LINE,
    TITLES,
    arranged,
    box_of,
    edges_of,
    grid_of,
    heading_of,
)
from esmgo.render.colours import CALLED, LINE, fill_of, ink_on
from esmgo.render.subgraph import Node, Panel, Subgraph

_BOX = (1.9, 1.0)  # inches a box takes with the space around it, wide and high
_RANKSEP = (0.38, 0.9)  # inches between levels, at least and at most


def to_dot(subgraph: Subgraph) -> str:
    """Return the subgraph as DOT, the same text for the same subgraph.

    An arrow points from the child to its parent, as GO viewers draw it. In the text the parent
    comes first and the arrow is set at its end (``dir=back``): then Graphviz ranks the roots on
    top, and sets the titles of panels there in all its versions, which it does not for
    ``rankdir=BT``.
    """
    key = {node.term.id: f"n{i}" for i, node in enumerate(subgraph.nodes)}
    rows, ranksep = _rows(subgraph.panels)
    lines = [
        "digraph subgraph_of_go {",
        f"  label={_heading(subgraph)}; labelloc=t; labeljust=c;",
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


def _panel(panel: Panel, key: dict[str, str]) -> Iterator[str]:
    title = TITLES[panel.aspect]
    yield f"  subgraph cluster_{panel.aspect.name if panel.aspect else 'none'} {{"
    yield f"    label=<<B>{title}</B>>; labelloc=t; labeljust=l; fontsize=14;"
    yield f'    style="filled,rounded"; color="{PANEL_LINE}"; fillcolor="{PANEL_FILL}"; margin=12;'
    for node in panel.nodes:  # by id: the layout is a matter of the terms, not of scores
        yield f"    {key[node.term.id]} [{_box(node)}];"
    for parent, child, levels in edges_of(panel):
        longer = f" [minlen={levels}]" if levels > 1 else ""
        yield f"    {key[parent]} -> {key[child]}{longer};"
    grid = [[key[id] for id in row] for row in grid_of(panel)]
    if grid and grid[0][1:]:
        yield f"    {{ rank=same; {' -> '.join(grid[0])} [style=invis]; }}"
    for above, below in pairwise(grid):
        yield from (f"    {k} -> {m} [style=invis];" for k, m in zip(above, below, strict=False))
    yield "  }"


def _box(node: Node) -> str:
    box, fill = box_of(node), fill_of(node.probability)
    text = "<BR/>".join(map(_markup, box.lines))
    if node.is_called:
        text = f"<B>{text}</B>"
    outline = f'color="{CALLED}", penwidth=3' if node.is_called else f'color="{LINE}", penwidth=0.8'
    link = f', URL="{box.link}", target="_blank"' if box.link else ""
    return (
        f'label=<{text}<BR/><FONT POINT-SIZE="{box.small}">{_markup(box.below)}</FONT>>, '
        f'fontsize={box.large}, fillcolor="{fill}", fontcolor="{ink_on(fill)}", {outline}, '
        f"tooltip={_quoted(box.note)}{link}"
    )


def _heading(subgraph: Subgraph) -> str:
    """Return title and legend as one HTML-like label, which Graphviz sets above the panels."""
    title, *rows = map(_markup, heading_of(subgraph))
    rows = [f'<FONT POINT-SIZE="20"><B>{title}</B></FONT>', *rows]
    above = "".join(f"<TR><TD>{row}</TD></TR>" for row in rows)
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
    """Arrange the panels in rows; also return ranksep.

    A picture that stays wide gets more space between its levels, so that edges are steeper and
    easier to follow.
    """
    sizes = {panel.aspect: _size(panel) for panel in panels}
    rows = arranged(panels, list(sizes.values()))
    wide = max((sum(sizes[panel.aspect][0] for panel in row) for row in rows), default=0)
    high = sum(max(sizes[panel.aspect][1] for panel in row) for row in rows)
    has_edges = any(any(panel.level.values()) for panel in panels)
    spare = (wide / PAGE - high) / high * _BOX[1] if has_edges else 0.0
    return rows, min(max(_RANKSEP[0], _RANKSEP[0] + spare), _RANKSEP[1])


def _size(panel: Panel) -> tuple[float, float]:
    """Estimate width and height of a panel in inches."""
    levels = list(panel.level.values())
    if any(levels):
        n_columns, n_rows = max(map(levels.count, set(levels))), max(levels) + 1
    else:
        grid = grid_of(panel)
        n_columns, n_rows = len(grid[0]), len(grid)
    return n_columns * _BOX[0], n_rows * _BOX[1]


def _stack(above: list[Panel], below: list[Panel], key: dict[str, str]) -> Iterator[str]:
    """Place one row of panels below another by invisible edges."""
    for upper, lower in product(above, below):
        deepest = max(upper.level, key=lambda term: (upper.level[term], term))
        yield f"  {key[deepest]} -> {key[_root(lower)]} [style=invis, weight=0, minlen=2];"


def _root(panel: Panel) -> str:
    return min(panel.level, key=lambda term: (panel.level[term], term))


def _markup(text: str) -> str:
    """Escape for an HTML-like label, in which Graphviz reads ``\\N`` and ``\\\\`` as well."""
    return html.escape(text).replace("\\", "&#92;&#92;")


def _quoted(text: str) -> str:
    """Quote as a DOT string, in which Graphviz reads backslashes and entities."""
    plain = text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'
