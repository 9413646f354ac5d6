"""The domains and addresses of the sample's proteins, from ``sample_motifs.toml``.

Nothing here knows how motifs become residues.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any


@dataclass(frozen=True, slots=True)
class Domain:
    """Motifs in order from N to C, how many times over, and what they do.

    ``share`` is how often the domain is drawn, against the others; ``at`` the addresses
    that fit it, each as often as it is listed.
    """

    share: int
    motifs: tuple[str, ...]
    terms: tuple[str, ...]
    at: tuple[str, ...]
    copies: tuple[int, int] = (1, 1)
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Address:
    """The targeting signals that bring a protein to one cellular component."""

    motifs: tuple[str, ...]
    terms: tuple[str, ...]
    copies: tuple[int, int] = (1, 1)


def _frozen(table: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(value) if isinstance(value, list) else value for k, value in table.items()}


_TABLES = tomllib.loads(
    (resources.files("esmgo.dataset") / "sample_motifs.toml").read_text("utf-8")
)
DOMAINS = {name: Domain(**_frozen(each)) for name, each in _TABLES["domains"].items()}
ADDRESSES = {name: Address(**_frozen(each)) for name, each in _TABLES["addresses"].items()}
