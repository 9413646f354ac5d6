"""Print the tables of docs/model_card.md from what `esmgo evaluate --output_dir` wrote.

    python recipes/model_card.py FOLDER/evaluation [--plot=docs/calibration.svg]

where FOLDER/evaluation/NAME/evaluation.json, with the names of `CALLERS`, are
results of recipes/bundled_caller.py; missing ones are omitted. The plot shows the third table.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from esmgo.files.atomic import write_atomically
from esmgo.render.charts import Axis, Guide, Line, line_chart, ticks

CALLERS = {
    "naive": "term frequency",
    "diamond": "DIAMOND",
    "head": "head",
    "neighbours": "neighbours",
    "kmers": "k-mers",
    "none": "blend without homology",
    "blend": "blend",
    "homology": "blend with DIAMOND",
    "mmseqs": "blend with MMseqs2",
}
STYLE = """
svg { background: #fff; max-width: 30rem; }
text { font: 14px Arial, "Liberation Sans", Helvetica, sans-serif; fill: #222; }
text.tick { font-size: 13px; fill: #555; }
.middle { text-anchor: middle; } .end { text-anchor: end; }
.frame { fill: none; stroke: #888; } .grid { stroke: #ddd; }
.guide { fill: none; stroke: #555; stroke-dasharray: 2 4; }
.line { fill: none; stroke-width: 2; } .dot { stroke: #fff; }
.line.c0, .badge.c0 path { stroke: #0072b2; } .c0.dot, .badge.c0 circle { fill: #0072b2; }
.line.c1, .badge.c1 path { stroke: #d55e00; } .c1.dot, .badge.c1 circle { fill: #d55e00; }
.line.c2, .badge.c2 path { stroke: #009e73; } .c2.dot, .badge.c2 circle { fill: #009e73; }
.badge text { font-size: 11px; font-weight: bold; fill: #fff; }
"""
"""Style of a stand-alone SVG; few viewers support the variables of `evaluation_page.css`."""

METRICS = {"fmax": "Fmax", "fmax_weighted": "wFmax", "smin": "Smin", "aupr": "AUPR"}


def main() -> None:
    """Print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--plot", type=Path, help="where to write the calibration plot, as SVG")
    options = parser.parse_args()
    found = evaluations(options.folder)
    if options.plot:
        write_atomically(options.plot, plot(found["blend"]).encode())
    aspects = list(next(iter(found.values())))
    print("\n\n".join([accuracy(found, aspects), similarity(found, aspects), calibration(found)]))


def evaluations(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the results by caller, then by aspect."""
    found = {}
    for name in CALLERS:
        path = folder / name / "evaluation.json"
        if path.exists():
            (found[name],) = (e["aspects"] for e in json.loads(path.read_text())["evaluations"])
    if not found:
        raise SystemExit(f"no NAME/evaluation.json in {folder}")
    return found


def metrics(result: dict[str, Any]) -> dict[str, float | None]:
    """Return the metrics of one caller in one aspect; Smin is weighted, in bits, if available."""
    best = result["best"]
    points = {"fmax": best["fmax"], "fmax_weighted": best["fmax_weighted"]}
    points["smin"] = best["smin_weighted"] or best["smin"]
    plain = {name: point and round(point["value"], 4) for name, point in points.items()}
    return plain | {"aupr": round(result["aupr"], 4)}


def figures(folder: Path) -> dict[str, dict[str, dict[str, float | None]]]:
    """Return the metrics by caller and aspect, for the card."""
    found = evaluations(folder)
    return {name: {a: metrics(r) for a, r in of.items()} for name, of in found.items()}


def accuracy(found: dict[str, dict[str, Any]], aspects: list[str]) -> str:
    """Return the table of all metrics of all callers."""
    head = ["", *(f"{aspect} {name}" for aspect in aspects for name in METRICS.values())]
    rows = []
    for name, of in found.items():
        values = [metrics(of[aspect])[key] for aspect in aspects for key in METRICS]
        rows.append([CALLERS[name], *map(cell, values)])
    return table(head, rows)


def similarity(found: dict[str, dict[str, Any]], aspects: list[str]) -> str:
    """Return the table of Fmax by identity to the nearest training protein."""
    by = {
        (name, aspect, each["group"]): each
        for name, of in found.items()
        for aspect in aspects
        for each in of[aspect]["by_identity"]
    }
    groups = dict.fromkeys((aspect, group) for _, aspect, group in by)
    rows = []
    for aspect, group in sorted(groups, key=lambda each: aspects.index(each[0])):
        cells = [by.get((name, aspect, group)) for name in found]
        n_proteins = next(each["n_proteins"] for each in cells if each)
        values = [cell(each and each["fmax"]) for each in cells]
        rows.append([aspect, group, f"{n_proteins:,}", *values])
    head = ["Fmax", "nearest identity", "proteins", *(CALLERS[name] for name in found)]
    return table(head, rows)


def calibration(found: dict[str, dict[str, Any]], name: str = "blend") -> str:
    """Return the observed fraction of annotated calls, by score."""
    rows = [
        [aspect, f"{each['low']:.1f}–{each['high']:.1f}", f"{each['n_calls']:,}",
         cell(each["mean_score"]), cell(each["observed"])]
        for aspect, result in found.get(name, {}).items()
        for each in result["reliability"]
    ]  # fmt: skip
    return table([CALLERS[name], "score", "calls", "mean score", "observed"], rows)


def plot(aspects: dict[str, Any]) -> str:
    """Return the reliability of one caller as an SVG: a line per aspect, numbered 1, 2, 3."""
    lines = []
    for i, (aspect, result) in enumerate(aspects.items()):
        points = [(each["mean_score"], each["observed"]) for each in result["reliability"]]
        mark = points[
            -1 - (i + 1) % len(points)
        ]  # another point of each line, so that numbers do not overlap
        lines.append(Line(i + 1, i, aspect, points, mark, [3.0] * len(points)))
    title = f"Calibration of the blend: {', '.join(f'{x.number} {x.name}' for x in lines)}"
    axes = Axis(f"Mean score ({title.partition(': ')[2]})", ticks(1)), Axis("Observed", ticks(1))
    what = "Fraction of the calls with about the same score that are annotated."
    drawn = str(line_chart("calibration", title, what, axes, lines, [Guide([(0, 0), (1, 1)])]))
    opened = '<svg xmlns="http://www.w3.org/2000/svg"'
    head, body = drawn.replace("<svg", opened, 1).split(">", 1)
    return f"{head}><style>{STYLE}</style>{body}"


def cell(value: float | None) -> str:
    """Return a number with three decimals, without a leading zero."""
    return "–" if value is None else f"{value:.3f}".replace("0.", ".", int(value < 1))


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
