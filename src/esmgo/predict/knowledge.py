"""Which sources a user asks for, and the training sequences that one of them needs."""

from __future__ import annotations

from pathlib import Path

from esmgo.data.fasta import read_fasta
from esmgo.data.rejects import ReadReport
from esmgo.dataset.opening import SAMPLE, locate_dataset, open_split
from esmgo.errors import UsageError, printable

NAMES = ("head", "neighbours", "kmers", "homology")


def split_sources(text: str | None) -> tuple[str, ...] | None:
    """Return the sources that are named, in the order of `NAMES`; None where none are.

    Raises
    ------
    UsageError
        If one is no source.
    """
    if text is None:
        return None
    found = [name.strip().lower() for name in text.split(",")]
    if unknown := [name for name in found if name not in NAMES]:
        raise UsageError(
            f"{printable(repr(unknown[0]), 40)} is no source; {', '.join(NAMES)}", field="sources"
        )
    return tuple(name for name in NAMES if name in found)


def training_sequences(source: str | None, subset: str = "all") -> dict[str, str] | None:
    """Read the training sequences by id, from a FASTA file or a data set; None for None.

    Raises
    ------
    FastaError, DatasetError, HubError
        If they cannot be read.
    """
    if source is None:
        return None
    path = Path(source)
    if source == SAMPLE or path.is_dir() or path.suffix in (".parquet", ".jsonl"):
        proteins, _, _ = open_split(locate_dataset(source, subset), "train", subset)
        return dict(zip(proteins.ids, proteins.sequences, strict=True))
    return {p.id: p.sequence for p in read_fasta(source, report=ReadReport())}
