"""Ctrl-C and SIGTERM stop training at the next batch; a second signal stops it at once."""

from __future__ import annotations

import signal
import threading
from typing import Any, Self

from esmgo.errors import Interrupted
from esmgo.learn.ranks import ALONE, Ranks


class Stopped(Exception):
    """A signal has come; the weights are still those of the last optimiser step."""


class StopRequest:
    """Records the first signal while entered, so that training can stop cleanly.

    ``signum`` is None until a signal comes, or until `check` finds that another rank has one. The
    second signal raises Interrupted, even during a save: the last checkpoint stays complete until
    the new one replaces it.
    """

    def __init__(self, ranks: Ranks = ALONE) -> None:
        self.signum: int | None = None
        self._ranks = ranks
        self._came = False
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
        """Raise `Stopped` on all ranks if a signal has come to any; all must call it together."""
        signum = int(self._ranks.highest(self.signum or 0))
        if signum:
            self.signum = signum
            raise Stopped

    def _note(self, signum: int, _: object) -> None:
        if self._came:
            raise Interrupted(signum, "at once; the last checkpoint is intact")
        self._came = True
        self.signum = signum
