"""The training proteins nearest to a protein among the encoder's embeddings.

Nothing here knows about terms, or where the embeddings come from.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from esmgo.predict.voting import Votes

__all__ = ["Neighbours", "nearest", "votes_of"]

_CELLS = 1 << 25
"""Similarities held at once: 128 MB."""


class Neighbours(NamedTuple):
    """The nearest training proteins of each of N proteins, nearest first.

    Parameters
    ----------
    protein : ndarray, shape=(N, K), dtype=int64
        Which training proteins.
    similarity : ndarray, shape=(N, K), dtype=float32
        Cosine of the angle between the embeddings, in [-1, 1].
    """

    protein: NDArray[np.int64]
    similarity: NDArray[np.float32]


def nearest(
    queries: NDArray[np.float32],
    training: NDArray[np.float32],
    k: int,
    device: torch.device | None = None,
) -> Neighbours:
    """Find the ``k`` nearest training proteins of each query by cosine similarity, exactly.

    Parameters
    ----------
    queries : ndarray, shape=(N, D), dtype=float32
    training : ndarray, shape=(M, D), dtype=float32
    k : int
        Neighbours per query; all M where there are no more.
    device : torch.device, optional
        Where to compute; the CPU when left out.
    """
    where = device or torch.device("cpu")
    known = _normalised(training).to(where).T  # (D, M)
    asked = _normalised(queries)
    k = min(k, len(training))
    size = max(1, _CELLS // max(len(training), 1))
    index = np.empty((len(queries), k), np.int64)
    similarity = np.empty((len(queries), k), np.float32)
    for first in range(0, len(queries), size):
        block = slice(first, first + size)
        values, at = (asked[block].to(where) @ known).topk(k, dim=1)  # (B, K)
        similarity[block] = values.clamp(-1, 1).cpu().numpy()
        index[block] = at.cpu().numpy()
    return Neighbours(index, similarity)


def votes_of(neighbours: Neighbours) -> Votes:
    """Let each neighbour vote with its similarity.

    The score of a term is ``(1/k) Σ max(cos, 0)`` over those of the k neighbours that
    carry it: goPredSim's reliability index with cosine distance d, ``(1/k) Σ (1 - d)``.

    References
    ----------
    Littmann, Heinzinger, Dallago, Olenyi & Rost, Scientific Reports 11:1160 (2021).
    """
    n, k = neighbours.protein.shape
    return Votes(
        np.repeat(np.arange(n, dtype=np.int64), k),
        neighbours.protein.ravel(),
        neighbours.similarity.ravel().clip(min=0).astype(np.float64),
        np.full(n, k, np.float64),
    )


def _normalised(embeddings: NDArray[np.float32]) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.from_numpy(embeddings), dim=1)
