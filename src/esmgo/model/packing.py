"""Proteins one behind the other: which rows of a batch are which protein.

Nothing here knows about weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from esmgo.model.tokens import PAD

CHUNK = 128
"""Rows that go through a linear layer together on a CPU: with the hidden layer they fit L2."""


@dataclass(frozen=True)
class Packed:
    """Token ids of B proteins, longest first, without padding between them.

    Parameters
    ----------
    tokens : Tensor, shape=(n,), dtype=int64
        All proteins, and on a CPU padding behind the last up to a multiple of `CHUNK`.
    lengths : tuple of int
        Tokens per protein, as they stand in ``tokens``.
    order : ndarray, shape=(B,)
        Which of the given proteins each of them is.
    """

    tokens: Tensor
    lengths: tuple[int, ...]
    order: NDArray[np.intp]
    _turns: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def longest(self) -> int:
        """Tokens of the longest protein."""
        return self.lengths[0]

    @cached_property
    def n_tokens(self) -> int:
        """Tokens of all proteins."""
        return sum(self.lengths)

    @cached_property
    def _starts(self) -> NDArray[np.intp]:
        return np.concatenate([[0], np.cumsum(self.lengths)[:-1]]).astype(np.intp)

    @cached_property
    def ends(self) -> Tensor:
        """Where proteins end, from 0 on; shape=(B + 1,), dtype=int32."""
        return torch.tensor([0, *np.cumsum(self.lengths)], dtype=torch.int32).to(self.tokens.device)

    @cached_property
    def unsorted(self) -> Tensor:
        """Where the proteins stand in the order they were given; shape=(B,)."""
        return torch.from_numpy(np.argsort(self.order)).to(self.tokens.device)

    @cached_property
    def cls(self) -> Tensor:
        """The rows of ``<cls>``, proteins in the order they were given; shape=(B,)."""
        return torch.from_numpy(self._starts).to(self.tokens.device)[self.unsorted]

    @cached_property
    def groups(self) -> list[tuple[int, int, int]]:
        """First row, tokens and number of proteins of equal length."""
        lengths, counts = np.unique(-np.array(self.lengths), return_counts=True)
        firsts = np.concatenate([[0], np.cumsum(-lengths * counts)[:-1]])
        return list(zip(firsts.tolist(), (-lengths).tolist(), counts.tolist(), strict=True))

    @cached_property
    def owner(self) -> Tensor:
        """The protein of each row, as they stand in ``tokens``; B for padding; shape=(n,)."""
        padding = len(self.tokens) - self.n_tokens
        return torch.from_numpy(np.repeat(np.arange(len(self) + 1), [*self.lengths, padding])).to(
            self.tokens.device
        )

    def split(self, rows: Tensor) -> list[Tensor]:
        """Cut rows into those of each protein, in the order they were given."""
        parts = torch.split(rows[: self.n_tokens], list(self.lengths))
        return [parts[i] for i in self.unsorted.tolist()]

    def mean(self, rows: Tensor) -> Tensor:
        """Return the mean of one number per row over each protein; the last is of padding."""
        sums = torch.zeros(len(self) + 1, device=rows.device).index_add_(0, self.owner, rows)
        lengths = torch.tensor([*self.lengths, max(len(rows) - self.n_tokens, 1)])
        return sums / lengths.to(rows.device)

    def rotation(self, head_width: int) -> tuple[Tensor, Tensor]:
        """Return cosine and sine of each row's angles; shape=(n, head_width / 2) each."""
        if head_width not in self._turns:
            padding = len(self.tokens) - self.n_tokens
            places = [np.arange(length) for length in (*self.lengths, padding)]
            position = torch.from_numpy(np.concatenate(places)).to(self.tokens.device)
            exponent = torch.arange(0, head_width, 2, dtype=torch.int64).float() / head_width
            frequency = (1.0 / 10000.0**exponent).to(self.tokens.device)
            angle = torch.outer(torch.arange(self.longest + CHUNK).to(frequency), frequency)
            self._turns[head_width] = angle.cos()[position], angle.sin()[position]
        return self._turns[head_width]


def pack(
    rows: Sequence[NDArray[np.uint8]], device: torch.device | str = "cpu", *, fill: bool = True
) -> Packed:
    """Put token ids of proteins one behind the other, longest first.

    Parameters
    ----------
    rows : sequence of ndarray, shape=(L,), dtype=uint8
        Token ids of each protein, in any order.
    device : torch.device
        Where they go.
    fill : bool
        On a CPU, add padding up to a multiple of `CHUNK`.
    """
    lengths = np.array([len(row) for row in rows])
    order = np.argsort(-lengths, kind="stable")
    joined = np.concatenate([rows[i] for i in order])
    if fill and torch.device(device).type == "cpu":
        joined = np.pad(joined, (0, -len(joined) % CHUNK), constant_values=PAD)
    tokens = torch.from_numpy(joined.astype(np.int64)).to(device)
    return Packed(tokens, tuple(lengths[order].tolist()), order)
