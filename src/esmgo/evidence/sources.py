"""The sources of evidence, and how a user names them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntFlag

from esmgo.errors import UsageError, printable


class EvidenceSource(IntFlag):
    """Sources that support a call: they score the term above its frequency in training.

    A call's flags are a sum of these numbers. The first four can be requested. With
    `DESCENDANT` the true-path rule raised the call above its own blended score.
    """

    HEAD = 1
    NEIGHBOURS = 2
    KMERS = 4
    HOMOLOGY = 8
    COANNOTATION = 16
    DESCENDANT = 32

    @property
    def word(self) -> str:
        """The name in flags, files and stored blends."""
        return str(self.name).lower()


SCORING = tuple(source.word for source in EvidenceSource if source < EvidenceSource.COANNOTATION)
"""Names of the sources that can be requested."""


def parse_sources(text: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the named sources in the order of `SCORING`; None for None.

    Names are separated by commas or in a sequence. Raises UsageError if one is unknown.
    """
    if text is None:
        return None
    names = text.split(",") if isinstance(text, str) else text
    found = [name.strip().lower() for name in names]
    if unknown := [name for name in found if name not in SCORING]:
        raise UsageError(
            f"{printable(repr(unknown[0]), 40)} is no source; {', '.join(SCORING)}", field="sources"
        )
    return tuple(name for name in SCORING if name in found)
