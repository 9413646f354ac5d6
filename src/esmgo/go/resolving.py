"""Current terms for the ids of files, which may be alternative, obsolete or unknown.

A file that names terms is older or newer than the ontology that it is read with: GO merges
terms, which leaves alternative ids, and makes others obsolete, with or without a replacement.
Nothing here knows about files or proteins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from esmgo.errors import printable
from esmgo.go.ontology import Ontology

ALTERNATIVE = "alternative ids, read as their terms"
REPLACED = "obsolete terms, read as their replacements"
OBSOLETE = "obsolete terms, left out"
UNKNOWN = "terms not in the ontology, left out"


class TermResolver:
    """Finds the current term of each id, and counts the ids that are no current term.

    Parameters
    ----------
    ontology : Ontology
        The current terms.
    keeps_replaced : bool
        Whether an obsolete id with a replacement is read as that term. CAFA's evaluator
        leaves it out.

    Examples
    --------
    >>> from esmgo.go.terms import Term
    >>> binding = Term("GO:0005488", "binding", None)
    >>> go = Ontology({binding.id: binding}, {binding.id: ()}, {"GO:0005554": binding.id}, "")
    >>> resolver = TermResolver(go)
    >>> resolver.of("GO:0005554", at=3), resolver.of("GO:9999999", at=5)
    ('GO:0005488', None)
    >>> resolver.report(print, "a.tsv", place="line {}".format)
    a.tsv: 1 annotations with alternative ids, read as their terms: GO:0005554 (first: line 3)
    a.tsv: 1 annotations with terms not in the ontology, left out: GO:9999999 (first: line 5)
    """

    def __init__(self, ontology: Ontology, *, keeps_replaced: bool = True) -> None:
        self.ontology, self.keeps_replaced = ontology, keeps_replaced
        kinds = ALTERNATIVE, REPLACED, OBSOLETE, UNKNOWN
        self.counts: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
        self.first: dict[str, Any] = {}

    def of(self, id: str, n: int = 1, at: Any = None) -> str | None:
        """Return the current term that ``id`` stands for, or None; count ``id`` ``n`` times."""
        go = self.ontology
        if id in go.terms:
            return id
        is_obsolete = id in go.obsolete
        term = None if is_obsolete and not self.keeps_replaced else go.replacements.get(id)
        if term is not None:
            kind = REPLACED if is_obsolete else ALTERNATIVE
        else:
            kind = OBSOLETE if is_obsolete or id in go.replacements else UNKNOWN
        self.counts[kind][id] += n
        self.first.setdefault(kind, at)
        return term

    def report(
        self,
        warn: Callable[[str], None],
        name: str,
        unit: str = "annotations",
        place: Callable[[Any], str] | None = None,
    ) -> None:
        """Pass ``warn`` a line for each kind of id: how many, some of them, the first place."""
        for kind, counts in self.counts.items():
            if counts:
                ids = ", ".join(printable(id, 20) for id, _ in counts.most_common(2))
                first = f" (first: {printable(place(self.first[kind]), 32)})" if place else ""
                warn(f"{printable(name, 50)}: {counts.total():,} {unit} with {kind}: {ids}{first}")
