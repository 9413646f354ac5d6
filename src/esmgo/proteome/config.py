"""Settings of ``esmgo predict``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from esmgo.data.rejects import rejects_option
from esmgo.errors import UsageError, printable
from esmgo.files.output import is_stream
from esmgo.files.uses import reads
from esmgo.go.calls import ALL_PURPOSES, Purpose
from esmgo.go.terms import parse_aspects
from esmgo.options import documented, dtype_option, option, refuse_unused
from esmgo.predict.calling import MIN_INFORMATION, MIN_SCORE, Rules
from esmgo.predict.inputs import ScoringConfig, SourcesConfig
from esmgo.predict.novelty import MAX_NOVELTY
from esmgo.proteome.formats import FORMATS, OutputConfig
from esmgo.render.cafa import MIN_SCORE as CAFA_SCORE
from esmgo.render.cafa import MOST_TERMS

LOCAL, RAY = "local", "ray"
"""Values of ``engine``."""

ANNOTATION_PRECISION, ANNOTATION_SCORE = 0.5, 0.5
"""Conditions for a call in GAF and GPAD, of a checkpoint with and without a calibration."""


@documented
@dataclass(frozen=True, slots=True)
class PredictConfig(ScoringConfig, SourcesConfig, OutputConfig):
    """Settings of ``esmgo predict``."""

    input: str | None = option(
        None,
        "Score the proteins of this FASTA file, plain or gzip (- for standard input), or those of a"
        " folder of esmgo plan.",
        short="i",
        uses=reads,
        alias="fasta",
    )
    min_score: float | None = option(
        None,
        "Leave out calls with a lower score.",
        minimum=0,
        maximum=1,
        default_text=f"{MIN_SCORE}, in cafa {CAFA_SCORE}; gaf and gpad have the calls of precision"
        f" {ANNOTATION_PRECISION}, of a checkpoint that is not calibrated of score"
        f" {ANNOTATION_SCORE}; with `min_precision` 0",
    )
    min_precision: float | None = option(
        None,
        "Keep only calls with this promised precision, a fraction between 0 and 1.",
        above=0,
        below=1,
    )
    min_information: float = option(
        MIN_INFORMATION,
        "Fewest bits of a call with `min_precision`, -log2 of the fraction of training proteins"
        " with the term; its ancestors are kept with it. Promises are made for whole bands of"
        " information: a value inside a band counts as its upper end.",
        minimum=0,
    )
    max_novelty: float | None = option(
        None,
        "Make no call of a protein with a higher novelty: it is unlike anything known.",
        minimum=0,
        maximum=1,
        default_text=f"{MAX_NOVELTY} with `min_precision`, and in gaf and gpad for a calibrated"
        " checkpoint; else 1",
    )
    aspect: str | None = option(
        None, "Keep only terms of these aspects, comma-separated: mf, bp, cc."
    )
    most_specific: bool = option(False, "Leave out terms with a called descendant.")
    top_k: int | None = option(
        None, "Keep the k best calls of each protein.", minimum=1, default_text="all"
    )
    with_ancestors: bool = option(
        False, "Add all ancestors of the kept calls, including the root, whatever the other limits."
    )
    resume: bool = option(False, "Resume a killed run, with the same flags and the same file.")
    shard: str | None = option(
        None,
        "I/N: compute shard I of N and write it to one file, which esmgo merge reads.",
        default_text="the whole job",
    )
    rejects: str | None = rejects_option()
    dtype: str = dtype_option(alias="arithmetic")
    engine: str = option(
        LOCAL,
        "local, this process; or ray, actors on the machines of a Ray cluster, which share the"
        " folder of `output` (pip install 'esmgo[ray]').",
        choices=(LOCAL, RAY),
    )
    address: str | None = option(
        None,
        "With `engine=ray`: HOST:PORT of the cluster, or local, a new one on this machine.",
        default_text="the cluster of this machine, or a new one",
    )
    num_actors: int | None = option(
        None,
        "With `engine=ray`: processes that score proteins.",
        minimum=1,
        maximum=1 << 16,
        default_text="one a GPU, or one a machine",
    )
    num_gpus: float | None = option(
        None,
        "With `engine=ray`: GPUs of each actor; a fraction shares one.",
        minimum=0,
        maximum=64,
        default_text="1 in a cluster with GPUs",
    )
    stall_minutes: float = option(
        60.0,
        "With `engine=ray`: stop after so many minutes in which no block was finished.",
        above=0,
    )

    def __post_init__(self) -> None:
        ScoringConfig.__post_init__(self)
        if self.input is None:
            raise UsageError("nothing to score: give `input=FILE` (- for standard input)")
        self.check_output()
        self.check_sources()
        if self.resume and self.overwrite:
            raise UsageError("`resume` continues, `overwrite` starts again: give one of them")
        if self.resume and is_stream(str(self.output)):
            raise UsageError("needs a file as `output`: a stream keeps no parts", field="resume")
        if self.engine == RAY:
            self._check_ray()
        else:
            flags = ("address", "num_actors", "num_gpus", "stall_minutes")
            refuse_unused(self, flags, "is for `engine=ray`")
        if self.shard is None:
            self.check_taxon()
            if {"gaf", "gpad"}.issuperset(self.formats()):
                reason = "is not for gaf and gpad, which have the most specific calls alone"
                refuse_unused(self, ("with_ancestors",), reason)
        elif is_stream(str(self.output)) or str(self.output).endswith(".gz"):
            raise UsageError("a shard is one file, not compressed: give `output=FILE`")
        self.part_of()
        self.rules()

    def _check_ray(self) -> None:
        if self.shard is not None:
            raise UsageError("is not for `engine=ray`, whose actors share the work", "shard")
        if is_stream(str(self.output)):
            raise UsageError("`engine=ray` keeps parts beside its output: give `output=FILE`")

    def rules(
        self, *, is_calibrated: bool = False, has_novelty: bool = False
    ) -> dict[Purpose, Rules]:
        """Return the conditions for a call by purpose, for a checkpoint with a calibration or not.

        A shard has the calls of tables and annotations whatever its formats.
        """
        plain = Rules(
            parse_aspects(self.aspect),
            most_specific=self.most_specific,
            top_k=self.top_k,
            with_ancestors=self.with_ancestors,
            min_information=self.min_information,
            max_novelty=self.max_novelty,
        )
        limit = self.max_novelty
        if limit is None and has_novelty:
            limit = MAX_NOVELTY  # of promised calls
        if self.min_score is not None or self.min_precision is not None:
            given = replace(plain, min_score=self.min_score or 0.0, precision=self.min_precision)
            if self.min_precision is not None:
                given = replace(given, max_novelty=limit)
            return {ALL_PURPOSES: given}
        purposes = {FORMATS[name][1].purpose for name in self.formats()}
        found = {Purpose.TABLE: plain}
        if Purpose.ANNOTATION in purposes or self.shard:
            low = 0.0 if is_calibrated else ANNOTATION_SCORE
            precision = ANNOTATION_PRECISION if is_calibrated else None
            found[Purpose.ANNOTATION] = replace(
                plain,
                min_score=low,
                precision=precision,
                max_novelty=limit if is_calibrated else self.max_novelty,
            )
        if Purpose.CAFA in purposes:
            most = min(self.top_k or MOST_TERMS, MOST_TERMS)
            found[Purpose.CAFA] = replace(plain, min_score=CAFA_SCORE, top_k=most)
        return found

    def formats(self) -> tuple[str, ...]:
        """Return the names of the formats; none of a shard without `format`."""
        return OutputConfig.formats(self) if self.format or not self.shard else ()

    def outputs(self) -> list[str]:
        """Return the output files."""
        return [str(self.output)] if self.shard else OutputConfig.outputs(self)

    def parts(self) -> Path:
        """Return the folder of unfinished work."""
        return Path(f"{self.output}.parts")

    def part_of(self) -> tuple[int, int]:
        """Return number and count of the shard; ``(1, 1)`` without shards."""
        which, slash, of = (self.shard or "1/1").partition("/")
        if not (slash and which.isdecimal() and of.isdecimal() and 1 <= int(which) <= int(of)):
            raise UsageError(f"{printable(self.shard, 30)} is not I/N, I of 1 to N", field="shard")
        return int(which), int(of)
