"""The domains and locations of the sample's proteins, from ``sample_motifs.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any


@dataclass(frozen=True, slots=True)
class Domain:
    """Motifs in order from N to C, their number of copies, and their terms.

    ``share`` is the relative frequency of the domain. ``at`` lists the locations that it can
    have; a repeated location is drawn more often. ``linked`` joins the motifs without residues
    between them.
    """

    share: int
    motifs: tuple[str, ...]
    terms: tuple[str, ...]
    at: tuple[str, ...]
    copies: tuple[int, int] = (1, 1)
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Location:
    """The targeting signals of one cellular component."""

    motifs: tuple[str, ...]
    terms: tuple[str, ...]
    copies: tuple[int, int] = (1, 1)


def _frozen(table: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(value) if isinstance(value, list) else value for k, value in table.items()}


_TABLES = tomllib.loads(
    (resources.files("esmgo.dataset") / "sample_motifs.toml").read_text("utf-8")
)
DOMAINS = {name: Domain(**_frozen(each)) for name, each in _TABLES["domains"].items()}
LOCATIONS = {name: Location(**_frozen(each)) for name, each in _TABLES["locations"].items()}
