"""The training proteins whose embeddings are nearest to that of a protein.

Nothing here knows about terms, or where the embeddings come from.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from esmgo.evidence.votes import Votes

_ROWS = 64
"""Queries compared at once: 28 MB of similarities to 110,000 training proteins."""

_AT_ONCE = 4096
"""Embeddings normalised at once, which bounds the memory."""


class Neighbours(NamedTuple):
    """The nearest training proteins of each of N proteins, nearest first.

    Parameters
    ----------
    protein : ndarray, shape=(N, K), dtype=int64
        Numbers of the training proteins.
    similarity : ndarray, shape=(N, K), dtype=float32
        Cosine of the angle between the embeddings, in [-1, 1].
    """

    protein: NDArray[np.int64]
    similarity: NDArray[np.float32]

    def first(self, k: int) -> Neighbours:
        """Return the ``k`` nearest ones."""
        return Neighbours(self.protein[:, :k], self.similarity[:, :k])

    def without(self, own: NDArray[np.intp]) -> Neighbours:
        """Drop one neighbour of each protein: training protein ``own``, else the last."""
        drops = self.protein == own[:, None]
        drops[~drops.any(axis=1), -1] = True
        shape = len(self.protein), -1
        return Neighbours(*(each[~drops].reshape(shape) for each in self))


def nearest(
    queries: NDArray[np.float32],
    training: NDArray[np.floating] | torch.Tensor,
    k: int,
    device: torch.device | None = None,
) -> Neighbours:
    """Find the ``k`` nearest training proteins of each query by cosine similarity, exactly.

    Parameters
    ----------
    queries : ndarray, shape=(N, D), dtype=float32
    training : ndarray or Tensor, shape=(M, D), dtype=float32
        A tensor is a result of `normalised`, to be used again for many blocks.
    k : int
        Neighbours per query; all M if there are fewer.
    device : torch.device, optional
        Where to compute; the CPU when left out.
    """
    where = device or torch.device("cpu")
    columns = training if isinstance(training, torch.Tensor) else normalised(training)
    columns = columns.to(where).T  # (D, M)
    rows = normalised(queries)
    k = min(k, columns.shape[1])
    index = np.empty((len(queries), k), np.int64)
    similarity = np.empty((len(queries), k), np.float32)
    for first in range(0, len(queries), _ROWS):
        block = rows[first : first + _ROWS]
        n = len(block)
        # with matrices of one shape a protein's similarities do not depend on the rest of its block
        block = torch.nn.functional.pad(block, (0, 0, 0, _ROWS - n))
        values, at = (block.to(where) @ columns)[:n].topk(k, dim=1)  # (B, K)
        similarity[first : first + n] = values.clamp(-1, 1).cpu().numpy()
        index[first : first + n] = at.cpu().numpy()
    return Neighbours(index, similarity)


def nearest_others(
    queries: NDArray[np.float32],
    training: torch.Tensor,
    k: int,
    own: NDArray[np.intp] | None = None,
) -> Neighbours:
    """Find the ``k`` nearest training proteins of each query that are not the query itself.

    ``own``, shape=(N,), gives the row of each query among the training proteins.
    """
    if own is None:
        return nearest(queries, training, k)
    return nearest(queries, training, k + 1).without(own)


def votes_of(neighbours: Neighbours) -> Votes:
    """Return one vote of each neighbour, weighted by its similarity.

    The score of a term is ``(1/k) Σ max(cos, 0)`` over those of the k neighbours that
    have it: goPredSim's reliability index with cosine distance d, ``(1/k) Σ (1 - d)``.

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


def normalised(embeddings: NDArray[np.floating]) -> torch.Tensor:
    """Return embeddings of length 1; shape=(N, D), dtype=float32."""
    plain = torch.from_numpy(np.ascontiguousarray(embeddings))
    found = torch.empty(plain.shape)
    for first in range(0, len(plain), _AT_ONCE):
        rows = slice(first, first + _AT_ONCE)
        found[rows] = torch.nn.functional.normalize(plain[rows].float(), dim=1)
    return found
