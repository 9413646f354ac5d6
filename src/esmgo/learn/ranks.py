"""The ranks of a training: processes that train together, each on a device of its own.

``torchrun`` starts them and describes them in the environment. A training without it is one rank,
for which nothing here does anything. All ranks run the same loop. They compute different batches
and exchange the results, so that each has the same weights after each step. Rank 0 alone writes.

A rank that fails closes its connections. The others then raise RankLost at their next exchange.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from esmgo.errors import MachineError, UsageError, printable

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

TIMEOUT = timedelta(minutes=10)
"""The longest wait for the other ranks in an exchange of results."""

PATIENCE = timedelta(days=1)
"""The longest wait for rank 0, which downloads and saves alone."""

_VARIABLES = "RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"


class RankLost(MachineError):
    """Another rank ended, or did not answer in time."""


class Ranks:
    """The place of this process among the ranks of a training.

    ``size`` ranks have the numbers 0 to ``size`` - 1; ``rank`` is that of this process, and
    ``local`` its number on this machine. With ``in_step`` each has a part of the weights, so all
    compute batches at the same time. All ranks must call the methods that exchange values, in the
    same order. They raise RankLost if a rank is lost.
    """

    def __init__(self, rank: int = 0, size: int = 1, local: int = 0) -> None:
        self.rank, self.size, self.local = rank, size, local
        self.in_step = False
        self._patient: Any = None

    @property
    def is_first(self) -> bool:
        """Whether this is rank 0, which alone writes files and logs."""
        return self.rank == 0

    @property
    def hides_bars(self) -> bool | None:
        """Whether progress bars are hidden; None if the terminal decides."""
        return None if self.is_first else True

    def place(self, device: torch.device) -> torch.device:
        """Return the device of this rank: the GPU of its number on this machine, or the CPU."""
        import torch

        if self.size == 1 or device.type != "cuda" or device.index is not None:
            return device
        if self.local >= (n := torch.cuda.device_count()):
            reason = f"rank {self.rank} needs a GPU of its own, this machine has {n}"
            raise UsageError(f"{reason}; start at most {n} ranks on it", field="device")
        torch.cuda.set_device(self.local)
        return torch.device("cuda", self.local)

    def share(self, tensor: torch.Tensor, owner: int) -> None:
        """Overwrite a contiguous tensor with that of rank ``owner``."""
        if self.size > 1:
            from torch import distributed

            with _lost():
                distributed.broadcast(tensor, owner)

    def add(self, tensor: torch.Tensor) -> None:
        """Overwrite a contiguous tensor with the sum of those of all ranks."""
        if self.size > 1:
            from torch import distributed

            with _lost():
                distributed.all_reduce(tensor)

    def highest(self, value: float) -> float:
        """Return the highest of the numbers of all ranks."""
        if self.size == 1:
            return value
        import torch
        from torch import distributed

        found = torch.tensor(value, dtype=torch.float64)
        with _lost():
            distributed.all_reduce(found, distributed.ReduceOp.MAX)
        return found.item()

    def number(self, value: int, owner: int = 0) -> int:
        """Return the number of rank ``owner``."""
        if self.size == 1:
            return value
        import torch

        found = torch.tensor(value, dtype=torch.int64)
        self.share(found, owner)
        return int(found)

    def texts(self, text: str) -> list[str]:
        """Return the texts of all ranks, in their order."""
        if self.size == 1:
            return [text]
        import torch

        found = []
        for owner in range(self.size):
            data = torch.tensor(list(text.encode()), dtype=torch.uint8)
            n = self.number(len(data), owner)
            data = data if owner == self.rank else torch.empty(n, dtype=torch.uint8)
            if n:
                self.share(data, owner)
            found.append(bytes(data.tolist()).decode())
        return found

    def meet(self) -> None:
        """Wait until all ranks are here, as long as rank 0 needs for a download or a save."""
        if self.size > 1:
            from torch import distributed

            with _lost():
                distributed.barrier(self._patient)

    @contextmanager
    def one_by_one(self) -> Iterator[None]:
        """Let rank 0 go first, and the others after it, so that it downloads for all."""
        if not self.is_first:
            self.meet()
        yield
        if self.is_first:
            self.meet()

    def compare(self, facts: Mapping[str, Any]) -> None:
        """Raise UsageError if facts differ between ranks; for ``hardware`` log a warning."""
        first, *others = map(json.loads, self.texts(json.dumps(facts)))
        for rank, found in enumerate(others, 1):
            for name, value in first.items():
                if found[name] == value:
                    continue
                was, now = printable(value, 40), printable(found[name], 40)
                text = f"rank {rank} has another {name} than rank 0: {now} instead of {was}"
                if name != "hardware":
                    raise UsageError(f"{text}; start all ranks with the same command and files")
                log.warning("%s: other last bits than with equal machines", text)


ALONE = Ranks()
"""The only rank of a training in one process."""


@contextmanager
def joined(device: str | None) -> Iterator[Ranks]:
    """Join the ranks that the environment describes, as ``torchrun`` sets it; else `ALONE`.

    ``device`` is the setting. Ranks exchange tensors by gloo on CPUs, by NCCL on GPUs. Messages
    below an error are logged by rank 0 only. Raises RankLost if the ranks do not find each other.
    """
    found = [os.environ.get(name, "") for name in _VARIABLES]
    if not all(found) or found[1] == "1":
        yield ALONE
        return
    import torch
    from torch import distributed

    is_cpu = device == "cpu" or not torch.cuda.is_available()
    ranks = Ranks(int(found[0]), int(found[1]), int(os.environ.get("LOCAL_RANK", found[0])))
    with _lost():
        backend = "gloo" if is_cpu else "cpu:gloo,cuda:nccl"
        distributed.init_process_group(backend, timeout=TIMEOUT)
        ranks._patient = distributed.new_group(backend="gloo", timeout=PATIENCE)
    logger = logging.getLogger("esmgo")
    level = logger.level
    if not ranks.is_first:
        logger.setLevel(logging.ERROR)
    is_done = False
    try:
        yield ranks
        ranks.meet()
        is_done = True
    finally:
        logger.setLevel(level)
        if is_done or is_cpu:  # with NCCL this could wait for a rank that is lost
            distributed.destroy_process_group()


@contextmanager
def _lost() -> Iterator[None]:
    """Raise RankLost for an error of an exchange."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        reason = printable(str(error).split("] ", 1)[-1].split(". ")[0], 60)
        raise RankLost(
            f"another rank stopped or is out of reach ({reason}); its own message gives the"
            " cause; `resume` continues from the last checkpoint"
        ) from error
