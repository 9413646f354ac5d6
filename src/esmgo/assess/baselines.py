"""``esmgo baseline``: the scores of simple methods that a caller should beat, as CAFA text.

Term frequency, homology and neighbours give `Scores` over the label space of the training
proteins. They are computed and written in blocks to bound the memory.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from esmgo.assess.config import CorpusConfig
from esmgo.data.accessions import accession, warn_of_repeats
from esmgo.data.fasta import Protein
from esmgo.data.reading import FastaConfig, read_source
from esmgo.data.rejects import ReadReport
from esmgo.dataset.opening import Dataset
from esmgo.errors import FastaError, UsageError, printable
from esmgo.evidence.programs import DIAMOND
from esmgo.evidence.search import search
from esmgo.evidence.votes import BLOCK, Votes, vote, votes_by_bits
from esmgo.files.output import check_free, check_suffix, exclusive, opened
from esmgo.files.source import check_readable
from esmgo.files.uses import reads, writes
from esmgo.go.scores import Scores
from esmgo.metrics.term_frequency import term_frequency
from esmgo.model.checkpoint import Checkpoint
from esmgo.options import documented, option, overwrite_option, refuse_unused
from esmgo.predict.inputs import EncoderConfig
from esmgo.render.cafa import write_cafa

log = logging.getLogger(__name__)

METHODS = ("naive", "diamond", "neighbours")

SUFFIXES = (".tsv", ".cafa", ".txt")


@documented
@dataclass(frozen=True, slots=True)
class BaselineConfig(CorpusConfig, EncoderConfig, FastaConfig):
    """Settings of ``esmgo baseline``."""

    method: str | None = option(
        None,
        "The method, given after the verb: naive (term frequency), diamond (bit scores of similar"
        " sequences) or neighbours (similarity of embeddings).",
    )
    fasta: str | None = option(
        None,
        "Score the proteins of this FASTA file, plain or gzip (- for standard input); when not"
        " given, the test split.",
        uses=reads,
    )
    output: str | None = option(
        None,
        "The output: a file, compressed if it ends in .gz, or - for standard output.",
        short="o",
        uses=writes,
    )
    overwrite: bool = overwrite_option()
    num_neighbours: int = option(
        10, "Number of training proteins that vote by their embeddings.", minimum=1
    )

    def __post_init__(self) -> None:
        CorpusConfig.__post_init__(self)
        if self.method not in METHODS:
            found = "no method" if self.method is None else printable(repr(self.method), 40)
            raise UsageError(f"{found}: give one of {', '.join(METHODS)} right after the verb")
        if self.output is None:
            raise UsageError("give `output=FILE` (- for standard output)")
        check_suffix(self.output, SUFFIXES, cure="; CAFA's text is the only format")
        encoders = [n for n in ("checkpoint_path", "base_model") if getattr(self, n) is not None]
        if self.method != "neighbours":
            names = (*encoders, "revision", "context_length", "num_neighbours")
            refuse_unused(self, names, f"is for neighbours; {self.method} has no encoder")
        if self.method == "neighbours" and len(encoders) != 1:
            raise UsageError(
                "neighbours needs one encoder: `checkpoint_path=FILE` or `base_model=NAME`"
                " (tiny needs no download)"
            )


@dataclass(frozen=True, slots=True)
class BaselineSummary:
    """Summary of the output. Its text is one line."""

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
    """Score proteins by a baseline and write them in CAFA's format, see `esmgo.render.cafa`.

    The output file is complete or absent. Settings and files are checked before the long work.

    Parameters
    ----------
    config : BaselineConfig
        Method, data set, proteins and output.
    report : ReadReport, optional
        Collects rejected records and warnings.
    """
    report = ReadReport(config.strict) if report is None else report
    output, method = str(config.output), str(config.method)
    check_free(output, overwrite=config.overwrite)
    if config.fasta is not None:
        check_readable(config.fasta, FastaError)
    if method == "diamond":
        DIAMOND.path()
    encoder = config.encoder() if method == "neighbours" else None
    log.debug("Reading the data set ...")
    data = config.opened(report)
    proteins = _distinct(_proteins(config, data, report), config, report)
    blocks = score_baseline(config, data, proteins, encoder)
    with exclusive((output,), overwrite=config.overwrite), opened(output) as file:
        n_proteins, n_lines = write_cafa(blocks, file, name=accession)
    return BaselineSummary(method, len(data.train), n_proteins, n_lines, output)


def score_baseline(
    config: BaselineConfig,
    data: Dataset,
    proteins: Sequence[Protein],
    encoder: Checkpoint | Path | None = None,
) -> Iterator[Scores]:
    """Yield the scores of ``proteins`` over ``data.labels`` in blocks, in order.

    The training proteins of ``data`` are the annotated ones; ``encoder`` is ``config.encoder()``.
    """
    ids, sequences = [p.id for p in proteins], [p.sequence for p in proteins]
    train = data.train
    if config.method == "naive":
        for first in range(0, len(ids), BLOCK):
            block = ids[first : first + BLOCK]
            yield term_frequency(block, train.terms, data.labels)
        return
    if config.method == "diamond":
        log.debug("Searching with DIAMOND ...")
        hits = search(sequences, train.sequences, threads=config.n_threads)
        votes = votes_by_bits(hits.query, hits.subject, hits.bits, len(ids))
    else:
        votes = _votes_of_neighbours(config, train.sequences, sequences, encoder)
    yield from vote(votes, ids, train.terms, data.labels)


def _votes_of_neighbours(
    config: BaselineConfig,
    training: Sequence[str],
    sequences: Sequence[str],
    encoder: Checkpoint | Path | None,
) -> Votes:
    from esmgo.evidence.neighbours import nearest, votes_of
    from esmgo.model.device import choose_device  # torch takes seconds
    from esmgo.model.embeddings import embed, encoder_of

    device = choose_device(config.device)
    caller = encoder_of(encoder, device)
    annotated = embed(caller, training, config.context_length, device)
    vectors = embed(caller, sequences, config.context_length, device)
    return votes_of(nearest(vectors, annotated, config.num_neighbours, device))


def _distinct(proteins: list[Protein], config: BaselineConfig, report: ReadReport) -> list[Protein]:
    """Return the first protein of each accession: CAFA's text has no other name."""
    first: dict[str, Protein] = {}
    repeated: dict[str, str] = {}
    for protein in proteins:
        found = first.setdefault(accession(protein.id), protein)
        if found is not protein:
            repeated[protein.id] = found.id
    warn_of_repeats(repeated, config.fasta or config.dataset, report.warn)
    return list(first.values())


def _proteins(config: BaselineConfig, data: Dataset, report: ReadReport) -> list[Protein]:
    if config.fasta is None:
        held_out = data.validation
        if not len(held_out):
            raise UsageError(
                f"{printable(config.dataset, 60)} has no test proteins to score; give `fasta=FILE`"
            )
        return held_out.records
    proteins = list(read_source(config.fasta, config, report))
    ids, sequences = set(map(accession, data.train.ids)), set(data.train.sequences)
    if n := sum(accession(p.id) in ids or p.sequence in sequences for p in proteins):
        report.warn(
            f"{printable(config.fasta, 60)}: {n:,} of {len(proteins):,} proteins are training"
            " proteins by id or sequence, so the baseline already has their terms"
        )
    return proteins
