"""``esmgo audit``: how much the test split of a data set overlaps with its training split.

A caller may memorise a test protein that nearly equals a training protein. It cannot call a term
that no training protein has. The audit counts both, without a model. With ``decoys`` it counts the
calls of a checkpoint instead; see `esmgo.assess.decoy_audit`. With ``layers`` it compares the
layers of an encoder; see `esmgo.assess.layer_audit`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from esmgo.assess import decoy_audit, layer_audit
from esmgo.assess.config import AuditConfig
from esmgo.assess.decoy_audit import DecoyAudit
from esmgo.assess.layer_audit import LayerAudit
from esmgo.assess.overlap import (
    MIN_COVERAGE,
    NEAR_COVERAGE,
    NEAR_IDENTITY,
    Nearest,
    count_near,
    nearest_of,
)
from esmgo.data.accessions import accession
from esmgo.data.fasta import Protein, read_fasta
from esmgo.data.rejects import ReadReport
from esmgo.dataset.opening import Dataset
from esmgo.dataset.proteins import AnnotatedProteins
from esmgo.errors import UsageError, brief, escaped, printable
from esmgo.evidence.programs import DIAMOND
from esmgo.evidence.search import search
from esmgo.files.atomic import write_atomically
from esmgo.files.folder import replacing_folder
from esmgo.go.labels import LabelSpace
from esmgo.go.sparse import SparseRows
from esmgo.go.terms import Term
from esmgo.model.bases import locate_base
from esmgo.model.checkpoint import Checkpoint
from esmgo.predict.inputs import announce, open_named, open_predictor

log = logging.getLogger(__name__)

CONTEXT = 1026
"""Tokens of a protein that a base model reads, with `layers`."""

SCHEMA = 1
MARK = "audit.json"
"""The file of all figures. A folder with this file is recognised as an audit."""


@dataclass(frozen=True, slots=True)
class Audit:
    """The findings of an audit. Its text is a table.

    Parameters
    ----------
    n_train, n_test : int
        Training and test proteins.
    histogram : dict
        Test proteins by identity to the nearest training protein; see
        `esmgo.assess.overlap.HISTOGRAM`.
    n_partial : int
        Test proteins whose alignments all span less than half of them, counted as ``no hit``.
    n_identical : int
        Test proteins with the sequence of a training protein.
    n_near : int
        Further test proteins with a near-duplicate among the training proteins.
    n_same_id : int
        Test proteins with the id of a training protein.
    unseen : dict
        Terms of test proteins that no training protein has, and how many test proteins do.
    n_test_terms : int
        Terms of test proteins.
    nearest : Nearest
        One row per test protein.
    data : Dataset
        The audited data set.
    """

    n_train: int
    n_test: int
    histogram: dict[str, int]
    n_partial: int
    n_identical: int
    n_near: int
    n_same_id: int
    unseen: dict[Term, int]
    n_test_terms: int
    nearest: Nearest = field(repr=False)
    data: Dataset = field(repr=False)

    __repr__ = brief

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterable[str]:
        yield f"{self.n_test:,} test proteins, {self.n_train:,} training proteins"
        yield ""
        yield "Identity to the nearest training protein, if the alignment spans half of"
        yield "the test protein or more (best bit score of DIAMOND):"
        for name, n in self.histogram.items():
            yield f"  {name:<10} {n:>8,}  {100 * n / max(self.n_test, 1):5.1f} %"
        yield f"Of the proteins without a hit, {self.n_partial:,} have one over less than half."
        yield ""
        yield f"same sequence as a training protein: {self.n_identical:,}"
        yield (
            f"further near-duplicates ({NEAR_IDENTITY:.0f} % identity over {NEAR_COVERAGE:.0f} % of"
            f" both proteins): {self.n_near:,}"
        )
        yield f"same id as a training protein: {self.n_same_id:,}"
        yield (
            f"terms of test proteins that no training protein has: {len(self.unseen):,} of"
            f" {self.n_test_terms:,}, in {sum(self.unseen.values()):,} annotations"
        )

    def to_json(self) -> dict[str, Any]:
        """Return all figures as plain values."""
        return {
            "schema_version": SCHEMA,
            "dataset": self.data.name,
            "subset": self.data.subset,
            "fingerprint": self.data.fingerprint,
            "go_release": self.data.labels.release,
            "n_train": self.n_train,
            "n_test": self.n_test,
            "nearest_training_identity": self.histogram,
            "min_query_coverage": MIN_COVERAGE,
            "n_partial_hits_alone": self.n_partial,
            "n_identical_sequences": self.n_identical,
            "n_near_duplicates": self.n_near,
            "near_duplicate_identity": NEAR_IDENTITY,
            "near_duplicate_coverage": NEAR_COVERAGE,
            "n_same_ids": self.n_same_id,
            "n_test_terms": self.n_test_terms,
            "n_unseen_terms": len(self.unseen),
            "n_unseen_annotations": sum(self.unseen.values()),
        }

    def write(self, folder: Path) -> None:
        """Write ``nearest.tsv``, ``unseen_terms.tsv`` and ``audit.json`` into a folder.

        ``nearest.tsv`` has one row per test protein: ``protein``, ``nearest``, ``identity`` and
        ``query_coverage`` in per cent, ``bits``. Without a hit the last four are empty. If the
        alignment spans less than half of the protein, which counts as no hit, only ``identity`` is
        empty. If DIAMOND finds no hit between equal sequences, only ``bits`` is empty.
        """
        lines = ["protein\tnearest\tidentity\tquery_coverage\tbits", *_nearest_lines(self)]
        _write_lines(folder / "nearest.tsv", lines)
        lines = ["term\tname\taspect\ttest_proteins"]
        for term, n in self.unseen.items():
            aspect = term.aspect.name if term.aspect else ""
            lines.append(f"{term.id}\t{printable(term.name, 1000)}\t{aspect}\t{n}")
        _write_lines(folder / "unseen_terms.tsv", lines)
        text = json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n"
        write_atomically(folder / MARK, text.encode("utf-8", "backslashreplace"))


def audit(config: AuditConfig, report: ReadReport | None = None) -> Audit | DecoyAudit | LayerAudit:
    """Compare the test split of a data set with its training split or decoys, or layers on it.

    Without a test split, the proteins that are held out of the training split are the test
    proteins. With ``output_dir`` the findings are also written; the folder is complete or absent.

    Raises
    ------
    CheckpointError
        If the checkpoint or base model that ``decoys`` or ``layers`` needs is refused.
    MachineError
        If the program diamond is missing or fails.
    UsageError
        If ``output_dir`` exists, or there are no test proteins, or the checkpoint that ``decoys``
        needs has no calibration.
    """
    report = ReadReport(config.strict) if report is None else report
    mark = MARK
    if config.decoys:
        mark = decoy_audit.MARK
    elif config.layers:
        mark = layer_audit.MARK
    else:
        DIAMOND.path()
    if config.output_dir is None:
        return _found(config, report)
    with replacing_folder(Path(config.output_dir), overwrite=config.overwrite, mark=mark) as folder:
        found = _found(config, report)
        found.write(folder)
    return found


def _found(config: AuditConfig, report: ReadReport) -> Audit | DecoyAudit | LayerAudit:
    if config.layers:
        return _by_layer(config, report)
    return _with_decoys(config, report) if config.decoys else _audited(config, report)


def _audited(config: AuditConfig, report: ReadReport) -> Audit:
    log.debug("Reading the data set ...")
    data = config.opened(report)
    train, test = data.train, _test_proteins(config, data)
    log.debug("Searching with DIAMOND ...")
    hits = search(test.sequences, train.sequences, threads=config.n_threads)
    nearest = nearest_of(test.sequences, train.sequences, hits)
    ids = set(map(accession, train.ids))
    return Audit(
        n_train=len(train),
        n_test=len(test),
        histogram=nearest.histogram(),
        n_partial=int((nearest.coverage < MIN_COVERAGE).sum()),
        n_identical=int(nearest.is_identical.sum()),
        n_near=count_near(hits, nearest.is_identical),
        n_same_id=sum(accession(id) in ids for id in test.ids),
        unseen=data.unseen,
        n_test_terms=len(np.unique(test.terms.indices)) + len(data.unseen),
        nearest=nearest,
        data=data,
    )


def _test_proteins(config: AuditConfig, data: Dataset) -> AnnotatedProteins:
    if not len(data.validation):
        raise UsageError(
            f"{printable(config.dataset, 60)} has no test proteins: no protein is held out"
        )
    return data.validation


def _with_decoys(config: AuditConfig, report: ReadReport) -> DecoyAudit:
    checkpoint = open_named(config.checkpoint_path)
    test = None
    if config.fasta is not None:
        proteins = list(read_fasta(config.fasta, report=report))
    else:
        data = config.opened(report)
        test = _test_proteins(config, data)
        proteins = test.records
    predictor = open_predictor(
        checkpoint,
        device=config.device,
        context_length=checkpoint.context_length,
        dtype="auto",
        sources=config.sources,
        homology=config.homology,
        report=report,
    )
    announce(checkpoint, config.checkpoint_path)
    used = decoy_audit.chosen(proteins, config.num_proteins)
    truth = None if test is None else _truth(test, used, data, checkpoint.labels)
    return decoy_audit.audit_decoys(predictor, used, config.fasta or config.dataset, truth)


def _by_layer(config: AuditConfig, report: ReadReport) -> LayerAudit:
    source: Checkpoint | Path | None
    if config.checkpoint_path is not None:
        source = open_named(config.checkpoint_path)
        announce(source, config.checkpoint_path)
        length = source.context_length
    else:
        source, length = locate_base(str(config.base_model)), CONTEXT
    data = config.opened(report)
    _test_proteins(config, data)
    splits = (_some(data.train, config.num_proteins), _some(data.validation, config.num_proteins))
    n_cut = sum(len(text) + 2 > length for each in splits for text in each.sequences)
    if n_cut:
        report.warn(f"{n_cut:,} proteins longer than {length - 2:,} residues are cut there")
    from esmgo.model.device import choose_device  # torch takes seconds
    from esmgo.model.embeddings import encoder_of

    device = choose_device(config.device)
    return layer_audit.audit_layers(
        encoder_of(source, device), splits, data.labels, length, device,
        encoder=str(config.base_model or config.checkpoint_path), source=config.dataset,
    )  # fmt: skip


def _some(proteins: AnnotatedProteins, most: int) -> AnnotatedProteins:
    return proteins.subset(decoy_audit.first_by_digest(proteins.sequences, most))


def _truth(
    test: AnnotatedProteins, used: list[Protein], data: Dataset, labels: LabelSpace
) -> SparseRows:
    """Return the terms of some test proteins as columns of other labels, which may lack some."""
    column = np.array([labels.column.get(term.id, -1) for term in data.labels.terms], np.int32)
    row = {id: i for i, id in enumerate(test.ids)}
    terms = test.terms.take(np.array([row[protein.id] for protein in used]))
    return terms.keep(column[terms.indices] >= 0).renamed(column)


def _nearest_lines(found: Audit) -> Iterable[str]:
    train, nearest = found.data.train.ids, found.nearest
    rows = zip(
        found.data.validation.ids, nearest.index, nearest.identity, nearest.coverage, nearest.bits,
        strict=True,
    )  # fmt: skip
    for id, at, identity, coverage, bits in rows:
        name = escaped(train[at]) if at >= 0 else ""
        counted = identity if coverage >= MIN_COVERAGE else np.nan
        figures = ("" if np.isnan(x) else f"{x:.1f}" for x in (counted, coverage, bits))
        yield "\t".join((escaped(id), name, *figures))


def _write_lines(path: Path, lines: list[str]) -> None:
    write_atomically(path, ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace"))
