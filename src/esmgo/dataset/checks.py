"""Checks of the proteins of a data set: too few, duplicate sequences, in both splits."""

from __future__ import annotations

from collections import Counter

import numpy as np

from esmgo.data.accessions import accession
from esmgo.data.rejects import ReadReport
from esmgo.dataset.cleaning import warn_of
from esmgo.dataset.proteins import AnnotatedProteins
from esmgo.dataset.rows import Rows
from esmgo.errors import DatasetError, printable

FEW = 2
"""Fewer training proteins than this get a warning."""


def check_size(train: Rows, subset: str, report: ReadReport) -> None:
    """Warn of too few training proteins; refuse an empty training split."""
    if len(train) == 0:
        raise DatasetError(train.source, f"no protein has a term of {subset}")
    if len(train) < FEW:
        report.warn(
            f"{printable(train.source, 90)}: too few proteins to train on ({len(train)}); "
            "a model needs thousands"
        )


def labelled(train: AnnotatedProteins, source: str, report: ReadReport) -> AnnotatedProteins:
    """Leave out proteins with rare terms only: without labels they would look functionless."""
    unlabelled = train.terms.counts == 0
    if not unlabelled.any():
        return train
    names = [train.ids[i] for i in np.flatnonzero(unlabelled)]
    warn_of(names, "proteins with only terms below `min_term_count`, left out", source, report)
    return train.subset(np.flatnonzero(~unlabelled))


def warn_of_twins(rows: Rows, report: ReadReport) -> None:
    """Warn of proteins of one split that share a sequence."""
    counts = Counter(rows.sequences)
    twins = [id for id, one in zip(rows.ids, rows.sequences, strict=True) if counts[one] > 1]
    warn_of(twins, "proteins with the same sequence", rows.source, report)


def warn_of_leaks(train: Rows, validation: Rows, report: ReadReport) -> None:
    """Warn of proteins that are both in training and in validation."""
    sequences, ids = set(train.sequences), set(map(accession, train.ids))
    pairs = zip(validation.ids, validation.sequences, strict=True)
    leaks = [id for id, sequence in pairs if sequence in sequences or accession(id) in ids]
    what = "validation proteins with the id or sequence of a training protein"
    warn_of(leaks, what, validation.source, report)
