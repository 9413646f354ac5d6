"""Evaluates predictions as CAFA does: from files, or of a checkpoint on a data set."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from esmgo.assess.config import EvaluateConfig
from esmgo.assess.identity import STRATA, read_identity, strata_of
from esmgo.assess.predictions import predicted
from esmgo.assess.truth import TermCodes, merged, read_truth
from esmgo.data.accessions import forms
from esmgo.data.cafa import read_ids
from esmgo.data.download import open_ontology
from esmgo.data.evidence_codes import parse_evidence
from esmgo.data.rejects import ReadReport
from esmgo.dataset.opening import locate_dataset, open_split
from esmgo.dataset.proteins import AnnotatedProteins
from esmgo.errors import AnnotationError, brief, printable
from esmgo.files.folder import replacing_folder
from esmgo.files.source import check_readable, is_folder
from esmgo.go.frames import frame
from esmgo.go.information import read_information_accretion
from esmgo.go.ontology import Ontology
from esmgo.go.resolving import TermResolver
from esmgo.go.terms import is_go_id
from esmgo.metrics.curve import thresholds
from esmgo.metrics.evaluator import Evaluator
from esmgo.metrics.result import Evaluation, evaluate, results
from esmgo.metrics.tables import cafa_tables, document, summary
from esmgo.metrics.truth import Truth
from esmgo.predict.inputs import announce, open_named, open_predictor
from esmgo.render.evaluation_page import report_page

log = logging.getLogger(__name__)

MARK = "evaluation_all.tsv"

_FILES = (
    "truth", "ontology", "ia", "targets", "terms_of_interest", "known", "identity",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The result of `evaluate_files`.

    Parameters
    ----------
    evaluations : dict of str to Evaluation
        The evaluation of each predictions file, or of the checkpoint, by its name.
    document : dict
        All results as plain values: the content of ``evaluation.json``.
    report : ReadReport
        Warnings, and rejected rows of a data set.
    n_invalid : int
        Lines left out because of their score: not above 0 or, by the rules ``exact``, above 1.
    """

    evaluations: dict[str, Evaluation]
    document: dict[str, Any]
    report: ReadReport
    n_invalid: int = 0

    __repr__ = brief

    def __str__(self) -> str:
        return summary(self.evaluations)

    def to_pandas(self) -> Any:
        """Return a data frame with a row per file and aspect; see `frame` for the error.

        The columns are ``name``, ``aspect``, ``fmax``, ``fmax_weighted``, ``smin`` and ``aupr``.
        Weighted values are NaN without information accretion.
        """
        rows = [
            (name, aspect.name if aspect else "", result)
            for name, evaluation in self.evaluations.items()
            for aspect, result in evaluation.items()
        ]
        measures = ("fmax", "fmax_weighted", "smin", "aupr")
        values = {m: np.array([getattr(r, m) for *_, r in rows], np.float64) for m in measures}
        return frame({"name": [r[0] for r in rows], "aspect": [r[1] for r in rows], **values})


@dataclass(slots=True)
class _Job:
    """Settings and state that all evaluations of one run share."""

    config: EvaluateConfig
    report: ReadReport
    at: NDArray[np.float64]
    options: dict[str, Any] = field(default_factory=dict)
    identity: dict[str, float | None] | None = None
    release: str = ""
    n_invalid: int = 0

    def strata(self, proteins: Sequence[str]) -> NDArray[np.intp] | None:
        if self.identity is None:
            return None
        groups = strata_of(proteins, self.identity)
        if (groups == len(STRATA) - 1).all():
            look = forms(next(iter(self.identity)), self.truth_name, proteins[0])
            name = printable(self.config.identity, 50)
            self.report.warn(f"{name}: lists no protein of the truth; {look}")
        return groups

    @property
    def truth_name(self) -> str:
        return str(self.config.truth or self.config.dataset)


def evaluate_files(config: EvaluateConfig) -> Evaluated:
    """Evaluate the files or the checkpoint of ``config``; write the results if so configured."""
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
    files = _files(config.predictions) if config.predictions is not None else {}
    if config.ia is not None:
        job.options["information"] = read_information_accretion(config.ia, job.report.warn)
    if config.identity is not None:
        job.identity = read_identity(config.identity, job.report.warn)
    ontology = open_ontology(config.ontology, job.report.warn, allow_http=config.allow_http)
    _narrow(job, ontology)
    if ontology is not None and (bits := job.options.get("information")):
        known = ontology.terms.keys() | ontology.obsolete | ontology.replacements.keys()
        if unknown := [id for id in bits if id not in known]:
            found = f"{len(unknown):,} of {len(bits):,} terms are not in the ontology"
            job.report.warn(f"{printable(config.ia, 60)}: {found}: {', '.join(unknown[:3])}")
    evaluations = _of_files(job, ontology, files) if files else _of_checkpoint(job, ontology)
    if config.ia is not None:
        _warn_of_weights(job, evaluations)
    from importlib.metadata import version  # slow to import

    copied = ("rules", "normalisation", "propagation", "threshold_step")
    settings = {
        "program": f"esmgo {version('esmgo')}",
        **{name: getattr(config, name) for name in copied},
        "ontology": job.release,
        "information_accretion": config.ia is not None,
        "warnings": job.report.warnings,
    }
    strata = STRATA if job.identity is not None else ()
    page = document(evaluations, settings, strata)
    return Evaluated(evaluations, page, job.report, job.n_invalid)


def _warn_of_weights(job: _Job, evaluations: Mapping[str, Evaluation]) -> None:
    """Warn of aspects in which no term of the truth has a weight: each weighted measure is 0."""
    results = next(iter(evaluations.values())).items()
    if found := [a.name for a, r in results if a and r.fmax_weighted == r.smin == 0]:
        reason = "no term of the truth has a weight, so wFmax and Smin have no meaning"
        job.report.warn(f"{printable(job.config.ia, 60)}: {', '.join(found)}: {reason}")


def _of_files(job: _Job, ontology: Ontology | None, files: dict[str, str]) -> dict[str, Evaluation]:
    config = job.config
    assert ontology is not None
    job.release = ontology.release
    terms = TermCodes(ontology)
    if config.truth is None:
        _, truth = _of_dataset(job, ontology)
        truth = merged(truth, str(config.dataset), job.report.warn)
    else:
        targets = read_ids(config.targets, job.report.warn) if config.targets else None
        truth = read_truth(
            config.truth,
            terms,
            job.report,
            evidence=parse_evidence(config.evidence),
            targets=targets,
            known=config.known,
        )
    return {name: _of_file(path, terms, truth, job) for name, path in files.items()}


def _narrow(job: _Job, ontology: Ontology | None) -> None:
    """Count only the terms of interest, if a file lists them."""
    source = job.config.terms_of_interest
    if source is None:
        return
    ids = read_ids(source, job.report.warn)
    if others := [id for id in ids if not is_go_id(id)]:
        some = ", ".join(printable(id, 20) for id in others[:3])
        job.report.warn(f"{printable(source, 60)}: {len(others):,} ids that are not of GO: {some}")
        ids = [id for id in ids if is_go_id(id)]
    wanted: set[str | None] = set(ids)
    if ontology is not None:
        resolver = TermResolver(ontology)
        wanted = {resolver.of(id) for id in ids} - {None}
        if not wanted:
            raise AnnotationError(source, "the file has no term of the ontology")
        resolver.report(job.report.warn, source, "lines")
    job.options["of_interest"] = wanted


def _of_dataset(
    job: _Job, ontology: Ontology | None, validation: Sequence[str] = ()
) -> tuple[AnnotatedProteins, Truth]:
    """Read the proteins of a split and their true annotations."""
    config = job.config
    assert config.dataset is not None
    proteins, labels, report = open_split(
        locate_dataset(config.dataset, config.dataset_subset),
        config.split,
        config.dataset_subset,
        ontology=ontology,
        validation_ids=validation,
        drop_unknown_terms=config.drop_unknown_terms,
        strict=config.strict,
    )
    job.report.absorb(report)
    return proteins, proteins.truth(labels)


def _files(given: str) -> dict[str, str]:
    """Return the predictions files by their names in CAFA's evaluator."""
    folder = Path(given)
    if given == "-" or not is_folder(folder):
        check_readable(given, AnnotationError)
        return {"-" if given == "-" else folder.name: given}
    found = sorted(p for p in _below(folder) if p.is_file() and not p.name.startswith("."))
    if not found:
        raise AnnotationError(given, "the folder has no files")
    return {"_".join(path.relative_to(folder).parts): str(path) for path in found}


def _below(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and of those in it; raise an error if one cannot be read."""

    def refuse(error: OSError) -> None:
        raise AnnotationError(error.filename, str(error.strerror).lower()) from None

    for home, _, names in os.walk(folder, onerror=refuse):
        yield from (Path(home) / name for name in names)


def _of_file(path: str, terms: TermCodes, truth: Truth, job: _Job) -> Evaluation:
    found = predicted(path, terms, truth, job.at, rules=job.config.rules, report=job.report)
    labels = found.labels(truth)
    evaluator = Evaluator(
        truth.over(labels), job.at, strata=job.strata(truth.proteins), **job.options
    )
    for bins, rows in found.blocks(labels, fill=job.config.propagation == "fill"):
        evaluator.add_bins(bins, rows)
        log.debug("%s: %s proteins", printable(found.name, 60), f"{int(rows[-1]) + 1:,}")
    found.report(job.report.warn, truth, job.truth_name)
    job.n_invalid += found.n_invalid
    return results(evaluator, job.config.normalisation)


def _of_checkpoint(job: _Job, ontology: Ontology | None) -> dict[str, Evaluation]:
    config = job.config
    assert config.checkpoint_path is not None
    checkpoint = open_named(config.checkpoint_path)
    predictor = open_predictor(
        checkpoint,
        device=config.device,
        context_length=checkpoint.context_length,
        dtype=config.dtype,
        sources=config.sources,
        homology=config.homology,
        subset=config.dataset_subset,
        report=job.report,
    )
    announce(checkpoint, config.checkpoint_path)
    proteins, truth = _of_dataset(job, ontology, checkpoint.training.get("validation", ()))
    job.release = ontology.release if ontology else predictor.labels.release
    with tqdm(
        desc="Scoring", total=len(proteins), unit="protein", disable=None, leave=False
    ) as bar:
        outcome = evaluate(
            predictor.score(proteins.records, progress=bar.update),
            truth,
            job.at,
            normalisation=config.normalisation,
            strata=job.strata(truth.proteins),
            **job.options,
        )
    if ontology is None and (
        n := sum(t.id not in predictor.labels.column for t in truth.labels.terms)
    ):
        job.report.warn(
            f"{n:,} terms that the checkpoint lacks are not counted; `ontology` adds them"
        )
        outcome = {a: result for a, result in outcome.items() if a in predictor.labels.aspects}
    return {Path(config.checkpoint_path).name: outcome}
