"""``esmgo blend``: learn on held-out proteins how to weigh head, neighbours, k-mers and homology.

Weights are fitted on proteins that nothing was trained on; those alike vote, the other held-out
ones among them, as they will for a new protein: all of them go into the index. What the blended
scores are worth is counted out of fold: on proteins that were not used for the weights either.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from esmgo.data.download import locate_ontology
from esmgo.data.fasta import Protein
from esmgo.data.rejects import ReadReport
from esmgo.dataset.opening import Dataset, locate_dataset, open_dataset
from esmgo.errors import CheckpointError, UsageError, printable
from esmgo.evidence.diamond import available_threads, find_diamond
from esmgo.evidence.index import Index, as_stored, files_of, open_index, replace_index
from esmgo.evidence.kmers import Kmers
from esmgo.evidence.source_scores import SCORING, EvidenceSource
from esmgo.evidence.sources import Sources
from esmgo.files.output import exclusive
from esmgo.go.information import information_accretion
from esmgo.go.obo import read_obo
from esmgo.go.truepath import propagate
from esmgo.learn.fitting import BLOCK, FOLDS, HeldOut, fit_variant, fmax_of_sources
from esmgo.model.checkpoint import Checkpoint, open_checkpoint
from esmgo.options import check, device_option, dtype_option, option
from esmgo.predict.blend import Blend
from esmgo.predict.scorer import Scorer

log = logging.getLogger(__name__)

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
    num_neighbours: int = option(
        10, "How many training proteins vote by their embeddings.", minimum=1, maximum=1000
    )
    kmers: int = option(
        560,
        "k-mers of a training protein to keep in the index, on average, those that most of its"
        " relatives have, too; 0: blend without.",
        minimum=0,
        maximum=100_000,
    )
    seed: int = option(0, "Which cells and folds.", minimum=0)
    threads: int | None = option(
        None,
        "CPU threads of DIAMOND.",
        minimum=1,
        maximum=1024,
        default_text="all that this process may use",
    )
    dtype: str = dtype_option()
    device: str | None = device_option()

    def __post_init__(self) -> None:
        check(self)
        if self.dataset is None:
            raise UsageError("give `dataset=…`: what the checkpoint was trained on")


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
        return "\n".join([*lines, f"blend stored in {printable(self.path, 90)}"])


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
    if not path.is_file():
        open_checkpoint(path)  # tells what is there instead
    with exclusive(files_of(path), overwrite=True, field="checkpoint_path"):
        return _blend(config, path, report)


def _blend(config: BlendConfig, path: Path, report: ReadReport) -> BlendSummary:
    checkpoint = open_checkpoint(path)
    index = open_index(replace(checkpoint, blend=None), with_kmers=False)
    if index is None:
        raise UsageError(
            f"no index beside {printable(path, 60)}: fine-tune.py with `resume` and the same"
            " settings makes it"
        )
    if config.homology:
        find_diamond()
    data = _data(config, checkpoint, report)
    held_out = data.validation
    if len(held_out) < LEAST:
        raise UsageError(f"{len(held_out)} proteins held out: a blend takes {LEAST} or more")
    sequences = {
        id: sequence
        for some in (data.train, held_out)
        for id, sequence in zip(some.ids, some.sequences, strict=True)
    }
    scorer = Scorer.of(checkpoint, device=config.device, dtype=config.dtype)
    threads = config.threads or available_threads()
    with TemporaryFile() as file:
        records = list(map(Protein, held_out.ids, held_out.sequences))
        head, vectors = _states(scorer, records, file)
        index, n_trained = _with_held_out(index, data, vectors, config.kmers), len(data.train)
        sources = Sources(
            data.labels,
            index,
            sequences if config.homology else None,
            num_neighbours=config.num_neighbours,
            threads=threads,
            counted=data.train.terms,
        )
        own = n_trained + np.arange(len(records))
        draw = np.random.default_rng(config.seed)
        fold = draw.permutation(len(records)) % FOLDS
        bits = information_accretion(data.train.terms, data.labels)
        job = HeldOut(
            data.labels, held_out, records, head, vectors, sources, own, bits, fold, config.seed
        )
        left_out = {EvidenceSource.KMERS: config.kmers, EvidenceSource.HOMOLOGY: config.homology}
        names = [name for name in SCORING if left_out.get(EvidenceSource[name.upper()], True)]
        fmax = fmax_of_sources(job, names)
        variants = []
        for n in range(1, len(names) + 1):
            variant, found = fit_variant(job, tuple(names[:n]))
            variants.append(variant)
            if n > 1:
                fmax["blend of " + " + ".join(names[:n])] = found
    replace_index(checkpoint, index, Blend(config.num_neighbours, tuple(variants)).to_json())
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
    report.absorb(found.report)
    if found.fingerprint != checkpoint.training.get("dataset_sha256"):
        raise UsageError(
            f"{printable(config.dataset, 60)} is not what the checkpoint was trained on: other"
            " proteins, terms or ontology"
        )
    return found


def _with_held_out(index: Index, data: Dataset, vectors: NDArray[np.float32], kmers: int) -> Index:
    """Return the index of the proteins trained on with the held-out ones behind them."""
    train, held_out = data.train, data.validation
    n = len(train)
    assert index.ids[:n] == train.ids
    ids, sequences = (*train.ids, *held_out.ids), (*train.sequences, *held_out.sequences)
    found = None
    if kmers:
        with tqdm(desc="k-mers", total=len(ids), unit="protein", disable=None, leave=False) as bar:
            found = Kmers.of(sequences, kmers, n_trained=n, step=bar.update)
    return Index(
        ids,
        np.concatenate([index.vectors[:n], as_stored(vectors)]),
        train.terms.followed_by(held_out.terms),
        kmers=found,
    )


def _states(
    scorer: Scorer, records: Sequence[Protein], file: Any
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return propagated probabilities, on disk, and vectors of all proteins."""
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
