"""``esmgo merge``: combines the shards of ``esmgo predict`` into its output files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from tqdm import tqdm

from esmgo.data.rejects import ReadReport
from esmgo.errors import UsageError, printable
from esmgo.files.output import exclusive
from esmgo.files.uses import reads
from esmgo.options import check, documented, option
from esmgo.proteome.formats import FORMATS, OutputConfig, writers
from esmgo.proteome.job import Job
from esmgo.proteome.shards import Shard
from esmgo.proteome.summary import PredictSummary, Tally

_OUTPUT = ("format", "taxon", "reference", "assigned_by", "date")
"""Output settings that the shards supply if ``esmgo merge`` does not get them."""


@documented
@dataclass(frozen=True, slots=True)
class MergeConfig(OutputConfig):
    """Settings of ``esmgo merge``."""

    shards: tuple[str, ...] = option(
        (), "All shards of one run, in any order.", is_rest=True, uses=reads
    )
    partial: bool = option(
        False, "Write the proteins of the given shards alone, although others are missing."
    )

    def __post_init__(self) -> None:
        check(self)
        self.check_output()
        if not self.shards:
            raise UsageError("nothing to merge: give the files of all shards")


def merge_shards(config: MergeConfig, report: ReadReport | None = None) -> PredictSummary:
    """Write the files that a run without ``shard`` would have written.

    One shard is open at a time, and memory holds one block; formats that name proteins by
    accession hold the accession of every protein, too.

    Parameters
    ----------
    config : MergeConfig
        Shards and output.
    report : ReadReport, optional
        Filled with warnings.

    Returns
    -------
    PredictSummary
        The files are complete or absent.

    Raises
    ------
    UsageError
        If a shard is missing or repeated, or if shards belong to different runs.
    InputError
        If a file is not a complete shard.
    """
    report = ReadReport() if report is None else report
    shards = [Shard(path) for path in config.shards]
    ordered = _ordered(shards, is_partial=config.partial)
    job = replace(shards[0].job, date=min(shard.job.date for shard in shards))
    output: dict[str, Any] = {n: getattr(config, n) or job.options.get(n) for n in _OUTPUT}
    if config.format is None and config.suffix() and "," not in (output["format"] or ""):
        output["format"] = None  # the suffix decides
    given, config = config, replace(config, **output)
    given.warn_of_unused(config.formats(), report)
    config.check_taxon()
    _check_purposes(config, job)
    labels = shards[0].labels()
    config.check_labels(labels)
    targets = config.targets()
    about = config.about(job, labels)
    with (
        exclusive(targets.values(), overwrite=config.overwrite),
        writers(targets, about) as found,
        tqdm(
            desc="Merging",
            total=sum(shard.job.n_here for shard in shards),
            unit="protein",
            disable=None,
            leave=False,
        ) as bar,
    ):
        tally = Tally(found, job)
        for number in range(job.n_blocks):
            if shard := ordered.get(number % job.shard[1] + 1):
                tally.write(shard.load(number, len(labels)))
                bar.update(job.size(number))
    tally.warn(next(iter(ordered.values())).path, report)
    return tally.summary(tuple(targets.values()))


def _check_purposes(config: MergeConfig, job: Job) -> None:
    """Raise UsageError if the shards lack the calls that a format needs."""
    for name in config.formats():
        if FORMATS[name][1].purpose.word not in job.kept:
            raise UsageError(
                f"{name} has lower scores than these shards: esmgo predict with `format={name}`"
                " writes shards that have them",
                field="format",
            )


def _ordered(shards: list[Shard], *, is_partial: bool) -> dict[int, Shard]:
    """Return the shards by number, and check that they are complete and belong to one run."""
    first = shards[0]
    found: dict[int, Shard] = {}
    for shard in shards:
        which, of = shard.job.shard
        differences = shard.job.differences(first.job)
        if of != first.job.shard[1]:
            differences.append(f"`shard` (I/{first.job.shard[1]}, now I/{of})")
        if differences:
            raise UsageError(
                f"{printable(shard.path, 50)} and {printable(first.path, 50)} are of different"
                f" runs: another {printable(', '.join(differences), 60)}"
            )
        if which in found:
            raise UsageError(
                f"{printable(shard.path, 60)} and {printable(found[which].path, 60)} are both shard"
                f" {which}/{of}"
            )
        found[which] = shard
    of = first.job.shard[1]
    if len(found) < of and not is_partial:
        missing = islice((f"{i}/{of}" for i in range(1, of + 1) if i not in found), 9)
        raise UsageError(
            f"{of - len(found)} of {of} shards missing: {printable(', '.join(missing), 100)}"
        )
    return dict(sorted(found.items()))
