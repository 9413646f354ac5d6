"""The naive baseline, which a caller must beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from esmgo.go.labels import LabelSpace
from esmgo.go.scores import Scores
from esmgo.go.sparse import SparseRows


def term_frequency(proteins: Sequence[str], terms: SparseRows, labels: LabelSpace) -> Scores:
    """Score every protein by the fraction of training proteins with each term (naive baseline).

    ``proteins`` are the ids of those to score, ``terms`` the closed annotations of training.
    """
    rate = (terms.frequency(len(labels)) / max(len(terms), 1)).astype(np.float32)
    return Scores(tuple(proteins), np.tile(rate, (len(proteins), 1)), labels)
