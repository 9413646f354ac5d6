"""What a user may ask of ``esmgo predict``."""

from __future__ import annotations

from dataclasses import dataclass

from esmgo.errors import UsageError, printable
from esmgo.files.output import is_stream
from esmgo.go.terms import Aspect
from esmgo.options import dtype_option, option
from esmgo.predict.calling import MIN_SCORE, Rules
from esmgo.predict.inputs import ScoringConfig, SourcesConfig
from esmgo.proteome.formats import OutputConfig


@dataclass(frozen=True, slots=True)
class PredictConfig(ScoringConfig, SourcesConfig, OutputConfig):
    """What ``esmgo predict`` accepts."""

    input: str | None = option(
        None,
        "Score the proteins of this FASTA file, plain or gzip (- for standard input).",
        short="i",
        alias="fasta",
    )
    min_score: float | None = option(
        None,
        "Leave out calls with a lower score.",
        minimum=0,
        maximum=1,
        default_text=f"{MIN_SCORE}, with `min_precision` 0",
    )
    min_precision: float | None = option(
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
    dtype: str = dtype_option(alias="arithmetic")

    def __post_init__(self) -> None:
        ScoringConfig.__post_init__(self)
        if self.input is None:
            raise UsageError("nothing to score: give `input=FILE` (- for standard input)")
        self.check_output()
        if self.resume and self.overwrite:
            raise UsageError("`resume` continues, `overwrite` starts again: give one of them")
        if self.resume and is_stream(str(self.output)):
            raise UsageError("needs a file as `output`: a stream keeps no parts", field="resume")
        if self.shard is None:
            self.check_taxon()
        elif is_stream(str(self.output)) or str(self.output).endswith(".gz"):
            raise UsageError("a shard is one file, not compressed: give `output=FILE`")
        self.part_of()
        self.rules()

    def rules(self) -> Rules:
        """Return what a call must have."""
        names = self.aspect.split(",") if self.aspect is not None else []
        default = MIN_SCORE if self.min_precision is None else 0.0
        return Rules(
            tuple(sorted({Aspect.parse(name) for name in names}, key=list(Aspect).index)),
            default if self.min_score is None else self.min_score,
            self.min_precision,
            self.most_specific,
            self.top_k,
            self.with_ancestors,
        )

    def outputs(self) -> list[str]:
        """Return the files to write."""
        return [str(self.output)] if self.shard else list(self.targets().values())

    def part_of(self) -> tuple[int, int]:
        """Return which of how many shards this is; ``(1, 1)`` is the whole."""
        which, slash, of = (self.shard or "1/1").partition("/")
        if not (slash and which.isdecimal() and of.isdecimal() and 1 <= int(which) <= int(of)):
            raise UsageError(f"{printable(self.shard, 30)} is not I/N, I of 1 to N", field="shard")
        return int(which), int(of)
