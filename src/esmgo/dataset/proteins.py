"""Proteins with closed annotations, and the label space of these annotations."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from esmgo.data.fasta import Protein
from esmgo.dataset.rows import Rows
from esmgo.errors import UsageError, brief
from esmgo.go.labels import LabelSpace
from esmgo.go.ontology import Ontology
from esmgo.go.sparse import SparseRows
from esmgo.go.terms import Aspect, Term
from esmgo.metrics.truth import Truth


@dataclass(frozen=True, slots=True)
class AnnotatedProteins:
    """N proteins and their closed annotations over a label space.

    Parameters
    ----------
    ids, sequences : tuple of str, shape=(N,)
        Ids as written, and cleaned residues.
    terms : SparseRows
        Columns of the label space, sorted in each row, each once.
    taxa : ndarray, shape=(N,), dtype=int32
        NCBI taxon id, 0 if it is unknown.
    """

    ids: tuple[str, ...]
    sequences: tuple[str, ...]
    terms: SparseRows
    taxa: NDArray[np.int32]

    __repr__ = brief

    def __len__(self) -> int:
        return len(self.ids)

    def subset(self, rows: Sequence[int] | NDArray[np.intp]) -> AnnotatedProteins:
        """Return the proteins with these indices, in this order."""
        at = np.asarray(rows, np.intp)
        ids = tuple(self.ids[i] for i in at)
        sequences = tuple(self.sequences[i] for i in at)
        return AnnotatedProteins(ids, sequences, self.terms.take(at), self.taxa[at])

    @property
    def records(self) -> list[Protein]:
        """The proteins without their annotations."""
        taxa = self.taxa.tolist()
        return list(map(Protein, self.ids, self.sequences, repeat(""), taxa))

    def truth(self, labels: LabelSpace) -> Truth:
        """Return the annotations for metrics; ``labels`` are their columns."""
        return Truth(self.ids, self.terms, labels)


def annotate(
    train: Rows,
    validation: Rows,
    ontology: Ontology | None,
    aspect: Aspect | None,
    min_term_count: int,
) -> tuple[LabelSpace, tuple[AnnotatedProteins, AnnotatedProteins], dict[Term, int]]:
    """Return the label space, the training and validation proteins over it, and unseen terms.

    The label space has the terms of at least ``min_term_count`` training proteins after
    propagation. It is closed, because an ancestor is never rarer than its descendant. A protein
    may have no term in it. Unseen terms are terms of validation proteins outside the label space,
    sorted by id, with the number of validation proteins that have each.
    """
    wide = LabelSpace.close(_used(train) | _used(validation), ontology, aspect)
    closed = [_closed(rows, wide) for rows in (train, validation)]
    counts = closed[0].terms.frequency(len(wide))
    kept = np.flatnonzero(counts >= max(min_term_count, 1))
    if len(kept) == 0:
        raise UsageError(
            f"{min_term_count} leaves no term: the most frequent term has "
            f"{counts.max(initial=0):,} proteins",
            field="min_term_count",
        )
    labels = LabelSpace.close((wide.terms[j].id for j in kept), ontology, aspect)
    assert len(labels) == len(kept), "frequent terms are closed after propagation"
    column = np.full(len(wide), -1, np.int32)
    column[kept] = np.arange(len(kept))
    cut = [_cut(proteins, column) for proteins in closed]
    held_out = closed[1].terms.frequency(len(wide))
    unseen = np.flatnonzero((column < 0) & (held_out > 0))
    return labels, (cut[0], cut[1]), {wide.terms[j]: int(held_out[j]) for j in unseen}


def close_annotations(
    rows: Rows, ontology: Ontology | None, aspect: Aspect | None
) -> tuple[AnnotatedProteins, LabelSpace]:
    """Close the annotations of all rows over the smallest label space that has their terms."""
    labels = LabelSpace.close(_used(rows), ontology, aspect)
    return _closed(rows, labels), labels


def _used(rows: Rows) -> set[str]:
    return {rows.vocabulary[code] for code in np.unique(rows.terms.indices)}


def _closed(rows: Rows, labels: LabelSpace) -> AnnotatedProteins:
    column = np.array([labels.column.get(id, -1) for id in rows.vocabulary], np.int32)
    terms = rows.terms.renamed(column).closed(labels)
    return AnnotatedProteins(tuple(rows.ids), tuple(rows.sequences), terms, rows.taxa)


def _cut(proteins: AnnotatedProteins, column: NDArray[np.int32]) -> AnnotatedProteins:
    """Map the columns, and leave out those that ``column`` maps to -1."""
    renamed = proteins.terms.renamed(column)
    return replace(proteins, terms=renamed.keep(renamed.indices >= 0))


def fingerprint(labels: LabelSpace, *splits: AnnotatedProteins) -> str:
    """Return the SHA-256 of labels, ids, sequences and annotations, in order, as hex digits."""
    digest = hashlib.sha256(labels.fingerprint.encode())
    for proteins in splits:
        for texts in (proteins.ids, proteins.sequences):
            lengths = np.array([len(text) for text in texts], "<i8")
            digest.update(lengths.tobytes() + "".join(texts).encode())
        digest.update(proteins.terms.indptr.astype("<i8").tobytes())
        digest.update(proteins.terms.indices.astype("<i4").tobytes())
    return digest.hexdigest()
