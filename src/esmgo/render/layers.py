"""A layered drawing of a directed acyclic graph: where boxes stand and how edges run.

The method is that of Sugiyama, Tagawa and Toda (1981): layers by longest paths, few crossings
by barycentres and exchanges, and places by least squares. Lengths have the unit of the boxes,
y grows downwards. Nothing here knows about terms or SVG.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import accumulate, pairwise
from statistics import fmean

_GAP = 12.0  # between neighbours of a layer
_BETWEEN = (26.0, 70.0)  # between layers, at least and at most
_STEEP = 0.13  # gap between layers over the widest edge in it
_SWEEPS = 24
_SETTLING = 150
_STRAIGHT = 30.0  # weight of a long edge's inner parts against that of its ends
_PORTS = 11.0  # between edges that end at one side of a box, at most

Stop = tuple[float, float, float]
"""Part of an edge that runs straight down: x, and y of its beginning and of its end."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Centres of the boxes and routes of the edges, in the order given to `layered`.

    A route starts at the lower side of the upper box and ends at the upper side of the lower
    one. It crosses each layer between them at a `Stop` of its own, clear of all boxes.
    """

    width: float
    height: float
    centres: list[tuple[float, float]]
    routes: list[list[Stop]]


def layered(sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int, int]]) -> Layout:
    """Return a layout, the same for the same graph.

    Raises `graphlib.CycleError` if the edges form a cycle.

    Parameters
    ----------
    sizes : sequence of (float, float)
        Width and height of each box.
    edges : sequence of (int, int, int)
        Upper box, lower box, and by how many layers they are apart at least.

    Examples
    --------
    >>> layered([(50, 20), (50, 20)], [(0, 1, 1)]).centres
    [(25.0, 10.0), (25.0, 56.0)]
    """
    level = _levels(len(sizes), edges)
    widths = [width for width, _ in sizes]
    chains = []
    for upper, lower, _ in edges:  # a long edge takes a place of no width in each layer
        new = range(len(level), len(level) + level[lower] - level[upper] - 1)
        chains.append([upper, *new, lower])
        level.extend(range(level[upper] + 1, level[lower]))
        widths.extend(0.0 for _ in new)
    up: list[list[int]] = [[] for _ in level]
    down: list[list[int]] = [[] for _ in level]
    for chain in chains:
        for above, below in pairwise(chain):
            up[below].append(above)
            down[above].append(below)
    layers = _ordered(_first_order(level, up, down), up, down)
    x = _placed(layers, up, down, widths, len(sizes))
    tops, heights = _heights(layers, down, x, sizes)
    centres = [(x[v], tops[level[v]] + heights[level[v]] / 2) for v in range(len(sizes))]
    routes: list[list[Stop]] = []
    leaving, arriving = _ports(chains, x, widths)
    for i, (start, *inner, end) in enumerate(chains):
        places = (start, *inner, end)
        sides = [centres[v][1] + sign * sizes[v][1] / 2 for v, sign in ((start, 1), (end, -1))]
        bands = [(tops[level[v]], tops[level[v]] + heights[level[v]]) for v in places]
        stops = [(x[v], *band) for v, band in zip(inner, bands[1:-1], strict=True)]
        first, last = (leaving[i], sides[0], bands[0][1]), (arriving[i], bands[-1][0], sides[1])
        routes.append([first, *stops, last])
    width = max((x[v] + widths[v] / 2 for v in range(len(level))), default=0.0)
    return Layout(
        width, max(map(sum, zip(tops, heights, strict=True)), default=0.0), centres, routes
    )


def _levels(n: int, edges: Sequence[tuple[int, int, int]]) -> list[int]:
    """Place each box as high as possible, and lower where that shortens its edges."""
    up: list[list[tuple[int, int]]] = [[] for _ in range(n)]
    down: list[list[tuple[int, int]]] = [[] for _ in range(n)]
    for upper, lower, least in edges:
        up[lower].append((upper, least))
        down[upper].append((lower, least))
    above = {v: [u for u, _ in up[v]] for v in range(n)}
    order = list(TopologicalSorter(above).static_order())
    level = [0] * n
    for v in order:
        level[v] = max((level[u] + least for u, least in up[v]), default=0)
    for v in reversed(order):
        if len(down[v]) > len(up[v]):
            level[v] = min(level[u] - least for u, least in down[v])
    return [each - min(level) for each in level]


def _first_order(level: list[int], up: list[list[int]], down: list[list[int]]) -> list[list[int]]:
    """Fill the layers depth first, so that trees have no crossing."""
    layers: list[list[int]] = [[] for _ in range(max(level, default=-1) + 1)]
    seen: set[int] = set()
    for root in range(len(level)):
        waiting = [] if up[root] else [root]
        while waiting:
            v = waiting.pop()
            if v not in seen:
                seen.add(v)
                layers[level[v]].append(v)
                waiting.extend(reversed(down[v]))
    return layers


def _ordered(
    layers: list[list[int]], up: list[list[int]], down: list[list[int]]
) -> list[list[int]]:
    """Order each layer for few crossings."""
    best, fewest = [list(layer) for layer in layers], _crossings(layers, down)
    place = [0] * len(up)
    for layer in layers:
        _note(layer, place)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        near = down if sweep % 2 else up
        for layer in reversed(layers) if sweep % 2 else layers:
            centre = {v: fmean(place[u] for u in near[v]) if near[v] else place[v] for v in layer}
            layer.sort(key=centre.__getitem__)
            _note(layer, place)
        for _ in range(4):
            if not sum(_exchanged(layer, up, down, place) for layer in layers):
                break
        if (found := _crossings(layers, down)) < fewest:
            best, fewest = [list(layer) for layer in layers], found
    return best


def _note(layer: list[int], place: list[int]) -> None:
    for i, v in enumerate(layer):
        place[v] = i


def _exchanged(
    layer: list[int], up: list[list[int]], down: list[list[int]], place: list[int]
) -> bool:
    """Exchange neighbours where this saves crossings; return whether it did."""
    changed = False
    for i in range(len(layer) - 1):
        v, w = layer[i : i + 2]
        saved = 0
        for near in (up, down):
            for a in near[v]:
                for b in near[w]:
                    saved += (place[a] > place[b]) - (place[a] < place[b])
        if saved > 0:
            layer[i : i + 2] = w, v
            place[v], place[w] = i + 1, i
            changed = True
    return changed


def _crossings(layers: list[list[int]], down: list[list[int]]) -> int:
    n = 0
    for above, below in pairwise(layers):
        place = {v: i for i, v in enumerate(below)}
        ends: list[int] = []
        for v in above:
            new = [place[w] for w in down[v]]
            n += sum(len(ends) - bisect_right(ends, end) for end in new)
            for end in new:
                insort(ends, end)
    return n


def _placed(
    layers: list[list[int]],
    up: list[list[int]],
    down: list[list[int]],
    widths: list[float],
    n_boxes: int,
) -> list[float]:
    """Return x of each place: the order kept, boxes apart, edges short and long ones straight."""
    x = [0.0] * len(widths)
    gaps = []
    for layer in layers:
        gap = [(widths[v] + widths[w]) / 2 + _GAP for v, w in pairwise(layer)]
        starts = list(accumulate(gap, initial=0.0)) if layer else []
        for v, start in zip(layer, starts, strict=True):
            x[v] = start - starts[-1] / 2
        gaps.append(starts)
    pull = {
        (v, u): _STRAIGHT if min(u, v) >= n_boxes else 2.0 if max(u, v) >= n_boxes else 1.0
        for v in range(len(x))
        for u in (*up[v], *down[v])
    }
    last = len(layers) - 1
    for sweep in range(_SETTLING):
        for i in range(last, -1, -1) if sweep % 2 else range(last + 1):
            layer = layers[i]
            wanted, weights = [], []
            for v in layer:
                near = [*up[v], *down[v]]
                weight = sum(pull[v, u] for u in near) or 1e-3
                wanted.append(sum(pull[v, u] * x[u] for u in near) / weight if near else x[v])
                weights.append(weight)
            for v, at in zip(layer, _apart(wanted, weights, gaps[i]), strict=True):
                x[v] = at
    left = min((x[v] - widths[v] / 2 for v in range(len(x))), default=0.0)
    return [each - left for each in x]


def _apart(wanted: list[float], weights: list[float], starts: list[float]) -> Iterator[float]:
    """Yield the places nearest to those wanted, in the least squares, that keep all gaps.

    ``starts`` holds the places of the boxes packed without any space to spare. This is isotonic
    regression by pooling adjacent violators.
    """
    pools: list[tuple[float, float, int]] = []
    for want, weight, start in zip(wanted, weights, starts, strict=True):
        total, mass, n = weight * (want - start), weight, 1
        while pools and pools[-1][0] * mass >= total * pools[-1][1]:
            more = pools.pop()
            total, mass, n = total + more[0], mass + more[1], n + more[2]
        pools.append((total, mass, n))
    i = 0
    for total, mass, n in pools:
        for _ in range(n):
            yield total / mass + starts[i]
            i += 1


def _heights(
    layers: list[list[int]],
    down: list[list[int]],
    x: list[float],
    sizes: Sequence[tuple[float, float]],
) -> tuple[list[float], list[float]]:
    """Return top and height of each layer; more space where edges run far to the side."""
    heights = [max((sizes[v][1] for v in layer if v < len(sizes)), default=0) for layer in layers]
    tops, top = [], 0.0
    for layer, height in zip(layers, heights, strict=True):
        tops.append(top)
        far = max((abs(x[v] - x[w]) for v in layer for w in down[v]), default=0.0)
        top += height + min(max(_BETWEEN[0], _STEEP * far), _BETWEEN[1])
    return tops, heights


def _ports(
    chains: list[list[int]], x: list[float], widths: list[float]
) -> tuple[dict[int, float], dict[int, float]]:
    """Return x of both ends of each edge: side by side in the order of where they lead."""
    ports: tuple[dict[int, float], dict[int, float]] = ({}, {})
    for side, (end, near) in zip(ports, ((0, 1), (-1, -2)), strict=True):
        at: dict[int, list[int]] = {}
        for i, chain in enumerate(chains):
            at.setdefault(chain[end], []).append(i)
        for v, ends in at.items():
            ends.sort(key=lambda i: x[chains[i][near]])
            step = min(_PORTS, (widths[v] - 12) / len(ends))
            for j, i in enumerate(ends):
                side[i] = x[v] + (j - (len(ends) - 1) / 2) * step
    return ports
