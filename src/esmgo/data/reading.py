"""The FASTA flags, which several verbs share, and a reader with these settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from esmgo.data.fasta import Protein, Seen, read_fasta
from esmgo.data.rejects import ReadReport
from esmgo.data.residues import FEW_RESIDUES, MAX_LENGTH, is_short
from esmgo.errors import printable
from esmgo.files.source import Source, name_of
from esmgo.options import option


@dataclass(frozen=True)  # without slots: may be a second base of classes that have them
class FastaConfig:
    """Settings of the verbs that read proteins from a FASTA file."""

    strip_gaps: bool = option(
        False, "Drop gaps (-, and . in a sequence that has -) instead of refusing them."
    )
    allow_nucleotide_like: bool = option(
        False, "Accept sequences of 60 letters or more that are over 95 % ACGTUN."
    )
    max_length: int = option(MAX_LENGTH, "Reject proteins with more residues.", minimum=1)
    strict: bool = option(False, "Stop at the first rejected record instead of skipping it.")
    rejects_ok: bool = option(
        False,
        "Exit with 0 instead of 4 if records are rejected, for schedulers to which 4 is failure.",
    )


def read_source(
    source: Source,
    config: FastaConfig,
    report: ReadReport,
    *,
    is_scored: bool = True,
    seen: Seen | None = None,
) -> Iterator[Protein]:
    """Read a FASTA file with these settings; see `read_fasta`.

    Of proteins that are scored, warn of those with fewer than `FEW_RESIDUES` known residues.
    """
    proteins = read_fasta(
        source,
        report=report,
        strip_gaps=config.strip_gaps,
        allow_nucleotide_like=config.allow_nucleotide_like,
        max_length=config.max_length,
        seen=seen,
    )
    if not is_scored:
        yield from proteins
        return
    n, names = 0, []
    try:
        for protein in proteins:
            if is_short(protein.sequence):
                n += 1
                names += [printable(protein.id, 20)] * (n <= 3)
            yield protein
    finally:
        if n:
            more = f" and {n - 3:,} more" if n > 3 else ""
            what = (
                f"{n:,} sequences of fewer than {FEW_RESIDUES} known residues, too few to rely on"
            )
            name = printable(Path(name_of(source)).name, 50)
            report.warn(f"{name}: {what}: {', '.join(names)}{more}")
