"""``esmgo audit --decoys``: the calls of a checkpoint on proteins, and on decoys of them.

A decoy has no function, so every call on it is wrong. General terms are true of so many proteins
that such calls can still keep a promise of precision. Calls of informative terms must be rare.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from esmgo.assess.novelty_audit import NoveltyAudit, NoveltyCounts
from esmgo.data.fasta import Protein
from esmgo.errors import UsageError, brief
from esmgo.evidence.decoys import KINDS, decoy
from esmgo.files.atomic import write_atomically
from esmgo.go.sparse import SparseRows
from esmgo.model.batches import blocks
from esmgo.predict.bands import EDGES
from esmgo.predict.novelty import MAX_NOVELTY

if TYPE_CHECKING:
    from esmgo.predict.predictor import Predictor

SCHEMA = 1
MARK = "decoys.json"
"""The file of all figures. A folder with this file is recognised as an audit of decoys."""

REAL = "real"
PRECISIONS = (0.5, 0.7, 0.9)

BANDS = ("general", "3.32 to 6 bits", "6 bits or more", "informative")
"""The bands of terms; the last consists of the two before it."""

_BLOCK = 256
"""Proteins scored together."""


@dataclass(frozen=True, slots=True)
class Count:
    """The calls of one promise of precision, on proteins of one kind, of terms of one band.

    Parameters
    ----------
    precision : float
        The promise.
    band : str
        One of `BANDS`.
    kind : str
        ``real``, or one of `esmgo.evidence.decoys.KINDS`.
    n_calls, n_proteins : int
        Calls, and the proteins that have one.
    """

    precision: float
    band: str
    kind: str
    n_calls: int
    n_proteins: int


@dataclass(frozen=True, slots=True)
class DecoyAudit:
    """The calls on proteins and on their decoys. Its text is a table.

    Parameters
    ----------
    counts : tuple of Count
        By precision, band and kind.
    n_proteins : int
        The real proteins; each kind has as many decoys.
    source : str
        Where the proteins are from.
    caller : str
        SHA-256 of everything that determines the scores.
    novelty : NoveltyAudit, optional
        None if the checkpoint has no novelty.
    """

    counts: tuple[Count, ...]
    n_proteins: int
    source: str
    caller: str
    novelty: NoveltyAudit | None = None

    __repr__ = brief

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def ratio(self, count: Count) -> float | None:
        """Return the calls on decoys for each call on real proteins; None without any of those."""
        real = next(
            each.n_calls
            for each in self.counts
            if (each.precision, each.band, each.kind) == (count.precision, count.band, REAL)
        )
        return count.n_calls / real if real else None

    def _lines(self) -> Iterator[str]:
        yield f"Calls on {self.n_proteins:,} proteins (how many have one), and the calls on as many"
        yield "decoys for each of them:"
        yield ""
        yield f"{'precision':<9}  {'terms':<14}  {REAL:>16}" + "".join(f"{k:>10}" for k in KINDS)
        for i in range(0, len(self.counts), 1 + len(KINDS)):
            real, *decoys = self.counts[i : i + 1 + len(KINDS)]
            calls = f"{real.n_calls:,} ({real.n_proteins:,})"
            ratios = [self.ratio(each) for each in decoys]
            shown = "".join(f"{'-' if x is None else f'{x:.4f}':>10}" for x in ratios)
            yield f"{real.precision:<9}  {real.band:<14}  {calls:>16}{shown}"
        if self.novelty is not None:
            yield ""
            yield from self.novelty.lines()

    def to_json(self) -> dict[str, Any]:
        """Return all figures as plain values."""
        return {
            "schema_version": SCHEMA,
            "proteins": self.source,
            "caller_sha256": self.caller,
            "n_proteins": self.n_proteins,
            "min_information": dict(zip(BANDS, (0.0, *EDGES, EDGES[0]), strict=True)),
            "counts": [
                {
                    "precision": each.precision, "band": each.band, "kind": each.kind,
                    "n_calls": each.n_calls, "n_proteins": each.n_proteins,
                    "ratio": self.ratio(each),
                }
                for each in self.counts
            ],
            "novelty": self.novelty and self.novelty.to_json(),
        }  # fmt: skip

    def write(self, folder: Path) -> None:
        """Write ``decoys.tsv``, a row for each count, and ``decoys.json`` into a folder."""
        lines = ["precision\tband\tkind\tcalls\tproteins\tratio"]
        for each in self.counts:
            ratio = self.ratio(each)
            cells = (
                each.precision, each.band, each.kind, each.n_calls, each.n_proteins,
                "" if ratio is None else f"{ratio:.6g}",
            )  # fmt: skip
            lines.append("\t".join(map(str, cells)))
        write_atomically(folder / "decoys.tsv", ("\n".join(lines) + "\n").encode())
        text = json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n"
        write_atomically(folder / MARK, text.encode("utf-8", "backslashreplace"))


def chosen(proteins: Iterable[Protein], most: int) -> list[Protein]:
    """Return at most so many proteins, in input order; their sequences decide which."""
    found = list(proteins)
    return [found[i] for i in first_by_digest([each.sequence for each in found], most)]


def first_by_digest(sequences: Sequence[str], most: int) -> list[int]:
    """Return the rows of at most so many sequences, in order: those of the lowest SHA-256."""
    keys = [hashlib.sha256(sequence.encode()).digest() for sequence in sequences]
    return sorted(sorted(range(len(keys)), key=keys.__getitem__)[:most])


def audit_decoys(
    predictor: Predictor,
    proteins: list[Protein],
    source: str,
    truth: SparseRows | None = None,
) -> DecoyAudit:
    """Count the calls on proteins and on decoys of every kind, as ``esmgo predict`` makes them.

    A sequence of a novelty above `MAX_NOVELTY` has no calls.

    Parameters
    ----------
    predictor : Predictor
        With a calibration and an index of the training proteins.
    proteins : list of Protein
        Real proteins, which the predictor should not have seen in training.
    source : str
        Where they are from.
    truth : SparseRows, optional
        The columns of the terms of each protein, by the labels of the predictor.

    Raises
    ------
    UsageError
        If the checkpoint has no calibration or no index.
    """
    band = _bands(predictor)
    counts = np.zeros((len(PRECISIONS), len(BANDS), 1 + len(KINDS), 2), np.int64)
    novelty = NoveltyCounts(predictor.labels, band[-1], truth)
    n = len(proteins) * (1 + len(KINDS))
    with tqdm(desc="Scoring", total=n, unit="protein", disable=None, leave=False) as bar:
        for i, kind in enumerate((REAL, *KINDS)):
            of_kind = proteins
            if kind != REAL:
                of_kind = [replace(p, sequence=decoy(p.sequence, kind)) for p in proteins]
            counts[:, :, i] = _counted(predictor, of_kind, band, kind, novelty, bar.update)
    found = tuple(
        Count(precision, name, kind, int(counts[i, j, k, 0]), int(counts[i, j, k, 1]))
        for i, precision in enumerate(PRECISIONS)
        for j, name in enumerate(BANDS)
        for k, kind in enumerate((REAL, *KINDS))
    )
    of_novelty = novelty.found(REAL)
    return DecoyAudit(found, len(proteins), source, predictor.fingerprint, of_novelty)


def _bands(predictor: Predictor) -> NDArray[np.bool_]:
    """Return which terms are in which of the `BANDS`; shape=(bands, T)."""
    index = predictor.sources.index
    if index is None:
        reason = "needs the index of training proteins beside the checkpoint: esmgo train writes it"
        raise UsageError(reason, field="decoys")
    band = np.searchsorted(EDGES, predictor.information, side="right")
    return np.stack([band == 0, band == 1, band == 2, band > 0])


def _counted(
    predictor: Predictor,
    proteins: Iterable[Protein],
    band: NDArray[np.bool_],
    kind: str,
    novelty: NoveltyCounts,
    step: Callable[[int], object],
) -> NDArray[np.int64]:
    """Return the calls and the proteins with a call, shape=(precisions, bands, 2)."""
    found = np.zeros((len(PRECISIONS), len(band), 2), np.int64)
    first = 0
    for block in blocks(proteins, _BLOCK):
        evidence = predictor.evidence(block, progress=step)
        rows = first + np.arange(len(block))
        first += len(block)
        novelty.add(kind, evidence, rows if kind == REAL else None)
        is_unlike = evidence.novelty > MAX_NOVELTY
        for i, precision in enumerate(PRECISIONS):
            calls = predictor.is_promised(evidence, precision) & ~is_unlike[:, None]
            n_calls = calls.astype(np.float32) @ band.T.astype(np.float32)  # (N, bands)
            found[i, :, 0] += n_calls.sum(axis=0).astype(np.int64)
            found[i, :, 1] += (n_calls > 0).sum(axis=0)
    return found
