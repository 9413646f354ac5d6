"""The data set: proteins with closed annotations, split into training and validation.

Labels are sparse rows over a `LabelSpace`. Nothing here knows about tokens or models.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from esmgo.data.cleaning import TermRules, few, usable
from esmgo.data.layout import locate
from esmgo.data.report import ReadReport
from esmgo.data.rows import Rows, join, read_json_lines, rows_of, take
from esmgo.data.splits import chosen
from esmgo.data.tables import is_parquet, read_parquet
from esmgo.errors import DatasetError, UsageError, shown
from esmgo.go.labels import LabelSpace
from esmgo.go.ontology import Ontology
from esmgo.go.terms import Aspect
from esmgo.go.truepath import close_rows

__all__ = ["DEFAULT", "SAMPLE", "AnnotatedProteins", "Dataset", "open_dataset", "parse_subset"]

DEFAULT = "andrewdalpino/CAFA5"
"""The hub data set of the seed: SwissProt proteins with their terms."""

SAMPLE = "sample"
"""The embedded, synthetic one."""

FEW = 2
"""Fewer training proteins than this are a mistake, or a test."""

_ASPECT_OF = {"mf": Aspect.MF, "cc": Aspect.CC, "bp": Aspect.BP}
_SUBSETS = {"all": "all"} | {
    spelling: subset for subset, aspect in _ASPECT_OF.items() for spelling in (subset, aspect.value)
}


@dataclass(frozen=True, slots=True)
class AnnotatedProteins:
    """N proteins and their closed annotations as sparse rows over a label space.

    Parameters
    ----------
    ids, sequences : tuple of str, shape=(N,)
        Ids as written, and cleaned residues.
    indptr : ndarray, shape=(N + 1,), dtype=int64
        Row ``i`` is ``indices[indptr[i]:indptr[i + 1]]``.
    indices : ndarray, dtype=int32
        Columns of the label space, sorted in each row, each once.
    """

    ids: tuple[str, ...]
    sequences: tuple[str, ...]
    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.ids)

    def subset(self, rows: Sequence[int] | NDArray[np.intp]) -> AnnotatedProteins:
        """Return the proteins with these indices, in this order."""
        at = np.asarray(rows, np.intp)
        ids = tuple(self.ids[i] for i in at)
        return AnnotatedProteins(
            ids, tuple(self.sequences[i] for i in at), *take(self.indptr, self.indices, at)
        )


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
    n_unseen : int
        Validation annotations of terms that are not in the label space.
    n_left_out : int
        Rows without a term of the subset's aspect, where that had to be picked from all.
    """

    name: str
    subset: str
    labels: LabelSpace
    train: AnnotatedProteins
    validation: AnnotatedProteins
    fingerprint: str
    report: ReadReport
    n_unseen: int
    n_left_out: int = 0


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
            f"--dataset_subset must be all, mf, cc, bp or the full name of an aspect, "
            f"not {shown(repr(text), 40)}"
        ) from None


def open_dataset(
    name: str,
    subset: str = "all",
    *,
    ontology: Ontology | None = None,
    eval_ratio: float = 0.1,
    min_term_count: int = 1,
    drop_unknown_terms: bool = False,
    strict: bool = False,
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
    if name == SAMPLE and ontology is None:
        ontology = _sample_ontology()
    aspect = _ASPECT_OF.get(subset)
    if ontology is None:
        _check_no_ontology(name, subset, is_subset=is_subset, report=report)
    rules = TermRules(ontology, aspect, drop_unknown_terms)
    usable_rows, n_left_out = {}, 0
    for split, rows in splits.items():
        usable_rows[split], n_without = usable(rows, rules, report)
        n_left_out += n_without
        _warn_of_twins(usable_rows[split], report)
    train, validation = _divide(usable_rows, eval_ratio)
    _check_size(train, subset, report)
    _warn_of_leaks(train, validation, report)
    labels, pair, n_unseen = _label(train, validation, ontology, aspect, min_term_count)
    return Dataset(
        name, subset, labels, *pair, _fingerprint(labels, *pair), report, n_unseen, n_left_out
    )


def _read(name: str, subset: str) -> tuple[dict[str, Rows], bool]:
    """Return the rows of each split, and whether they are of the subset already."""
    if name == SAMPLE:
        from esmgo.data.sample import sample_rows

        found = {split: rows_of(rows, SAMPLE) for split, rows in sample_rows().items()}
        return found, subset == "all"
    layout = locate(name, subset)
    return {
        split: join([_read_file(path) for path in paths]) for split, paths in layout.files.items()
    }, layout.is_subset


def _read_file(path: Path) -> Rows:
    read: Callable[[Path], Rows] = read_parquet if is_parquet(path) else read_json_lines
    return read(path)


def _sample_ontology() -> Ontology:
    from esmgo.data.sample import sample_ontology_path
    from esmgo.go.obo import read_obo

    return read_obo(sample_ontology_path())


def _check_no_ontology(name: str, subset: str, *, is_subset: bool, report: ReadReport) -> None:
    if not is_subset:
        raise UsageError(
            f"{shown(name, 60)} has no {subset}/ folder: picking {subset} from all terms "
            "needs --ontology"
        )
    report.warn(
        "no --ontology: GO ids stand in for names, and no term is propagated beyond the data's own"
    )


def _divide(splits: dict[str, Rows], ratio: float) -> tuple[Rows, Rows]:
    """Return the rows to train on and those to validate on."""
    if "test" in splits:
        test = splits["test"]
        return splits["train"], test.take(np.flatnonzero(chosen(test.ids, ratio)))
    rows = splits["train"]
    held_out = chosen(rows.ids, ratio)
    if len(rows) and held_out.all():
        raise UsageError(
            f"--eval_ratio={ratio} leaves no protein of {shown(rows.source, 60)} to train on: "
            "there is no test split, so it is held out of train"
        )
    return rows.take(np.flatnonzero(~held_out)), rows.take(np.flatnonzero(held_out))


def _check_size(train: Rows, subset: str, report: ReadReport) -> None:
    if len(train) == 0:
        raise DatasetError(train.source, f"no protein has a term of {subset}")
    if len(train) < FEW:
        report.warn(
            f"{shown(train.source, 90)}: too few proteins to train on ({len(train)}); "
            "a model needs thousands"
        )


def _warn_of_twins(rows: Rows, report: ReadReport) -> None:
    if len(set(rows.sequences)) == len(rows):
        return
    counts: dict[str, int] = {}
    for sequence in rows.sequences:
        counts[sequence] = counts.get(sequence, 0) + 1
    twins = [id for id, one in zip(rows.ids, rows.sequences, strict=True) if counts[one] > 1]
    source = shown(rows.source, 60)
    report.warn(f"{source}: proteins with the same sequence ({len(twins):,}): {few(twins)}")


def _warn_of_leaks(train: Rows, validation: Rows, report: ReadReport) -> None:
    """Warn of proteins that are trained on and validated on."""
    sequences, ids = set(train.sequences), set(train.ids)
    pairs = zip(validation.ids, validation.sequences, strict=True)
    leaks = [id for id, sequence in pairs if sequence in sequences or id in ids]
    if leaks:
        source = shown(validation.source, 60)
        report.warn(
            f"{source}: validation proteins whose id or sequence is trained on, too "
            f"({len(leaks):,}): {few(leaks, 50)}"
        )


def _label(
    train: Rows,
    validation: Rows,
    ontology: Ontology | None,
    aspect: Aspect | None,
    min_term_count: int,
) -> tuple[LabelSpace, tuple[AnnotatedProteins, AnnotatedProteins], int]:
    """Close both annotations and cut them to the terms that training has often enough."""
    wide = LabelSpace.close(_used(train) | _used(validation), ontology, aspect)
    closed = [_closed(rows, wide) for rows in (train, validation)]
    counts = np.bincount(closed[0].indices, minlength=len(wide))
    kept = np.flatnonzero(counts >= max(min_term_count, 1))
    if len(kept) == 0:
        raise UsageError(
            f"--min_term_count={min_term_count} leaves no term: the most frequent one has "
            f"{counts.max(initial=0):,} proteins"
        )
    labels = LabelSpace.close((wide.terms[j].id for j in kept), ontology, aspect)
    assert len(labels) == len(kept), "an ancestor is never rarer than its descendant"
    column = np.full(len(wide), -1, np.int32)
    column[kept] = np.arange(len(kept))
    cut = [_cut(proteins, column) for proteins in closed]
    return labels, (cut[0], cut[1]), len(closed[1].indices) - len(cut[1].indices)


def _used(rows: Rows) -> set[str]:
    return {rows.vocabulary[code] for code in np.unique(rows.codes)}


def _closed(rows: Rows, labels: LabelSpace) -> AnnotatedProteins:
    column = np.array([labels.column.get(id, -1) for id in rows.vocabulary], np.int32)
    indptr, indices = close_rows(rows.indptr, column[rows.codes], labels)
    return AnnotatedProteins(tuple(rows.ids), tuple(rows.sequences), indptr, indices)


def _cut(proteins: AnnotatedProteins, column: NDArray[np.int32]) -> AnnotatedProteins:
    """Rename columns, and leave out those that ``column`` maps to -1."""
    renamed = column[proteins.indices]
    ends = np.concatenate([[0], np.cumsum(renamed >= 0)]).astype(np.int64)
    return replace(proteins, indptr=ends[proteins.indptr], indices=renamed[renamed >= 0])


def _fingerprint(labels: LabelSpace, *splits: AnnotatedProteins) -> str:
    digest = hashlib.sha256(labels.fingerprint.encode())
    for proteins in splits:
        for texts in (proteins.ids, proteins.sequences):
            lengths = np.array([len(text) for text in texts], "<i8")
            digest.update(lengths.tobytes() + "".join(texts).encode())
        digest.update(proteins.indptr.astype("<i8").tobytes())
        digest.update(proteins.indices.astype("<i4").tobytes())
    return digest.hexdigest()
