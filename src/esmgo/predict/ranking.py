"""Ranking the terms of proteins: what ``predict-rank.py`` and ``esmgo rank`` do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from esmgo.data.rejects import ReadReport
from esmgo.go.truepath import IMPLIED
from esmgo.options import option
from esmgo.predict.inputs import ReadingConfig, read_proteins

if TYPE_CHECKING:
    from esmgo.predict.prediction import Prediction


@dataclass(frozen=True, slots=True)
class RankConfig(ReadingConfig):
    """What ``predict-rank.py`` and ``esmgo rank`` accept."""

    top_k: int = option(
        10, "The top k GO terms and their probabilities to output as predictions.", minimum=1
    )
    general: bool = option(
        False,
        f"List general terms, too, that are at most {IMPLIED} likelier than a term right below"
        " them; predict-rank.py and `raw` always do.",
    )
    show_ids: bool = option(False, "Print GO ids beside the names.")
    raw: bool = option(False, "Print the network's own probabilities, without the true-path rule.")
    rejects: str | None = option(None, "Write the rejected records to this TSV file.")
    seed: int | None = option(
        None, "Accepted for compatibility: ranking draws no random numbers.", minimum=0
    )


def rank(config: RankConfig, report: ReadReport | None = None) -> Iterator[Prediction]:
    """Score the proteins that ``config`` names, in input order.

    All input is read and judged before the first prediction, so that a refused file
    leaves nothing half-written.

    Parameters
    ----------
    config : RankConfig
        With ``sequence`` or ``fasta``.
    report : ReadReport, optional
        Filled with rejected records and warnings.

    Yields
    ------
    Prediction
        Its ``top(config.top_k, general=config.general)`` are the ranked terms.

    Raises
    ------
    EsmgoError
        See `esmgo.errors` for the kinds and their exit codes.
    """
    proteins = read_proteins(config, report if report is not None else ReadReport(config.strict))
    predictor = config.predictor()
    yield from predictor.predict(proteins, raw=config.raw)
