"""Packed batches: the tokens of proteins one after another, without padding between them.

Nothing here knows about weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from esmgo.model.tokens import MASK, PAD

CHUNK = 128
"""Rows per chunk of a linear layer on a CPU; with the hidden layer they fit in the L2 cache."""


@dataclass(frozen=True)
class Packed:
    """Token ids of B proteins, longest first, without padding between them.

    Parameters
    ----------
    tokens : Tensor, shape=(n,), dtype=int64
        All proteins; on a CPU padding follows the last one, up to a multiple of `CHUNK`.
    lengths : tuple of int
        Tokens per protein, in packed order.
    order : ndarray, shape=(B,)
        Position in the input of each protein, in packed order.
    has_mask : bool
        Whether a token may be ``<mask>``.
    """

    tokens: Tensor
    lengths: tuple[int, ...]
    order: NDArray[np.intp]
    has_mask: bool = True
    _turns: dict[tuple[float, ...], tuple[Tensor, Tensor]] = field(default_factory=dict)

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
        """0, then the end of each protein in ``tokens``; shape=(B + 1,), dtype=int32."""
        return sent(np.array([0, *np.cumsum(self.lengths)], np.int32), self.tokens.device)

    @cached_property
    def unsorted(self) -> Tensor:
        """Position in packed order of each protein, in input order; shape=(B,)."""
        return sent(np.argsort(self.order), self.tokens.device)

    @cached_property
    def cls(self) -> Tensor:
        """The row of ``<cls>`` of each protein, in input order; shape=(B,)."""
        return sent(self._starts, self.tokens.device)[self.unsorted]

    @cached_property
    def groups(self) -> list[tuple[int, int, int]]:
        """First row, tokens per protein and number of proteins, for each length."""
        lengths, counts = np.unique(-np.array(self.lengths), return_counts=True)
        firsts = np.concatenate([[0], np.cumsum(-lengths * counts)[:-1]])
        return list(zip(firsts.tolist(), (-lengths).tolist(), counts.tolist(), strict=True))

    @cached_property
    def owner(self) -> Tensor:
        """The protein of each row, by its packed position; B for padding; shape=(n,)."""
        padding = len(self.tokens) - self.n_tokens
        owner = np.repeat(np.arange(len(self) + 1), [*self.lengths, padding])
        return sent(owner, self.tokens.device)

    @cached_property
    def residues(self) -> tuple[Tensor, Tensor]:
        """The row of each residue, and the residues of each protein, in packed order."""
        ends = np.cumsum(self.lengths)
        is_residue = np.ones(self.n_tokens, bool)
        is_residue[self._starts] = is_residue[ends - 1] = False
        counts, device = np.array(self.lengths) - 2, self.tokens.device
        return sent(np.flatnonzero(is_residue), device), sent(counts, device)

    def split(self, rows: Tensor) -> list[Tensor]:
        """Split rows by protein, in input order."""
        parts = torch.split(rows[: self.n_tokens], list(self.lengths))
        return [parts[i] for i in self.unsorted.tolist()]

    def mean(self, rows: Tensor) -> Tensor:
        """Return each protein's mean of one number per row; the last mean is of padding."""
        sums = torch.zeros(len(self) + 1, device=rows.device).index_add_(0, self.owner, rows)
        lengths = np.array([*self.lengths, max(len(rows) - self.n_tokens, 1)])
        return sums / sent(lengths, rows.device)

    def rotation(self, frequencies: tuple[float, ...]) -> tuple[Tensor, Tensor]:
        """Return cosine and sine of each row's rotary angles; shape=(n, len(frequencies)) each."""
        if frequencies not in self._turns:
            padding = len(self.tokens) - self.n_tokens
            places = [np.arange(length) for length in (*self.lengths, padding)]
            device = self.tokens.device
            position = sent(np.concatenate(places), device)
            frequency = sent(np.array(frequencies, np.float32), device)
            distance = torch.arange(self.longest + CHUNK, dtype=torch.float32, device=device)
            angle = torch.outer(distance, frequency)
            self._turns[frequencies] = angle.cos()[position], angle.sin()[position]
        return self._turns[frequencies]


def sent(values: NDArray[Any], device: torch.device) -> Tensor:
    """Copy an array to a device; to a GPU from pinned memory, so that the host does not wait."""
    tensor = torch.from_numpy(values)
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


@cache
def frequencies(head_width: int) -> tuple[float, ...]:
    """Return the rotary frequencies of ESM2, in radians per residue, exact in float32."""
    with torch.device("cpu"):  # the default may be meta
        exponent = torch.arange(0, head_width, 2, dtype=torch.int64).float() / head_width
        return tuple((1.0 / 10000.0**exponent).tolist())


def pack(
    rows: Sequence[NDArray[np.uint8]], device: torch.device | str = "cpu", *, fill: bool = True
) -> Packed:
    """Join the token ids of proteins, each shape=(L,), dtype=uint8, longest first.

    With ``fill`` padding is added on a CPU, up to a multiple of `CHUNK`.
    """
    lengths = np.array([len(row) for row in rows])
    order = np.argsort(-lengths, kind="stable")
    joined = np.concatenate([rows[i] for i in order])
    if fill and torch.device(device).type == "cpu":
        joined = np.pad(joined, (0, -len(joined) % CHUNK), constant_values=PAD)
    tokens = sent(joined.astype(np.int64), torch.device(device))
    return Packed(tokens, tuple(lengths[order].tolist()), order, bool((joined == MASK).any()))
