"""Charts as inline SVG: lines over two axes.

Nothing here knows what the numbers mean. Colours are the classes ``c0`` to ``c7`` of
`evaluation_page.css`; a line also carries a number, so that no reader depends on colour.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from esmgo.render.templates import filled

N_COLOURS = 8
"""Lines that a reader can distinguish; `evaluation_page.css` has a colour for each."""

Point = tuple[float, float]

_SIDE = 344  # of the square between the axes, in units of the drawing
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 40, 12, 46
_BADGE = 8  # radius of the circle that holds a line's number
_TURNS = [i * math.pi / 8 for i in (-2, -1, -3, 0, -4, 1, -5, 2, -6, 3, -7, 4, 6)]


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis from 0 to its last tick; points beyond it are cut off."""

    name: str
    ticks: Sequence[float]


@dataclass(frozen=True, slots=True)
class Guide:
    """A faint line to read the others by, with a label beyond its last point."""

    points: Sequence[Point]
    label: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart.

    Parameters
    ----------
    number : int
        Printed beside ``mark``.
    colour : int
        In [0, `N_COLOURS`).
    name : str
        Shown when the reader points at the line; not escaped yet.
    points : sequence of (float, float)
        In drawing order; may be empty.
    mark : (float, float), optional
        The point to single out.
    radii : sequence of float
        Of a dot at each point, in units of the drawing; empty for a dot at ``mark`` alone.
    """

    number: int
    colour: int
    name: str
    points: Sequence[Point]
    mark: Point | None
    radii: Sequence[float] = ()


def line_chart(
    id: str,
    title: str,
    description: str,
    axes: tuple[Axis, Axis],
    lines: Sequence[Line],
    guides: Iterable[Guide] = (),
) -> Markup:
    """Return a square chart as one ``<svg>``; the first line lies on top.

    Parameters
    ----------
    id : str
        Unique in the page.
    title, description : str
        What a screen reader reads out; not escaped yet.
    axes : (Axis, Axis)
        Across and up.
    lines : sequence of Line
        May be empty.
    guides : iterable of Guide
        Drawn below everything.
    """
    placed = [(line, [_place(point, axes) for point in line.points]) for line in reversed(lines)]
    dots = []
    for line, places in placed:
        marked = [(_place(line.mark, axes), 4.5)] if line.mark else []
        around = zip(places, line.radii, strict=True) if line.radii else marked
        dots += [(line.colour, place, radius) for place, radius in around]
    drawn = filled(
        "render/chart.svg",
        id=id,
        title=title,
        description=description,
        side=_SIDE,
        left=_LEFT,
        right=_RIGHT,
        top=_TOP,
        bottom=_BOTTOM,
        badge=_BADGE,
        across=axes[0],
        up=axes[1],
        guides=[(guide, [_place(point, axes) for point in guide.points]) for guide in guides],
        lines=placed,
        dots=dots,
        badges=_badges(lines, axes, [place for _, place, _ in dots]),
        joined=_joined,
    )
    return Markup(drawn)  # noqa: S704 (the template escapes)


def ticks(value: float) -> list[float]:
    """Return round numbers, evenly spaced, from 0 to the first that is at least ``value``.

    Examples
    --------
    >>> ticks(1), ticks(11.2)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0])
    """
    unit = 10.0 ** (math.floor(math.log10(value)) - 1) if value > 0 else 0.1
    step = next(each * unit for each in (2, 5, 10, 20) if value / (each * unit) <= 6)
    return [round(i * step, 12) for i in range(max(math.ceil(value / step - 1e-9), 1) + 1)]


def _badges(
    lines: Sequence[Line], axes: tuple[Axis, Axis], taken: list[Point]
) -> list[tuple[Line, Point, Point]]:
    """Return where each line's mark and number go: near each other, away from what is taken."""
    found = []
    for line in lines:
        if not line.mark:
            continue
        x, y = _place(line.mark, axes)
        around = [
            (x + r * math.cos(a), y + r * math.sin(a)) for r in (20, 38, 56, 74) for a in _TURNS
        ]
        inside = [at for at in around if all(_BADGE < side < _SIDE - _BADGE for side in at)]
        room = [min([math.dist(at, other) for other in taken] + [19]) for at in inside]
        at = inside[room.index(max(room))] if inside else (x, y)  # of equals the first
        taken = [*taken, at]
        found.append((line, (x, y), at))
    return found


def _place(point: Point, axes: tuple[Axis, Axis]) -> Point:
    x, y = (value / axis.ticks[-1] * _SIDE for value, axis in zip(point, axes, strict=True))
    return x, _SIDE - y


def _joined(places: Iterable[Point]) -> str:
    """Return the ``points`` of a polyline; of neighbours that fall together one is kept."""
    return " ".join(place for place, _ in groupby(f"{x:.1f},{y:.1f}" for x, y in places))
