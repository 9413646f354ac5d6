"""A crew of threads that computes batches side by side, each with a share of the CPU."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self, TypeVar

import torch

Made = TypeVar("Made")


class Crew:
    """Threads, called ``name``, that divide PyTorch's threads among themselves."""

    def __init__(self, workers: int, name: str) -> None:
        self.workers, self._threads = workers, torch.get_num_threads()
        self._share = max(1, self._threads // workers)
        self._pool = ThreadPoolExecutor(
            workers, name, initializer=torch.set_num_threads, initargs=(self._share,)
        )

    def submit(self, compute: Callable[..., Made], *arguments: Any) -> Future[Made]:
        """Let the next free thread compute a batch."""
        return self._pool.submit(compute, *arguments)

    def result(self, future: Future[Made]) -> Made:
        """Wait for a batch, and return or raise what ``compute`` did."""
        torch.set_num_threads(self._share)  # some libraries have one count per process
        try:
            return future.result()
        finally:
            torch.set_num_threads(self._threads)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
