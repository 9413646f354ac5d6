"""Opens a data set: proteins with closed annotations, split into training and validation.

Labels are sparse rows over a `LabelSpace`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from esmgo.data.accessions import forms
from esmgo.data.rejects import ReadReport
from esmgo.dataset.checks import check_size, labelled, warn_of_leaks, warn_of_twins
from esmgo.dataset.cleaning import TermRules, usable
from esmgo.dataset.jsonlines import read_json_lines, rows_of
from esmgo.dataset.layout import fetch, locate
from esmgo.dataset.proteins import AnnotatedProteins, annotate, close_annotations, fingerprint
from esmgo.dataset.rows import Rows, join
from esmgo.dataset.splits import divide, listed
from esmgo.dataset.subsets import SUBSETS, parse_subset
from esmgo.errors import DatasetError, UsageError, brief, printable
from esmgo.go.labels import LabelSpace
from esmgo.go.obo import read_obo
from esmgo.go.ontology import Ontology
from esmgo.go.terms import Term

DEFAULT = "andrewdalpino/CAFA5"
"""The default data set, on the hub: Swiss-Prot proteins with their terms."""

SAMPLE = "sample"
"""The name of the embedded synthetic data set."""

SPLITS = ("test", "validation", "train")
"""Splits that `open_split` accepts."""


@dataclass(frozen=True)
class Dataset:
    """Training and validation proteins over a label space.

    Parameters
    ----------
    name, subset : str
        The data set and its subset: ``all``, ``mf``, ``cc`` or ``bp``.
    labels : LabelSpace
        The terms of the training proteins, closed and sorted.
    train, validation : AnnotatedProteins
        ``validation`` may be empty.
    fingerprint : str
        SHA-256 of the data that training depends on: ids, sequences and annotations in
        order, split and labels.
    report : ReadReport
        Rejected rows and warnings.
    n_left_out : int
        Rows left out because they have no term of the subset's aspect.
    unseen : dict
        Terms of validation proteins that are not in the label space, sorted by id, and how
        many validation proteins have each.
    """

    name: str
    subset: str
    labels: LabelSpace
    train: AnnotatedProteins
    validation: AnnotatedProteins
    fingerprint: str
    report: ReadReport
    n_left_out: int = 0
    unseen: dict[Term, int] = field(default_factory=dict)

    __repr__ = brief

    @property
    def n_unseen(self) -> int:
        """Validation annotations of terms that are not in the label space."""
        return sum(self.unseen.values())


def locate_dataset(name: str, subset: str = "all") -> str:
    """Return a local name for `open_dataset`, downloaded from the hub if ``name`` is a hub id.

    Callers use it to fail before slow imports.
    """
    return name if name == SAMPLE else str(fetch(name, parse_subset(subset)))


def open_dataset(
    name: str,
    subset: str = "all",
    *,
    ontology: Ontology | None = None,
    eval_ratio: float | None = 0.1,
    min_term_count: int = 1,
    drop_unknown_terms: bool = False,
    strict: bool = False,
    validation_ids: Collection[str] | None = None,
) -> Dataset:
    """Open a data set: read, check, clean, split, and close its annotations.

    Parameters
    ----------
    name : str
        A hub id, a folder ``<subset>/<split>.parquet`` or ``.jsonl``, one such file
        (all of it training data), or ``sample``.
    subset : str
        See `parse_subset`.
    ontology : Ontology, optional
        Without one, terms have ids as names and no parents. The sample has its own ontology.
    eval_ratio : float, optional
        In (0, 1]: the proportion of the test split to validate on or, without a test split,
        of the training split to hold out. None: the complete test split, or a tenth of the
        training split.
    min_term_count : int
        Leave out terms that fewer training proteins have, counted after propagation.
    drop_unknown_terms : bool
        Drop and count terms that are not in the ontology, instead of refusing them.
    strict : bool
        Stop at the first rejected row.
    validation_ids : collection of str, optional
        Proteins to validate on, as stored in a checkpoint; ``eval_ratio`` is then ignored.

    Raises
    ------
    DatasetError
        If the data cannot be used. The message names file, row and field.
    HubError
        If the data are not on this machine and cannot be downloaded from the hub.
    RecordError
        At the first rejected row, if ``strict``.
    UsageError
        If the options do not fit the data.
    """
    subset, report = parse_subset(subset), ReadReport(strict=strict)
    splits, rules = _read(name, subset, ontology, drop_unknown_terms, report)
    usable_rows, n_left_out = {}, 0
    for split, rows in splits.items():
        usable_rows[split], n_without = usable(rows, rules, report)
        n_left_out += n_without
        warn_of_twins(usable_rows[split], report)
    train, validation = divide(usable_rows, eval_ratio, validation_ids)
    check_size(train, subset, report)
    warn_of_leaks(train, validation, report)
    labels, (training, held_out), unseen = annotate(
        train, validation, rules.ontology, rules.aspect, min_term_count
    )
    training = labelled(training, train.source, report)
    digest = fingerprint(labels, training, held_out)
    return Dataset(name, subset, labels, training, held_out, digest, report, n_left_out, unseen)


def open_split(
    name: str,
    split: str = "test",
    subset: str = "all",
    *,
    ontology: Ontology | None = None,
    validation_ids: Collection[str] = (),
    drop_unknown_terms: bool = False,
    strict: bool = False,
) -> tuple[AnnotatedProteins, LabelSpace, ReadReport]:
    """Open one split; return its proteins, their label space, and a report.

    The label space has all terms of the proteins, including terms of no training protein. The
    split is ``test``, ``train``, or ``validation``: the proteins of ``validation_ids``, in
    whichever split of the files they are. See `open_dataset` for the other settings and errors.
    """
    subset, report = parse_subset(subset), ReadReport(strict=strict)
    splits, rules = _read(name, subset, ontology, drop_unknown_terms, report)
    if split != "validation" and split not in splits:
        raise UsageError(f"{printable(name, 60)} has no {split} split; it has {', '.join(splits)}")
    wanted = splits.values() if split == "validation" else [splits[split]]
    rows = join([usable(each, rules, report)[0] for each in wanted])
    if split == "validation":
        found = np.flatnonzero(listed(rows.ids, validation_ids))
        if validation_ids and not len(found):
            look = forms(rows.ids[0], "the checkpoint", next(iter(validation_ids)))
            raise DatasetError(rows.source, f"no validation protein of the checkpoint; {look}")
        rows = rows.take(found)
    if not len(rows):
        raise DatasetError(rows.source, f"no {split} protein with a term of {subset}")
    proteins, labels = close_annotations(rows, rules.ontology, rules.aspect)
    return proteins, labels, report


def _read(
    name: str,
    subset: str,
    ontology: Ontology | None,
    drop_unknown_terms: bool,
    report: ReadReport,
) -> tuple[dict[str, Rows], TermRules]:
    """Return the rows of each split, and the rules for their terms."""
    if name == SAMPLE:
        from esmgo.dataset.sample import sample_ontology_path, sample_rows

        splits = {split: rows_of(rows, SAMPLE) for split, rows in sample_rows().items()}
        ontology = ontology or read_obo(sample_ontology_path())
    else:
        layout = locate(name, subset)
        splits = {
            split: join([_read_file(path) for path in paths])
            for split, paths in layout.files.items()
        }
        if ontology is None and not layout.is_subset:
            raise UsageError(
                f"{printable(name, 60)} has no {subset}/ folder: selecting {subset} from all terms"
                " needs `ontology`"
            )
    if ontology is None:
        report.warn(
            "no `ontology`: terms have ids instead of names, and annotations are not propagated"
        )
    return splits, TermRules(ontology, SUBSETS[subset], drop_unknown_terms)


def _read_file(path: Path) -> Rows:
    from esmgo.dataset.parquet import is_parquet, read_parquet  # pyarrow takes 0.1 s

    read: Callable[[Path], Rows] = read_parquet if is_parquet(path) else read_json_lines
    return read(path)
