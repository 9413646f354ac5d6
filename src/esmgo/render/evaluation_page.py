"""An evaluation as one self-contained HTML page: it loads nothing and has no script.

The page shows what the JSON document of an evaluation holds and computes no metric of
its own. Names of files and releases come from other people, so every text is made
printable (`esmgo.errors.printable`); the template then escapes it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from markupsafe import Markup

from esmgo.errors import printable
from esmgo.go.terms import Aspect
from esmgo.render.boxes import TITLES
from esmgo.render.charts import N_COLOURS, Axis, Guide, Line, Point, line_chart, ticks
from esmgo.render.templates import filled, resource

_ASPECTS = {aspect.name: TITLES[aspect] for aspect in Aspect} | {"all": "All aspects together"}

_EXPLAINED = {
    "cafaeval": "as CAFA's evaluator counts",
    "exact": "thresholds are exact decimals",
    "cafa": "precision over proteins with a call, recall over all proteins",
    "gt": "precision and recall over all proteins",
    "pred": "precision and recall over proteins with a call",
    "max": "a term scores at least as high as its descendants",
    "fill": "a term without a score takes the highest of its descendants",
    "True": "available, so terms are also weighted by it",
    "False": "not available, so all terms weigh the same",
}

_PARTS = (
    ("by_depth", "By depth of the term", "Depth",
     "whether predictions are worse for the deeper, more specific terms"),
    ("by_frequency", "By frequency of the term", "Benchmark proteins that have the term",
     "how well rare and common terms are predicted"),
    ("by_identity", "By identity to the nearest training protein", "Identity",
     "how much the predictions depend on a similar training protein"),
)  # fmt: skip
_COUNTS = {"n_proteins": "Proteins", "n_terms": "Terms", "n_annotations": "Annotations"}
_MEASURES = {
    "fmax": "Fmax", "threshold": "at threshold", "precision": "Precision", "recall": "Recall",
    "fmax_weighted": "Weighted Fmax", "smin": "Smin",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _File:
    """The results of one file in one aspect; ``colour`` is None if the charts leave it out."""

    number: int
    name: str
    aspect: dict[str, Any]
    colour: int | None = None

    @property
    def key(self) -> Markup:
        kind = "key" if self.colour is None else f"key c{self.colour}"
        return Markup('<span class="{}">{}</span><span class="name">{}</span>').format(
            kind, self.number, self.name
        )


def report_page(evaluation: dict[str, Any]) -> str:
    """Return an evaluation as one page of HTML, the same page for the same document.

    Parameters
    ----------
    evaluation : dict
        The JSON document of an evaluation, schema version 1. A value that is missing or
        null is shown as a dash.

    Examples
    --------
    >>> "Nothing was evaluated." in report_page({"evaluations": []})
    True
    """
    found = evaluation.get("evaluations") or []
    present = dict.fromkeys(key for each in found for key in each.get("aspects") or {})
    keys = sorted(present, key=lambda key: [*_ASPECTS, key].index(key))
    facts = ("rules", "normalisation", "propagation", "information_accretion", "ontology")
    return filled(
        "render/evaluation_page.html",
        style=resource("evaluation_page.css"),
        facts={fact: _explained(evaluation.get(fact)) for fact in facts},
        threshold_step=_number(evaluation.get("threshold_step")),
        predictions=[_words(each.get("predictions")) for each in found],
        warnings=[_words(each, 500) for each in evaluation.get("warnings") or []],
        sections=[
            _section(f"a{i}", _ASPECTS.get(key) or _words(key), _files(found, key))
            for i, key in enumerate(keys)
        ],
        n_colours=N_COLOURS,
        value=_value,
        number=_number,
        program=_words(evaluation.get("program")),
    )


def _files(found: Sequence[dict[str, Any]], key: str) -> list[_File]:
    """Return the results of all files in one aspect; those of the highest Fmax get colours."""
    aspects = [(each.get("aspects") or {}).get(key) or {} for each in found]
    fmax = [_value(aspect, "best.fmax.value") or 0.0 for aspect in aspects]
    ranked = sorted(range(len(found)), key=lambda i: -fmax[i])
    colours = {i: colour for colour, i in enumerate(sorted(ranked[:N_COLOURS]))}
    return [
        _File(i + 1, printable(each.get("predictions"), 80), aspects[i], colours.get(i))
        for i, each in enumerate(found)
    ]


def _section(id: str, title: str, files: list[_File]) -> dict[str, Any]:
    """Return what the template shows of one aspect."""
    drawn = [file for file in files if file.colour is not None and file.aspect]
    in_bits = any(_value(f.aspect, "best.smin_weighted.value") is not None for f in files)
    weight, unit = ("_weighted", "bits") if in_bits else ("", "terms")
    return {
        "id": id,
        "title": title,
        "counts": {key: _count((f.aspect for f in files), key) for key in _COUNTS},
        "weight": weight,
        "unit": unit,
        "files": files,
        "drawn": drawn,
        "precision_recall": _precision_recall(id, title, drawn),
        "uncertainty": _uncertainty(id, title, drawn, weight, unit),
        "reliability": _reliability(id, title, drawn),
        "calls": _calls(drawn),
        "parts": [part for each in _PARTS if (part := _part(*each, files))["groups"]],
    }


def _precision_recall(id: str, title: str, files: list[_File]) -> str:
    lines = [_line(file, "fmax", "recall", "precision") for file in files]
    guides = []
    for f in (0.2, 0.4, 0.6, 0.8):  # from precision 1 to recall 1
        recalls = [(f + (2 - 2 * f) * i / 32) / (2 - f) for i in range(33)]
        guides.append(Guide([(r, f * r / (2 * r - f)) for r in recalls], f"F {f:g}"))
    axes = Axis("Recall", ticks(1)), Axis("Precision", ticks(1))
    return _chart(f"{id}-pr", f"{title}: precision and recall", "Fmax", axes, lines, guides)


def _uncertainty(id: str, title: str, files: list[_File], weight: str, unit: str) -> str:
    lines = [_line(file, "smin", "ru", "mi", weight) for file in files]
    # Misinformation is huge at low thresholds: axes up to it would hide the rest.
    ends = [x for line in lines for x, _ in line.points]
    scale = ticks(1.05 * max(ends + [max(line.mark) for line in lines if line.mark], default=1))
    turns = [math.pi / 64 * i for i in range(33)]
    arcs = [Guide([(r * math.cos(t), r * math.sin(t)) for t in turns]) for r in scale[1:]]
    axes = Axis(f"Remaining uncertainty, {unit}", scale), Axis(f"Misinformation, {unit}", scale)
    return _chart(f"{id}-um", f"{title}: uncertainty and misinformation", "Smin", axes, lines, arcs)


def _reliability(id: str, title: str, files: list[_File]) -> str:
    lines: list[Line] = []
    for file in files:
        found = file.aspect.get("reliability") or []
        bins = [each for each in found if _points(each, "mean_score", "observed")]
        points = [point for each in bins for point in _points(each, "mean_score", "observed")]
        radii = [1.5 + 0.7 * math.log10(1 + (_value(each, "n_calls") or 0)) for each in bins]
        # Lines are close together: numbers at different dots do not cover each other.
        mark = points[-1 - len(lines) % len(points)] if points else None
        lines.append(Line(file.number, file.colour or 0, file.name, points, mark, radii))
    axes = Axis("Mean score", ticks(1)), Axis("Share of calls that are annotated", ticks(1))
    diagonal = [Guide([(0, 0), (1, 1)])]
    return _chart(f"{id}-re", f"{title}: reliability", "one dot", axes, lines, diagonal)


def _line(file: _File, best: str, across: str, up: str, weight: str = "") -> Line:
    points = _points(file.aspect.get("curve") or {}, across + weight, up + weight)
    bests = file.aspect.get("best") or {}
    mark = next(iter(_points(bests.get(best + weight) or {}, across, up)), None)
    return Line(file.number, file.colour or 0, file.name, points, mark)


def _points(holder: dict[str, Any], across: str, up: str) -> list[Point]:
    """Return what two keys hold, lists or single numbers, as points; without nulls."""
    xs, ys = (v if isinstance(v := holder.get(key), list) else [v] for key in (across, up))
    return [(x, y) for x, y in zip(xs, ys, strict=False) if _is_number(x) and _is_number(y)]


def _chart(
    id: str, title: str, mark: str, axes: tuple[Axis, Axis], lines: list[Line], guides: list[Guide]
) -> str:
    """Return the chart, described by the marks of its lines; nothing if it has no line."""
    lines = [line for line in lines if line.points]
    described = [
        f"{line.name} (line {line.number}) has {mark} at {axes[0].name} {_number(line.mark[0])} "
        f"and {axes[1].name} {_number(line.mark[1])}."
        for line in lines
        if line.mark
    ]
    return line_chart(id, title, " ".join(described), axes, lines, guides) if lines else ""


def _calls(files: list[_File]) -> list[tuple[str, list[tuple[_File, int, float]]]]:
    """Return by range of scores the calls of each file, and their part of a logarithmic scale."""
    calls = {
        (file.number, (_value(each, "low") or 0, _value(each, "high") or 0)): int(n)
        for file in files
        for each in file.aspect.get("reliability") or []
        if (n := _value(each, "n_calls")) is not None
    }
    most = math.log10(1 + max(calls.values(), default=1))
    rows = []
    for low, high in sorted({bin for _, bin in calls}):
        counts = ((file, calls.get((file.number, (low, high)), 0)) for file in files)
        cells = [(file, n, math.log10(1 + n) / most) for file, n in counts]
        rows.append((f"{low:.3g}–{high:.3g}", cells))
    return rows


def _part(key: str, heading: str, of: str, shows: str, files: list[_File]) -> dict[str, Any]:
    """Return a breakdown: bars of Fmax for the files in the charts, all numbers of all files."""
    found = [(f, {_words(g.get("group")): g for g in f.aspect.get(key) or []}) for f in files]
    rows = [row for _, part in found for row in part.values()]
    counts, measures = (
        {each: name for each, name in names.items() if any(each in row for row in rows)}
        for names in (_COUNTS, _MEASURES)
    )
    groups = {
        group: [_count((part.get(group, {}) for _, part in found), each) for each in counts]
        for group in dict.fromkeys(group for _, part in found for group in part)
    }
    return {
        "heading": heading,
        "of": of,
        "shows": shows,
        "counts": [*counts.values()],
        "measures": measures,
        "groups": groups,
        "found": found,
        "drawn": [(file, part) for file, part in found if file.colour is not None and part],
    }


def _explained(value: object) -> str:
    meaning = _EXPLAINED.get(str(value), "")
    if isinstance(value, bool):
        return meaning
    return f"{_words(value)}: {meaning}" if meaning else _words(value)


def _count(holders: Iterable[dict[str, Any]], key: str) -> str:
    """Return a count that is the same for all files, from the first that has it."""
    return next((f"{n:,.0f}" for each in holders if (n := _value(each, key)) is not None), "–")


def _value(holder: Any, path: str) -> float | None:
    """Return the number at the end of a path of keys, or None if there is none."""
    for key in path.split("."):
        holder = holder.get(key) if isinstance(holder, dict) else None
    return holder if _is_number(holder) else None


def _is_number(value: Any) -> TypeGuard[float]:
    return type(value) in (int, float) and math.isfinite(value)


def _number(value: object) -> str:
    """Return a score with three significant digits.

    Examples
    --------
    >>> [_number(x) for x in (0.35000000000000003, 1, 12.34, 1234.5, None)]
    ['0.350', '1.00', '12.3', '1,234', '–']
    """
    if not _is_number(value):
        return "–"
    return f"{value:#.3g}" if abs(value) < 99.95 else f"{value:,.0f}"


def _words(value: object, limit: int = 80) -> str:
    return "–" if value is None or value == "" else printable(value, limit)
