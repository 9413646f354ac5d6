"""The GO subgraph of a protein: an image of its called terms and all their ancestors."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from esmgo.data.rejects import ReadReport
from esmgo.errors import MachineError, UsageError, printable
from esmgo.files.output import check_free
from esmgo.files.uses import writes
from esmgo.go.terms import parse_aspects
from esmgo.options import documented, option, overwrite_option
from esmgo.predict.calling import MIN_SCORE
from esmgo.predict.inputs import CallerConfig, read_proteins
from esmgo.predict.prediction import Prediction
from esmgo.render.graph import draw, format_of
from esmgo.render.subgraph import subgraph_of


@documented
@dataclass(frozen=True, slots=True)
class SubgraphConfig(CallerConfig):
    """Settings of ``esmgo subgraph``."""

    output: str = option(
        "subgraph.svg",
        "The output file: .svg, .html, .json, .dot, or .png, which needs Graphviz.",
        short="o",
        uses=writes,
    )
    top_k: int = option(
        5, "Terms to call of each aspect, at most: the most probable ones of esmgo rank.", minimum=1
    )
    min_score: float = option(
        MIN_SCORE, "Call no term with a lower probability.", minimum=0, maximum=1
    )
    aspect: str | None = option(None, "Draw only these aspects, comma-separated: mf, bp, cc.")
    overwrite: bool = overwrite_option()

    def __post_init__(self) -> None:
        CallerConfig.__post_init__(self)
        parse_aspects(self.aspect)

    @property
    def selection(self) -> str:
        """How the called terms are selected, as text."""
        least = f" of {self.min_score:g} or more" if self.min_score else ""
        return (
            f"the {self.top_k} most probable informative terms of each aspect, with a"
            f" probability{least}; as esmgo rank --sort=score"
        )


def subgraph(config: SubgraphConfig, report: ReadReport | None = None) -> Path:
    """Draw the called terms of a protein with all their ancestors.

    They are those that `rank` lists: the most probable ones of each aspect, without terms that a
    child implies. A term below ``config.min_score`` is not called.

    Returns
    -------
    Path
        The output file; it is complete or absent.
    """
    path = _output(config)
    report = report if report is not None else ReadReport(config.strict)
    proteins = read_proteins(config, report)
    if len(proteins) != 1:
        raise UsageError(_not_one(len(proteins), config, report))
    predictor = config.predictor(report)
    (prediction,) = predictor.predict(proteins)
    called = _called(prediction, config)
    if not len(called):
        report.warn(f"no term scores {config.min_score:g} or more; lower `min_score`")
    drawn = subgraph_of(
        prediction.protein.id,
        prediction.scores,
        prediction.labels,
        called,
        description=prediction.protein.description,
        selection=config.selection,
    )
    draw(drawn, path)
    return path


def _output(config: SubgraphConfig) -> Path:
    """Choose the output file and check that it can be written, before a model is loaded."""
    path = Path(config.output)
    if format_of(path) == "png" and shutil.which("dot") is None:
        raise MachineError(
            f"{printable(path)} needs Graphviz (apt install graphviz, brew install graphviz);"
            " .svg and .html need nothing"
        )
    check_free(path, overwrite=config.overwrite)
    return path


def _called(prediction: Prediction, config: SubgraphConfig) -> list[int]:
    found = prediction.best(
        config.top_k, aspects=parse_aspects(config.aspect), min_score=config.min_score
    )
    if not found:
        raise UsageError(f"{config.aspect} has no term in this checkpoint", field="aspect")
    return [int(j) for columns in found.values() for j in columns]


def _not_one(n: int, config: SubgraphConfig, report: ReadReport) -> str:
    if n == 0 and report.rejects:
        return str(report.rejects[0])
    name = printable(config.fasta or "the sequence", 60)
    return f"{n} proteins in {name}: choose one with `protein=ID`"
