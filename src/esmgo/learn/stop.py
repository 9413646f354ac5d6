"""Ctrl-C and SIGTERM end training at the next batch; a second one ends it at once."""

from __future__ import annotations

import signal
import threading
from typing import Any, Self

from esmgo.errors import Interrupted


class Stopped(Exception):
    """A signal asked to stop; nothing of the batch at hand has been used."""


class StopRequest:
    """While entered, remember the first signal instead of dying of it.

    ``signum`` is None until a signal comes. The second signal raises
    Interrupted, also in the middle of a save: the last checkpoint is whole
    until the new one has been renamed onto it.
    """

    def __init__(self) -> None:
        self.signum: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for signum in (signal.SIGINT, signal.SIGTERM):
                self._before[signum] = signal.signal(signum, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)

    def check(self) -> None:
        """Raise `Stopped` if a signal has come."""
        if self.signum is not None:
            raise Stopped

    def _note(self, signum: int, _: object) -> None:
        if self.signum is not None:
            raise Interrupted(signum, "at once; the last checkpoint is intact")
        self.signum = signum
