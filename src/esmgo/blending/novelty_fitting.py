"""Fitting the novelty of proteins to held-out proteins and their decoys, out of fold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from esmgo.blending.blend_fitting import FOLDS, HeldOut, OutOfFold, fit_stacker, out_of_fold
from esmgo.metrics.calibration import isotonic
from esmgo.metrics.calibration_sums import count_calls
from esmgo.predict.blend import Variant
from esmgo.predict.novelty import Novelty, novelty_of, probability

RIDGE, RIDGE_OF_VECTOR = 3.0, 100.0
"""Weights of the squared coefficients of standardised features; those of the vector are many."""

FAMILIAR = 0.99
"""The quantile of the probability of a right call at which proteins are the most familiar."""

LEVELS = 20
"""Groups of held-out proteins by their novelty, of which the precision is stored."""


def fit_novelty(job: HeldOut, found: OutOfFold) -> tuple[Novelty, NDArray[np.float32]]:
    """Fit the novelty of a variant; ``found`` is a result of `fit_variant` for it.

    Also return the novelty of each decoy, out of fold, shape=(N,).
    """
    n, (right, calls) = len(job.records), found.best.T.astype(np.float64)
    x = np.concatenate(found.of_proteins + found.of_decoys).astype(np.float32)
    ends = _rounded(np.stack([x.min(axis=0), x.max(axis=0)]).astype(np.float64))
    is_protein, everyone = np.repeat([True, False], n), np.ones(2 * n)
    with_calls = np.flatnonzero(calls)
    y = np.repeat([True, False], len(with_calls))
    part = np.concatenate([right[with_calls], (calls - right)[with_calls]])
    weight = part / np.tile(calls[with_calls], 2)
    twice = x[np.tile(with_calls, 2)]
    fold, fold_of_call = np.tile(job.fold, 2), np.tile(job.fold[with_calls], 2)
    penalty = np.full(x.shape[1], RIDGE)
    penalty[-job.vectors.shape[1] :] = RIDGE_OF_VECTOR
    rising = found.features.is_similarity(job.vectors.shape[1])
    any_sign = np.zeros_like(rising)
    log_odds = np.empty((2, 2 * n))
    for f in range(FOLDS):
        of_fold, kept, kept_calls = fold == f, fold != f, fold_of_call != f
        for row, args in zip(
            log_odds,
            (
                (x[kept], is_protein[kept], everyone[kept], rising),
                (twice[kept_calls], y[kept_calls], weight[kept_calls], any_sign),
            ),
            strict=True,
        ):
            constant, *others = _fitted(*args, penalty)
            row[of_fold] = constant + x[of_fold] @ np.array(others)
    protein, right_share = probability(log_odds)
    highest = float(np.quantile(right_share[:n], FAMILIAR).round(6))
    novelty = novelty_of(protein, right_share, highest)
    levels, precision = precision_by(novelty[:n], found.best)
    weights = np.stack(
        [
            _fitted(x, is_protein, everyone, rising, penalty),
            _fitted(twice, y, weight, any_sign, penalty),
        ]
    )
    fitted = Novelty(found.features, _rounded(weights), ends, highest, levels, precision)
    return fitted, novelty[n:]


def with_decoys(
    job: HeldOut, variant: Variant, found: OutOfFold, is_kept: NDArray[np.bool_]
) -> Variant:
    """Return the variant with the calls of some of the decoys in its calibration.

    ``is_kept``, shape=(N,), are the decoys that would have calls: those that are not too novel.
    """
    assert job.decoys is not None
    kinds, decoys = job.bands.kinds(job.labels), np.zeros_like(variant.calibration.decoys)
    for rows, scores in job.decoys.blocks(variant.sources):
        kept = is_kept[rows]
        if kept.any():
            some = scores.rows(kept)
            values = out_of_fold(job, rows[kept], some, found.by_fold)
            decoys += count_calls(values, kinds, variant.groups(some), *decoys.shape[:2])
    return replace(variant, calibration=replace(variant.calibration, decoys=decoys))


def precision_by(
    novelty: NDArray[np.float32], best: NDArray[np.int64]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return levels of novelty, ascending, and the precision at each, which does not rise.

    A level is the mean of a group of proteins with a call, which are ordered by novelty and
    divided into `LEVELS` groups. Its precision is that of all their calls; ``best`` has the right
    ones and all of each protein, shape=(N, 2).
    """
    called = np.flatnonzero(best[:, 1])
    groups = np.array_split(called[np.argsort(novelty[called], kind="stable")], LEVELS)
    groups = [group for group in groups if len(group)]
    if not groups:
        return (0.0,), (0.0,)
    level = np.array([novelty[group].mean() for group in groups], np.float64)
    level, first = np.unique(level.round(6), return_index=True)
    right, n = np.add.reduceat([best[group].sum(axis=0) for group in groups], first).T
    precision = isotonic(right[::-1].astype(float), n[::-1].astype(float))[::-1]
    return tuple(level.tolist()), tuple(precision.round(4).tolist())


def _fitted(
    x: NDArray[np.float32],
    y: NDArray[np.bool_],
    weight: NDArray[np.float64],
    rising: NDArray[np.bool_],
    penalty: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return constant and weights of a logistic regression, shape=(1 + F,); see `fit_stacker`.

    Features that are ``rising`` have no negative weight. Those that would are left out.
    """
    names, x = list(map(str, range(x.shape[1]))), x.copy()
    while True:
        found = fit_stacker(names, x, y, weight, ridge=penalty)
        weights = np.array(list(found.weights.values()))
        falling = rising & (weights < 0)
        if not falling.any():
            return np.array([found.constant, *weights])
        x[:, falling] = 0


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values of six significant figures, which take fewer bytes."""
    texts = [float(f"{value:.6g}") for value in values.ravel()]
    return np.array(texts).reshape(values.shape)
