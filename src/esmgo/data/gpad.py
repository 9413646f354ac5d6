"""The columns of GPAD, which `esmgo.data.gaf` reads as it reads GAF.

GPAD has no aspect, so that of the term counts. It has no type either: objects of ComplexPortal
and RNAcentral are left out. The evidence is an id of ECO, see `esmgo.data.evidence_codes`.

References
----------
https://github.com/geneontology/go-annotation/tree/master/specs: GPAD 1.0 to 2.0
"""

from __future__ import annotations

from esmgo.data.gaf import RELATIONS, Layout

_COLUMNS = "GPAD has 10 to 12"

GPAD_1 = Layout(
    database=0, protein=1, qualifier=2, term=3, evidence=5, least=10, columns=_COLUMNS
)  # fmt: skip
"""Versions 1.0, 1.1 and 1.2."""

GPAD_2 = Layout(
    protein=0, negation=1, qualifier=2, term=3, evidence=5, least=10, columns=_COLUMNS,
    relations=frozenset({*RELATIONS, *RELATIONS.values()}), is_curie=True,
)  # fmt: skip
"""Version 2.0: ids start with their database, and NOT has a column of its own."""
