"""Settings and input of the verbs that score proteins."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from esmgo.data.accessions import accession
from esmgo.data.fasta import Protein, read_fasta
from esmgo.data.reading import FastaConfig, read_source
from esmgo.data.rejects import ReadReport
from esmgo.dataset.layout import reads_dataset
from esmgo.errors import NOTICE, UsageError, printable
from esmgo.evidence.programs import NONE, SEARCHES
from esmgo.evidence.search import available_threads
from esmgo.evidence.sources import EvidenceSource, parse_sources
from esmgo.files.source import is_folder
from esmgo.files.uses import reads
from esmgo.model.bases import locate_base, reads_base, revision_option
from esmgo.model.bundled import (
    CONTEXT_LENGTH,
    USUAL,
    checkpoint_option,
    checkpoint_or_bundled,
    context_of,
    is_bundled,
    reads_checkpoint,
)
from esmgo.model.checkpoint import Checkpoint, open_checkpoint
from esmgo.options import check, device_option, dtype_option, option, refuse_unused
from esmgo.predict.pasting import pasted
from esmgo.predict.provenance import described

if TYPE_CHECKING:
    from esmgo.predict.predictor import Predictor

log = logging.getLogger(__name__)

_NAMES = (*SEARCHES, NONE)
"""Values of `homology` that are no file."""


@dataclass(frozen=True, slots=True)
class ScoringConfig(FastaConfig):
    """Settings of the verbs that score proteins with a checkpoint."""

    checkpoint_path: str | None = checkpoint_option()
    context_length: int | None = option(
        None,
        "The maximum length of the input sequences, in tokens; longer ones are scored in"
        " overlapping windows.",
        minimum=3,
        maximum=100_002,
        default_text=f"{CONTEXT_LENGTH}, for the bundled caller as in its training",
    )
    device: str | None = device_option()

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True)
class ReadingConfig(ScoringConfig):
    """Settings of the verbs that score a sequence or the proteins of a file."""

    sequence: str | None = option(None, "Score this sequence.")
    fasta: str | None = option(
        None,
        "Score the proteins of this FASTA file, plain or gzip (- for standard input).",
        short="i",
        alias="input",
        uses=reads,
    )
    protein: str | None = option(
        None, "Only this protein of the file, by its identifier or its accession."
    )
    dtype: str = dtype_option()

    def __post_init__(self) -> None:
        ScoringConfig.__post_init__(self)
        if self.sequence is not None and self.fasta is not None:
            raise UsageError("give `sequence` or `fasta`, not both")


@dataclass(frozen=True)  # without slots, so that it can be a second base of classes with slots
class SourcesConfig:
    """Settings of the verbs that combine evidence sources."""

    sources: str | None = option(
        None,
        "Evidence to combine, comma-separated: head, neighbours, kmers, homology.",
        default_text="all that the checkpoint has a blend for",
    )
    homology: str | None = option(
        None,
        "How to find training proteins with similar sequences: builtin, without another program;"
        " diamond or mmseqs, by this program; or none. Or a FASTA file or the data set with the"
        " training sequences, to compare with by DIAMOND.",
        default_text="builtin, if the checkpoint has what it needs",
        uses=lambda config, name: reads_dataset(config, None if name in _NAMES else name),
    )

    def check_sources(self) -> None:
        """Raise UsageError if a source is unknown, or ``homology`` is given and not among them."""
        requested = parse_sources(self.sources)
        if requested is not None and EvidenceSource.HOMOLOGY.word not in requested:
            refuse_unused(self, ("homology",), "is not used: homology is not among `sources`")


@dataclass(frozen=True, slots=True)
class CallerConfig(ReadingConfig, SourcesConfig):
    """Settings of the verbs that call terms of a sequence or of the proteins of a file."""

    def __post_init__(self) -> None:
        ReadingConfig.__post_init__(self)
        self.check_sources()

    def predictor(self, report: ReadReport) -> Predictor:
        """Load the checkpoint; ``report`` gets rejected records of ``homology``."""
        checkpoint = open_named(self.checkpoint_path)
        found = open_predictor(
            checkpoint,
            device=self.device,
            context_length=self.context_length,
            dtype=self.dtype,
            sources=self.sources,
            homology=self.homology,
            report=report,
        )
        announce(checkpoint, self.checkpoint_path)
        return found


@dataclass(frozen=True)  # without slots, so that it can be a second base of classes with slots
class EncoderConfig:
    """Settings of the verbs that embed proteins."""

    base_model: str | None = option(
        None, "Embed with this base model, a hub name, a folder or tiny.", uses=reads_base
    )
    revision: str | None = revision_option()
    checkpoint_path: str | None = option(
        None,
        "Embed with the encoder of this checkpoint, or bundled, instead of a base model.",
        uses=reads_checkpoint,
    )
    context_length: int = option(
        1024,
        "Tokens per window; the vector of a longer protein is the mean over its overlapping"
        " windows.",
        minimum=3,
        maximum=100_002,
    )
    device: str | None = device_option()

    def encoder(self) -> Checkpoint | Path | None:
        """Open the checkpoint, or find the folder of the base model; None is ``tiny``."""
        if self.checkpoint_path is not None:
            if self.revision is not None:
                raise UsageError("is for a base model, not for a checkpoint", field="revision")
            found = open_named(self.checkpoint_path)
            announce(found, self.checkpoint_path)
            return found
        return locate_base(str(self.base_model), self.revision)


def open_named(given: str | None) -> Checkpoint:
    """Open the checkpoint at a path, or the bundled one; see `checkpoint_or_bundled`."""
    return open_checkpoint(checkpoint_or_bundled(given))


def announce(found: Checkpoint, given: str | None) -> None:
    """Log a notice that describes the checkpoint that `open_named` found."""
    why = (
        f"no checkpoint at {USUAL}: using the " if given is None and is_bundled(found.path) else ""
    )
    log.log(NOTICE, "%s%s", why, described(found))


def open_predictor(
    checkpoint: Checkpoint,
    *,
    device: str | None,
    context_length: int | None,
    dtype: str,
    sources: str | None = None,
    homology: str | None = None,
    subset: str = "all",
    report: ReadReport,
) -> Predictor:
    """Load a checkpoint with the settings of a verb.

    ``sources`` is a comma-separated list. ``homology`` is the name of a program, or a FASTA file,
    or a data set with its ``subset``, of training sequences; ``report`` gets its rejected records.
    See `Predictor.load` and `context_of` for the others.

    Raises
    ------
    CheckpointError, DatasetError, FastaError, HubError
        If a file is refused.
    UsageError
        If a source is unknown or not available.
    """
    from esmgo.predict.predictor import Predictor  # torch takes seconds

    return Predictor.load(
        checkpoint,
        device=device,
        context_length=context_of(checkpoint.path, context_length),
        dtype=dtype,
        sources=sources,
        homology=_homology(homology, subset, report),
        threads=available_threads(),
    )


def _homology(source: str | None, subset: str, report: ReadReport) -> str | dict[str, str] | None:
    """Return the name of a search, or the training sequences of a file or data set by id."""
    if source is None or source in _NAMES:
        return source
    own = ReadReport(report.strict)
    from esmgo.dataset.opening import SAMPLE, locate_dataset, open_split  # takes 0.05 s

    path = Path(source)
    if source == SAMPLE or is_folder(path) or path.suffix in (".parquet", ".jsonl"):
        name = locate_dataset(source, subset)
        proteins, _, found = open_split(name, "train", subset, strict=report.strict)
        own.rejects, own.n_accepted = found.rejects, found.n_accepted
        sequences = dict(zip(proteins.ids, proteins.sequences, strict=True))
    else:
        sequences = {p.id: p.sequence for p in read_fasta(source, report=own)}
    report.absorb_further(own)
    return sequences


def read_proteins(config: ReadingConfig, report: ReadReport) -> list[Protein]:
    """Read the sequence or the FASTA file of ``config``, or its ``protein`` alone.

    Raises
    ------
    UsageError
        If it has neither, or no such protein.
    FastaError
        If the file is refused.
    """
    if config.sequence is not None:
        return selected(list(pasted(config.sequence, config, report)), config, report)
    if config.fasta is None:
        raise UsageError("nothing to score: give `sequence=…` or `fasta=FILE`")
    return selected(list(read_source(config.fasta, config, report)), config, report)


def selected(proteins: list[Protein], config: ReadingConfig, report: ReadReport) -> list[Protein]:
    """Return the proteins that ``config.protein`` names: by identifier, else by accession.

    Raises UsageError if there is none.
    """
    wanted = config.protein
    if wanted is None:
        return proteins
    named = [p for p in proteins if p.id == wanted]
    named = named or [p for p in proteins if accession(p.id) == accession(wanted)]
    if not named:
        rejected = [
            reject for reject in report.rejects if accession(reject.id) == accession(wanted)
        ]
        if rejected:
            raise UsageError(f"{printable(wanted, 60)} is rejected: {rejected[0]}", field="protein")
        ids = ", ".join(printable(p.id, 30) for p in proteins[:3]) or "none"
        more = f" and {len(proteins) - 3:,} more" if len(proteins) > 3 else ""
        raise UsageError(
            f"{printable(wanted, 60)} is not among the proteins: {ids}{more}", field="protein"
        )
    return named
