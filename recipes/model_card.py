"""Print the tables of docs/model_card.md from what `esmgo evaluate --output_dir` wrote.

    python recipes/model_card.py FOLDER/evaluation

where FOLDER/evaluation/{naive,diamond,head,neighbours,blend}/evaluation.json are those that
recipes/bundled_caller.py leaves; what is not there is left out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

CALLERS = {
    "naive": "term frequency",
    "diamond": "DIAMOND",
    "head": "head",
    "neighbours": "neighbours",
    "blend": "blend",
    "homology": "blend with DIAMOND",
}
METRICS = {"fmax": "Fmax", "fmax_weighted": "wFmax", "smin": "Smin", "aupr": "AUPR"}


def main() -> None:
    """Print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    found = evaluations(parser.parse_args().folder)
    aspects = list(next(iter(found.values())))
    print("\n\n".join([accuracy(found, aspects), similarity(found, aspects), calibration(found)]))


def evaluations(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what was found by caller, then by aspect."""
    found = {}
    for name in CALLERS:
        path = folder / name / "evaluation.json"
        if path.exists():
            (found[name],) = (e["aspects"] for e in json.loads(path.read_text())["evaluations"])
    if not found:
        raise SystemExit(f"no NAME/evaluation.json in {folder}")
    return found


def metrics(result: dict[str, Any]) -> dict[str, float | None]:
    """Return the metrics of one caller in one aspect; Smin is in bits where those are known."""
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
    """All metrics of all callers."""
    head = ["", *(f"{aspect} {name}" for aspect in aspects for name in METRICS.values())]
    rows = []
    for name, of in found.items():
        values = [metrics(of[aspect])[key] for aspect in aspects for key in METRICS]
        rows.append([CALLERS[name], *map(cell, values)])
    return table(head, rows)


def similarity(found: dict[str, dict[str, Any]], aspects: list[str]) -> str:
    """Fmax by identity to the nearest training protein."""
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
    """Of calls with about the same score, how many are in the annotations."""
    rows = [
        [aspect, f"{each['low']:.1f}–{each['high']:.1f}", f"{each['n_calls']:,}",
         cell(each["mean_score"]), cell(each["observed"])]
        for aspect, result in found.get(name, {}).items()
        for each in result["reliability"]
    ]  # fmt: skip
    return table([CALLERS[name], "score", "calls", "mean score", "observed"], rows)


def cell(value: float | None) -> str:
    """Three decimals, without the zero before them."""
    return "–" if value is None else f"{value:.3f}".replace("0.", ".", int(value < 1))


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
