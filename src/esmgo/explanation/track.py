"""Evidence cards as one picture: what each residue of a protein adds to a score.

Plain SVG, without a script, a font or anything else to load. Marked residues are bold and
underlined, so that no reader depends on colour.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from esmgo.errors import printable
from esmgo.explanation.card import training_line
from esmgo.explanation.deletion import runs
from esmgo.explanation.explanation import Explanation, Track, name_of
from esmgo.render.colours import CALLED, fill_of, ink_on
from esmgo.render.templates import filled

_ROW = 60  # residues in a row
_UP, _DOWN = 30, 20  # heights of the longest bars above and below the line, as in the template


def to_svg(found: Sequence[Explanation]) -> str:
    """Return cards as one SVG document, one below the other."""
    return filled(
        "explanation/track.svg",
        cards=found,
        rows=_rows,
        training=_training,
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


def _training(found: Explanation) -> str:
    line = training_line(found.training)
    if found.training and found.training.nearest:
        near = ", ".join(f"{printable(id, 40)} {s:.4f}" for id, s in found.training.nearest)
        return f"{line}: {near}"
    return line
