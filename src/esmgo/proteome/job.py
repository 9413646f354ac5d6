"""The job of a long prediction: everything that determines its calls."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from operator import index
from typing import Any

from esmgo.errors import printable

FORMAT = 4
"""Version of jobs, parts and shards. It changes when older ones cannot be read any more."""

MOST_PROTEINS = 1 << 40

BLOCK = 512
"""Most proteins in a block: the work that a kill can cost, and a bound on memory."""

OTHER_INPUT = "input"

_OPTIONS = {
    "format": str, "reference": str, "assigned_by": str, "date": str, "taxon": int,
    "context_length": int, "max_novelty": float,
}  # fmt: skip
"""Options that `esmgo merge` uses, and their types unless they are None."""

_NAMES = {
    "proteins": OTHER_INPUT,
    "model": "model",
    "labels": "label space",
    "version": "version of esmgo",
    "fingerprint": "set of flags",
}


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that determines the calls and their output.

    Parameters
    ----------
    version : str
        Version of the program.
    model : str
        Fingerprint of the predictor.
    labels : str
        Fingerprint of the label space.
    proteins : str
        Digest of ids and sequences.
    n_proteins : int
        Number of proteins.
    options : mapping
        The settings that affect the calls, as plain values.
    kept : mapping of str to str
        Description of the conditions for a call, by purpose; see `Purpose`.
    sources : tuple of str
        Name of each flag of a call's sources, lowest first.
    shard : tuple of (int, int)
        Number and count of the shard; ``(1, 1)`` without shards.
    date : str
        First day, ``YYYY-MM-DD``; a resumed job keeps it.
    n_blocks : int
        Parts of all shards. Their sizes differ by one protein at most.
    """

    version: str
    model: str
    labels: str
    proteins: str
    n_proteins: int
    options: Mapping[str, Any]
    kept: Mapping[str, str]
    sources: tuple[str, ...]
    shard: tuple[int, int]
    date: str
    n_blocks: int

    @staticmethod
    def cut(n_proteins: int, n_shards: int, most: int) -> int:
        """Return a number of blocks of at most ``most`` proteins, as many in each shard.

        Examples
        --------
        >>> Job.cut(80, 2, 512), Job.cut(1100, 2, 512), Job.cut(1, 2, 512)
        (2, 4, 1)
        """
        return min(n_proteins, n_shards * -(-n_proteins // (n_shards * most)))

    def start(self, block: int) -> int:
        """Return the first protein of a block, counted from 0."""
        return block * self.n_proteins // self.n_blocks

    def size(self, block: int) -> int:
        """Return the number of proteins of a block."""
        return self.start(block + 1) - self.start(block)

    def block_of(self, protein: int) -> int:
        """Return the block of a protein, both counted from 0."""
        return ((protein + 1) * self.n_blocks - 1) // self.n_proteins

    @property
    def blocks(self) -> range:
        """The blocks of this shard."""
        return range(self.shard[0] - 1, self.n_blocks, self.shard[1])

    @property
    def n_here(self) -> int:
        """Number of proteins of this shard."""
        return sum(map(self.size, self.blocks))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything except shard and date."""
        values = self.to_json() | {"shard": None, "date": None}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    def differences(self, other: Job) -> list[str]:
        """Name the differences except shard and date: options, or else the first other one."""
        found = [
            f"`{name}` ({printable(other.options.get(name), 30)}, now {printable(value, 30)})"
            for name, value in self.options.items()
            if other.options.get(name) != value
        ]
        for name in () if found else ("proteins", "model", "labels", "version", "fingerprint"):
            if getattr(self, name) != getattr(other, name):
                return [_NAMES[name]]
        return found

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` takes."""
        return {
            "format": FORMAT,
            "n_blocks": self.n_blocks,
            "version": self.version,
            "model": self.model,
            "labels": self.labels,
            "proteins": self.proteins,
            "n_proteins": self.n_proteins,
            "options": dict(self.options),
            "kept": dict(self.kept),
            "sources": list(self.sources),
            "shard": list(self.shard),
            "date": self.date,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Job:
        """Read a result of `to_json`.

        Raises ValueError, TypeError or KeyError if ``value`` is anything else.
        """
        which, of = map(index, value["shard"])
        n_proteins, n_blocks = index(value["n_proteins"]), index(value["n_blocks"])
        options, kept, sources = value["options"], value["kept"], tuple(value["sources"])
        is_sound = (
            value["format"] == FORMAT
            and 1 <= which <= of
            and 0 <= n_blocks <= n_proteins < MOST_PROTEINS
            and all(isinstance(text, str) for text in (*kept.values(), *sources))
            and all(isinstance(options.get(n), kind | None) for n, kind in _OPTIONS.items())
        )
        if not is_sound:
            raise ValueError("unknown format, or impossible numbers")
        dt.date.fromisoformat(value["date"])
        return cls(
            str(value["version"]), str(value["model"]), str(value["labels"]),
            str(value["proteins"]), n_proteins, dict(options), dict(kept), sources, (which, of),
            value["date"], n_blocks,
        )  # fmt: skip
