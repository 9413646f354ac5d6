"""Ctrl-C and SIGTERM: until a verb begins its work they end the program at once, without a word.

Imports only what is built in, so that the handlers are installed before anything slow. They cannot
be installed before Python has started, imported `site` and found this package, which takes about
0.03 s. A signal in that time ends Python itself, with its traceback.
"""

from __future__ import annotations

# the built-in part of `signal`, which takes 10 ms to import
import _signal as signal  # type: ignore[import-not-found]
import os

_SIGNALS = signal.SIGINT, signal.SIGTERM
_came: list[int] = []


class Terminated(BaseException):
    """Raised on SIGTERM."""


def end_at_once() -> None:
    """End the program with code 130 or 143 on a signal; there is no work to save or to undo."""
    for signum in _SIGNALS:
        if signal.getsignal(signum) is not signal.SIG_IGN:  # as nohup sets it
            signal.signal(signum, _exit)


def raise_errors() -> None:
    """Raise KeyboardInterrupt or `Terminated` on a signal, instead of ending at once."""
    for signum in _SIGNALS:
        if signal.getsignal(signum) is _exit:
            signal.signal(signum, _raise)


def has_come() -> int | None:
    """Return the signal that `raise_errors` raised an error for, if any.

    Other code may replace the error, for example NumPy by an ImportError.
    """
    return _came[-1] if _came else None


def _exit(signum: int, _: object) -> None:
    os._exit(128 + signum)


def _raise(signum: int, _: object) -> None:
    _came.append(signum)
    raise KeyboardInterrupt if signum == signal.SIGINT else Terminated
