"""``esmgo blend``: learn on held-out proteins how to weigh head, neighbours and homology.

Weights are fitted on proteins that nothing was trained on. What the blended scores are
worth is counted out of fold: on proteins that were not used for the weights either.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from esmgo.data.dataset import Dataset, locate_dataset, open_dataset
from esmgo.data.download import locate_ontology
from esmgo.data.fasta import Protein
from esmgo.data.proteins import AnnotatedProteins
from esmgo.data.report import ReadReport
from esmgo.errors import CheckpointError, UsageError, shown
from esmgo.go.labels import LabelSpace
from esmgo.go.obo import read_obo
from esmgo.go.scores import Scores
from esmgo.go.truepath import propagate
from esmgo.metrics.calibration import CalibrationSums, calibrated
from esmgo.metrics.evaluator import Evaluator
from esmgo.metrics.result import name_of, results
from esmgo.metrics.truth import Truth, cells
from esmgo.model.checkpoint import Checkpoint, open_checkpoint, replace_blend
from esmgo.model.index import open_index
from esmgo.options import check, device_option, option, precision_option
from esmgo.predict.blend import (
    Blend,
    Variant,
    aspect_of_column,
    blended,
    closeness,
    edges_of,
    key_of,
)
from esmgo.predict.corpus import available_threads
from esmgo.predict.ensemble import Asked, Sources
from esmgo.predict.homology import find_diamond
from esmgo.predict.predictor import Predictor
from esmgo.predict.stacking import Said, Stacker, cells_of, features, fit_stacker

__all__ = ["BlendConfig", "BlendSummary", "blend"]

log = logging.getLogger(__name__)

FOLDS = 5
BLOCK = 256

MOST_CELLS = 600_000
"""Cells of an aspect that are not true, at most, that weights are fitted to."""

LOUD_SHARE = 0.8
"""The part of them of which any source says something; the rest stands for many more."""

LEAST = 20
"""Held-out proteins below which nothing is fitted."""


@dataclass(frozen=True, slots=True)
class BlendConfig:
    """What ``esmgo blend`` accepts."""

    checkpoint_path: str = option(
        "./checkpoints/checkpoint.pt", "The checkpoint: the blend is stored in it."
    )
    dataset: str | None = option(
        None,
        "The data set that it was trained on: a hub id, a local folder, one file, or sample. The"
        " proteins that training held out are what the blend is fitted to.",
    )
    ontology: str | None = option(
        None,
        "The ontology that it was trained with: a local OBO file or a URL.",
        default_text="as in training",
    )
    homology: bool = option(
        False, "Blend homology, too: compare with the training sequences by DIAMOND."
    )
    num_neighbours: int = option(10, "How many training proteins vote.", minimum=1, maximum=1000)
    seed: int = option(0, "Which cells and folds.", minimum=0)
    threads: int | None = option(
        None,
        "CPU threads of DIAMOND.",
        minimum=1,
        maximum=1024,
        default_text="all that this process may use",
    )
    precision: str = precision_option()
    device: str | None = device_option()

    def __post_init__(self) -> None:
        check(self)
        if self.dataset is None:
            raise UsageError("give --dataset=…: what the checkpoint was trained on")


@dataclass(frozen=True, slots=True)
class BlendSummary:
    """How good each source and each blend is on the held-out proteins, blends out of fold.

    Parameters
    ----------
    n_proteins : int
        Held-out proteins.
    fmax : dict of str to dict of str to float
        By what scores, then by aspect.
    path : str
        The checkpoint.
    """

    n_proteins: int
    fmax: dict[str, dict[str, float]]
    path: str

    def __str__(self) -> str:
        names = list(next(iter(self.fmax.values())))
        width = max(map(len, self.fmax))
        lines = [f"Fmax on {self.n_proteins:,} held-out proteins, blends out of fold"]
        lines += [f"{'':{width}}  " + "  ".join(f"{n:>6}" for n in names)]
        for who, row in self.fmax.items():
            lines.append(f"{who:{width}}  " + "  ".join(f"{row[n]:6.3f}" for n in names))
        return "\n".join([*lines, f"blend stored in {shown(self.path, 90)}"])


@dataclass
class _Job:
    """The held-out proteins, and what the network made of them."""

    labels: LabelSpace
    proteins: AnnotatedProteins
    records: list[Protein]
    head: NDArray[np.float32]  # (N, T), on disk
    vectors: NDArray[np.float32]  # (N, D)
    sources: Sources
    fold: NDArray[np.intp]
    seed: int
    asked: dict[int, Asked] = field(default_factory=dict)

    def blocks(self, names: Sequence[str]) -> Iterator[tuple[NDArray[np.intp], Said]]:
        """Yield what these sources say, block by block, with the proteins' places."""
        for first in range(0, len(self.records), BLOCK):
            rows = np.arange(first, min(first + BLOCK, len(self.records)))
            if first not in self.asked:
                some = self.records[first : first + BLOCK]
                self.asked[first] = self.sources.ask(some, self.vectors[rows])
            said = self.sources.said(self.asked[first], np.array(self.head[rows]))
            yield (
                rows,
                Said(
                    said.head,
                    said.neighbours if "neighbours" in names else None,
                    said.homology if "homology" in names else None,
                    said.similarity,
                    said.bits,
                    said.frequency,
                ),
            )


def blend(config: BlendConfig, report: ReadReport | None = None) -> BlendSummary:
    """Fit blends of a checkpoint's sources and store them in it.

    Parameters
    ----------
    config : BlendConfig
        The checkpoint and its data set.
    report : ReadReport, optional
        Filled with warnings and rejected rows.

    Returns
    -------
    BlendSummary
        The checkpoint holds the blend, or is as it was.

    Raises
    ------
    UsageError
        If the data set is another, or holds too few proteins out.
    EsmgoError
        Of the kind and with the exit code that `esmgo.errors` tells.
    """
    report = ReadReport() if report is None else report
    path = Path(config.checkpoint_path)
    checkpoint = open_checkpoint(path)
    index = open_index(checkpoint)
    if index is None:
        raise UsageError(
            f"no index beside {shown(path, 60)}: fine-tune.py --resume with the same settings"
            " makes it"
        )
    if config.homology:
        find_diamond()
    data = _data(config, checkpoint, report)
    held_out = data.validation
    if len(held_out) < LEAST:
        raise UsageError(f"{len(held_out)} proteins held out: a blend takes {LEAST} or more")
    sequences = dict(zip(data.train.ids, data.train.sequences, strict=True))
    predictor = Predictor.of(checkpoint, device=config.device, precision=config.precision)
    threads = config.threads or available_threads()
    with TemporaryFile() as file:
        records = list(map(Protein, held_out.ids, held_out.sequences))
        head, vectors = _states(predictor, records, file)
        sources = Sources(
            data.labels,
            index,
            sequences if config.homology else None,
            num_neighbours=config.num_neighbours,
            threads=threads,
        )
        draw = np.random.default_rng(config.seed)
        fold = draw.permutation(len(records)) % FOLDS
        job = _Job(data.labels, held_out, records, head, vectors, sources, fold, config.seed)
        names: list[tuple[str, ...]] = [("head",), ("head", "neighbours")]
        names += [("head", "neighbours", "homology")] if config.homology else []
        fmax = _fmax_of_sources(job, names[-1])
        variants = []
        for each in names:
            variant, found = _fitted(job, each)
            variants.append(variant)
            if len(each) > 1:
                fmax["blend of " + " + ".join(each)] = found
    replace_blend(path, Blend(config.num_neighbours, tuple(variants)).to_json())
    return BlendSummary(len(records), fmax, str(path))


def _data(config: BlendConfig, checkpoint: Checkpoint, report: ReadReport) -> Dataset:
    """Open the data set as training did, and make sure that it is the same."""
    then: dict[str, Any] = checkpoint.training.get("settings", {})
    if "validation" not in checkpoint.training:
        raise CheckpointError(checkpoint.path, "it does not say what training held out")
    subset = str(then.get("dataset_subset", "all"))
    ontology = config.ontology or then.get("ontology")
    found = open_dataset(
        locate_dataset(str(config.dataset), subset),
        subset,
        ontology=read_obo(locate_ontology(ontology)) if ontology else None,
        min_term_count=int(then.get("min_term_count", 1)),
        drop_unknown_terms=bool(then.get("drop_unknown_terms", False)),
        validation_ids=checkpoint.training["validation"],
    )
    report.n_accepted += found.report.n_accepted
    report.rejects += found.report.rejects
    if found.fingerprint != checkpoint.training.get("dataset_sha256"):
        raise UsageError(
            f"{shown(config.dataset, 60)} is not what the checkpoint was trained on: other"
            " proteins, terms or ontology"
        )
    return found


def _states(
    predictor: Predictor, records: Sequence[Protein], file: Any
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return propagated probabilities, on disk, and vectors of all proteins."""
    shape = len(records), len(predictor.labels)
    head = np.memmap(file, np.float32, "w+", shape=shape)
    vectors = np.empty((len(records), predictor.caller.width), np.float32)
    with tqdm(desc="Scoring", total=len(records), unit="protein", disable=None, leave=False) as bar:
        for first in range(0, len(records), BLOCK):
            rows = slice(first, first + BLOCK)
            raw, vectors[rows], _ = predictor.states([p.sequence for p in records[rows]])
            head[rows] = propagate(raw, predictor.labels)
            bar.update(len(raw))
    return head, vectors


def _fitted(job: _Job, names: tuple[str, ...]) -> tuple[Variant, dict[str, float]]:
    """Fit one variant, calibrate it out of fold, and say how good it is there."""
    log.debug("Fitting %s ...", "+".join(names))
    whole: dict[str, Stacker] = {}
    by_fold = [whole] * FOLDS
    if len(names) > 1:  # a single source stays as it is
        whole, by_fold = _stackers(job, names)
    close = np.concatenate([closeness(said, names) for _, said in job.blocks(names)])
    edges = edges_of(close, names)
    bins = np.searchsorted(edges, close, side="right")
    labels, n_bins, aspects = job.labels, len(edges) + 1, aspect_of_column(job.labels)
    sums = CalibrationSums.empty(len(labels.aspects), n_bins)
    evaluator = _evaluator(job)
    for rows, said in job.blocks(names):
        values = np.empty_like(said.head)
        for f in range(FOLDS):
            of_fold = job.fold[rows] == f
            values[of_fold] = blended(_rows(said, of_fold), labels, by_fold[f])
        values = propagate(values, labels)
        true = cells(job.proteins.indptr, job.proteins.indices, rows)
        # proteins without a term of an aspect were not looked at in it
        known = np.zeros((len(labels.aspects) + 1, len(rows)), bool)
        known[aspects[true[0]], true[1]] = True  # roots go to the last row
        of_aspect = np.where(known[:-1], bins[rows], -1)  # (A, B)
        sums += CalibrationSums.of(values, true, aspects, of_aspect, n_bins)
        evaluator.add(Scores(tuple(job.proteins.ids[i] for i in rows), values, labels), rows)
    return Variant(names, whole, edges, calibrated(sums)), _fmax(evaluator)


def _rows(said: Said, at: NDArray[np.bool_]) -> Said:
    return Said(
        said.head[at],
        None if said.neighbours is None else said.neighbours[at],
        None if said.homology is None else said.homology[at],
        said.similarity[at],
        said.bits[at],
        said.frequency,
    )


def _stackers(
    job: _Job, names: Sequence[str]
) -> tuple[dict[str, Stacker], list[dict[str, Stacker]]]:
    """Fit one stacker per aspect to all proteins, and to all but those of each fold."""
    samples: dict[str, list[tuple[NDArray[Any], ...]]] = {}
    names_of: list[str] = []
    draw = np.random.default_rng(job.seed + 1)
    most = max(1, MOST_CELLS * BLOCK // len(job.records))
    for rows, said in job.blocks(names):
        truth = np.zeros(said.head.shape, bool)
        column, place = cells(job.proteins.indptr, job.proteins.indices, rows)
        truth[place, column] = True
        for aspect in job.labels.aspects:
            at = job.labels.columns_of(aspect)
            part = said.columns(at)
            names_of = [name for name, _ in features(part)]
            # proteins without a term of the aspect were not looked at in it
            known = truth[:, at].any(axis=1)
            chosen, weight = _sampled(truth[:, at], part.is_any, np.asarray(known), most, draw)
            fold = job.fold[rows][chosen // len(at)]
            sample = cells_of(part, chosen), truth[:, at].ravel()[chosen], weight, fold
            samples.setdefault(key_of(aspect), []).append(sample)
    whole, by_fold = {}, [dict[str, Stacker]() for _ in range(FOLDS)]
    for key, parts in samples.items():
        x, y, weight, fold = (np.concatenate(each) for each in zip(*parts, strict=True))
        whole[key] = fit_stacker(names_of, x, y, weight)
        for f in range(FOLDS):
            kept = fold != f
            by_fold[f][key] = fit_stacker(names_of, x[kept], y[kept], weight[kept])
    return whole, by_fold


def _sampled(
    truth: NDArray[np.bool_],
    is_any: NDArray[np.bool_],
    known: NDArray[np.bool_],
    most: int,
    draw: np.random.Generator,
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Choose cells of proteins that have a term: all true ones, and some of the others."""
    known_cells = np.broadcast_to(known[:, None], truth.shape)
    chosen = [np.flatnonzero(truth & known_cells)]
    weights = [np.ones(len(chosen[0]))]
    for group, share in ((is_any, LOUD_SHARE), (~is_any, 1 - LOUD_SHARE)):
        at = np.flatnonzero(group & ~truth & known_cells)
        n = min(len(at), int(most * share))
        chosen.append(np.sort(draw.choice(at, n, replace=False)))
        weights.append(np.full(n, len(at) / max(n, 1)))
    return np.concatenate(chosen), np.concatenate(weights)


def _evaluator(job: _Job) -> Evaluator:
    p = job.proteins
    return Evaluator(Truth(p.ids, p.indptr, p.indices, job.labels))


def _fmax(evaluator: Evaluator) -> dict[str, float]:
    return {name_of(aspect): found.fmax for aspect, found in results(evaluator).items()}


def _fmax_of_sources(job: _Job, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return how good each source is by itself."""
    evaluators = {name: _evaluator(job) for name in names}
    for rows, said in job.blocks(names):
        for name, evaluator in evaluators.items():
            ids = tuple(job.proteins.ids[i] for i in rows)
            evaluator.add(Scores(ids, getattr(said, name), job.labels), rows)
    return {name: _fmax(evaluator) for name, evaluator in evaluators.items()}
