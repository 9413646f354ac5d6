"""Scores that are right as often as they promise, and their sums."""

import numpy as np

from esmgo.metrics.calibration import calibrated
from esmgo.metrics.calibration_sums import CalibrationSums


def block(random, n=60, n_terms=40, n_bins=2):
    """Scores that are right as often as they say, over two aspects; column 0 is left out."""
    scores = random.random((n, n_terms)).astype(np.float32)
    scores[random.random(scores.shape) < 0.3] = 0
    true = random.random(scores.shape) < scores
    aspect = np.concatenate([[-1], random.integers(0, 2, n_terms - 1)])
    return scores, true, aspect, random.integers(0, n_bins, n)


def sums_of(scores, true, kinds, bins, n_bins=2):
    """The sums that calibration needs, of one block."""
    n_kinds = int(kinds.max()) + 1
    return CalibrationSums.of(scores, np.nonzero(true.T), kinds, bins, n_kinds, n_bins)


def calibrated_by(sums, decoys=0):
    """The calibration of these sums, in which decoys have a part of the calls."""
    return calibrated(sums, sums.calls, np.floor(sums.calls * decoys))
