"""``esmgo blend``: fits weights for head, neighbours, k-mers and homology.

The calibration proteins are those that training held out. They are added to the index, so similar
training and calibration proteins vote for a calibration protein as they will for a new protein.
Fmax and calibration are computed out of fold, with weights fitted to the other folds.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from esmgo.blending.blend_config import BlendConfig, BlendSummary
from esmgo.blending.blend_fitting import BLOCK, FOLDS, HeldOut, fit_variant, fmax_of
from esmgo.blending.novelty_fitting import fit_novelty, with_decoys
from esmgo.data.download import open_ontology
from esmgo.data.fasta import Protein
from esmgo.data.rejects import ReadReport
from esmgo.dataset.opening import Dataset, locate_dataset, open_dataset
from esmgo.errors import NOTICE, CheckpointError, UsageError, printable
from esmgo.evidence.decoys import KINDS, decoy
from esmgo.evidence.index import Index, as_stored
from esmgo.evidence.index_file import open_index, replace_index
from esmgo.evidence.kmers import Kmers
from esmgo.evidence.programs import PROGRAMS
from esmgo.evidence.relatives import Sources
from esmgo.evidence.search import available_threads
from esmgo.evidence.sources import SCORING, EvidenceSource
from esmgo.evidence.stored_sequences import StoredSequences
from esmgo.files.output import exclusive
from esmgo.files.source import is_file
from esmgo.go.information import information_accretion, information_content
from esmgo.go.scores import Scores
from esmgo.go.truepath import propagate
from esmgo.metrics.evaluator import Evaluator
from esmgo.model.checkpoint import Checkpoint, open_checkpoint
from esmgo.model.container import files_of
from esmgo.predict.bands import EDGES, Bands
from esmgo.predict.blend import Blend
from esmgo.predict.choosing import searching
from esmgo.predict.novelty import MAX_NOVELTY
from esmgo.predict.provenance import described
from esmgo.predict.residue_pairs import ResiduePairs
from esmgo.predict.scorer import Scorer

log = logging.getLogger(__name__)

LEAST = 20
"""Minimal number of calibration proteins."""


def blend(config: BlendConfig, report: ReadReport | None = None) -> BlendSummary:
    """Fit blends of evidence sources and store them in the checkpoint.

    Parameters
    ----------
    config : BlendConfig
        The checkpoint and its data set.
    report : ReadReport, optional
        Filled with warnings and rejected rows.

    Returns
    -------
    BlendSummary
        Fmax values. If an error occurs, the checkpoint does not change.

    Raises
    ------
    UsageError
        If the data set is not that of the training, or has too few held-out proteins.
    EsmgoError
        A subclass; `esmgo.errors` lists them with their exit codes.
    """
    report = ReadReport() if report is None else report
    path = Path(config.checkpoint_path)
    if not is_file(path):
        open_checkpoint(path)  # raises; the message describes the problem
    with exclusive(files_of(path), overwrite=True, field="checkpoint_path"):
        return _blend(config, path, report)


def _blend(config: BlendConfig, path: Path, report: ReadReport) -> BlendSummary:
    checkpoint = open_checkpoint(path)
    if config.search in PROGRAMS:
        PROGRAMS[config.search].path()
    data = _data(config, checkpoint, report)
    held_out = data.validation
    if len(held_out) < LEAST:
        ratio = checkpoint.training.get("settings", {}).get("eval_ratio")
        raise UsageError(
            f"{len(held_out)} held-out proteins: a blend needs at least {LEAST}; train again with a"
            f" larger `eval_ratio` (it was {printable(ratio, 20)}; `eval_ratio=1` is all of a test"
            " split)"
        )
    scorer = Scorer.of(checkpoint, device=config.device, dtype=config.dtype)
    log.log(NOTICE, "%s", described(checkpoint))
    threads = config.threads or available_threads()
    with TemporaryFile() as file, TemporaryFile() as decoy_file:
        records = held_out.records
        head, vectors = _states(scorer, records, file)
        trained, n_trained = _trained_vectors(checkpoint, data, scorer, report), len(data.train)
        index = _with_held_out(trained, data, vectors, config.kmers)
        sources = Sources(
            data.labels,
            index,
            searching(index, config.search, threads),
            num_neighbours=config.num_neighbours,
            counted=data.train.terms,
        )
        own = n_trained + np.arange(len(records))
        draw = np.random.default_rng(config.seed)
        fold = draw.permutation(len(records)) % FOLDS
        bits = information_accretion(data.train.terms, data.labels)
        job = HeldOut(
            data.labels, held_out, records, head, vectors, sources, own, bits, fold, config.seed,
            Bands(information_content(data.train.terms, data.labels).round(2), EDGES),
            ResiduePairs.of(data.train.sequences),
        )  # fmt: skip
        kinds = cycle(KINDS)
        decoys = [replace(p, sequence=decoy(p.sequence, next(kinds))) for p in records]
        head, vectors = _states(scorer, decoys, decoy_file)
        job.decoys = replace(job, records=decoys, head=head, vectors=vectors, relatives={})
        left_out = {
            EvidenceSource.KMERS: config.kmers,
            EvidenceSource.HOMOLOGY: config.search is not None,
        }
        names = [name for name in SCORING if left_out.get(EvidenceSource[name.upper()], True)]
        fmax = _fmax_of_sources(job, names)
        variants = []
        for n in range(1, len(names) + 1):
            variant, found = fit_variant(job, tuple(names[:n]))
            novelty, of_decoys = fit_novelty(job, found)
            variant = with_decoys(job, variant, found, of_decoys <= MAX_NOVELTY)
            variants.append(replace(variant, novelty=novelty))
            if n > 1:
                fmax["blend of " + " + ".join(names[:n])] = found.fmax
    replace_index(checkpoint, index, Blend(config.num_neighbours, tuple(variants)).to_json())
    return BlendSummary(len(records), fmax, str(path))


def _fmax_of_sources(job: HeldOut, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return the Fmax of each source by itself, per aspect."""
    evaluators = {name: Evaluator(job.proteins.truth(job.labels)) for name in names}
    for rows, scores in job.blocks(names):
        for name, evaluator in evaluators.items():
            ids = tuple(job.proteins.ids[i] for i in rows)
            evaluator.add(Scores(ids, scores.by_source()[name], job.labels), rows)
    return {name: fmax_of(evaluator) for name, evaluator in evaluators.items()}


def _data(config: BlendConfig, checkpoint: Checkpoint, report: ReadReport) -> Dataset:
    """Open the data set with the settings of the training, and check that it is the same."""
    settings: dict[str, Any] = checkpoint.training.get("settings", {})
    if "validation" not in checkpoint.training:
        raise CheckpointError(checkpoint.path, "it does not list the held-out proteins")
    subset = str(settings.get("dataset_subset", "all"))
    ontology = config.ontology or settings.get("ontology")
    found = open_dataset(
        locate_dataset(str(config.dataset), subset),
        subset,
        ontology=open_ontology(ontology, allow_http=config.allow_http),
        min_term_count=int(settings.get("min_term_count", 1)),
        drop_unknown_terms=bool(settings.get("drop_unknown_terms", False)),
        validation_ids=checkpoint.training["validation"],
    )
    report.absorb(found.report)
    if found.fingerprint != checkpoint.training.get("dataset_sha256"):
        raise UsageError(
            f"{printable(config.dataset, 60)} is not the data set of the training: proteins, terms"
            " or ontology differ"
        )
    return found


def _trained_vectors(
    checkpoint: Checkpoint, data: Dataset, scorer: Scorer, report: ReadReport
) -> NDArray[np.float16]:
    """Return the vectors of the training proteins: from the index, else computed again."""
    n, why = len(data.train), "none fits the checkpoint"
    try:
        index = open_index(replace(checkpoint, blend=None), with_kmers=False)
        if index is not None and index.ids[:n] == data.train.ids:
            return index.vectors[:n]
    except CheckpointError as error:
        why = str(error)
    report.warn(f"the index of the training proteins is computed again: {printable(why, 120)}")
    vectors = np.empty((n, scorer.caller.width), np.float16)
    with tqdm(desc="Index", total=n, unit="protein", disable=None, leave=False) as bar:
        for first in range(0, n, BLOCK):
            rows = slice(first, first + BLOCK)
            vectors[rows] = as_stored(scorer.states(data.train.sequences[rows])[1])
            bar.update(len(vectors[rows]))
    return vectors


def _with_held_out(
    trained: NDArray[np.float16], data: Dataset, vectors: NDArray[np.float32], kmers: int
) -> Index:
    """Return the index of the training proteins followed by the calibration proteins."""
    train, held_out = data.train, data.validation
    n = len(train)
    ids, sequences = (*train.ids, *held_out.ids), (*train.sequences, *held_out.sequences)
    found = None
    if kmers:
        with tqdm(desc="k-mers", total=len(ids), unit="protein", disable=None, leave=False) as bar:
            found = Kmers.of(sequences, kmers, n_trained=n, step=bar.update)
    return Index(
        ids,
        np.concatenate([trained, as_stored(vectors)]),
        train.terms.followed_by(held_out.terms),
        np.concatenate([train.taxa, held_out.taxa]),
        kmers=found,
        sequences=StoredSequences.of(sequences),
    )


def _states(
    scorer: Scorer, records: Sequence[Protein], file: Any
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return propagated probabilities, on disk, and embeddings of all proteins."""
    shape = len(records), len(scorer.labels)
    head = np.memmap(file, np.float32, "w+", shape=shape)
    vectors = np.empty((len(records), scorer.caller.width), np.float32)
    with tqdm(desc="Scoring", total=len(records), unit="protein", disable=None, leave=False) as bar:
        for first in range(0, len(records), BLOCK):
            rows = slice(first, first + BLOCK)
            raw, vectors[rows], _ = scorer.states([p.sequence for p in records[rows]])
            head[rows] = propagate(raw, scorer.labels)
            bar.update(len(raw))
    return head, vectors
