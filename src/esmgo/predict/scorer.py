"""From a checkpoint and proteins to probabilities of terms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from esmgo.data.fasta import Protein
from esmgo.go.labels import LabelSpace
from esmgo.go.scores import Scores
from esmgo.go.truepath import propagate
from esmgo.model.bundled import bundled_path
from esmgo.model.caller import Caller
from esmgo.model.checkpoint import Checkpoint, open_checkpoint
from esmgo.model.device import choose_device
from esmgo.model.embeddings import mean_of_windows
from esmgo.model.scoring import probabilities
from esmgo.model.tokens import encode, windows
from esmgo.predict.prediction import Prediction

Item = TypeVar("Item")

BLOCK = 256
"""Proteins scored together: what memory must hold, whatever the number of proteins."""


class Scorer:
    """A caller that is ready to score proteins.

    A protein's scores do not depend on the others: on a CPU to the last bit, on a GPU
    within 1e-6 in fp32 and 1e-2 in bf16.
    """

    def __init__(
        self,
        caller: Caller,
        labels: LabelSpace,
        context_length: int,
        device: torch.device,
        precision: str = "auto",
    ) -> None:
        caller.network.to(device)
        caller.train(False)
        self.caller, self.labels = caller, labels
        self.context_length, self.device, self.precision = context_length, device, precision

    @classmethod
    def load(
        cls,
        path: str | Path | None = None,
        *,
        device: str | None = None,
        context_length: int | None = None,
        precision: str = "auto",
    ) -> Scorer:
        """Open a checkpoint.

        Parameters
        ----------
        path : str or Path, optional
            A checkpoint of `esmgo.fit`; when left out the bundled caller.
        device : str, optional
            ``cuda``, ``mps``, ``cpu`` …; when left out the best there is.
        context_length : int, optional
            Tokens per window; when left out, as in training.
        precision : str
            ``bf16``, ``fp32``, or ``auto``: bf16 where the hardware multiplies it faster.

        Raises
        ------
        CheckpointError
            If the file is not a whole, sound checkpoint.
        UsageError
            If the device is not there.
        """
        checkpoint = open_checkpoint(bundled_path() if path is None else path)
        return cls.of(checkpoint, device=device, context_length=context_length, precision=precision)

    @classmethod
    def of(
        cls,
        checkpoint: Checkpoint,
        *,
        device: str | None = None,
        context_length: int | None = None,
        precision: str = "auto",
    ) -> Scorer:
        """Make ready an opened checkpoint; see `load`."""
        where = choose_device(device)
        length = context_length or checkpoint.context_length
        return cls(checkpoint.caller(), checkpoint.labels, length, where, precision)

    def predict(self, proteins: Iterable[Protein], *, raw: bool = False) -> Iterator[Prediction]:
        """Score each protein against the label space; results keep the input order.

        A protein longer than the context is scored in overlapping windows, and each term
        gets its highest score among them.

        Parameters
        ----------
        proteins : iterable of Protein
            Read as they are needed.
        raw : bool
            Leave scores as the network gives them, without the true-path rule.
        """
        for block in blocks(proteins, BLOCK):
            values, _, counts = self.states([p.sequence for p in block])
            if not raw:
                values = propagate(values, self.labels)
            for protein, row, n in zip(block, values, counts, strict=True):
                yield Prediction(protein, row, self.labels, n)  # (T,)

    def score(self, proteins: Iterable[Protein]) -> Iterator[Scores]:
        """Yield propagated scores in blocks of proteins, in input order."""
        for block in blocks(self.predict(proteins), BLOCK):
            ids = tuple(p.protein.id for p in block)
            yield Scores(ids, np.stack([p.scores for p in block]), self.labels)

    def states(
        self, sequences: Sequence[str]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], list[int]]:
        """Return what the network makes of proteins, in one pass.

        Returns
        -------
        probabilities : ndarray, shape=(N, T), dtype=float32
            As the network gives them: the highest among a protein's windows, without the
            true-path rule.
        vectors : ndarray, shape=(N, D), dtype=float32
            Final states at ``<cls>``: the mean over a protein's windows.
        n_windows : list of int
            The windows of each protein.
        """
        parts = [windows(sequence, self.context_length) for sequence in sequences]
        owner = np.repeat(np.arange(len(parts)), [len(p) for p in parts])
        rows = [encode(text, self.context_length) for part in parts for text in part]
        values = np.zeros((len(sequences), len(self.labels)), np.float32)
        states = np.empty((len(rows), self.caller.width), np.float32)
        for at, found, vectors in probabilities(self.caller, rows, self.device, self.precision):
            np.maximum.at(values, owner[at], found)
            states[at] = vectors
        return values, mean_of_windows(states, parts), [len(part) for part in parts]


def blocks(items: Iterable[Item], size: int) -> Iterator[tuple[Item, ...]]:
    """Cut a stream into tuples of ``size``; the last may be shorter."""
    stream = iter(items)
    while block := tuple(islice(stream, size)):
        yield block
