"""Ranked terms as lines of text, or as rows of a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import NamedTuple

from esmgo.errors import escaped, printable
from esmgo.go.terms import Aspect, Term
from esmgo.render.boxes import TITLES

MOST_NAMES = 10
"""Annotations of a matching training protein that are named."""

HEADER = (
    "protein", "term", "name", "aspect", "score", "precision", "decoy_rate", "information",
    "training_protein",
)  # fmt: skip


class Ranked(NamedTuple):
    """A term of a ranking; ``precision`` and ``decoy_rate`` are NaN without a calibration.

    ``information`` is in bits, NaN if it is unknown. ``known`` is the training
    protein of the same sequence that has the term.
    """

    term: Term
    probability: float
    precision: float = math.nan
    decoy_rate: float = math.nan
    information: float = math.nan
    known: str = ""


def heading(protein_id: str) -> str:
    """Return a protein's id, safe to print."""
    return escaped(protein_id)


def ranking(terms: Iterable[tuple[Term, float]], *, show_ids: bool = False) -> str:
    """Return one line per term: probability with four decimals, colon, name.

    Examples
    --------
    >>> from esmgo.go.terms import Aspect
    >>> membrane = Term("GO:0016020", "membrane", Aspect.CC)
    >>> ranking([(membrane, 0.45974)], show_ids=True)
    '0.4597: membrane (GO:0016020)'
    """
    return "\n".join(
        f"{probability:.4f}: {_name(term, show_ids=show_ids)}" for term, probability in terms
    )


def grouped(groups: Mapping[Aspect | None, Sequence[Ranked]], *, show_ids: bool = False) -> str:
    """Return the terms by aspect: a title, then probability, precision, bits, and name.

    Precision and bits are left out where no term has them.

    A ``*`` follows the terms that a matching training protein has.

    Examples
    --------
    >>> from esmgo.go.terms import Aspect
    >>> membrane = Term("GO:0016020", "membrane", Aspect.CC)
    >>> print(grouped({Aspect.CC: [Ranked(membrane, 0.45974, 0.52, 0.01, 2.04)]}))
    Cellular component
      0.4597  0.52   2.0  membrane
    """
    all_rows = [row for rows in groups.values() for row in rows]
    is_calibrated = any(not math.isnan(row.precision) for row in all_rows)
    has_bits = any(not math.isnan(row.information) for row in all_rows)
    lines = []
    for aspect, rows in groups.items():
        lines += [TITLES[aspect]] if rows else [TITLES[aspect], "  (none)"]
        for row in rows:
            share = "   -" if math.isnan(row.precision) else f"{row.precision:.2f}"
            precision = f"  {share}" if is_calibrated else ""
            bits = f"  {row.information:4.1f}" if has_bits else ""
            star = " *" if row.known else ""
            name = _name(row.term, show_ids=show_ids)
            lines.append(f"  {row.probability:.4f}{precision}{bits}  {name}{star}")
    return "\n".join(lines)


def annotated(names: Sequence[str]) -> str:
    """Return the beginning of a list of annotations, as one line of text."""
    shown = "; ".join(printable(name, 100) for name in names[:MOST_NAMES])
    more = f"; and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
    return f"{shown}{more}" if names else "nothing"


def table_rows(protein_id: str, rows: Iterable[Ranked]) -> str:
    """Return lines of TSV, one per term, in the columns of `HEADER`; six significant figures.

    Information has two decimals.
    """
    lines = []
    for term, *numbers, bits, known in rows:
        aspect = term.aspect.name if term.aspect else ""
        texts = (escaped(protein_id), term.id, printable(term.name, 1000), aspect)
        figures = ("" if math.isnan(x) else f"{x:.6g}" for x in numbers)
        information = "" if math.isnan(bits) else f"{bits:.2f}"
        lines.append("\t".join([*texts, *figures, information, escaped(known)]) + "\n")
    return "".join(lines)


def html_table(protein_id: str, description: str, rows: Iterable[Ranked]) -> str:
    """Return terms as a table in HTML, for notebooks."""
    title = " ".join(filter(None, [printable(protein_id, 100), printable(description, 200)]))
    lines = []
    for row in rows:
        aspect = row.term.aspect.name if row.term.aspect else ""
        share = "" if math.isnan(row.precision) else f"{row.precision:.2f}"
        name = printable(row.term.name, 200)
        cells = (aspect, row.term.id, name, f"{row.probability:.4f}", share)
        lines.append("".join(f"<td>{escape(cell)}</td>" for cell in cells))
    names = ("aspect", "term", "name", "probability", "precision")
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><caption>{escape(title)}</caption><tr>{head}</tr>{body}</table>"


def _name(term: Term, *, show_ids: bool) -> str:
    id = f" ({term.id})" if show_ids and term.name != term.id else ""
    return f"{printable(term.name, 1000)}{id}"
