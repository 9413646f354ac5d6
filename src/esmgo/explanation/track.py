"""Evidence cards as one picture: the residues of a protein with what each adds to a score.

Plain SVG, without a script, a font or anything else to load. Marked residues are bold and
underlined, so that no reader depends on colour.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterator, Sequence

from esmgo.errors import printable
from esmgo.explanation.card import training_line
from esmgo.explanation.deletion import runs
from esmgo.explanation.explanation import Explanation, name_of
from esmgo.render.colours import CALLED, fill_of, ink_on

_ROW = 60  # residues in a row
_CELL = 13.6  # of a residue, in units of the drawing
_LEFT, _WIDTH = 62, 920
_UP, _DOWN, _LETTERS = 30, 20, 24  # of a row: bars for, bars against, letters below them
_LINE = 18
_SPEAKS, _AGAINST = fill_of(0.9), "#8a94a0"

_STYLE = (
    "text{font-family:Arial,'Liberation Sans',Helvetica,sans-serif;font-size:13px;fill:#1b2530}"
    ".l{font-family:'DejaVu Sans Mono',Menlo,Consolas,monospace;font-size:12px;text-anchor:middle}"
    ".m{font-weight:bold}.h{font-size:17px;font-weight:bold}.b{font-weight:bold}"
    ".n{font-size:11px;fill:#566270}.e{text-anchor:end}.c{text-anchor:middle}"
    f".for{{fill:{_SPEAKS}}}.against{{fill:{_AGAINST}}}.top{{fill:{CALLED}}}"
)


def to_svg(found: Sequence[Explanation]) -> str:
    """Return cards as one SVG document, one below the other."""
    parts: list[str] = []
    height = 0.0
    for each in found:
        drawn, used = _card(each)
        parts.append(f'<g transform="translate(0 {height:g})">{drawn}</g>')
        height += used
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{max(height, 1):g}"'
        f' viewBox="0 0 {_WIDTH} {max(height, 1):g}" role="img"><title>Evidence cards</title>'
        f'<style>{_STYLE}</style><rect width="100%" height="100%" fill="#ffffff"/>'
        f"{''.join(parts)}</svg>\n"
    )


def _card(found: Explanation) -> tuple[str, float]:
    """Return the elements of one card, and its height."""
    parts = [_text(20, 34, f"Evidence for {found.title}", "h")]
    y = 60.0
    verdict = f"Verdict: {found.verdict}. {found.sentence}"
    for text, kind in ((verdict, "b"), *((remark, "") for remark in found.remarks)):
        y = _paragraph(parts, y, text, kind)
    y += 14
    for each in found.ancestors:
        parts.append(_chip(20 + 16 * each.depth, y, each.probability))
        kind = "b" if each.term == found.term else ""
        parts.append(_text(72 + 16 * each.depth, y, name_of(each.term), kind))
        y += _LINE + 2
    y = _paragraph(parts, y + 8, _neighbours(found)) + 10
    heading = f"What each residue adds to the score of {name_of(found.explained)}"
    parts.append(_text(20, y, heading, "b"))
    for row in _rows(found):
        parts.append(f'<g transform="translate({_LEFT} {y + 12:g})">{row}</g>')
        y += _UP + _DOWN + _LETTERS
    y += 30
    legend = (
        ("for", "speaks for the term"),
        ("against", "speaks against it"),
        ("top", f"marked: bold, underlined ({len(found.track.marked)})"),
    )
    for i, (kind, text) in enumerate(legend):
        x = _LEFT + 190 * i
        parts.append(f'<rect class="{kind}" x="{x}" y="{y - 10:g}" width="11" height="11"/>')
        parts.append(_text(x + 17, y, text, "n"))
    return "".join(parts), y + 26


def _rows(found: Explanation) -> Iterator[str]:
    """Yield the bars and letters of 60 residues at a time."""
    track = found.track
    letters = found.sequence[track.first - 1 : track.last]
    most, least = float(track.values.max(initial=0)), float(track.values.min(initial=0))
    unit = max(most / _UP, -least / _DOWN) or 1.0
    marked = set(track.marked.tolist())
    underlined = runs(track.marked)
    for at in range(0, len(letters), _ROW):
        end = min(at + _ROW, len(letters))
        parts = [
            _text(-8, _UP + _DOWN + 12, str(track.first + at), "n e"),
            f'<path d="M0 {_UP}H{(end - at) * _CELL:g}" stroke="#c8d0da"/>',
        ]
        for i in range(at, end):
            name, x = f"{letters[i]}{track.first + i}", (i - at) * _CELL
            parts.append(_residue(name, float(track.values[i]), unit, i in marked, x))
        for run in underlined:
            inside = run[(run >= at) & (run < end)]
            if len(inside):
                x = (inside[0] - at) * _CELL
                parts.append(
                    f'<rect class="top" x="{x + 1:.1f}" y="{_UP + _DOWN + 15}"'
                    f' width="{len(inside) * _CELL - 2:.1f}" height="2.5"/>'
                )
        yield "".join(parts)


def _residue(name: str, value: float, unit: float, is_marked: bool, x: float) -> str:
    """Return a residue's bar and its letter; ``name`` is letter and number."""
    kind = "top" if is_marked else "for" if value > 0 else "against"
    size = abs(value) / unit
    y = _UP - size if value > 0 else _UP
    return (
        f'<g><title>{name}: {value:+.3f}</title><rect class="{kind}" x="{x + 1:.1f}"'
        f' y="{y:.1f}" width="{_CELL - 2:.1f}" height="{size:.1f}"/>'
        f'<text class="l{" m" if is_marked else ""}" x="{x + _CELL / 2:.1f}"'
        f' y="{_UP + _DOWN + 12}">{name[0]}</text></g>'
    )


def _neighbours(found: Explanation) -> str:
    line = training_line(found.training)
    if found.training and found.training.nearest:
        near = ", ".join(f"{printable(id, 40)} {s:.4f}" for id, s in found.training.nearest)
        return f"{line}: {near}"
    return line


def _chip(x: float, y: float, probability: float) -> str:
    """Return a probability on the colour that stands for it; its text ends on line ``y``."""
    fill = fill_of(probability)
    return (
        f'<rect x="{x}" y="{y - 13:g}" width="46" height="17" rx="4" fill="{fill}"'
        f' stroke="#c8d0da"/><text class="c" x="{x + 23}" y="{y:g}"'
        f' style="fill:{ink_on(fill)}">{probability:.2f}</text>'
    )


def _paragraph(parts: list[str], y: float, text: str, kind: str = "") -> float:
    """Add the lines of a paragraph from ``y`` on; return where the next one begins."""
    lines = textwrap.wrap(text, 128)
    parts += [_text(20, y + i * _LINE, line, kind) for i, line in enumerate(lines)]
    return y + len(lines) * _LINE


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    kind = f' class="{kind}"' if kind else ""
    return f'<text{kind} x="{x:g}" y="{y:g}">{html.escape(text)}</text>'
