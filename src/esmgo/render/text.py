"""Ranked terms as lines of text."""

from __future__ import annotations

from collections.abc import Iterable

from esmgo.errors import escaped, printable
from esmgo.go.terms import Term


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
        f"{probability:.4f}: {printable(term.name, 1000)}"
        + (f" ({term.id})" if show_ids and term.name != term.id else "")
        for term, probability in terms
    )
