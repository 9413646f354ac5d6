"""What a caller has to beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from esmgo.go.labels import LabelSpace
from esmgo.go.scores import Scores


def term_frequency(
    proteins: Sequence[str], indices: NDArray[np.int32], n_train: int, labels: LabelSpace
) -> Scores:
    """Score every protein by how many training proteins have each term (the naive baseline).

    Parameters
    ----------
    proteins : sequence of str
        Ids of the N proteins to score.
    indices : ndarray, dtype=int32
        Columns of all training annotations, closed.
    n_train : int
        Training proteins.
    labels : LabelSpace
        The T columns.
    """
    counts = np.bincount(indices, minlength=len(labels))
    rate = (counts / max(n_train, 1)).astype(np.float32)
    return Scores(tuple(proteins), np.tile(rate, (len(proteins), 1)), labels)
