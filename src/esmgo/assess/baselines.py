"""``esmgo baseline``: what a caller has to beat, written as CAFA's text.

Term frequency, homology and neighbours all end as `Scores` over the label space of the
training proteins, block by block: no more of the matrix is ever in memory.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from esmgo.assess.config import CorpusConfig
from esmgo.data.annotations import accession
from esmgo.data.fasta import Protein
from esmgo.data.reading import FastaConfig, read_source
from esmgo.data.rejects import ReadReport
from esmgo.dataset.opening import Dataset
from esmgo.errors import FastaError, UsageError, printable
from esmgo.evidence.diamond import find_diamond, search
from esmgo.evidence.diamond import votes_of as votes_of_hits
from esmgo.evidence.votes import BLOCK, Votes, vote
from esmgo.files.output import check_free, exclusive, opened
from esmgo.files.source import check_readable
from esmgo.go.scores import Scores
from esmgo.metrics.baselines import term_frequency
from esmgo.model.bases import locate_base
from esmgo.options import option
from esmgo.predict.inputs import open_named
from esmgo.render.cafa import write_cafa

if TYPE_CHECKING:
    import torch

    from esmgo.model.caller import Caller

log = logging.getLogger(__name__)

METHODS = ("naive", "diamond", "neighbours")


@dataclass(frozen=True, slots=True)
class BaselineConfig(CorpusConfig, FastaConfig):
    """What ``esmgo baseline`` accepts."""

    method: str | None = option(
        None,
        "The first word after the verb: naive scores by term frequency, diamond by the bit scores"
        " of alike sequences, neighbours by the similarity of embeddings.",
    )
    fasta: str | None = option(
        None,
        "Score the proteins of this FASTA file, plain or gzip (- for standard input); when not"
        " given, the test split.",
    )
    output: str | None = option(
        None, "Where to: a file, compressed if it ends in .gz, or - for standard output."
    )
    overwrite: bool = option(False, "Replace the output file if there is one.")
    checkpoint_path: str | None = option(
        None, "neighbours: embed with this checkpoint's encoder, or bundled."
    )
    base_model: str | None = option(
        None, "neighbours: embed with this base model, a hub name, a folder or tiny."
    )
    num_neighbours: int = option(10, "neighbours: how many training proteins vote.", minimum=1)
    context_length: int = option(
        1024,
        "neighbours: tokens per window; the embedding of a longer protein is the mean over its"
        " windows.",
        minimum=3,
        maximum=100_002,
    )
    device: str | None = option(
        None,
        'neighbours: where to compute ("cuda", "mps", "cpu", etc); when not given cuda, else mps,'
        " else cpu.",
        default_text="cuda",
    )

    def __post_init__(self) -> None:
        CorpusConfig.__post_init__(self)
        if self.method not in METHODS:
            found = "no method" if self.method is None else printable(repr(self.method), 40)
            raise UsageError(f"{found}: give one of {', '.join(METHODS)} right after the verb")
        if self.output is None:
            raise UsageError("give `output=FILE` (- for standard output)")
        encoders = [n for n in ("checkpoint_path", "base_model") if getattr(self, n) is not None]
        if self.method != "neighbours" and encoders:
            raise UsageError(f"is for neighbours; {self.method} has no encoder", field=encoders[0])
        if self.method == "neighbours" and len(encoders) != 1:
            raise UsageError(
                "neighbours needs one encoder: `checkpoint_path=FILE` or `base_model=NAME`"
                " (tiny needs no download)"
            )


@dataclass(frozen=True, slots=True)
class BaselineSummary:
    """What was written; its text is one line."""

    method: str
    n_train: int
    n_proteins: int
    n_lines: int
    output: str

    def __str__(self) -> str:
        where = "standard output" if self.output == "-" else printable(self.output, 90)
        return (
            f"{self.method}: {self.n_proteins:,} proteins from {self.n_train:,} training proteins, "
            f"{self.n_lines:,} scores written to {where}"
        )


def write_baseline(config: BaselineConfig, report: ReadReport | None = None) -> BaselineSummary:
    """Score proteins by a baseline and write them as `esmgo.render.cafa` says.

    Parameters
    ----------
    config : BaselineConfig
        Method, data set, proteins and output.
    report : ReadReport, optional
        Filled with rejected records and warnings.

    Returns
    -------
    BaselineSummary
        The file is complete or absent.

    Raises
    ------
    EsmgoError
        Of the kind and with the exit code that `esmgo.errors` tells; what can be refused
        is refused before any long work.
    """
    report = ReadReport(config.strict) if report is None else report
    output, method = str(config.output), str(config.method)
    check_free(output, overwrite=config.overwrite)
    encoder = _check_method(config)
    log.debug("Reading the data set ...")
    data = config.opened(report)
    proteins = _proteins(config, data, report)
    blocks = score_baseline(config, data, proteins, encoder)
    with exclusive((output,), overwrite=config.overwrite), opened(output) as file:
        n_proteins, n_lines = write_cafa(blocks, file, name=accession)
    return BaselineSummary(method, len(data.train), n_proteins, n_lines, output)


def score_baseline(
    config: BaselineConfig,
    data: Dataset,
    proteins: Sequence[Protein],
    encoder: Path | None = None,
) -> Iterator[Scores]:
    """Yield the scores of ``proteins`` over ``data.labels`` in blocks, in order.

    Parameters
    ----------
    config : BaselineConfig
        The method and its settings.
    data : Dataset
        Its training proteins are what is known.
    proteins : sequence of Protein
        What to score.
    encoder : Path, optional
        Folder of the base model that ``config`` names, where it is known.
    """
    ids = [protein.id for protein in proteins]
    match config.method:
        case "naive":
            yield from _naive(ids, data)
            return
        case "diamond":
            log.debug("Searching with DIAMOND ...")
            sequences = [protein.sequence for protein in proteins]
            hits = search(sequences, data.train.sequences, threads=config.n_threads)
            votes = votes_of_hits(hits, len(ids))
        case _:
            votes = _votes_of_neighbours(config, data, proteins, encoder)
    yield from vote(votes, ids, data.train.terms, data.labels)


def _naive(ids: Sequence[str], data: Dataset) -> Iterator[Scores]:
    for first in range(0, len(ids), BLOCK):
        block = ids[first : first + BLOCK]
        yield term_frequency(block, data.train.terms, data.labels)


def _votes_of_neighbours(
    config: BaselineConfig, data: Dataset, proteins: Sequence[Protein], encoder: Path | None
) -> Votes:
    from esmgo.evidence.neighbours import nearest, votes_of
    from esmgo.model.device import choose_device  # torch takes seconds: only where it is needed
    from esmgo.model.embeddings import embed

    device = choose_device(config.device)
    caller = _caller(config, encoder, device)
    known = embed(caller, data.train.sequences, config.context_length, device)
    asked = embed(caller, [p.sequence for p in proteins], config.context_length, device)
    return votes_of(nearest(asked, known, config.num_neighbours, device))


def _caller(config: BaselineConfig, encoder: Path | None, device: torch.device) -> Caller:
    from esmgo.model.embeddings import encoder_of

    if config.checkpoint_path is not None:
        return encoder_of(open_named(config.checkpoint_path), device)
    return encoder_of(encoder or locate_base(str(config.base_model)), device)


def _check_method(config: BaselineConfig) -> Path | None:
    """Find the program, or the encoder, before anything is read."""
    if config.fasta is not None:
        check_readable(config.fasta, FastaError)
    if config.method == "diamond":
        find_diamond()
    if config.checkpoint_path is not None:
        open_named(config.checkpoint_path)
    elif config.base_model is not None:
        return locate_base(config.base_model)
    return None


def _proteins(config: BaselineConfig, data: Dataset, report: ReadReport) -> list[Protein]:
    if config.fasta is None:
        held_out = data.validation
        if not len(held_out):
            raise UsageError(
                f"{printable(config.dataset, 60)} has no test protein to score; give `fasta=FILE`"
            )
        return list(map(Protein, held_out.ids, held_out.sequences))
    proteins = list(read_source(config.fasta, config, report))
    known, sequences = set(map(accession, data.train.ids)), set(data.train.sequences)
    n = sum(accession(p.id) in known or p.sequence in sequences for p in proteins)
    if n:
        report.warn(
            f"{printable(config.fasta, 60)}: {n:,} of {len(proteins):,} proteins are"
            " training proteins"
            " by id or sequence: the baseline knows their terms already"
        )
    return proteins
