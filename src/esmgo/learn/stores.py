"""Stored activations in a fixed number of parts, each computed by one rank and read by all.

The parts depend on the proteins only. So any number of ranks can use or complete them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from esmgo.errors import MachineError, UsageError
from esmgo.learn.activations import Rows, Store
from esmgo.learn.ranks import Ranks
from esmgo.learn.spread import SHARE, in_step
from esmgo.learn.stop import StopRequest
from esmgo.model.scoring import Budget

MOST = 48
"""Maximal number of parts, so also of ranks that compute activations; many numbers divide it."""


class NotStored(Exception):
    """The activations cannot be stored; the message gives the reason."""


class Stores:
    """Activations of N proteins in parts; every S-th protein by length is in the same part.

    Parameters
    ----------
    folder : Path
        Each part has a folder in it, see `Store`. All ranks need to see it.
    order : ndarray, shape=(N,)
        The proteins, longest first.
    rows : ndarray, shape=(N,), dtype=int64
        Rows of each protein.
    width, dtype : int, dtype
        Values per row and their type.
    """

    def __init__(
        self,
        folder: Path,
        order: NDArray[np.intp],
        rows: NDArray[np.int64],
        width: int,
        dtype: np.dtype[Any],
        ranks: Ranks,
    ) -> None:
        n = min(MOST, -(-len(order) // SHARE))
        self.folder, self._ranks = folder, ranks
        self._members = [order[part::n] for part in range(n)]
        self._rows, self._width, self._dtype = rows, width, dtype
        self._is_flat = bool((rows == 1).all())
        self._part, self._place = np.empty(len(order), np.intp), np.empty(len(order), np.intp)
        for part, members in enumerate(self._members):
            self._part[members], self._place[members] = part, np.arange(len(members))
        self._own: dict[int, Store] = {}
        self._others: list[Rows] = []
        self._readers: list[Callable[[NDArray[np.intp]], NDArray[Any]]] = []

    def open(self, fingerprint: str, ids: Sequence[str]) -> None:
        """Open the parts of this rank; see `Store.open`.

        Raises NotStored on all ranks if another training uses one of the parts.
        """
        problem = ""
        try:
            for part in range(self._ranks.rank, len(self._members), self._ranks.size):
                members = self._members[part]
                self._own[part] = Store.open(
                    self._folder(part),
                    fingerprint=fingerprint,
                    ids=[ids[i] for i in members],
                    lengths=self._rows[members],
                    width=self._width,
                    dtype=self._dtype,
                )
        except UsageError as error:
            problem = str(error)
        self._agree(problem)

    def compute(
        self,
        values: Callable[[NDArray[np.intp]], NDArray[np.floating]],
        lengths: NDArray[np.int64],
        budget: Budget,
        stop: StopRequest,
    ) -> None:
        """Compute what is missing. All ranks take part until every part is complete.

        Raises NotStored on all ranks if the disk of one refuses.

        Parameters
        ----------
        values : callable
            Returns the rows of the proteins of a batch, one protein after the other.
        lengths : ndarray, shape=(N,), dtype=int64
            Tokens per protein.
        """
        done = sum(store.n_done for store in self._own.values())
        n = sum(len(self._members[part]) for part in self._own)
        with tqdm(
            desc="Activations", total=n, initial=done, unit="protein",
            disable=self._ranks.hides_bars, leave=False,
        ) as bar:  # fmt: skip
            while self._ranks.highest(self._next() is not None):
                stop.check()
                problem = ""
                try:
                    for n_new in self._appended(values, lengths, budget):
                        bar.update(n_new)
                        if self._ranks.size == 1:
                            stop.check()
                except NotStored as error:
                    problem = str(error)
                self._agree(problem)
        for part, members in enumerate(self._members):
            if part in self._own:
                self._readers.append(self._own[part].rows)
                continue
            starts = np.concatenate([[0], np.cumsum(self._rows[members])])
            other = Rows(self._folder(part), starts, self._width, self._dtype)
            self._others.append(other)
            self._readers.append(partial(other.take, n_done=len(members)))

    def _appended(
        self,
        values: Callable[[NDArray[np.intp]], NDArray[np.floating]],
        lengths: NDArray[np.int64],
        budget: Budget,
    ) -> Iterator[int]:
        """Compute the next proteins of this rank; yield how many are appended at a time."""
        ranks, part = self._ranks, self._next()
        if part is None and not ranks.in_step:
            return
        if part is None:  # in step with the others, without a use for the result
            left = self._members[0][-1:]
        else:
            left = self._members[part][self._own[part].n_done :]
        if ranks.size > 1:
            left = left[:SHARE]
        failed = None
        for at, rows in in_step(lengths, left, values, budget, ranks):
            if part is None or failed:
                continue
            try:
                self._own[part].append(rows)
            except MachineError as error:
                failed = error
                if not ranks.in_step:
                    break
            else:
                yield len(at)
        if failed:
            raise NotStored(str(failed))

    def rows(self, proteins: NDArray[np.intp]) -> NDArray[Any]:
        """Return the rows of some proteins, shape=(B,), one after the other, when all are done."""
        part, place = self._part[proteins], self._place[proteins]
        if not self._is_flat:
            each = zip(part.tolist(), place, strict=True)
            return np.concatenate([self._readers[i](at[None]) for i, at in each])
        found = np.empty((len(proteins), self._width), self._dtype)
        for i in np.unique(part):
            found[part == i] = self._readers[i](place[part == i])
        return found

    def close(self) -> None:
        """Close the files and release their locks."""
        opened: list[Rows | Store] = [*self._others, *self._own.values()]
        for each in opened:
            each.close()

    def remove(self) -> None:
        """Remove the parts of this rank, and the folder with the last one."""
        self.close()
        for part in self._own:
            shutil.rmtree(self._folder(part), ignore_errors=True)
        with suppress(OSError):
            self.folder.rmdir()

    def _folder(self, part: int) -> Path:
        return self.folder / f"{part:02}"

    def _next(self) -> int | None:
        """Return the first part of this rank that is not complete."""
        return next((part for part, store in self._own.items() if not store.is_complete), None)

    def _agree(self, problem: str) -> None:
        """Raise NotStored on all ranks if one has a problem."""
        if self._ranks.highest(float(bool(problem))):
            raise NotStored(next(filter(None, self._ranks.texts(problem))))
