"""Fitting a blend: weights on all calibration proteins, calibration and Fmax out of fold."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esmgo.data.fasta import Protein
from esmgo.dataset.proteins import AnnotatedProteins
from esmgo.evidence.relatives import Relatives, Sources
from esmgo.evidence.source_scores import SIMILARITIES, SourceScores, given_aspect
from esmgo.evidence.sources import EvidenceSource
from esmgo.go.labels import LabelSpace, aspect_of_column
from esmgo.go.scores import Scores
from esmgo.go.truepath import propagate
from esmgo.metrics.calibration import calibrated
from esmgo.metrics.calibration_sums import CalibrationSums, count_calls
from esmgo.metrics.evaluator import Evaluator
from esmgo.metrics.result import name_of, results
from esmgo.predict.bands import Bands
from esmgo.predict.blend import Variant, blended, key_of
from esmgo.predict.novelty import Features, best_calls
from esmgo.predict.regression import Stacker, factors, products
from esmgo.predict.residue_pairs import ResiduePairs

log = logging.getLogger(__name__)

FOLDS = 5
BLOCK = 256

MOST_CELLS = 600_000
"""Maximal number of false cells per aspect to which weights are fitted."""

SUPPORTED_SHARE = 0.8
"""The share of them that a source supports; other false cells are sampled more sparsely."""

LEAST_BITS = 0.5
"""Added to the information accretion of a term, which is the weight of its cells. The weight does
not depend on whether a cell is true, so probabilities stay calibrated."""


@dataclass
class HeldOut:
    """The calibration proteins, and the outputs of the network for them."""

    labels: LabelSpace
    proteins: AnnotatedProteins
    records: list[Protein]
    head: NDArray[np.float32]  # (N, T), on disk
    vectors: NDArray[np.float32]  # (N, D)
    sources: Sources
    own: NDArray[np.intp]  # (N,), rows of the index
    information: NDArray[np.float64]  # (T,), bits
    fold: NDArray[np.intp]
    seed: int
    bands: Bands
    pairs: ResiduePairs  # of the training proteins
    decoys: HeldOut | None = None  # one of each protein, with the same row of the index
    relatives: dict[int, Relatives] = field(default_factory=dict)

    def blocks(self, names: Sequence[str]) -> Iterator[tuple[NDArray[np.intp], SourceScores]]:
        """Yield the scores of these sources in blocks, with the rows of the proteins."""
        for first in range(0, len(self.records), BLOCK):
            rows = np.arange(first, min(first + BLOCK, len(self.records)))
            if first not in self.relatives:
                some = self.records[first : first + BLOCK]
                found = self.sources.find_relatives(some, self.vectors[rows], self.own[rows])
                self.relatives[first] = found
            found = self.relatives[first]
            votes = {name: v for name, v in found.votes.items() if name in names}
            yield rows, self.sources.score(found._replace(votes=votes), np.array(self.head[rows]))

    def of(self, rows: NDArray[np.intp]) -> tuple[NDArray[np.float32], list[str]]:
        """Return the vectors and sequences of some of the proteins."""
        return self.vectors[rows], [self.records[i].sequence for i in rows]


@dataclass
class OutOfFold:
    """What the blend of other proteins gives for each protein.

    Parameters
    ----------
    fmax : dict of str to float
        Per aspect.
    features : Features
        Of proteins, for their novelty.
    best : ndarray, shape=(N, 2), dtype=int64
        Of the `NUM_BEST` best informative calls of each protein in each aspect in which it is
        annotated: those that are right, and all.
    by_fold : list of dict of str to Stacker
        The weights for the proteins of each fold.
    of_proteins, of_decoys : list of ndarray, shape=(B, F), dtype=float64
        The features by block.
    """

    fmax: dict[str, float]
    features: Features
    best: NDArray[np.int64]
    by_fold: list[dict[str, Stacker]]
    of_proteins: list[NDArray[np.float64]] = field(default_factory=list)
    of_decoys: list[NDArray[np.float64]] = field(default_factory=list)


def fit_variant(job: HeldOut, names: tuple[str, ...]) -> tuple[Variant, OutOfFold]:
    """Fit one variant and calibrate it out of fold, without novelty and calls of decoys.

    See `OutOfFold`, `fit_novelty` and `with_decoys`.
    """
    log.debug("Fitting %s ...", "+".join(names))
    stackers: dict[str, Stacker] = {}
    by_fold = [stackers] * FOLDS
    if len(names) > 1:  # the scores of a single source are used directly
        stackers, by_fold = _stackers(job, names)
    close = np.concatenate([scores.closeness(names) for _, scores in job.blocks(())])
    edges = edges_of(close, names)
    bins = np.searchsorted(edges, close, side="right")
    labels, n_bins, aspects = job.labels, len(edges) + 1, aspect_of_column(job.labels)
    kinds, n_kinds = job.bands.kinds(labels), len(labels.aspects) * len(job.bands)
    sums = CalibrationSums.empty(n_kinds, n_bins)
    seen = np.zeros_like(sums.calls)
    features = Features(job.pairs, names, job.bands.is_informative)
    found = OutOfFold({}, features, np.zeros((len(job.records), 2), np.int64), by_fold)
    evaluator = Evaluator(job.proteins.truth(job.labels))
    for rows, scores in job.blocks(names):
        values = out_of_fold(job, rows, scores, by_fold)
        seen += count_calls(values, kinds, bins[rows], n_kinds, n_bins)
        true = job.proteins.terms.cells(rows)
        # proteins without a term of an aspect were not studied in it
        annotated = np.zeros((len(labels.aspects) + 1, len(rows)), bool)
        annotated[aspects[true[0]], true[1]] = True  # roots go to the last row
        groups = np.where(annotated[:-1], bins[rows], -1).repeat(len(job.bands), axis=0)  # (K, B)
        found.of_proteins.append(features.of(scores, values, *job.of(rows)))
        found.best[rows] = best_calls(values, true, annotated, labels, features.is_informative)
        sums += CalibrationSums.of(values, true, kinds, groups, n_kinds, n_bins)
        evaluator.add(Scores(tuple(job.proteins.ids[i] for i in rows), values, labels), rows)
    assert job.decoys is not None
    for rows, scores in job.decoys.blocks(names):
        values = out_of_fold(job, rows, scores, by_fold)
        found.of_decoys.append(features.of(scores, values, *job.decoys.of(rows)))
    found.fmax = fmax_of(evaluator)
    calibration = job.bands.raised(calibrated(sums, seen, np.zeros_like(seen)))
    return Variant(names, stackers, edges, job.bands, calibration), found


def out_of_fold(
    job: HeldOut,
    rows: NDArray[np.intp],
    scores: SourceScores,
    by_fold: Sequence[dict[str, Stacker]],
) -> NDArray[np.float32]:
    """Return the propagated scores by the weights of each protein's fold; shape=(B, T)."""
    values = np.empty_like(scores.head)
    for f in range(FOLDS):
        of_fold = job.fold[rows] == f
        values[of_fold] = blended(scores.rows(of_fold), job.labels, by_fold[f])
    return propagate(values, job.labels)


def _stackers(
    job: HeldOut, names: Sequence[str]
) -> tuple[dict[str, Stacker], list[dict[str, Stacker]]]:
    """Fit one stacker per aspect to all proteins, and to all but those of each fold."""
    samples: dict[str, list[tuple[NDArray[Any], ...]]] = {}
    names_of: list[str] = []
    draw = np.random.default_rng(job.seed + 1)
    most = max(1, MOST_CELLS * BLOCK // len(job.records))
    for rows, scores in job.blocks(names):
        truth = np.zeros(scores.head.shape, bool)
        column, place = job.proteins.terms.cells(rows)
        truth[place, column] = True
        for aspect in job.labels.aspects:
            at, _, part = given_aspect(scores, job.labels, aspect)
            # proteins without a term of the aspect were not studied in it
            annotated = np.asarray(truth[:, at].any(axis=1))
            chosen, weight = _sampled(truth[:, at], part.is_supported, annotated, most, draw)
            weight *= LEAST_BITS + job.information[at][chosen % len(at)]
            fold = job.fold[rows][chosen // len(at)]
            names_of, x = cells_of(part, chosen)
            sample = x, truth[:, at].ravel()[chosen], weight, fold
            samples.setdefault(key_of(aspect), []).append(sample)
    stackers, by_fold = {}, [dict[str, Stacker]() for _ in range(FOLDS)]
    for key, parts in samples.items():
        x, y, weight, fold = (np.concatenate(each) for each in zip(*parts, strict=True))
        stackers[key] = fit_stacker(names_of, x, y, weight)
        for f in range(FOLDS):
            kept = fold != f
            by_fold[f][key] = fit_stacker(names_of, x[kept], y[kept], weight[kept], stackers[key])
    return stackers, by_fold


def _sampled(
    truth: NDArray[np.bool_],
    is_supported: NDArray[np.bool_],
    annotated: NDArray[np.bool_],
    most: int,
    draw: np.random.Generator,
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Choose cells of annotated proteins: all true ones, and a sample of the false ones."""
    annotated_cells = np.broadcast_to(annotated[:, None], truth.shape)
    chosen = [np.flatnonzero(truth & annotated_cells)]
    weights = [np.ones(len(chosen[0]))]
    for group, share in (
        (is_supported, SUPPORTED_SHARE),
        (~is_supported, 1 - SUPPORTED_SHARE),
    ):
        at = np.flatnonzero(group & ~truth & annotated_cells)
        n = min(len(at), int(most * share))
        chosen.append(np.sort(draw.choice(at, n, replace=False)))
        weights.append(np.full(n, len(at) / max(n, 1)))
    return np.concatenate(chosen), np.concatenate(weights)


def fmax_of(evaluator: Evaluator) -> dict[str, float]:
    """Return the Fmax of each aspect."""
    return {name_of(aspect): found.fmax for aspect, found in results(evaluator).items()}


RIDGE = 1.0
"""Weight of the squared coefficients of standardised features."""


def cells_of(scores: SourceScores, at: NDArray[np.intp]) -> tuple[list[str], NDArray[np.float32]]:
    """Return the names of F features, and their values at C flat indices of (N, T); (C, F)."""
    shape = scores.head.shape
    place = np.unravel_index(at, shape)
    chosen = (
        {name: np.broadcast_to(x, shape)[place] for name, x in kind.items()}
        for kind in factors(scores)
    )
    columns = dict(products(*chosen))
    return list(columns), np.stack(list(columns.values()), axis=1)


def fit_stacker(
    names: list[str],
    x: NDArray[np.float32],
    y: NDArray[np.bool_],
    weight: NDArray[np.float64],
    start: Stacker | None = None,
    ridge: ArrayLike = RIDGE,
) -> Stacker:
    """Fit a ridge logistic regression by Newton's method.

    Parameters
    ----------
    names : list of str
        Names of the F features.
    x : ndarray, shape=(C, F), dtype=float32
        Features of C cells.
    y : ndarray, shape=(C,), dtype=bool
        Whether the protein has the term.
    weight : ndarray, shape=(C,), dtype=float64
        The number of cells that each represents.
    start : Stacker, optional
        A similar solution, to start from.
    ridge : array_like
        Weight of the squared coefficients, of all or of each feature.
    """
    mean = np.average(x, axis=0, weights=weight)
    spread = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weight))
    spread[spread < 1e-6] = 1.0
    design = np.column_stack([np.ones(len(x)), (x - mean) / spread])  # (C, 1 + F)
    penalty = np.diag([0.0, *np.broadcast_to(ridge, len(names))])
    beta = np.zeros(1 + len(names))
    if start is not None:
        near = np.array([start.weights[name] for name in names])
        beta[:] = start.constant + near @ mean, *(near * spread)
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        gradient = design.T @ (weight * (y - p)) - penalty @ beta
        curvature = (design * (weight * p * (1 - p))[:, None]).T @ design + penalty
        curvature[np.diag_indices_from(curvature)] += 1e-9
        step = np.linalg.solve(curvature, gradient)
        step *= min(
            1.0, 5.0 / max(np.abs(step).max(), 1e-12)
        )  # far from the optimum steps overshoot
        beta += step
        if np.abs(step).max() < 1e-6:
            break
    weights = beta[1:] / spread
    constant = float(beta[0] - weights @ mean)
    return Stacker(constant, dict(zip(names, weights.tolist(), strict=True)))


NUM_BINS = 4
"""Groups of proteins by the similarity to their closest training protein."""


def edges_of(values: NDArray[np.float32], sources: Sequence[str]) -> tuple[float, ...]:
    """Return the lower edges of the groups but the first: equal parts of the proteins.

    With homology the first group holds the proteins without a hit.
    """
    if EvidenceSource.HOMOLOGY.word in sources:
        hits = values[values > 0]
        first = float(np.finfo(np.float32).tiny)
        if not len(hits):
            return (first,)
        parts = np.quantile(hits, np.arange(1, NUM_BINS - 1) / (NUM_BINS - 1))
        return (first, *map(float, parts))
    if not SIMILARITIES.keys().isdisjoint(sources):
        return tuple(map(float, np.quantile(values, np.arange(1, NUM_BINS) / NUM_BINS)))
    return ()
