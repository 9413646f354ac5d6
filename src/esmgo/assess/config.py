"""Settings of the verbs that evaluate predictions and data sets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from esmgo.data.download import http_option, open_ontology, reads_ontology
from esmgo.data.evidence_codes import evidence_option, parse_evidence
from esmgo.data.rejects import ReadReport
from esmgo.dataset.layout import reads_dataset
from esmgo.dataset.opening import DEFAULT, SPLITS, Dataset, locate_dataset, open_dataset
from esmgo.dataset.subsets import parse_subset
from esmgo.errors import UsageError
from esmgo.evidence.search import available_threads
from esmgo.files.uses import Use, reads, reads_folder, replaces
from esmgo.metrics.curve import NORMALISATIONS, RULES
from esmgo.model.bases import reads_base
from esmgo.model.bundled import checkpoint_option, reads_checkpoint
from esmgo.options import (
    check,
    device_option,
    documented,
    dtype_option,
    option,
    overwrite_option,
    refuse_unused,
    threads_option,
)
from esmgo.predict.inputs import SourcesConfig

_ONTOLOGY = "The Gene Ontology: a local OBO file (plain or gzip) or the URL of go-basic.obo."


def _reads_predictions(config: object, value: str | None) -> Iterable[Use]:
    return [*reads_folder(value or "", "**/*")] or reads(config, value)


@dataclass(frozen=True, slots=True)
class CorpusConfig:
    """Settings of the verbs that compare test proteins with training proteins."""

    dataset: str = option(
        DEFAULT,
        "The data set: a hub id, a local folder SUBSET/SPLIT.parquet or .jsonl, one such file,"
        " or sample.",
        uses=reads_dataset,
    )
    dataset_subset: str = option("all", "The subset: all, mf, cc or bp.")
    ontology: str | None = option(None, _ONTOLOGY, uses=reads_ontology)
    allow_http: bool = http_option()
    drop_unknown_terms: bool = option(
        False, "Drop terms that are not in the ontology instead of refusing the data set."
    )
    strict: bool = option(False, "Stop at the first rejected record instead of skipping it.")
    threads: int | None = threads_option()

    def __post_init__(self) -> None:
        check(self)
        object.__setattr__(self, "dataset_subset", parse_subset(self.dataset_subset))

    @property
    def n_threads(self) -> int:
        """The requested number of threads, or the number that this process may use."""
        return self.threads or available_threads()

    def opened(self, report: ReadReport) -> Dataset:
        """Open the data set with its complete test split, or a tenth of train if it has none."""
        name = locate_dataset(self.dataset, self.dataset_subset)
        data = open_dataset(
            name,
            self.dataset_subset,
            ontology=open_ontology(self.ontology, allow_http=self.allow_http),
            eval_ratio=None,
            drop_unknown_terms=self.drop_unknown_terms,
            strict=self.strict,
        )
        report.absorb(data.report)
        return data


@documented
@dataclass(frozen=True, slots=True)
class AuditConfig(CorpusConfig, SourcesConfig):
    """Settings of ``esmgo audit``."""

    decoys: bool = option(
        False,
        "Compare the calls of a checkpoint on the test proteins with those on decoys of them:"
        " shuffled, reversed and random sequences.",
    )
    layers: bool = option(
        False,
        "Compare the layers of an encoder, of `base_model` or a checkpoint: Fmax of a regression"
        " on the vectors of each, fitted to training proteins, on test proteins.",
    )
    checkpoint_path: str | None = checkpoint_option()
    base_model: str | None = option(
        None, "With `layers`: this base model, a hub name, a folder or tiny.", uses=reads_base
    )
    fasta: str | None = option(
        None,
        "With `decoys`: the proteins of this FASTA file instead of test proteins; the checkpoint"
        " should not have seen them in training.",
        uses=reads,
    )
    num_proteins: int = option(
        1000,
        "With `decoys` or `layers`: use at most so many proteins of a split; their sequences"
        " decide which.",
        minimum=1,
    )
    device: str | None = device_option()
    output_dir: str | None = option(
        None,
        "The folder to make: nearest.tsv, unseen_terms.tsv, audit.json; with `decoys` decoys.tsv"
        " and decoys.json; with `layers` layers.tsv and layers.json.",
        uses=replaces,
    )
    overwrite: bool = overwrite_option("Replace an older audit at the same place.")

    def __post_init__(self) -> None:
        CorpusConfig.__post_init__(self)
        if self.layers:
            refuse_unused(self, ("decoys", "threads"), "cannot be combined with `layers`")
            if (self.base_model is None) == (self.checkpoint_path is None):
                raise UsageError("needs either `base_model` or `checkpoint_path`", field="layers")
        else:
            refuse_unused(self, ("base_model",), "is used only with `layers`")
        if not self.decoys:
            only = ("fasta", "sources", "homology")
            refuse_unused(self, only, "is used only with `decoys`")
            if not self.layers:
                only = ("checkpoint_path", "num_proteins", "device")
                refuse_unused(self, only, "is used only with `decoys` or `layers`")
        elif self.fasta is not None:
            unused = "dataset", "dataset_subset", "ontology", "drop_unknown_terms"
            refuse_unused(self, unused, "is not used with `fasta`")
        self.check_sources()


@documented
@dataclass(frozen=True, slots=True)
class EvaluateConfig(SourcesConfig):
    """Settings of ``esmgo evaluate``."""

    predictions: str | None = option(
        None,
        "Predictions in CAFA format (protein, term, score; plain or gzip), or a folder of such"
        " files, each evaluated separately; - for standard input.",
        uses=_reads_predictions,
    )
    truth: str | None = option(
        None,
        "The true annotations, direct or propagated: a file of protein and term, GAF, GPAD, or"
        " another format of docs/data.md.",
        uses=reads,
    )
    evidence: str = evidence_option()
    ontology: str | None = option(None, _ONTOLOGY, uses=reads_ontology)
    allow_http: bool = http_option()
    ia: str | None = option(
        None, "Information accretion (term and bits): adds the weighted metrics.", uses=reads
    )
    targets: str | None = option(
        None, "Evaluate only the proteins listed in this file.", uses=reads
    )
    terms_of_interest: str | None = option(
        None, "Count only the terms listed in this file.", uses=reads
    )
    known: str | None = option(
        None,
        "Earlier annotations of partial-knowledge targets, in any format of `truth`; they count"
        " neither as true nor as called.",
        uses=reads,
    )
    identity: str | None = option(
        None,
        "The nearest.tsv of esmgo audit: also evaluate groups of proteins by identity to their"
        " nearest training protein.",
        uses=reads,
    )
    checkpoint_path: str | None = option(
        None,
        "Evaluate this training checkpoint, or bundled, on `dataset`, instead of files.",
        uses=reads_checkpoint,
    )
    dataset: str | None = option(
        None,
        "The data set with the true annotations: a hub id, a local folder, one file, or sample;"
        " with `predictions` instead of `truth`.",
        uses=reads_dataset,
    )
    dataset_subset: str = option("all", "The subset of the data set: all, mf, cc or bp.")
    split: str = option(
        "test",
        "The split: test, train, or validation (the validation proteins of the checkpoint).",
        choices=SPLITS,
    )
    output_dir: str | None = option(
        None,
        "Write tables, JSON and an HTML report into this folder; without one, only print.",
        uses=replaces,
    )
    overwrite: bool = overwrite_option("Replace an older evaluation at the same place.")
    normalisation: str = option(
        "cafa",
        "Divide sums by: cafa (precision by proteins with a call, the rest by all), gt (all), or"
        " pred (proteins with a call).",
        choices=NORMALISATIONS,
    )
    propagation: str = option(
        "max",
        "Raise the score of a term to its highest descendant always (max), or only if the term"
        " has no score (fill).",
        choices=("max", "fill"),
    )
    threshold_step: float = option(
        0.01, "The distance between thresholds.", minimum=0.0001, below=1
    )
    rules: str = option(
        "cafaeval",
        "Follow CAFA's evaluator (cafaeval) or the definitions (exact) where they differ; see"
        " docs/evaluation.md.",
        choices=RULES,
    )
    drop_unknown_terms: bool = option(
        False, "Drop terms of the data set that are not in the ontology."
    )
    strict: bool = option(False, "Stop at the first rejected record instead of skipping it.")
    dtype: str = dtype_option()
    device: str | None = device_option()

    def __post_init__(self) -> None:
        check(self)
        parse_evidence(self.evidence)
        object.__setattr__(self, "dataset_subset", parse_subset(self.dataset_subset))
        if (self.predictions is None) == (self.checkpoint_path is None):
            raise UsageError("give `predictions`, or `checkpoint_path` with `dataset`")
        source, needed = "checkpoint_path", ["dataset"]
        if self.predictions is not None:
            source, needed = "predictions", ["truth"] * (self.dataset is None) + ["ontology"]
        for name in needed:
            if getattr(self, name) is None:
                raise UsageError(f"needs `{name}`", field=source)
        of_checkpoint, of_files = ("sources", "homology"), ("propagation",)
        unused = of_files if self.predictions is None else of_checkpoint
        refuse_unused(self, unused, f"cannot be combined with `{source}`")
        of_truth, of_dataset = (
            ("truth", "targets", "known", "evidence"),
            ("dataset_subset", "split"),
        )
        if self.dataset is None:
            refuse_unused(self, of_dataset, "needs `dataset`")
        else:
            refuse_unused(self, of_truth, "cannot be combined with `dataset`")
        self.check_sources()
