"""Ranking the terms of proteins, for ``predict-rank.py`` and ``esmgo rank``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from esmgo.data.rejects import ReadReport, rejects_option
from esmgo.errors import UsageError, printable
from esmgo.files.output import is_stream
from esmgo.files.uses import writes
from esmgo.go.terms import parse_aspects
from esmgo.go.truepath import IMPLIED
from esmgo.model.bundled import context_of
from esmgo.options import documented, option, overwrite_option, refuse_unused
from esmgo.predict.inputs import CallerConfig, announce, open_named, read_proteins

if TYPE_CHECKING:
    from esmgo.predict.prediction import Prediction
    from esmgo.predict.predictor import Predictor

SORTS = "information", "score"


@documented
@dataclass(frozen=True, slots=True)
class RankConfig(CallerConfig):
    """Settings of ``predict-rank.py`` and ``esmgo rank``."""

    top_k: int = option(
        10,
        "The top k GO terms and their probabilities to output as predictions; of each aspect,"
        " except by predict-rank.py.",
        minimum=1,
    )
    aspect: str | None = option(
        None, "Rank only terms of these aspects, comma-separated: mf, bp, cc."
    )
    general: bool = option(
        False,
        f"Also list general terms that are at most {IMPLIED} likelier than one of their children;"
        " predict-rank.py and `raw` always do.",
    )
    sort: str | None = option(
        None,
        "The order: information, by probability × bits of the term, so that informative terms are"
        " first; or score, by probability.",
        choices=SORTS,
        default_text="information; score by predict-rank.py, with `raw`, and without an index",
    )
    max_novelty: float | None = option(
        None,
        "List no term of a protein with a higher novelty: it is unlike anything known.",
        minimum=0,
        maximum=1,
        default_text="1",
    )
    show_ids: bool = option(False, "Print GO ids beside the names.")
    raw: bool = option(False, "Print the probabilities of the network, without the true-path rule.")
    output: str = option(
        "-",
        "Where to: a .txt file, as printed; a .tsv file, with a header; or - for standard output.",
        short="o",
        uses=writes,
    )
    overwrite: bool = overwrite_option()
    rejects: str | None = rejects_option()
    seed: int | None = option(
        None, "Accepted for compatibility: ranking draws no random numbers.", minimum=0
    )

    def __post_init__(self) -> None:
        CallerConfig.__post_init__(self)
        if self.raw:
            reason = "cannot be combined with `raw`, the output of the network alone"
            refuse_unused(self, ("sources", "homology", "max_novelty"), reason)
            if self.sort == "information":
                raise UsageError(reason, field="sort")
        parse_aspects(self.aspect)
        if not is_stream(self.output) and Path(self.output).suffix.lower() not in (".txt", ".tsv"):
            reason = f"{printable(self.output, 80)} should end in .txt or .tsv"
            raise UsageError(reason, field="output")

    def predictor(self, report: ReadReport) -> Predictor:
        """Load the checkpoint; with ``raw``, its network alone."""
        if not self.raw:
            found = CallerConfig.predictor(self, report)
            found.check_novelty(self.max_novelty)
            if self.sort == "information" and np.isnan(found.information).all():
                reason = "information needs the index of the training proteins: use score"
                raise UsageError(reason, field="sort")
            return found
        from esmgo.evidence.relatives import Sources
        from esmgo.predict.predictor import Predictor  # torch takes seconds
        from esmgo.predict.scorer import Scorer

        checkpoint = open_named(self.checkpoint_path)
        length = context_of(checkpoint.path, self.context_length)
        scorer = Scorer.of(checkpoint, device=self.device, context_length=length, dtype=self.dtype)
        announce(checkpoint, self.checkpoint_path)
        return Predictor(scorer, Sources(checkpoint.labels, None))


def limited(found: Iterator[Prediction], config: RankConfig) -> Iterator[Prediction]:
    """Yield predictions that list nothing above the limit of the novelty."""
    limit = 1.0 if config.max_novelty is None else config.max_novelty
    yield from (replace(prediction, max_novelty=limit) for prediction in found)


def rank(config: RankConfig, report: ReadReport | None = None) -> Iterator[Prediction]:
    """Score proteins, in input order.

    All input is read and checked before the first prediction, so a refused file gives no
    partial output.

    Parameters
    ----------
    config : RankConfig
        Contains ``sequence`` or ``fasta``.
    report : ReadReport, optional
        Filled with rejected records and warnings.

    Yields
    ------
    Prediction
        Get its ranked terms with ``best(config.top_k, general=config.general)``, or those of all
        aspects together with ``top``.
    """
    report = report if report is not None else ReadReport(config.strict)
    proteins = read_proteins(config, report)
    predictor = config.predictor(report)
    yield from limited(predictor.predict(proteins, raw=config.raw), config)
