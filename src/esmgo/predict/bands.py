"""Bands of information: general and informative terms, each calibrated by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import UsageError, brief
from esmgo.go.labels import LabelSpace, aspect_of_column
from esmgo.metrics.calibration import Calibration
from esmgo.predict.calling import MIN_INFORMATION
from esmgo.predict.stored_calibration import packed, unpacked

EDGES = MIN_INFORMATION, 6.0
"""Lower edges, in bits, of the bands of informative terms: at most a tenth of the training proteins
of the aspect carry them, and at most a sixty-fourth."""


@dataclass(frozen=True)
class Bands:
    """The information of terms, and the bands into which it is divided.

    Parameters
    ----------
    information : ndarray, shape=(T,), dtype=float64
        Bits, in hundredths; see `esmgo.go.information.information_content`.
    edges : tuple of float
        Lower edges, in bits, of the bands but the first, which has the general terms.
    """

    information: NDArray[np.float64]
    edges: tuple[float, ...]

    __repr__ = brief

    def __len__(self) -> int:
        return len(self.edges) + 1

    @property
    def is_informative(self) -> NDArray[np.bool_]:
        """Which terms are in a band of informative terms; shape=(T,). Roots have no information."""
        return self.information >= self.edges[0]

    def kinds(self, labels: LabelSpace) -> NDArray[np.intp]:
        """Return aspect and band of each term as one number, -1 for roots; shape=(T,).

        The bands of an aspect are numbered in a row, the general terms first.
        """
        aspects = aspect_of_column(labels)
        band = np.searchsorted(self.edges, self.information, side="right")
        return np.where(aspects < 0, -1, aspects * len(self) + band)

    def raised(self, calibration: Calibration) -> Calibration:
        """Return a calibration in which general terms are as precise as informative ones.

        An ancestor has at least the score of its descendant and at most its bits, so precision
        obeys the true-path rule.
        """
        curve = calibration.curve
        by_band = curve.reshape(-1, len(self), *curve.shape[1:])[:, ::-1]  # (A, bands, G, S)
        raised = np.fmax.accumulate(by_band, axis=1)[:, ::-1].reshape(curve.shape)
        return replace(calibration, curve=raised)

    def first(self, min_information: float) -> int:
        """Return the first band whose terms all have so many bits.

        Raises UsageError if there is none.
        """
        lower = (0.0, *self.edges)
        if min_information > lower[-1]:
            known = ", ".join(f"{edge:g}" for edge in lower)
            reason = f"promises are made for terms of at least {known} bits, not more"
            raise UsageError(reason, field="min_information")
        return int(np.searchsorted(lower, min_information))

    def to_json(self) -> dict[str, Any]:
        """Return plain values; `from_json` takes them."""
        hundredths = np.round(self.information * 100).astype(np.int32)
        return {"edges": list(self.edges), "information": packed(hundredths)}

    @classmethod
    def from_json(cls, value: dict[str, Any], n_terms: int) -> Bands:
        """Read a result of `to_json` for ``n_terms``.

        Raises KeyError, TypeError or ValueError if ``value`` is anything else.
        """
        edges = tuple(map(float, value["edges"]))
        if not all(a < b for a, b in pairwise((0.0, *edges, np.inf))):
            raise ValueError("edges do not ascend")
        return cls(unpacked(value["information"], n_terms) / 100, edges)
