"""Evaluate predictions as CAFA does: from files, or of a checkpoint on a data set."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from esmgo.data.cafa import read_ids
from esmgo.data.dataset import SPLITS, locate_dataset, open_split, parse_subset
from esmgo.data.download import locate_ontology
from esmgo.data.fasta import Protein
from esmgo.data.folder import replacing_folder
from esmgo.data.identity import STRATA, read_identity, strata_of
from esmgo.data.report import ReadReport
from esmgo.errors import AnnotationError, UsageError, shown
from esmgo.go.information import read_information_accretion
from esmgo.go.obo import read_obo
from esmgo.go.source import check_readable
from esmgo.metrics.curve import NORMALISATIONS, RULES, thresholds
from esmgo.metrics.evaluator import Evaluator
from esmgo.metrics.report import cafa_tables, document, summary
from esmgo.metrics.result import Evaluation, evaluate, results
from esmgo.metrics.truth import Truth
from esmgo.options import check, device_option, option, precision_option
from esmgo.predict.corpus import available_threads
from esmgo.predict.knowledge import split_sources, training_sequences
from esmgo.predict.predicted import TermCodes, predicted, read_truth
from esmgo.render.report import report_page

__all__ = ["EvaluateConfig", "Evaluated", "evaluate_files"]

log = logging.getLogger(__name__)

MARK = "evaluation_all.tsv"

_FILES = (
    "truth", "ontology", "ia", "targets", "terms_of_interest", "known", "identity",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class EvaluateConfig:
    """What ``esmgo evaluate`` accepts."""

    predictions: str | None = option(
        None,
        "Predictions in CAFA format (protein, term, score; plain or gzip), or a folder of such"
        " files, each evaluated by itself; - for standard input.",
    )
    truth: str | None = option(
        None, "What the proteins really have: protein and term, direct or propagated."
    )
    ontology: str | None = option(
        None, "The Gene Ontology: a local OBO file (plain or gzip) or the URL of go-basic.obo."
    )
    ia: str | None = option(
        None, "Information accretion (term and bits): adds the weighted metrics."
    )
    targets: str | None = option(None, "Evaluate only the proteins listed in this file.")
    terms_of_interest: str | None = option(None, "Count only the terms listed in this file.")
    known: str | None = option(
        None,
        "Annotations known beforehand (protein and term): neither true nor called, for"
        " partial-knowledge targets.",
    )
    identity: str | None = option(
        None,
        "The nearest.tsv of esmgo audit: evaluates proteins also by identity to their nearest"
        " training protein.",
    )
    checkpoint_path: str | None = option(
        None,
        "Evaluate this training checkpoint, or bundled, on --dataset, instead of files.",
    )
    dataset: str | None = option(
        None, "With --checkpoint_path: a hub id, a local folder, one file, or sample."
    )
    dataset_subset: str = option("all", "The subset of the data set: all, mf, cc or bp.")
    split: str = option(
        "test",
        "The split: test, train, or validation (what the checkpoint was validated on).",
        choices=SPLITS,
    )
    sources: str | None = option(
        None,
        "With --checkpoint_path: who scores, of head, neighbours and homology, joined by commas.",
        default_text="all that the checkpoint has a blend of",
    )
    homology: str | None = option(
        None,
        "With --checkpoint_path: the training sequences, a FASTA file or the data set, to compare"
        " with by DIAMOND.",
    )
    output_dir: str | None = option(
        None, "Write tables, JSON and an HTML report into this folder; else only print."
    )
    overwrite: bool = option(False, "Replace an older evaluation at the same place.")
    normalisation: str = option(
        "cafa",
        "Divide sums by: cafa (precision by proteins with a call, the rest by all), gt (all), or"
        " pred (proteins with a call).",
        choices=NORMALISATIONS,
    )
    propagation: str = option(
        "max",
        "Raise a term to its highest descendant always (max), or only where it has no score of"
        " its own (fill).",
        choices=("max", "fill"),
    )
    threshold_step: float = option(
        0.01, "The distance between thresholds.", minimum=0.0001, below=1
    )
    rules: str = option(
        "cafaeval",
        "Where CAFA's evaluator and the definitions differ, follow cafaeval or be exact"
        " (docs/evaluation.md).",
        choices=RULES,
    )
    drop_unknown_terms: bool = option(
        False, "Drop terms of the data set that the ontology does not know."
    )
    strict: bool = option(False, "Stop at the first rejected record instead of going on.")
    precision: str = precision_option()
    device: str | None = device_option()

    def __post_init__(self) -> None:
        check(self)
        object.__setattr__(self, "dataset_subset", parse_subset(self.dataset_subset))
        if (self.predictions is None) == (self.checkpoint_path is None):
            raise UsageError("give --predictions, or --checkpoint_path with --dataset")
        of_files = {"predictions": ("truth", "ontology"), "checkpoint_path": ("dataset",)}
        source = "predictions" if self.predictions is not None else "checkpoint_path"
        for needed in of_files[source]:
            if getattr(self, needed) is None:
                raise UsageError(f"--{source} needs --{needed}")
        other = ("truth", "targets", "known")
        if source == "predictions":
            other = ("dataset", "sources", "homology")
        for unused in other:
            if getattr(self, unused) is not None:
                raise UsageError(f"--{unused} does not go with --{source}")


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What `evaluate_files` found.

    Parameters
    ----------
    evaluations : dict of str to Evaluation
        By name of the predictions file, or of the checkpoint.
    document : dict
        All of it as plain values: the content of ``evaluation.json``.
    report : ReadReport
        Warnings, and rejected rows of a data set.
    n_invalid : int
        Lines left out because their score is outside (0, 1].
    """

    evaluations: dict[str, Evaluation]
    document: dict[str, Any]
    report: ReadReport
    n_invalid: int = 0

    def __str__(self) -> str:
        return summary(self.evaluations)


@dataclass(slots=True)
class _Job:
    """What all evaluations of one run share."""

    config: EvaluateConfig
    report: ReadReport
    at: NDArray[np.float64]
    options: dict[str, Any] = field(default_factory=dict)
    identity: dict[str, float | None] | None = None
    release: str = ""
    n_invalid: int = 0

    def strata(self, proteins: Sequence[str]) -> NDArray[np.intp] | None:
        return None if self.identity is None else strata_of(proteins, self.identity)


def evaluate_files(config: EvaluateConfig) -> Evaluated:
    """Evaluate what ``config`` names, and write it if an output folder is given.

    Raises
    ------
    EsmgoError
        Of the kind and with the exit code that `esmgo.errors` tells.
    """
    for name in _FILES:
        path = getattr(config, name)
        if path is not None and "://" not in path:
            check_readable(path, AnnotationError)
    if config.output_dir is None:
        return _evaluated(config)
    with replacing_folder(Path(config.output_dir), overwrite=config.overwrite, mark=MARK) as at:
        found = _evaluated(config)
        for name, table in cafa_tables(found.evaluations).items():
            (at / name).write_text(table, encoding="utf-8")
        text = json.dumps(found.document, indent=1, allow_nan=False)
        (at / "evaluation.json").write_text(text + "\n", encoding="utf-8")
        (at / "evaluation.html").write_text(report_page(found.document), encoding="utf-8")
    return found


def _evaluated(config: EvaluateConfig) -> Evaluated:
    job = _Job(config, ReadReport(config.strict), thresholds(config.threshold_step, config.rules))
    job.options["rules"] = config.rules
    if config.ia is not None:
        job.options["information"] = read_information_accretion(config.ia)
    if config.identity is not None:
        job.identity = read_identity(config.identity)
    of = _of_files if config.checkpoint_path is None else _of_checkpoint
    evaluations = of(job)
    from importlib.metadata import version  # takes longer than reading the scores

    settings = {
        "program": f"esmgo {version('esmgo')}",
        "rules": config.rules,
        "normalisation": config.normalisation,
        "propagation": config.propagation,
        "threshold_step": config.threshold_step,
        "ontology": job.release,
        "information_accretion": config.ia is not None,
        "warnings": job.report.warnings,
    }
    strata = STRATA if job.identity is not None else ()
    page = document(evaluations, settings, strata)
    return Evaluated(evaluations, page, job.report, job.n_invalid)


def _of_files(job: _Job) -> dict[str, Evaluation]:
    config, say = job.config, job.report.warn
    assert config.predictions is not None
    assert config.truth is not None
    assert config.ontology is not None
    files = _files(config.predictions)
    ontology = read_obo(locate_ontology(config.ontology), warn=say)
    job.release = ontology.release
    terms = TermCodes(ontology)
    targets = read_ids(config.targets) if config.targets else None
    truth = read_truth(config.truth, terms, say, targets=targets, known=config.known)
    if config.terms_of_interest:
        ids = read_ids(config.terms_of_interest)
        found = {id: ontology.replacements.get(id, id) for id in ids}
        job.options["of_interest"] = {id for id in found.values() if id in ontology.terms}
        if not job.options["of_interest"]:
            raise AnnotationError(config.terms_of_interest, "no term of the ontology in it")
        if n := sum(id not in ontology.terms for id in found.values()):
            say(f"{shown(config.terms_of_interest, 60)}: {n:,} terms that the ontology lacks")
    return {name: _of_file(path, terms, truth, job) for name, path in files.items()}


def _files(given: str) -> dict[str, str]:
    """Return the predictions files by the name that CAFA's evaluator gives them."""
    folder = Path(given)
    if given == "-" or not folder.is_dir():
        check_readable(given, AnnotationError)
        return {"-" if given == "-" else folder.name: given}
    found = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
    if not found:
        raise AnnotationError(given, "no files in this folder")
    return {"_".join(path.relative_to(folder).parts): str(path) for path in found}


def _of_file(path: str, terms: TermCodes, truth: Truth, job: _Job) -> Evaluation:
    found = predicted(path, terms, truth, job.at, rules=job.config.rules)
    labels = found.labels(truth)
    evaluator = Evaluator(
        truth.over(labels), job.at, strata=job.strata(truth.proteins), **job.options
    )
    for bins, rows in found.blocks(labels, fill=job.config.propagation == "fill"):
        evaluator.add_bins(bins, rows)
        log.debug("%s: %s proteins", shown(found.name, 60), f"{int(rows[-1]) + 1:,}")
    found.say(job.report.warn)
    job.n_invalid += found.n_invalid
    outcome = results(evaluator, job.config.normalisation)
    if not any(len(result.curve.covered) for result in outcome.values()):
        job.report.warn(f"{shown(found.name, 60)}: nothing predicted for any protein of the truth")
    return outcome


def _of_checkpoint(job: _Job) -> dict[str, Evaluation]:
    config = job.config
    assert config.checkpoint_path is not None
    assert config.dataset is not None
    name = locate_dataset(config.dataset, config.dataset_subset)
    from esmgo.model.bundled import chosen
    from esmgo.model.checkpoint import open_checkpoint
    from esmgo.predict.ensemble import Ensemble  # torch takes seconds

    checkpoint = open_checkpoint(chosen(config.checkpoint_path))
    predictor = Ensemble.of(
        checkpoint,
        device=config.device,
        precision=config.precision,
        homology=training_sequences(config.homology, config.dataset_subset),
        sources=split_sources(config.sources),
        threads=available_threads(),
    )
    ontology = None
    if config.ontology is not None:
        ontology = read_obo(locate_ontology(config.ontology), warn=job.report.warn)
    proteins, labels, report = open_split(
        name,
        config.split,
        config.dataset_subset,
        ontology=ontology,
        validation_ids=checkpoint.training.get("validation", ()),
        drop_unknown_terms=config.drop_unknown_terms,
        strict=config.strict,
    )
    job.report.rejects += report.rejects
    job.report.n_accepted += report.n_accepted
    for line in report.warnings:
        job.report.warn(line)
    job.release = ontology.release if ontology else predictor.labels.release
    truth = Truth(proteins.ids, proteins.indptr, proteins.indices, labels)
    if config.terms_of_interest:
        job.options["of_interest"] = set(read_ids(config.terms_of_interest))
    records = map(Protein, proteins.ids, proteins.sequences)
    bar = tqdm(records, "Scoring", len(proteins), unit="protein", disable=None, leave=False)
    outcome = evaluate(
        predictor.score(bar),
        truth,
        job.at,
        normalisation=config.normalisation,
        strata=job.strata(truth.proteins),
        **job.options,
    )
    if ontology is None and (n := sum(t.id not in predictor.labels.column for t in labels.terms)):
        job.report.warn(f"{n:,} terms that the checkpoint lacks, not counted; --ontology adds them")
        outcome = {a: result for a, result in outcome.items() if a in predictor.labels.aspects}
    return {Path(config.checkpoint_path).name: outcome}
