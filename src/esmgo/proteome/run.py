"""``esmgo predict``: the terms of whole proteomes, block by block, resumable.

Each block of proteins is read, scored and stored as a part before the next one. Output files are
written from the parts alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm

from esmgo.data.rejects import ReadReport
from esmgo.errors import NOTICE, FastaError, UsageError, printable
from esmgo.files.atomic import replacing
from esmgo.files.output import check_free, exclusive, is_stream
from esmgo.files.source import check_readable
from esmgo.go.calls import Calls
from esmgo.go.labels import LabelSpace
from esmgo.options import refuse_unused
from esmgo.proteome.config import LOCAL, PredictConfig
from esmgo.proteome.formats import writers
from esmgo.proteome.job import BLOCK, Job
from esmgo.proteome.job_opening import open_job
from esmgo.proteome.parts import Parts
from esmgo.proteome.plan import JUDGED, REJECTS, Plan
from esmgo.proteome.shards import ShardWriter
from esmgo.proteome.summary import PredictSummary, Tally
from esmgo.render.writer import Writer

log = logging.getLogger(__name__)


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
    if config.engine != LOCAL:
        raise UsageError("is for predict_on_ray, or the command line", field="engine")
    report = ReadReport(config.strict) if report is None else report
    if config.shard is None:
        config.warn_of_unused(config.formats(), report)
    config, plan = planned(config)
    if plan is None:
        check_readable(str(config.input), FastaError)
    with workplace(config) as parts:
        try:
            return _predicted(config, report, parts, plan)
        except BaseException:
            if parts.n_saved and not is_stream(str(config.output)):
                log.warning("%s: finished work; `resume` continues", printable(parts.folder, 120))
            raise


@contextmanager
def workplace(config: PredictConfig) -> Iterator[Parts]:
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


def planned(config: PredictConfig) -> tuple[PredictConfig, Plan | None]:
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
    predictor, rules, job = open_job(config, report, n_proteins, digest, n_blocks)
    labels = predictor.labels
    job = parts.begin(job, len(labels))
    with tqdm(
        desc="Predicting", total=job.n_here, unit="protein", disable=None, leave=False
    ) as bar:
        caller = BlockCaller(parts, predictor, rules, job, bar.update)
        if plan is None:
            blocks = (caller.block(*each) for each in proteins.blocks(job))
        else:
            blocks = (caller.planned(number, plan) for number in job.blocks)
        tally = write_blocks(config, job, labels, blocks, report)
    return tally.summary(config.outputs(), caller.n_repeated)


def write_blocks(
    config: PredictConfig,
    job: Job,
    labels: LabelSpace,
    blocks: Iterable[Calls],
    report: ReadReport,
) -> Tally:
    """Write the blocks of a job, or of its shard, in order; return what was counted."""
    with _writers(config, job, labels) as found:
        tally = Tally(found, job)
        for calls in blocks:
            tally.write(calls)
    tally.warn(str(config.input), report)
    return tally


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
