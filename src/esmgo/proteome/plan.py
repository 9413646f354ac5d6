"""The plan of a prediction: the bytes of each block of proteins, so that blocks are read alone.

`esmgo.proteome.planning` writes plans. A plan is trusted: its records are not judged again, and a
block is compared with its digest when it is read.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import index
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esmgo.data.fasta import Protein, read_judged
from esmgo.data.reading import FastaConfig
from esmgo.errors import FastaError, InputError, brief, printable
from esmgo.files.atomic import write_atomically
from esmgo.files.json_text import parse_json
from esmgo.proteome.parts import MOST_JOB

FORMAT = 1
"""Version of plans. It changes when older ones cannot be read any more."""

PLAN = "plan.json"
COPY = "proteins.fasta"
"""The input, if it was compressed or a pipe."""

REJECTS = "rejects.tsv"
BLOCKS, REJECTED = "blocks.npy", "rejected.npy"

ROW = np.dtype([("start", "<i8"), ("length", "<i8"), ("record", "<i8"), ("digest", "u1", 32)])
"""A block: its first byte, its bytes, the number of its first record, and `owner_of` it."""

JUDGED = ("strip_gaps", "allow_nucleotide_like", "max_length")
"""Settings that decide which records are proteins."""


def digest_of(protein: Protein) -> bytes:
    """Return a digest of id, species and sequence, 16 bytes."""
    text = f"{protein.id}\0{protein.taxon}\0{protein.sequence}"
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def owner_of(digests: Iterable[bytes]) -> str:
    """Return a digest of a block of proteins, from those of `digest_of`."""
    return hashlib.sha256(b"".join(digests)).hexdigest()


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as it is on disk. Memory does not grow with the number of proteins.

    Parameters
    ----------
    folder : Path
        The folder of the plan.
    source : str
        The FASTA file.
    proteins : str
        Digest of ids and sequences, as in `Job`.
    n_proteins, n_rejected : int
        Numbers of accepted and rejected records.
    judged : mapping
        The settings `JUDGED`.
    blocks : ndarray, shape=(n_blocks,), dtype=ROW
        The blocks, in order.
    rejected : ndarray, shape=(n_rejected,), dtype=int64
        Numbers of the rejected records, counted from 1, ascending.
    """

    folder: Path
    source: str
    proteins: str
    n_proteins: int
    n_rejected: int
    judged: Mapping[str, Any]
    blocks: NDArray[np.void]
    rejected: NDArray[np.int64]

    __repr__ = brief

    @staticmethod
    def is_at(path: str) -> bool:
        """Whether a path is a folder that `esmgo plan` wrote."""
        return os.path.isfile(f"{path}/{PLAN}")  # noqa: PTH113 (False for a path with NUL)

    @classmethod
    def open(cls, folder: Path) -> Plan:
        """Open a plan. Raises InputError if it is missing or damaged."""
        try:
            found = parse_json((folder / PLAN).read_bytes(), MOST_JOB)
            if found["format"] != FORMAT:
                raise ValueError("another version of plans")
            blocks, rejected = (np.load(folder / n, mmap_mode="r") for n in (BLOCKS, REJECTED))
            n_proteins, n_rejected = index(found["n_proteins"]), index(found["n_rejected"])
            judged = {name: found["judged"][name] for name in JUDGED}
            FastaConfig(**judged)
            is_sound = (
                (blocks.dtype, rejected.dtype) == (ROW, np.dtype("<i8"))
                and rejected.shape == (n_rejected,)
                and blocks.ndim == 1
                and (n_proteins > 0) <= len(blocks) <= n_proteins
            )
            if not is_sound:
                raise ValueError("wrong shapes")
            source = os.path.normpath(folder / str(found["source"]))
            proteins = str(found["proteins"])
        except FileNotFoundError:
            raise InputError(folder, "no plan: `esmgo plan` writes one") from None
        except (OSError, EOFError, KeyError, ValueError, TypeError, AttributeError) as error:
            reason = f"damaged plan ({printable(error, 60)}): run `esmgo plan` again"
            raise InputError(folder, reason) from None
        return cls(folder, source, proteins, n_proteins, n_rejected, judged, blocks, rejected)

    def save(self) -> None:
        """Write the plan to its folder, which is not a plan before."""
        np.save(self.folder / BLOCKS, self.blocks)
        np.save(self.folder / REJECTED, self.rejected)
        names = ("proteins", "n_proteins", "n_rejected", "judged")
        values = {"format": FORMAT, "source": self.source} | {n: getattr(self, n) for n in names}
        write_atomically(self.folder / PLAN, json.dumps(values, indent=1).encode())

    def owner(self, number: int) -> str:
        """Return the digest of a block; see `owner_of`."""
        return bytes(self.blocks[number]["digest"]).hex()

    def read(self, number: int) -> list[Protein]:
        """Read the proteins of a block, and only its bytes.

        Raises FastaError if they are not those of the plan.
        """
        start, length, record = (int(self.blocks[number][n]) for n in ("start", "length", "record"))
        last = self.blocks[number + 1]["record"] if number + 1 < len(self.blocks) else 1 << 62
        here = slice(*np.searchsorted(self.rejected, (record, last)))
        left_out = {int(each) - record for each in self.rejected[here]}
        found = list(
            read_judged(
                self.source, start, length, left_out, strip_gaps=self.judged["strip_gaps"],
                max_length=self.judged["max_length"],
            )
        )  # fmt: skip
        if owner_of(map(digest_of, found)) != self.owner(number):
            reason = f"bytes {start:,} to {start + length:,} changed since the plan: plan it again"
            raise FastaError(self.source, reason)
        return found
