"""What a long prediction is: all that decides its calls, so that no two are ever mixed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from esmgo.errors import printable

FORMAT = 1
"""Of jobs, parts and shards. It grows when an older one can no longer be read."""

OTHER_INPUT = "input"

_WORDS = {
    "proteins": OTHER_INPUT,
    "model": "model",
    "version": "version of esmgo",
    "fingerprint": "set of flags",
}


@dataclass(frozen=True, slots=True)
class Job:
    """All that decides the calls, and how they are told.

    Parameters
    ----------
    version : str
        Of the program.
    model : str
        Fingerprint of what scores.
    proteins : str
        Digest of ids and sequences.
    n_proteins : int
        How many there are.
    options : mapping
        The flags that matter, as plain values.
    kept : str
        Which calls are kept, in words.
    sources : tuple of str
        A word for each flag of a call's sources, lowest first.
    shard : tuple of (int, int)
        Which of how many shards this is; ``(1, 1)`` is the whole.
    date : str
        When it began, ``YYYY-MM-DD``: a job that goes on is not another one.
    block : int
        Proteins in a part.
    """

    version: str
    model: str
    proteins: str
    n_proteins: int
    options: Mapping[str, Any]
    kept: str
    sources: tuple[str, ...]
    shard: tuple[int, int]
    date: str
    block: int

    @property
    def n_blocks(self) -> int:
        """Blocks of all shards together."""
        return -(-self.n_proteins // self.block)

    @property
    def blocks(self) -> range:
        """The blocks of this shard."""
        return range(self.shard[0] - 1, self.n_blocks, self.shard[1])

    @property
    def n_here(self) -> int:
        """Proteins of this shard."""
        return sum(min(self.block, self.n_proteins - b * self.block) for b in self.blocks)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all but the shard and the date."""
        values = self.to_json() | {"shard": None, "date": None}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    def differences(self, other: Job) -> list[str]:
        """Say in words what differs, shard and date aside: flags, or else what they stand for."""
        found = [
            f"`{name}` ({printable(other.options.get(name), 30)}, now {printable(value, 30)})"
            for name, value in self.options.items()
            if other.options.get(name) != value
        ]
        for name in () if found else ("proteins", "model", "version", "fingerprint"):
            if getattr(self, name) != getattr(other, name):
                return [_WORDS[name]]
        return found

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` takes."""
        return {
            "format": FORMAT,
            "block": self.block,
            "version": self.version,
            "model": self.model,
            "proteins": self.proteins,
            "n_proteins": self.n_proteins,
            "options": dict(self.options),
            "kept": self.kept,
            "sources": list(self.sources),
            "shard": list(self.shard),
            "date": self.date,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Job:
        """Read what `to_json` made.

        Raises
        ------
        ValueError, TypeError, KeyError
            If ``value`` is anything else.
        """
        which, of = map(int, value["shard"])
        n_proteins, block = int(value["n_proteins"]), int(value["block"])
        if value["format"] != FORMAT or not 1 <= which <= of or n_proteins < 0 or block < 1:
            raise ValueError("another format")
        return cls(
            str(value["version"]), str(value["model"]), str(value["proteins"]),
            n_proteins, dict(value["options"]), str(value["kept"]),
            tuple(map(str, value["sources"])), (which, of), str(value["date"]),
            block,
        )  # fmt: skip
