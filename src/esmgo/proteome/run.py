"""``esmgo predict``: the terms of whole proteomes, block by block, resumable.

Each block of proteins is read, scored and stored as a part before the next one. Output files are
written from the parts alone.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import fields, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from esmgo.data.rejects import ReadReport
from esmgo.errors import NOTICE, FastaError, printable
from esmgo.files.atomic import replacing
from esmgo.files.output import check_free, exclusive, is_stream
from esmgo.files.source import check_readable
from esmgo.go.calls import Calls, Purpose
from esmgo.go.labels import LabelSpace
from esmgo.options import refuse_unused
from esmgo.predict.calling import CallRules
from esmgo.predict.inputs import announce, open_named, open_predictor
from esmgo.proteome.config import PredictConfig
from esmgo.proteome.formats import writers
from esmgo.proteome.job import Job
from esmgo.proteome.parts import Parts
from esmgo.proteome.plan import JUDGED, REJECTS, Plan
from esmgo.proteome.shards import ShardWriter
from esmgo.proteome.summary import PredictSummary, Tally
from esmgo.render.writer import Writer

if TYPE_CHECKING:
    from esmgo.proteome.blocks import BlockCaller

log = logging.getLogger(__name__)

BLOCK = 512
"""Most proteins in a part: the work that a kill can cost, and a bound on memory."""

_IRRELEVANT = frozenset({
    "input", "output", "overwrite", "resume", "shard", "strict", "rejects", "checkpoint_path",
    "homology",
})  # fmt: skip
"""Settings that do not affect the calls, or that a job records elsewhere."""


def write_predictions(config: PredictConfig, report: ReadReport | None = None) -> PredictSummary:
    """Call terms of all proteins of a FASTA file and write them; see docs/predict.md.

    All input is read and checked before the first protein is scored. Memory holds one block
    of proteins, and the id and a digest of every protein.

    Parameters
    ----------
    config : PredictConfig
        Proteins, checkpoint, call rules and output.
    report : ReadReport, optional
        Filled with rejected records and warnings.

    Returns
    -------
    PredictSummary
        Counts and output files; the files are complete or absent.
    """
    report = ReadReport(config.strict) if report is None else report
    if config.shard is None:
        config.warn_of_unused(config.formats(), report)
    config, plan = _planned(config)
    if plan is None:
        check_readable(str(config.input), FastaError)
    with _workplace(config) as parts:
        try:
            return _predicted(config, report, parts, plan)
        except BaseException:
            if parts.n_saved and not is_stream(str(config.output)):
                log.warning("%s: finished work; `resume` continues", printable(parts.folder, 120))
            raise


@contextmanager
def _workplace(config: PredictConfig) -> Iterator[Parts]:
    """Lock the output and open the folder of parts; remove the folder when the job is done."""
    output = str(config.output)
    if is_stream(output):
        check_free(output, overwrite=True)
        with TemporaryDirectory(prefix="esmgo-") as temporary:
            yield Parts(Path(temporary) / "parts")
        return
    folder = config.parts()
    may_replace = config.overwrite or (config.resume and Parts.has_begun(folder))
    with exclusive(config.outputs(), overwrite=may_replace):
        parts = Parts(folder, resume=config.resume, overwrite=config.overwrite)
        try:
            yield parts
        except BaseException:
            parts.leave()
            raise
        parts.remove()


def _planned(config: PredictConfig) -> tuple[PredictConfig, Plan | None]:
    """Open the plan, if the input is one, and take its settings."""
    if not Plan.is_at(str(config.input)):
        return config, None
    refuse_unused(config, (*JUDGED, "strict", "rejects"), "is for `esmgo plan`, not for a plan")
    plan = Plan.open(Path(str(config.input)))
    if n := plan.n_rejected:
        where = printable(plan.folder / REJECTS, 90)
        log.log(NOTICE, "%d records are not in the plan; %s has the reasons", n, where)
    return replace(config, **plan.judged), plan


def _predicted(
    config: PredictConfig, report: ReadReport, parts: Parts, plan: Plan | None
) -> PredictSummary:
    from esmgo.evidence.sources import EvidenceSource
    from esmgo.model.device import choose_device, resolved  # torch takes seconds
    from esmgo.proteome.blocks import BlockCaller, Input

    if config.resume and not Parts.has_begun(parts.folder):
        log.warning("nothing to resume: starting from the beginning")
    shard = config.part_of()
    if plan is None:
        log.debug("Reading the proteins ...")
        proteins = Input(str(config.input), parts.folder, config)
        n_proteins, digest = proteins.judged(report)
        n_blocks = Job.cut(n_proteins, shard[1], BLOCK)
    else:
        n_proteins, digest, n_blocks = plan.n_proteins, plan.proteins, len(plan.blocks)
    device = choose_device(config.device)
    checkpoint = open_named(config.checkpoint_path)
    predictor = open_predictor(
        checkpoint,
        device=str(device),
        context_length=config.context_length,
        dtype=config.dtype,
        sources=config.sources,
        homology=config.homology,
        report=report,
    )
    announce(checkpoint, config.checkpoint_path)
    labels = predictor.labels
    if config.shard is None:
        config.check_labels(labels)
    length = predictor.scorer.context_length
    exact = {
        "context_length": length,
        "device": device.type,
        "dtype": resolved(device, config.dtype),
    }
    predictor.check_novelty(config.max_novelty)
    variant = predictor.variant
    rules = config.rules(
        is_calibrated=variant is not None,
        has_novelty=variant is not None and variant.novelty is not None,
    )
    job = Job(
        version=version("esmgo"),
        model=predictor.fingerprint,
        labels=labels.fingerprint,
        proteins=digest,
        n_proteins=n_proteins,
        options=_options(config) | exact | {"max_novelty": next(iter(rules.values())).max_novelty},
        kept={p.word: str(each) for flags, each in rules.items() for p in Purpose if p in flags},
        sources=tuple(source.word for source in EvidenceSource),
        shard=shard,
        date=dt.date.today().isoformat(),
        n_blocks=n_blocks,
    )
    job = parts.begin(job, len(labels))
    with tqdm(
        desc="Predicting", total=job.n_here, unit="protein", disable=None, leave=False
    ) as bar:
        caller = BlockCaller(parts, predictor, CallRules(rules, labels), job, bar.update)
        if plan is None:
            blocks = (caller.block(*each) for each in proteins.blocks(job))
        else:
            blocks = (caller.planned(number, plan) for number in job.blocks)
        return _written(config, job, labels, blocks, report, caller)


def _written(
    config: PredictConfig,
    job: Job,
    labels: LabelSpace,
    blocks: Iterable[Calls],
    report: ReadReport,
    caller: BlockCaller,
) -> PredictSummary:
    """Load or compute the blocks one by one, and write them."""
    with _writers(config, job, labels) as found:
        tally = Tally(found, job)
        for calls in blocks:
            tally.write(calls)
    tally.warn(str(config.input), report)
    return tally.summary(config.outputs(), caller.n_repeated)


def _options(config: PredictConfig) -> dict[str, Any]:
    """Return the settings that determine the calls and their output, as plain values."""
    names = sorted({each.name for each in fields(config)} - _IRRELEVANT)
    rules = next(iter(config.rules().values()))
    plain = {"aspect": [a.name for a in rules.aspects] or None, "min_score": rules.min_score}
    return {name: getattr(config, name) for name in names} | plain


@contextmanager
def _writers(config: PredictConfig, job: Job, labels: LabelSpace) -> Iterator[list[Writer]]:
    """Open a writer for each format, or one for the shard."""
    if config.shard is None:
        with writers(config.targets(), config.about(job, labels)) as found:
            yield found
        return
    with (
        replacing(Path(str(config.output))) as file,
        closing(ShardWriter(file, job, labels)) as writer,
    ):
        yield [writer]
