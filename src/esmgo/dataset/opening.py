"""The data set: proteins with closed annotations, split into training and validation.

Labels are sparse rows over a `LabelSpace`. Nothing here knows about tokens or models.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from esmgo.data.rejects import ReadReport
from esmgo.dataset.checks import _check_size, _warn_of_leaks, _warn_of_twins, _without_bare
from esmgo.dataset.cleaning import TermRules, usable
from esmgo.dataset.jsonlines import read_json_lines, rows_of
from esmgo.dataset.layout import fetch, locate
from esmgo.dataset.proteins import AnnotatedProteins, annotate, close_annotations, fingerprint
from esmgo.dataset.rows import Rows, join
from esmgo.dataset.splits import divide
from esmgo.errors import DatasetError, UsageError, printable
from esmgo.go.labels import LabelSpace
from esmgo.go.ontology import Ontology
from esmgo.go.terms import Aspect, Term

DEFAULT = "andrewdalpino/CAFA5"
"""The hub data set of the seed: SwissProt proteins with their terms."""

SAMPLE = "sample"
"""The embedded, synthetic one."""

SPLITS = ("test", "validation", "train")
"""What `open_split` opens."""


_ASPECT_OF = {"mf": Aspect.MF, "cc": Aspect.CC, "bp": Aspect.BP}
_SUBSETS = {"all": "all"} | {
    spelling: subset for subset, aspect in _ASPECT_OF.items() for spelling in (subset, aspect.value)
}


@dataclass(frozen=True)
class Dataset:
    """Proteins to train on, proteins to validate on, and the terms they may have.

    Parameters
    ----------
    name, subset : str
        What was opened; the subset is ``all``, ``mf``, ``cc`` or ``bp``.
    labels : LabelSpace
        The terms of the training proteins, closed and sorted.
    train, validation : AnnotatedProteins
        ``validation`` may be empty.
    fingerprint : str
        SHA-256 of everything that training depends on: ids, sequences, annotations in
        order, split and labels.
    report : ReadReport
        Rejected rows and warnings.
    n_left_out : int
        Rows without a term of the subset's aspect, where that had to be picked from all.
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

    @property
    def n_unseen(self) -> int:
        """Validation annotations of terms that are not in the label space."""
        return sum(self.unseen.values())


def parse_subset(text: str) -> str:
    """Return ``all``, ``mf``, ``cc`` or ``bp``; full aspect names and any case are taken.

    Raises
    ------
    UsageError
        If ``text`` is none of them.

    Examples
    --------
    >>> parse_subset("Biological_Process")
    'bp'
    """
    try:
        return _SUBSETS[text.strip().lower()]
    except KeyError:
        raise UsageError(
            f"must be all, mf, cc, bp or an aspect's full name, not {printable(repr(text), 40)}",
            field="dataset_subset",
        ) from None


def locate_dataset(name: str, subset: str = "all") -> str:
    """Return a name that `open_dataset` finds on this machine, fetched from the hub if need be.

    For front doors that want to fail before slow imports.

    Raises
    ------
    DatasetError
        If there is no such file or folder.
    HubError
        If it is a hub id and the hub is out of reach.
    """
    return name if name == SAMPLE else str(fetch(name, parse_subset(subset)))


def open_dataset(
    name: str,
    subset: str = "all",
    *,
    ontology: Ontology | None = None,
    eval_ratio: float = 0.1,
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
        Without one, ids stand in for names and no term has a parent. The sample
        brings its own.
    eval_ratio : float
        In (0, 1]: the part of the test split to validate on, or, without a test
        split, of the training split to hold out.
    min_term_count : int
        Leave out terms that fewer training proteins have, counted after propagation.
    drop_unknown_terms : bool
        Drop and count terms that the ontology does not have, instead of refusing them.
    strict : bool
        Stop at the first rejected row.
    validation_ids : collection of str, optional
        Proteins to validate on, as a checkpoint keeps them; ``eval_ratio`` then chooses none.

    Raises
    ------
    DatasetError
        If the data cannot be used; it names file, row and field.
    HubError
        If the data are neither here nor to be had from the hub.
    RecordError
        Under ``strict``.
    UsageError
        If the options do not fit the data.
    """
    subset = parse_subset(subset)
    report = ReadReport(strict=strict)
    splits, is_subset = _read(name, subset)
    rules = _rules(name, subset, ontology, drop_unknown_terms, is_subset, report)
    usable_rows, n_left_out = {}, 0
    for split, rows in splits.items():
        usable_rows[split], n_without = usable(rows, rules, report)
        n_left_out += n_without
        _warn_of_twins(usable_rows[split], report)
    train, validation = divide(usable_rows, eval_ratio, validation_ids)
    _check_size(train, subset, report)
    _warn_of_leaks(train, validation, report)
    labels, (taught, held_out), unseen = annotate(
        train, validation, rules.ontology, rules.aspect, min_term_count
    )
    taught = _without_bare(taught, train.source, report)
    digest = fingerprint(labels, taught, held_out)
    return Dataset(name, subset, labels, taught, held_out, digest, report, n_left_out, unseen)


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
    """Open the proteins of one split with all their terms, also those never trained on.

    Parameters
    ----------
    name, subset, ontology, drop_unknown_terms, strict
        See `open_dataset`.
    split : str
        ``test``, ``train``, or ``validation``: the proteins of ``validation_ids``,
        wherever they are.
    validation_ids : collection of str
        What a checkpoint was validated on.

    Returns
    -------
    proteins : AnnotatedProteins
    labels : LabelSpace
        Their terms, closed.
    report : ReadReport
        Rejected rows and warnings.

    Raises
    ------
    DatasetError, HubError, RecordError, UsageError
        See `open_dataset`; also if there is no such split.
    """
    subset, report = parse_subset(subset), ReadReport(strict=strict)
    splits, is_subset = _read(name, subset)
    if split != "validation" and split not in splits:
        raise UsageError(f"{printable(name, 60)} has no {split} split; it has {', '.join(splits)}")
    rules = _rules(name, subset, ontology, drop_unknown_terms, is_subset, report)
    wanted = splits.values() if split == "validation" else [splits[split]]
    rows = join([usable(each, rules, report)[0] for each in wanted])
    if split == "validation":
        ids = frozenset(validation_ids)
        rows = rows.take(np.array([i for i, id in enumerate(rows.ids) if id in ids], np.intp))
    if not len(rows):
        raise DatasetError(rows.source, f"no {split} protein with a term of {subset}")
    proteins, labels = close_annotations(rows, rules.ontology, rules.aspect)
    return proteins, labels, report


def _read(name: str, subset: str) -> tuple[dict[str, Rows], bool]:
    """Return the rows of each split, and whether they are of the subset already."""
    if name == SAMPLE:
        from esmgo.dataset.sample import sample_rows

        found = {split: rows_of(rows, SAMPLE) for split, rows in sample_rows().items()}
        return found, subset == "all"
    layout = locate(name, subset)
    return {
        split: join([_read_file(path) for path in paths]) for split, paths in layout.files.items()
    }, layout.is_subset


def _read_file(path: Path) -> Rows:
    from esmgo.dataset.parquet import is_parquet, read_parquet  # a tenth of a second

    read: Callable[[Path], Rows] = read_parquet if is_parquet(path) else read_json_lines
    return read(path)


def _rules(
    name: str,
    subset: str,
    ontology: Ontology | None,
    drop_unknown_terms: bool,
    is_subset: bool,
    report: ReadReport,
) -> TermRules:
    """Settle what a term must be; the sample brings its ontology, other data may have none."""
    if name == SAMPLE and ontology is None:
        ontology = _sample_ontology()
    if ontology is None:
        _check_no_ontology(name, subset, is_subset=is_subset, report=report)
    return TermRules(ontology, _ASPECT_OF.get(subset), drop_unknown_terms)


def _sample_ontology() -> Ontology:
    from esmgo.dataset.sample import sample_ontology_path
    from esmgo.go.obo import read_obo

    return read_obo(sample_ontology_path())


def _check_no_ontology(name: str, subset: str, *, is_subset: bool, report: ReadReport) -> None:
    if not is_subset:
        raise UsageError(
            f"{printable(name, 60)} has no {subset}/ folder: picking {subset} from all terms "
            "needs `ontology`"
        )
    report.warn(
        "no `ontology`: GO ids stand in for names, and no term is propagated beyond the data's own"
    )
