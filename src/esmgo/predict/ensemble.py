"""All that a checkpoint knows about a protein, in one: head, neighbours, homology, blend.

Every source scores the same label space. What is there is used; what a call came from is
said. Nothing here knows about files of calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntFlag
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from esmgo.data.fasta import Protein
from esmgo.go.labels import LabelSpace
from esmgo.go.scores import Scores
from esmgo.model.checkpoint import Checkpoint, open_checkpoint
from esmgo.predict.predictor import Predictor

__all__ = ["Ensemble", "Evidence", "Source"]


class Source(IntFlag):
    """What speaks for a call."""

    HEAD = 1
    NEIGHBOURS = 2
    HOMOLOGY = 4
    DESCENDANT = 8


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about a block of proteins.

    Parameters
    ----------
    scores : Scores
        Obeying the true-path rule; N proteins, T terms.
    precision : ndarray, shape=(N, T), dtype=float32
        The calibrated probability that such a call is in the annotations; NaN where the
        checkpoint has no calibration.
    sources : ndarray, shape=(N, T), dtype=uint8
        Flags of `Source`.
    similarity : ndarray, shape=(N,), dtype=float32
        Cosine similarity of embeddings to the nearest training protein; NaN without an index.
    n_windows : ndarray, shape=(N,), dtype=int64
        Overlapping windows that each protein was scored in.
    """

    scores: Scores
    precision: NDArray[np.float32]
    sources: NDArray[np.uint8]
    similarity: NDArray[np.float32]
    n_windows: NDArray[np.int64]


class Ensemble:
    """A checkpoint that is ready to call terms with all it has.

    Parameters
    ----------
    predictor : Predictor
        Encoder and head.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    @property
    def labels(self) -> LabelSpace:
        """The terms."""
        return self.predictor.labels

    def evidence(self, proteins: Sequence[Protein]) -> Evidence:
        """Score a block of proteins; a protein's scores do not depend on the others."""
        found = list(self.predictor.predict(proteins))
        values = np.stack([p.scores for p in found])
        n = len(proteins)
        return Evidence(
            Scores(tuple(p.id for p in proteins), values, self.labels),
            np.full(values.shape, np.nan, np.float32),
            np.full(values.shape, Source.HEAD, np.uint8),
            np.full(n, np.nan, np.float32),
            np.array([p.n_windows for p in found], np.int64),
        )

    def is_promised(self, evidence: Evidence, precision: float) -> NDArray[np.bool_]:
        """Return which calls hold a precision on the calibration proteins; shape=(N, T).

        Raises
        ------
        UsageError
            If the checkpoint has no calibration.
        """
        raise NotImplementedError
