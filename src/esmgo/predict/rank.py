"""Ranking the terms of proteins: what ``predict-rank.py`` and ``esmgo rank`` do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

from esmgo.data.fasta import Protein, read_fasta
from esmgo.data.report import ReadReport
from esmgo.data.residues import MAX_LENGTH
from esmgo.errors import UsageError
from esmgo.options import check, option
from esmgo.predict.predictor import Prediction, Predictor

__all__ = ["RankConfig", "pasted", "rank", "read_proteins"]

_DIGITS = re.compile(r"[\d\s]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class RankConfig:
    """What ``predict-rank.py`` and ``esmgo rank`` accept."""

    checkpoint_path: str = option(
        "./checkpoints/checkpoint.pt", "The path to the training checkpoint."
    )
    context_length: int = option(
        1024,
        "The maximum length of the input sequences, in tokens; longer ones are scored in"
        " overlapping windows.",
        minimum=3,
        maximum=100_002,
    )
    top_k: int = option(
        10, "The top k GO terms and their probabilities to output as predictions.", minimum=1
    )
    sequence: str | None = option(None, "Rank the terms of this sequence instead of asking.")
    fasta: str | None = option(
        None, "Rank the terms of every protein in this FASTA file (- for standard input)."
    )
    show_ids: bool = option(False, "Print GO ids beside the names.")
    raw: bool = option(False, "Print the network's own probabilities, without the true-path rule.")
    strip_gaps: bool = option(False, "Drop gaps (- and .) from sequences instead of refusing them.")
    allow_nucleotide_like: bool = option(
        False, "Take sequences of 60 letters or more that are over 95 % ACGTUN."
    )
    max_length: int = option(MAX_LENGTH, "Reject proteins with more residues.", minimum=1)
    strict: bool = option(False, "Stop at the first rejected record instead of skipping it.")
    rejects: str | None = option(None, "Write the rejected records to this TSV file.")
    device: str | None = option(
        None,
        'The device to run the computation on ("cuda", "cuda:1", "mps", "cpu", etc); when not'
        " given cuda, else mps, else cpu.",
    )
    seed: int | None = option(
        None, "Accepted for compatibility: ranking draws no random numbers.", minimum=0
    )

    def __post_init__(self) -> None:
        check(self)
        if self.sequence is not None and self.fasta is not None:
            raise UsageError("give --sequence or --fasta, not both")


def rank(config: RankConfig, report: ReadReport | None = None) -> Iterator[Prediction]:
    """Score the proteins that ``config`` names, in input order.

    All input is read and judged before the first prediction, so that a refused file
    leaves nothing half-written.

    Parameters
    ----------
    config : RankConfig
        With ``sequence`` or ``fasta``.
    report : ReadReport, optional
        Filled with rejected records and warnings.

    Yields
    ------
    Prediction
        Its ``top(config.top_k)`` are the ranked terms.

    Raises
    ------
    EsmgoError
        Of the kind and with the exit code that `esmgo.errors` tells.
    """
    proteins = read_proteins(config, report if report is not None else ReadReport(config.strict))
    predictor = Predictor.load(
        config.checkpoint_path, device=config.device, context_length=config.context_length
    )
    yield from predictor.predict(proteins, raw=config.raw)


def read_proteins(config: RankConfig, report: ReadReport) -> list[Protein]:
    """Read what ``config`` names: its sequence, or its FASTA file."""
    if config.sequence is not None:
        return list(pasted(config.sequence, config, report))
    if config.fasta is None:
        raise UsageError("nothing to rank: give --sequence=… or --fasta=FILE")
    return list(_read(config.fasta, config, report))


def pasted(text: str, config: RankConfig, report: ReadReport) -> Iterator[Protein]:
    """Read what a person pasted: residues over any number of lines, with digits, or FASTA."""
    if text.lstrip().startswith(">"):
        yield from _read(BytesIO(text.encode("utf-8", "surrogateescape")), config, report)
    else:
        residues = _DIGITS.sub("", text)
        record = f">sequence\n{residues}\n".encode("utf-8", "surrogateescape")
        yield from _read(BytesIO(record), config, report)


def _read(source: str | BytesIO, config: RankConfig, report: ReadReport) -> Iterator[Protein]:
    return read_fasta(
        source,
        report=report,
        strip_gaps=config.strip_gaps,
        allow_nucleotide_like=config.allow_nucleotide_like,
        max_length=config.max_length,
    )
