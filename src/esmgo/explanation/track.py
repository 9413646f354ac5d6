"""Evidence cards as one picture: the parts of the score, the nearest relatives, and the residues.

Plain SVG, without a script, a font or anything else to load. Marked residues are bold and
underlined, so that no reader depends on colour.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from esmgo.errors import printable
from esmgo.explanation.card import (
    figures,
    identity_of,
    parts_of,
    range_of,
    sign_of,
    training_lines,
)
from esmgo.explanation.carriers import Relative
from esmgo.explanation.deletion import runs
from esmgo.explanation.explanation import Explanation, Track, name_of
from esmgo.render.colours import CALLED, fill_of, ink_on
from esmgo.render.templates import filled

_ROW = 60  # residues in a row
_UP, _DOWN = 30, 20  # heights of the longest bars above and below the line, as in the template
_SIDE = 150  # length of the longest bar of a part
_LANE = 520  # length of the lane that stands for the whole protein


def to_svg(found: Sequence[Explanation]) -> str:
    """Return cards as one SVG document, one below the other."""
    return filled(
        "explanation/track.svg",
        cards=found,
        rows=_rows,
        figures=lambda found: "; ".join(map(": ".join, figures(found))),
        parts=_parts,
        training=lambda found: "; ".join(map(": ".join, training_lines(found.training))),
        lanes=_lanes,
        ticks=_ticks,
        side=_SIDE,
        lane=_LANE,
        name_of=name_of,
        fill_of=fill_of,
        ink_on=ink_on,
        top=CALLED,
    )


def _rows(track: Track, sequence: str) -> Iterator[tuple[int, list[object], list[object]]]:
    """Yield 60 residues at a time: first number; name, value, size, mark; runs to underline."""
    values = track.values.tolist()
    unit = max(max(values, default=0) / _UP, -min(values, default=0) / _DOWN) or 1.0
    marked = set(track.marked.tolist())
    for at in range(0, len(values), _ROW):
        residues = [
            (f"{sequence[track.first - 1 + i]}{track.first + i}", x, abs(x) / unit, i in marked)
            for i, x in enumerate(values[at : at + _ROW], at)
        ]
        inside = (run[(run >= at) & (run < at + _ROW)] for run in runs(track.marked))
        yield track.first + at, [*residues], [(run[0] - at, len(run)) for run in inside if len(run)]


def _parts(found: Explanation) -> Iterator[tuple[str, float, float]]:
    """Yield name, value and signed length of the bar of each part of the score."""
    parts = parts_of(found.call)
    longest = max((abs(value) for value, _ in parts), default=0) or 1.0
    for value, name in parts:
        yield name, value, value / longest * _SIDE


def _ticks(found: Explanation) -> Iterator[tuple[float, float]]:
    """Yield start and width in the lane of each run of marked residues."""
    unit = _LANE / len(found.sequence)
    for run in runs(found.track.marked):
        yield (found.track.first - 1 + run[0]) * unit, len(run) * unit


def _lanes(found: Explanation) -> Iterator[tuple[Relative, list[str], str, float, float]]:
    """Yield each relative with its words, its similarities, and start and width of its bar."""
    if found.training is None:
        return
    unit = _LANE / len(found.sequence)
    for each in (*found.training.carriers, *found.training.others):
        start = width = 0.0
        if each.alignment is not None:
            start = each.alignment.query_start * unit
            width = each.alignment.query_end * unit - start
        name = f"{sign_of(each)} {printable(each.id, 20)}"
        similar = ", ".join(f"{source} {value:.4g}" for source, value in each.similarity.items())
        yield each, [name, identity_of(each), range_of(each)], similar, start, width
