"""Ranking the terms of proteins, for ``predict-rank.py`` and ``esmgo rank``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from esmgo.data.rejects import ReadReport, rejects_option
from esmgo.evidence.sources import EvidenceSource
from esmgo.go.truepath import IMPLIED
from esmgo.options import option
from esmgo.predict.inputs import CallerConfig, read_proteins

if TYPE_CHECKING:
    from esmgo.predict.prediction import Prediction
    from esmgo.predict.predictor import Predictor


@dataclass(frozen=True, slots=True)
class RankConfig(CallerConfig):
    """Settings of ``predict-rank.py`` and ``esmgo rank``."""

    top_k: int = option(
        10, "The top k GO terms and their probabilities to output as predictions.", minimum=1
    )
    general: bool = option(
        False,
        f"Also list general terms that are at most {IMPLIED} likelier than one of their children;"
        " predict-rank.py and `raw` always do.",
    )
    show_ids: bool = option(False, "Print GO ids beside the names.")
    raw: bool = option(False, "Print the probabilities of the network, without the true-path rule.")
    rejects: str | None = rejects_option()
    seed: int | None = option(
        None, "Accepted for compatibility: ranking draws no random numbers.", minimum=0
    )

    def predictor(self) -> Predictor:
        """Load the checkpoint; with ``raw``, only the head is needed."""
        is_head_alone = self.raw and self.sources is None
        head = EvidenceSource.HEAD.word
        return CallerConfig.predictor(replace(self, sources=head) if is_head_alone else self)


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
        Get its ranked terms with ``top(config.top_k, general=config.general)``.
    """
    proteins = read_proteins(config, report if report is not None else ReadReport(config.strict))
    predictor = config.predictor()
    yield from predictor.predict(proteins, raw=config.raw)
