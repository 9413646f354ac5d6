"""``esmgo audit --layers``: which layer of a frozen encoder shows most about GO terms.

One pass computes the vectors of all layers. A ridge regression per layer and pool predicts the
terms of validation proteins from them. A head of its own for each layer would rank them nearly the
same, and take hours.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from esmgo.dataset.proteins import AnnotatedProteins
from esmgo.errors import brief
from esmgo.files.atomic import write_atomically
from esmgo.go.labels import LabelSpace
from esmgo.go.scores import Scores
from esmgo.go.terms import Aspect
from esmgo.go.truepath import propagate
from esmgo.metrics.evaluator import BLOCK, Evaluator
from esmgo.metrics.result import name_of, results
from esmgo.metrics.term_frequency import term_frequency

if TYPE_CHECKING:
    import torch

    from esmgo.model.caller import Caller

SCHEMA = 1
MARK = "layers.json"
"""The file of all figures. A folder with this file is recognised as an audit of layers."""

POOLED = ("cls", "mean", "max")
"""The pools that need no training."""

_PENALTIES = 10.0 ** np.arange(-2, 4)
"""Candidates for the penalty, as multiples of the mean eigenvalue of the kernel."""

_Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LayerScore:
    """The Fmax per aspect of a regression on one layer, with one pool; layers count from 1."""

    layer: int
    pool: str
    fmax: Mapping[Aspect | None, float]

    @property
    def mean(self) -> float:
        """The mean Fmax over aspects."""
        return sum(self.fmax.values()) / max(len(self.fmax), 1)


@dataclass(frozen=True, slots=True)
class LayerAudit:
    """The scores of all layers. Its text is a table.

    Parameters
    ----------
    scores : tuple of LayerScore
        By layer and pool.
    naive : dict
        The Fmax per aspect of the term frequencies.
    n_train, n_validation : int
        Proteins that the regressions are fitted to, and evaluated on.
    encoder, source : str
        The encoder and the data set.
    """

    scores: tuple[LayerScore, ...]
    naive: Mapping[Aspect | None, float]
    n_train: int
    n_validation: int
    encoder: str
    source: str

    __repr__ = brief

    @property
    def best(self) -> LayerScore:
        """The score with the highest mean Fmax; among equal ones the lowest layer."""
        return max(self.scores, key=lambda each: each.mean)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"Fmax of a ridge regression on each layer of {self.encoder},"
        yield f"fitted to {self.n_train:,} proteins, evaluated on {self.n_validation:,} others:"
        names = [name_of(aspect) for aspect in self.naive]
        yield f"  {'layer':>5} {'pool':<5}" + "".join(f"{name:>7}" for name in (*names, "mean"))
        for each in self.scores:
            figures = (*each.fmax.values(), each.mean)
            row = "".join(f"{value:>7.3f}" for value in figures)
            yield f"  {each.layer:>5} {each.pool:<5}{row}"
        naive = (*self.naive.values(), sum(self.naive.values()) / max(len(self.naive), 1))
        yield "  frequency  " + "".join(f"{value:>7.3f}" for value in naive)
        yield f"best: layer {self.best.layer}, {self.best.pool}"

    def to_json(self) -> dict[str, Any]:
        """Return all figures as plain values."""
        return {
            "schema_version": SCHEMA,
            "dataset": self.source,
            "encoder": self.encoder,
            "n_train": self.n_train,
            "n_validation": self.n_validation,
            "term_frequency": {name_of(a): f for a, f in self.naive.items()},
            "layers": [
                {
                    "layer": s.layer,
                    "pool": s.pool,
                    "fmax": {name_of(a): f for a, f in s.fmax.items()},
                }
                for s in self.scores
            ],
        }

    def write(self, folder: Path) -> None:
        """Write ``layers.tsv``, a row per layer and pool, and ``layers.json`` into a folder."""
        lines = ["\t".join(("layer", "pool", *map(name_of, self.naive), "mean"))]
        for each in self.scores:
            figures = (*each.fmax.values(), each.mean)
            row = [str(each.layer), each.pool, *(f"{value:.4f}" for value in figures)]
            lines.append("\t".join(row))
        write_atomically(folder / "layers.tsv", ("\n".join(lines) + "\n").encode())
        write_atomically(folder / MARK, (json.dumps(self.to_json(), indent=1) + "\n").encode())


def audit_layers(
    caller: Caller,
    splits: tuple[AnnotatedProteins, AnnotatedProteins],
    labels: LabelSpace,
    context_length: int,
    device: torch.device,
    *,
    encoder: str,
    source: str,
) -> LayerAudit:
    """Score every layer of an encoder on ``device`` with every pool of `POOLED`.

    ``splits`` are the proteins for fitting, and those for evaluating, annotated over ``labels``.
    Sequences are cut at ``context_length``. Raises MachineError if memory does not hold a protein.
    """
    train, held_out = splits
    vectors = layer_vectors(caller, (*train.sequences, *held_out.sequences), context_length, device)
    y = np.zeros((len(train), len(labels)), np.float32)
    y[train.terms.owner, train.terms.indices] = 1
    scores = []
    for i, layer in enumerate(tqdm(vectors, desc="Layers", disable=None, leave=False)):
        for pool, found in zip(POOLED, layer.astype(np.float32), strict=True):
            predicted = ridge(found[: len(train)], y, found[len(train) :])
            scores.append(LayerScore(i + 1, pool, _fmax(predicted, held_out, labels)))
    frequency = term_frequency(held_out.ids, train.terms, labels).values
    naive = _fmax(frequency, held_out, labels)
    return LayerAudit(tuple(scores), naive, len(train), len(held_out), encoder, source)


def layer_vectors(
    caller: Caller, sequences: tuple[str, ...], context_length: int, device: torch.device
) -> NDArray[np.float16]:
    """Return the pooled states of every layer, after the encoder's final layer norm.

    The shape is (layers, pools, N, D). With ``encoder_layers=i`` the states of layer i are the
    final ones.
    """
    import torch

    from esmgo.model.packing import pack
    from esmgo.model.pooling import pooled
    from esmgo.model.scoring import in_batches, token_budget
    from esmgo.model.tokens import encode

    encoder, n_layers = caller.encoder, len(caller.encoder.layers)
    rows = [encode(sequence, context_length) for sequence in sequences]
    found = np.empty((n_layers, len(POOLED), len(rows), caller.width), np.float16)
    largest = float(np.finfo(np.float16).max)

    @torch.inference_mode()
    def computed(at: NDArray[np.intp]) -> NDArray[np.float16]:
        packed = pack([rows[i] for i in at], device)
        x, parts = encoder.embed(packed), []
        for i in range(n_layers):
            x = encoder.run(x, packed, i, i + 1)
            states = x if i == n_layers - 1 else encoder.encoder.emb_layer_norm_after(x)  # type: ignore[operator]
            parts.append(torch.stack([pooled(states, packed, pool) for pool in POOLED]))
        values: NDArray[np.float16] = (
            torch.stack(parts).clamp(-largest, largest).half().cpu().numpy()
        )
        return values

    lengths = np.array([len(row) for row in rows], np.int64)
    with tqdm(desc="Embedding", total=len(rows), unit="protein", disable=None, leave=False) as bar:
        for at, values in in_batches(lengths, computed, token_budget(caller, device)):
            found[:, :, at] = values
            bar.update(len(at))
    return found


def ridge(train: _Values, y: _Values, test: _Values) -> _Values:
    """Predict ``y`` of ``test`` rows by ridge regression; the penalty has the least error.

    The error is that of leaving out one row of ``train``, which needs no further fit.

    Parameters
    ----------
    train : ndarray, shape=(n, D), dtype=float32
        Features of the rows of ``y``.
    y : ndarray, shape=(n, T), dtype=float32
        What to predict.
    test : ndarray, shape=(m, D), dtype=float32
        Features of other rows.

    Returns
    -------
    ndarray, shape=(m, T), dtype=float32
    """
    mean, deviation, rate = train.mean(0), train.std(0) + 1e-6, y.mean(0)
    train, test, y = (train - mean) / deviation, (test - mean) / deviation, y - rate
    values, vectors = np.linalg.eigh((train @ train.T).astype(np.float64))
    values, vectors = np.maximum(values, 0).astype(np.float32), vectors.astype(np.float32)
    rotated = vectors.T @ y
    least, best = np.inf, np.float32(1)
    for penalty in (_PENALTIES * values.mean()).astype(np.float32):
        share = values / (values + penalty)
        left = 1 - np.square(vectors) @ share
        error = float(np.square((y - vectors @ (share[:, None] * rotated)) / left[:, None]).mean())
        if error < least:
            least, best = error, penalty
    weights = vectors @ (rotated / (values + best)[:, None])
    found: _Values = (test @ train.T) @ weights + rate
    return found


def _fmax(
    scores: _Values, proteins: AnnotatedProteins, labels: LabelSpace
) -> dict[Aspect | None, float]:
    evaluator = Evaluator(proteins.truth(labels))
    for start in range(0, len(proteins), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(proteins)))
        values = propagate(np.clip(scores[rows], 0, 1), labels)
        evaluator.add(Scores(tuple(proteins.ids[i] for i in rows), values, labels), rows)
    return {aspect: found.fmax for aspect, found in results(evaluator).items()}
