"""An evaluation as printed table, as CAFA's files, and as the document that is stored and drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esmgo.go.terms import Aspect
from esmgo.metrics.curve import Curve, CurveSums
from esmgo.metrics.evaluator import FREQUENCIES
from esmgo.metrics.result import AspectResult, Evaluation, name_of

SCHEMA_VERSION = 1

_COLUMNS = (
    "n", "tp", "fp", "fn", "pr", "rc", "cov", "mi", "ru", "f", "s", "pr_micro", "rc_micro",
    "f_micro",
)  # fmt: skip
_BEST = ("f", "f_w", "s", "s_w", "f_micro", "f_micro_w")


def cafa_tables(evaluations: Mapping[str, Evaluation]) -> dict[str, str]:
    """Return the tables of CAFA's evaluator by file name, columns and order as it has them.

    ``evaluation_all.tsv`` has a row for each predictions file, aspect and threshold at
    which anything is called; ``evaluation_best_METRIC.tsv`` the best of them, with
    ``cov_max``, the highest coverage. Weighted columns end in ``_w``.
    """
    is_weighted = any(r.weighted for e in evaluations.values() for r in e.values())
    names = [*_COLUMNS, *(f"{name}_w" for name in _COLUMNS if is_weighted)]
    head = ["filename", "ns", "tau", *names]
    tables = {"all": [head]}
    tables |= {m: [[*head, "cov_max"]] for m in _BEST if is_weighted or not m.endswith("_w")}
    for file, evaluation in sorted(evaluations.items()):
        for aspect, result in sorted(evaluation.items(), key=lambda each: _namespace(each[0])):
            row = _rows(result, names, [file, _namespace(aspect)])
            at = result.curve.covered
            tables["all"] += [row(i) for i in at]
            for metric in tables.keys() - {"all"}:
                if len(at):
                    values = _column(result, metric)[at]
                    i = at[np.argmin(values) if metric.startswith("s") else np.argmax(values)]
                    coverage = _column(result, "cov_w" if metric.endswith("_w") else "cov")
                    tables[metric].append([*row(i), _number(coverage[at].max())])
    return {
        f"evaluation_{'all' if metric == 'all' else f'best_{metric}'}.tsv": "".join(
            "\t".join(cells) + "\n" for cells in rows
        )
        for metric, rows in tables.items()
    }


def _rows(
    result: AspectResult, names: Sequence[str], head: list[str]
) -> Callable[[int], list[str]]:
    columns = [result.thresholds, *(_column(result, name) for name in names)]
    return lambda i: [*head, *(_number(column[i]) for column in columns)]


def _column(result: AspectResult, name: str) -> NDArray[np.float64]:
    curve = result.weighted if name.endswith("_w") else result.curve
    assert curve is not None
    values: NDArray[np.float64] = getattr(curve, name.removesuffix("_w"))
    return values


def _number(value: float) -> str:
    return f"{value:.15g}"


def _namespace(aspect: Aspect | None) -> str:
    return aspect.value if aspect else "all"


def summary(evaluations: Mapping[str, Evaluation]) -> str:
    """Return a table for people: one line for each predictions file and aspect."""
    rows = [["predictions", "aspect", "proteins", "coverage", "Fmax", "at", "wFmax", "at",
             "Smin", "at", "AUPR"]]  # fmt: skip
    for file, evaluation in evaluations.items():
        for aspect, result in evaluation.items():
            best = _best_points(result)
            cells = [file, name_of(aspect), f"{result.curve.n_proteins:,}"]
            cells.append(f"{result.curve.cov.max(initial=0):.3f}")
            for point in ("fmax", "fmax_weighted", "smin_weighted" if result.weighted else "smin"):
                value, at = (best[point] or {}).get("value"), (best[point] or {}).get("threshold")
                cells.append("–" if value is None else f"{value:.3f}")
                cells.append("–" if at is None else f"{at:.3g}")
            rows.append([*cells, f"{result.aupr:.3f}"])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def document(
    evaluations: Mapping[str, Evaluation], settings: Mapping[str, Any], strata: Sequence[str] = ()
) -> dict[str, Any]:
    """Return evaluations as plain values for JSON and the page; docs/evaluation.md lists the keys.

    Parameters
    ----------
    evaluations : mapping of str to Evaluation
        By name of the predictions.
    settings : mapping
        What was evaluated, and how; copied unchanged.
    strata : sequence of str
        The names of the groups of proteins that were also evaluated separately.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        **settings,
        "evaluations": [
            {
                "predictions": file,
                "aspects": {name_of(a): _aspect(result, strata) for a, result in found.items()},
            }
            for file, found in evaluations.items()
        ],
    }


def _aspect(result: AspectResult, strata: Sequence[str]) -> dict[str, Any]:
    hits = result.sums.hits
    weighted = result.weighted
    return {
        "n_proteins": result.curve.n_proteins,
        "n_terms": int(result.n_terms.sum()),
        "n_annotations": int(hits.sum()),
        "best": _best_points(result),
        "aupr": result.aupr,
        "aupr_weighted": None if weighted is None else weighted.aupr,
        "curve": _curve(result),
        "by_depth": list(_groups(result, 0, [str(d) for d in range(hits.shape[0])])),
        "by_frequency": list(_groups(result, 1, _frequency_names())),
        "by_identity": list(_strata(result, strata)),
        "reliability": list(_reliability(result)),
    }


def _best_points(result: AspectResult) -> dict[str, dict[str, float | None] | None]:
    plain, weighted = result.curve, result.weighted
    parts = ("precision", "pr"), ("recall", "rc"), ("coverage", "cov")
    micro = ("precision", "pr_micro"), ("recall", "rc_micro"), ("coverage", "cov")
    sides = ("ru", "ru"), ("mi", "mi"), ("coverage", "cov")
    return {
        "fmax": _point(plain, "f", parts),
        "fmax_weighted": _point(weighted, "f", parts),
        "fmax_micro": _point(plain, "f_micro", micro),
        "smin": _point(plain, "s", sides),
        "smin_weighted": _point(weighted, "s", sides),
    }


def _point(
    curve: Curve | None, metric: str, parts: Sequence[tuple[str, str]]
) -> dict[str, float | None] | None:
    """Return the best point; where nothing is called, its value and no threshold.

    It is None without a curve, and without proteins of the benchmark.
    """
    at = None if curve is None else curve.best(metric)
    if curve is None or (at is None and curve.n_proteins == 0):
        return None
    if at is None:
        value = curve.smin if metric == "s" else 0.0
        return {"value": value, "threshold": None, **{name: None for name, _ in parts}}
    found = {"value": getattr(curve, metric)[at], "threshold": curve.tau[at]}
    found |= {name: getattr(curve, column)[at] for name, column in parts}
    return {name: float(value) for name, value in found.items()}


def _curve(result: AspectResult) -> dict[str, list[float] | None]:
    plain, weighted = result.curve, result.weighted
    at = plain.covered
    named = {"precision": "pr", "recall": "rc", "ru": "ru", "mi": "mi"}
    lists = {"threshold": plain.tau[at].tolist(), "coverage": plain.cov[at].tolist()}
    lists |= {name: getattr(plain, column)[at].tolist() for name, column in named.items()}
    return lists | {
        f"{name}_weighted": None if weighted is None else getattr(weighted, column)[at].tolist()
        for name, column in named.items()
    }


def _frequency_names() -> list[str]:
    ends = [high - 1 for high in FREQUENCIES[1:]]
    between = [f"{a}–{b}" for a, b in zip(FREQUENCIES, ends, strict=False)]
    return ["0", *between, f"{FREQUENCIES[-1]:,} and more"]


def _groups(result: AspectResult, axis: int, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Micro averages over the terms of a group: each protein and term is one call."""
    hits, misses = (x.sum(axis=1 - axis) for x in (result.sums.hits, result.sums.misses))
    everyone = np.ones(1, bool)
    for name, n_terms, hit, miss in zip(
        names, result.n_terms.sum(axis=1 - axis), hits, misses, strict=True
    ):
        if hit.sum() == 0:
            continue  # no true term: nothing to find
        curve = result.curve_of(CurveSums.of(hit[None], miss[None], everyone))
        found = _point(curve, "f_micro", (("precision", "pr_micro"), ("recall", "rc_micro")))
        assert found is not None
        yield {
            "group": name,
            "n_terms": int(n_terms),
            "n_annotations": int(hit.sum()),
            "fmax": found.pop("value"),
            **found,
        }


def _strata(result: AspectResult, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    weighted = result.sums.strata_weighted or (None,) * len(names)
    for name, plain, bits in zip(names, result.sums.strata, weighted, strict=False):
        if plain.n_proteins == 0:
            continue
        curve = result.curve_of(plain)
        wide = None if bits is None else result.curve_of(bits)
        best = curve.best("f")
        yield {
            "group": name,
            "n_proteins": plain.n_proteins,
            "fmax": curve.fmax,
            "threshold": None if best is None else float(curve.tau[best]),
            "fmax_weighted": None if wide is None else wide.fmax,
            "smin": (wide or curve).smin,
        }


def _reliability(result: AspectResult, n_groups: int = 10) -> Iterator[dict[str, float]]:
    """Yield how often calls of similar scores are right; the mean score is that of the bins."""
    hits, misses = (x.sum(axis=(0, 1))[1:] for x in (result.sums.hits, result.sums.misses))
    edges = np.concatenate([[0.0], result.thresholds, [1.0]])
    middle = (edges[:-1] + edges[1:]) / 2
    group = np.minimum((middle * n_groups).astype(int), n_groups - 1)
    for g in range(n_groups):
        at = group == g
        n_calls = (hits + misses)[at].sum()
        if n_calls:
            yield {
                "low": g / n_groups,
                "high": (g + 1) / n_groups,
                "n_calls": int(n_calls),
                "mean_score": float(((hits + misses) * middle)[at].sum() / n_calls),
                "observed": float(hits[at].sum() / n_calls),
            }
