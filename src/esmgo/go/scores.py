"""Scores of proteins, as the caller, all evidence sources and the baselines return them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import LabelMismatch, brief
from esmgo.go.labels import LabelSpace


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of a block of proteins over one label space.

    Parameters
    ----------
    proteins : tuple of str
        Ids of the N proteins.
    values : ndarray, shape=(N, T), dtype=float32
        Probabilities in [0, 1]; column ``j`` scores ``labels.terms[j]``.
    labels : LabelSpace
        The T columns.

    Raises
    ------
    LabelMismatch
        If the shape of ``values`` is not (N, T).
    """

    proteins: tuple[str, ...]
    values: NDArray[np.float32]
    labels: LabelSpace

    __repr__ = brief

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.proteins), len(self.labels)):
            raise LabelMismatch(expected=len(self.labels), actual=self.values.shape[-1])
