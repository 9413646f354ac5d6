"""GO terms and the three aspects. Nothing here knows how terms are related."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from esmgo.errors import UsageError, printable

_GO_ID = re.compile(r"GO:\d{7}", re.ASCII)


def is_go_id(text: str) -> bool:
    """Whether ``text`` has the form of a GO id: ``GO:`` and seven digits."""
    return _GO_ID.fullmatch(text) is not None


class Aspect(Enum):
    """One of the three disjoint parts of GO; the value is its OBO namespace."""

    MF = "molecular_function"
    BP = "biological_process"
    CC = "cellular_component"

    @property
    def root(self) -> str:
        """The id of the aspect's most general term."""
        return _ROOT_OF[self]

    @classmethod
    def parse(cls, text: str) -> Aspect:
        """Parse an aspect in any common spelling: ``mf``, ``MFO``, ``F``, ``Molecular_Function``.

        Raises
        ------
        UsageError
            If ``text`` is not an aspect.
        """
        try:
            return _SPELLINGS[text.strip().lower().replace(" ", "_")]
        except KeyError:
            raise UsageError(
                f"{printable(repr(text), 40)} is not an aspect: mf, bp or cc"
            ) from None


def parse_aspects(text: str | None) -> tuple[Aspect, ...]:
    """Parse a comma-separated list of aspects; return each once, in the order MF, BP, CC.

    None gives an empty tuple. Raises UsageError if a part is not an aspect.

    Examples
    --------
    >>> parse_aspects("cc,F")
    (<Aspect.MF: 'molecular_function'>, <Aspect.CC: 'cellular_component'>)
    """
    names = [] if text is None else text.split(",")
    return tuple(sorted({Aspect.parse(name) for name in names}, key=list(Aspect).index))


_ROOT_OF = {Aspect.MF: "GO:0003674", Aspect.BP: "GO:0008150", Aspect.CC: "GO:0005575"}
_SPELLINGS = {
    spelling: aspect
    for aspect in Aspect
    for spelling in (aspect.value, aspect.name.lower(), aspect.name.lower() + "o")
} | {"f": Aspect.MF, "p": Aspect.BP, "c": Aspect.CC}

ROOTS = frozenset(_ROOT_OF.values())
"""The ids of the three roots. Every protein has them, so metrics do not count them."""


@dataclass(frozen=True, slots=True)
class Term:
    """A GO term. Without an ontology its name is its id, and its aspect may be None."""

    id: str
    name: str
    aspect: Aspect | None

    @property
    def is_root(self) -> bool:
        """Whether this is one of the three roots."""
        return self.id in ROOTS
