"""Encoder and head of a checkpoint: sequences in, probabilities and embeddings out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from esmgo.go.labels import LabelSpace
from esmgo.model.caller import Caller
from esmgo.model.checkpoint import Checkpoint
from esmgo.model.device import choose_device
from esmgo.model.embeddings import mean_of_windows
from esmgo.model.scoring import probabilities
from esmgo.model.tokens import Completed, encode, windows


class Scorer:
    """A caller that is ready to score proteins.

    The scores of a protein do not depend on the other proteins: on a CPU to the last bit, on a
    GPU within 1e-6 in fp32 and 1e-2 in bf16.
    """

    def __init__(
        self,
        caller: Caller,
        labels: LabelSpace,
        context_length: int,
        device: torch.device,
        dtype: str = "auto",
    ) -> None:
        caller.network.to(device)
        caller.train(False)
        self.caller, self.labels = caller, labels
        self.context_length, self.device, self.dtype = context_length, device, dtype

    @classmethod
    def of(
        cls,
        checkpoint: Checkpoint,
        *,
        device: str | None = None,
        context_length: int | None = None,
        dtype: str = "auto",
    ) -> Scorer:
        """Load the network of an opened checkpoint; see `esmgo.Predictor.load`."""
        where = choose_device(device)
        length = context_length or checkpoint.context_length
        return cls(checkpoint.caller(), checkpoint.labels, length, where, dtype)

    def states(
        self, sequences: Sequence[str], progress: Callable[[int], object] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], list[int]]:
        """Return the outputs of the network for N proteins, in one pass.

        A protein longer than the context is scored in overlapping windows. After each batch
        ``progress`` is called with the number of proteins that it completed.

        Returns
        -------
        probabilities : ndarray, shape=(N, T), dtype=float32
            The highest of a protein's windows, without the true-path rule.
        vectors : ndarray, shape=(N, D), dtype=float32
            Final states at ``<cls>``: the mean over a protein's windows.
        n_windows : list of int
            The windows of each protein.
        """
        parts = [windows(sequence, self.context_length) for sequence in sequences]
        completed = Completed(parts)
        rows = [encode(text, self.context_length) for part in parts for text in part]
        values = np.zeros((len(sequences), len(self.labels)), np.float32)
        states = np.empty((len(rows), self.caller.width), np.float32)
        for at, found, vectors in probabilities(self.caller, rows, self.device, self.dtype):
            np.maximum.at(values, completed.owner[at], found)
            states[at] = vectors
            if progress is not None:
                progress(completed(at))
        return values, mean_of_windows(states, parts), [len(part) for part in parts]
