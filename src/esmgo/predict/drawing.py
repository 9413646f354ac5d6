"""The GO subgraph of a protein: an image of its called terms and all their ancestors."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from esmgo.data.rejects import ReadReport
from esmgo.errors import MachineError, UsageError, printable
from esmgo.files.output import check_free
from esmgo.files.uses import Use
from esmgo.go.terms import Aspect
from esmgo.options import option
from esmgo.predict.inputs import CallerConfig, read_proteins
from esmgo.predict.prediction import Prediction
from esmgo.render.graph import draw, format_of
from esmgo.render.subgraph import subgraph_of


@dataclass(frozen=True, slots=True)
class SubgraphConfig(CallerConfig):
    """Settings of ``esmgo subgraph``."""

    protein: str | None = option(None, "The id of the protein to draw, if the file has several.")
    output: str | None = option(
        None,
        "The output file: .svg or .png (need Graphviz), .html (needs nothing), .json or .dot; by"
        " default subgraph.svg if Graphviz is installed, else subgraph.html.",
        uses=lambda _, output: [Use(str(_named(output)), "write")],
    )
    top_k: int = option(10, "Number of terms to call; roots do not count.", minimum=1)
    aspect: str | None = option(None, "Draw one aspect only: mf, bp or cc.")
    overwrite: bool = option(False, "Replace the output file if there is one.")

    def __post_init__(self) -> None:
        CallerConfig.__post_init__(self)
        if self.aspect is not None:
            Aspect.parse(self.aspect)


def subgraph(config: SubgraphConfig, report: ReadReport | None = None) -> Path:
    """Draw the called terms of a protein with all their ancestors.

    Returns
    -------
    Path
        The output file; it is complete or absent.
    """
    path = _output(config)
    report = report if report is not None else ReadReport(config.strict)
    proteins = [p for p in read_proteins(config, report) if config.protein in (None, p.id)]
    if len(proteins) != 1:
        raise UsageError(_not_one(len(proteins), config, report))
    predictor = config.predictor()
    (prediction,) = predictor.predict(proteins)
    called = _called(prediction, config)
    draw(subgraph_of(prediction.protein.id, prediction.scores, prediction.labels, called), path)
    return path


def _output(config: SubgraphConfig) -> Path:
    """Choose the output file and check that it can be written, before a model is loaded."""
    path = _named(config.output)
    if format_of(path) in ("svg", "png") and not _has_dot():
        raise MachineError(
            f"{printable(path)} needs Graphviz (apt install graphviz, brew install graphviz);"
            " `output=subgraph.html` needs nothing"
        )
    check_free(path, overwrite=config.overwrite)
    return path


def _named(output: str | None) -> Path:
    return Path(output or ("subgraph.svg" if _has_dot() else "subgraph.html"))


def _has_dot() -> bool:
    return shutil.which("dot") is not None


def _called(prediction: Prediction, config: SubgraphConfig) -> list[int]:
    aspect = Aspect.parse(config.aspect) if config.aspect else None
    terms = prediction.labels.terms
    wanted = [
        int(j)
        for j in prediction.ranked()
        if not terms[j].is_root and (aspect is None or terms[j].aspect is aspect)
    ]
    if not wanted:
        raise UsageError(f"{config.aspect} has no term in this checkpoint", field="aspect")
    return wanted[: config.top_k]


def _not_one(n: int, config: SubgraphConfig, report: ReadReport) -> str:
    if config.protein is not None:
        return f"no protein {printable(config.protein, 60)} in {printable(config.fasta, 60)}"
    if n == 0 and report.rejects:
        return str(report.rejects[0])
    return f"{n} proteins in {printable(config.fasta, 60)}: choose one with `protein=ID`"
