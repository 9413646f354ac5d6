"""The subsets of a data set: all proteins, or the proteins with a term of one aspect."""

from __future__ import annotations

from esmgo.errors import UsageError, printable
from esmgo.go.terms import Aspect

SUBSETS = {"all": None} | {aspect.name.lower(): aspect for aspect in Aspect}
"""The aspect of each subset; None for ``all``."""

_SPELLINGS = {name: name for name in SUBSETS} | {a.value: a.name.lower() for a in Aspect}


def parse_subset(text: str) -> str:
    """Return ``all``, ``mf``, ``bp`` or ``cc``; accept full aspect names, too, in any case.

    Examples
    --------
    >>> parse_subset("Biological_Process")
    'bp'
    """
    try:
        return _SPELLINGS[text.strip().lower()]
    except KeyError:
        raise UsageError(
            f"must be all, mf, cc, bp or an aspect's full name, not {printable(repr(text), 40)}",
            field="dataset_subset",
        ) from None
