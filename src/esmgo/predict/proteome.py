"""``esmgo predict``: the terms of whole proteomes, in blocks that outlive a kill.

Every block of proteins is read, scored, selected and kept as a part before the next; files
are written from parts alone. So a run that was killed, split over machines, or went through
in one piece ends in the same bytes.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tqdm import tqdm

from esmgo.data.report import ReadReport
from esmgo.errors import FastaError, UsageError, shown
from esmgo.go.files import replacing
from esmgo.go.source import check_readable
from esmgo.go.terms import Aspect
from esmgo.options import option
from esmgo.predict.formats import OutputConfig, exclusive, is_stream, writers
from esmgo.predict.knowledge import split_sources, training_sequences
from esmgo.predict.parts import BLOCK, Job, Parts, ShardWriter
from esmgo.predict.reading import ScoringConfig
from esmgo.predict.selection import MIN_SCORE, Rules, Selection

__all__ = ["PredictConfig", "PredictSummary", "write_predictions"]

log = logging.getLogger(__name__)

_NO_MATTER = frozenset({
    "input", "output", "overwrite", "resume", "shard", "strict", "rejects", "checkpoint_path",
    "homology",
})  # fmt: skip
"""Flags that decide nothing about calls, or are told by a job in other ways."""


@dataclass(frozen=True, slots=True)
class PredictConfig(ScoringConfig, OutputConfig):
    """What ``esmgo predict`` accepts."""

    input: str | None = option(
        None,
        "Score the proteins of this FASTA file, plain or gzip (- for standard input).",
        short="i",
        alias="fasta",
    )
    sources: str | None = option(
        None,
        "Who scores, of head, neighbours and homology, joined by commas.",
        default_text="all that the checkpoint has a blend of",
    )
    homology: str | None = option(
        None,
        "The training sequences, a FASTA file or the data set, to compare with by DIAMOND.",
    )
    min_score: float | None = option(
        None,
        "Leave out calls with a lower score.",
        minimum=0,
        maximum=1,
        default_text=f"{MIN_SCORE}, with --precision 0",
    )
    precision: float | None = option(
        None,
        "Keep calls only that are promised to hold this precision, a share between 0 and 1.",
        above=0,
        below=1,
    )
    aspect: str | None = option(
        None, "Keep terms of these aspects only: mf, bp, cc, separated by commas."
    )
    most_specific: bool = option(False, "Leave out terms of which a descendant is called.")
    top_k: int | None = option(
        None, "Keep the k best calls of each protein.", minimum=1, default_text="all"
    )
    with_ancestors: bool = option(
        False, "Keep the ancestors of what is kept, the root among them, whatever else is asked."
    )
    resume: bool = option(False, "Go on where a killed run stopped; the same flags, the same file.")
    shard: str | None = option(
        None,
        "I/N: do the I-th of N shares of the work, into one file that esmgo merge reads.",
        default_text="all the work",
    )
    rejects: str | None = option(None, "Write the rejected records to this TSV file.")
    arithmetic: str = option(
        "auto",
        "bf16, fp32, or auto: bf16 where the hardware multiplies it faster.",
        choices=("auto", "bf16", "fp32"),
    )

    def __post_init__(self) -> None:
        ScoringConfig.__post_init__(self)
        if self.input is None:
            raise UsageError("nothing to score: give --input=FILE (- for standard input)")
        self.check_output()
        if self.resume and self.overwrite:
            raise UsageError("--resume goes on, --override starts anew: give one of them")
        if self.resume and is_stream(str(self.output)):
            raise UsageError("--resume needs a file as --output: a stream keeps no parts")
        if self.shard is None:
            self.check_taxon()
        elif is_stream(str(self.output)) or str(self.output).endswith(".gz"):
            raise UsageError("a shard is one file, not compressed: give --output=FILE")
        self.part_of()
        self.rules()

    def rules(self) -> Rules:
        """Return what a call must have."""
        names = self.aspect.split(",") if self.aspect is not None else []
        default = MIN_SCORE if self.precision is None else 0.0
        return Rules(
            tuple(sorted({Aspect.parse(name) for name in names}, key=list(Aspect).index)),
            default if self.min_score is None else self.min_score,
            self.precision,
            self.most_specific,
            self.top_k,
            self.with_ancestors,
        )

    def part_of(self) -> tuple[int, int]:
        """Return which of how many shards this is; ``(1, 1)`` is the whole."""
        which, slash, of = (self.shard or "1/1").partition("/")
        if not (slash and which.isdecimal() and of.isdecimal() and 1 <= int(which) <= int(of)):
            raise UsageError(f"--shard={shown(self.shard, 30)} is not I/N, I of 1 to N")
        return int(which), int(of)


@dataclass(frozen=True, slots=True)
class PredictSummary:
    """What was written; its text is one line."""

    n_proteins: int
    n_repeated: int
    n_calls: int
    n_abstained: int
    precision: float | None
    outputs: tuple[str, ...]

    def __str__(self) -> str:
        where = ", ".join("standard output" if o == "-" else shown(o, 60) for o in self.outputs)
        repeated = f" ({self.n_repeated:,} of a sequence before)" if self.n_repeated else ""
        without = (
            f"; {self.n_abstained:,} times no call of an aspect at precision {self.precision:g}"
            if self.precision is not None
            else ""
        )
        return (
            f"{self.n_proteins:,} proteins{repeated}, {self.n_calls:,} calls{without},"
            f" written to {where}"
        )


def write_predictions(config: PredictConfig, report: ReadReport | None = None) -> PredictSummary:
    """Call terms of all proteins of a FASTA file and write them; see docs/predict.md.

    All input is read and judged before the first protein is scored. Memory does not grow
    with the number of proteins, but for ids and a digest of each sequence.

    Parameters
    ----------
    config : PredictConfig
        Proteins, checkpoint, what to call and where to write.
    report : ReadReport, optional
        Filled with rejected records and warnings.

    Returns
    -------
    PredictSummary
        The files are complete or absent.

    Raises
    ------
    EsmgoError
        Of the kind and with the exit code that `esmgo.errors` tells.
    """
    report = ReadReport(config.strict) if report is None else report
    check_readable(str(config.input), FastaError)
    with _workplace(config) as parts:
        try:
            return _predicted(config, report, parts)
        except BaseException:
            if parts.n_saved and not is_stream(str(config.output)):
                log.warning("%s: finished work; --resume goes on", shown(parts.folder, 120))
            raise


@contextmanager
def _workplace(config: PredictConfig) -> Iterator[Parts]:
    """Keep others from the output, and give room for parts; they go when the work is done."""
    output = str(config.output)
    if is_stream(output):
        with TemporaryDirectory(prefix="esmgo-") as temporary:
            yield Parts(Path(temporary) / "parts")
        return
    folder = Path(f"{output}.parts")
    outputs = [output] if config.shard else config.targets().values()
    may_replace = config.overwrite or (config.resume and Parts.has_begun(folder))
    with exclusive(outputs, overwrite=may_replace):
        parts = Parts(folder, resume=config.resume, overwrite=config.overwrite)
        try:
            yield parts
        except BaseException:
            parts.leave()
            raise
        parts.remove()


def _predicted(config: PredictConfig, report: ReadReport, parts: Parts) -> PredictSummary:
    from esmgo.model.device import choose_device, resolved  # torch takes seconds: not for --help
    from esmgo.predict.blockwise import Input, Scorer
    from esmgo.predict.ensemble import Ensemble, Source

    if config.resume and not Parts.has_begun(parts.folder):
        log.warning("nothing to resume: starting from the beginning")
    log.debug("Reading the proteins ...")
    proteins = Input(str(config.input), parts.folder, config)
    n_proteins, digest = proteins.judged(report)
    device = choose_device(config.device)
    ensemble = Ensemble.load(
        config.checkpoint_path,
        device=str(device),
        context_length=config.context_length,
        precision=config.arithmetic,
        homology=training_sequences(config.homology),
        sources=split_sources(config.sources),
    )
    labels, rules = ensemble.labels, config.rules()
    if config.shard is None:
        config.check_labels(labels)
    where = {"device": device.type, "arithmetic": resolved(device, config.arithmetic)}
    job = Job(
        version=version("esmgo"),
        model=ensemble.fingerprint,
        proteins=digest,
        n_proteins=n_proteins,
        options=_options(config) | where,
        kept=str(rules),
        sources=tuple(str(flag.name).lower() for flag in Source),
        shard=config.part_of(),
        date=dt.date.today().isoformat(),
    )
    job = parts.begin(job, len(labels))
    scorer = Scorer(parts, ensemble, Selection(rules, labels))
    n_here = sum(min(BLOCK, n_proteins - b * BLOCK) for b in range(job.n_blocks) if job.has(b))
    n_calls = n_abstained = 0
    outputs = {"shard": str(config.output)} if config.shard else config.targets()
    with ExitStack() as stack:
        bar = stack.enter_context(
            tqdm(desc="Predicting", total=n_here, unit="protein", disable=None, leave=False)
        )
        if config.shard:
            file = stack.enter_context(replacing(Path(str(config.output))))
            shard = stack.enter_context(closing(ShardWriter(file, job, labels)))
            found = []
        else:
            about = config.about(job, labels)
            found = stack.enter_context(writers(outputs, about))
        for number, block in enumerate(proteins.blocks()):
            if not job.has(number):
                continue
            calls = scorer.block(number, block)
            for writer in found:
                writer.write(calls)
            if config.shard:
                shard.write(number, parts.data(number))
            n_calls += len(calls.columns)
            n_abstained += int(calls.n_abstained.sum())
            bar.update(len(block))
    return PredictSummary(
        n_here, scorer.n_repeated, n_calls, n_abstained, config.precision, tuple(outputs.values())
    )


def _options(config: PredictConfig) -> dict[str, Any]:
    """Return the flags that decide what is called, or how it is told, as plain values."""
    names = {each.name for each in fields(config)} - _NO_MATTER
    rules = config.rules()
    plain = {"aspect": [a.name for a in rules.aspects], "min_score": rules.min_score}
    return {name: getattr(config, name) for name in sorted(names)} | plain
