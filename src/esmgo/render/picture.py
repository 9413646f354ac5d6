"""A subgraph as SVG: roots on top, one panel per aspect. It needs no program.

The layout is that of `esmgo.render.layers`, the width of text that of Helvetica, which Arial and
Liberation Sans share. Lengths are points.
"""

from __future__ import annotations

import unicodedata
from itertools import chain, pairwise

from esmgo.render.boxes import (
    PANEL_FILL,
    PANEL_LINE,
    TITLES,
    Box,
    arranged,
    box_of,
    edges_of,
    grid_of,
    heading_of,
)
from esmgo.render.colours import CALLED, LINE, fill_of, ink_on
from esmgo.render.layers import Stop, layered
from esmgo.render.subgraph import Node, Panel, Subgraph
from esmgo.render.templates import filled

_LETTERS = {  # advance widths of Helvetica, thousandths of the size
    191: "'",
    222: "ijl",
    278: " \u00a0!,./:;I[\\]ft·",
    333: "()-`r",
    334: "{|}",
    389: "*",
    500: "Jckvsxyz",
    584: "+<=>~",
    611: "FTZ",
    667: "&ABEKPSVXY",
    722: "CDHNRUw",
    778: "GOQ",
    833: "Mm",
    889: "%",
    944: "W",
    1015: "@…→",
}
_WIDTH = {letter: width for width, letters in _LETTERS.items() for letter in letters}
_BOLD = 1.08
_BEND = 0.35  # how early an edge turns between two layers; at 0.5 long ones run nearly level
_LEADING = 1.16  # distance of lines over their size
_ROUND = 8  # radius of corners
_MARGIN = (9.0, 5.0)  # of a box, beside and above its text
_LEAST = (44.0, 22.0)  # of a box, wide and high
_LEGEND = 644.0  # its width
_INSIDE, _TITLE, _BETWEEN, _AROUND = 12.0, 26.0, 14.0, 18.0  # panels: margin, title, gap; picture


def to_svg(subgraph: Subgraph, *, in_page: bool = False) -> str:
    """Return the picture, the same text for the same subgraph.

    With ``in_page`` it is an element to stand in a page: without a size, and without the
    heading, of which the legend is left.
    """
    drawn = {panel.aspect: _Drawn(panel) for panel in subgraph.panels}
    rows = [
        [drawn[panel.aspect] for panel in row]
        for row in arranged(subgraph.panels, [(d.width, d.height) for d in drawn.values()])
    ]
    texts = [(line, 11 if i else 20, not i) for i, line in enumerate(heading_of(subgraph))]
    if in_page:
        texts.clear()
    legend = _AROUND + sum(size * 1.6 for _, size, _ in texts) + 4
    wide = [sum(d.width + _BETWEEN for d in row) - _BETWEEN for row in rows]
    across = max([*wide, _LEGEND, *(width_of(*text) for text in texts)])
    top = legend + 38
    placed = []
    for row, width in zip(rows, wide, strict=True):
        left = _AROUND + (across - width) / 2
        for each in row:
            placed.append((left, top, each))
            left += each.width + _BETWEEN
        top += max(each.height for each in row) + _BETWEEN
    return filled(
        "render/picture.svg",
        in_page=in_page,
        width=across + 2 * _AROUND,
        height=top - _BETWEEN + _AROUND,
        texts=texts,
        around=_AROUND,
        legend=(across - _LEGEND) / 2 + _AROUND,
        legend_top=legend,
        panels=placed,
        titles=TITLES,
        fill_of=fill_of,
        ink_on=ink_on,
        path_of=_path_of,
        called=CALLED,
        line=LINE,
        panel_fill=PANEL_FILL,
        panel_line=PANEL_LINE,
        leading=_LEADING,
        radius=_ROUND,
    )


def width_of(text: str, size: float, is_bold: bool) -> float:
    """Return the width of text in points, about; letters of unknown width count as wide ones.

    Examples
    --------
    >>> width_of("binding", 10, False)
    32.24
    """
    total = 0
    for letter in text:
        wide = 1000 if unicodedata.east_asian_width(letter) in "WF" else 600
        total += _WIDTH.get(letter, 556 if letter.isascii() else wide)
    return round(total * size / 1000 * (_BOLD if is_bold else 1), 2)


class _Drawn:
    """A panel with all places in it."""

    def __init__(self, panel: Panel) -> None:
        self.aspect = panel.aspect
        grid = grid_of(panel)
        order = {id: i for i, id in enumerate(chain(*grid))}
        nodes = sorted(panel.nodes, key=lambda node: order.get(node.term.id, -1))
        boxes = [box_of(node) for node in nodes]
        sizes = [_size_of(*each) for each in zip(boxes, nodes, strict=True)]
        place = {node.term.id: i for i, node in enumerate(nodes)}
        edges = [(place[parent], place[child], n) for parent, child, n in edges_of(panel)]
        columns = [
            (place[above], place[below], 1)
            for one, other in pairwise(grid)
            for above, below in zip(one, other, strict=False)
        ]
        layout = layered(sizes, [*edges, *columns])
        title = width_of(TITLES[panel.aspect], 14, True)
        self.width = max(layout.width, title) + 2 * _INSIDE
        self.height = layout.height + _TITLE + _INSIDE + 4
        self.left, self.top = (self.width - layout.width) / 2, _TITLE + 4
        self.nodes = list(zip(nodes, boxes, sizes, layout.centres, strict=True))
        self.routes = layout.routes[: len(edges)]


def _size_of(box: Box, node: Node) -> tuple[float, float]:
    widest = max(width_of(line, box.large, node.is_called) for line in box.lines)
    wide = max(widest, width_of(box.below, box.small, False)) + 2 * _MARGIN[0]
    high = (len(box.lines) * box.large + box.small) * _LEADING + 2 * _MARGIN[1]
    return max(wide, _LEAST[0]), max(high, _LEAST[1])


def _path_of(route: list[Stop]) -> str:
    """Return a route as a path from the child up to the parent."""
    (x, top, bottom), *above = reversed(route)
    path = f"M{x:.1f} {bottom:.1f}V{top:.1f}"
    for to, end, begin in above:
        bend = _BEND * (top - begin)
        path += f"C{x:.1f} {top - bend:.1f} {to:.1f} {begin + bend:.1f} {to:.1f} {begin:.1f}"
        path += f"V{end:.1f}"
        x, top = to, end
    return path
