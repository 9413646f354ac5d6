"""The program: finds the verb, and turns errors into one line and an exit code.

Slow modules are imported only when a verb runs, so that ``esmgo --help`` prints at once.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from esmgo import __version__
from esmgo.cli import signals
from esmgo.cli.flags import typed
from esmgo.cli.verbs import VERBS
from esmgo.errors import EsmgoError, printable, reports_out_of_memory

_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ENOMEM}


def run(verb: str | None = None) -> NoReturn:
    """Run the program; see `esmgo.cli.main.run`."""
    # threads that wait actively make a busy machine three times slower (docs/LOG.md)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    gc.set_threshold(100_000)  # imports and tables of terms make many objects, and no garbage
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by the parent process
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    prog = Path(sys.argv[0]).name
    code = main(sys.argv[1:], verb, prog=prog)
    signals.end_at_once()
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = _closed_pipe()
    except OSError as error:
        code = _fail(f"standard output: {error.strerror}", 5)
        _mute_stdout()
    sys.exit(code)


def main(arguments: Sequence[str], verb: str | None, *, prog: str) -> int:
    """Run one verb and return its exit code; see `esmgo.cli.main.main`."""
    words = list(arguments)
    if verb is None:
        if not words or words[0] in ("-h", "--help", "help"):
            print(_help())
            return 0 if words else 2
        if words[0] in ("-V", "--version"):
            print(f"esmgo {__version__}")
            return 0
        verb = words.pop(0)
        if verb not in VERBS:
            return _fail(f"unknown verb {printable(verb, 40)}: choose one of {', '.join(VERBS)}", 2)
        prog = f"esmgo {verb}"
    with _logging():
        return _guarded(verb, words, prog)


def _guarded(verb: str, words: list[str], prog: str) -> int:
    try:
        from esmgo.cli import running  # slow: imports NumPy

        return running.run(verb, words, prog)
    except EsmgoError as error:
        return _fail(typed(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except BrokenPipeError:
        return _closed_pipe()
    except Exception as error:
        if signum := signals.has_come():  # an import or a library replaced its error
            return _fail("interrupted", 128 + signum)
        if _is_the_machine(error):
            return _fail(_machine_message(error), 5)
        raise
    except signals.Terminated:
        return _fail("interrupted by signal 15; nothing was left half-written", 143)
    except SystemExit as error:  # --help
        return error.code if isinstance(error.code, int) else 0


def _is_the_machine(error: BaseException) -> bool:
    is_full = isinstance(error, OSError) and error.errno in _MACHINE
    kinds = (OSError, MemoryError, RuntimeError, ImportError)
    is_out_of_memory = isinstance(error, MemoryError) or reports_out_of_memory(error)
    return is_full or (isinstance(error, kinds) and is_out_of_memory)


def _machine_message(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno not in (None, errno.ENOMEM):
        return f"{printable(error.filename or 'output', 90)}: {error.strerror}"
    return "not enough memory; close other programs, or lower --batch_size or --context_length"


def _fail(message: str, code: int) -> int:
    print(_line("error: " + message), file=sys.stderr)
    return code


def _line(text: str) -> str:
    """Return one line, safe to print, under 200 characters, with settings written as flags."""
    return printable(typed(text), 199)


def _closed_pipe() -> int:
    _mute_stdout()
    return 141


def _mute_stdout() -> None:
    """Prevent a second error when the interpreter closes standard output."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _help() -> str:
    verbs = "\n".join(f"  {name:<10} {verb.text}" for name, verb in VERBS.items())
    return (
        "usage: esmgo VERB [--flag=value ...]\n\n"
        "Call Gene Ontology terms from amino-acid sequences.\n\n"
        f"{verbs}\n\nesmgo VERB --help lists the flags of a verb."
    )


class _Printer(logging.Handler):
    """Prints progress to stdout, notices and warnings to stderr, and steps to a terminal only."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING:
            print(_line(f"warning: {record.getMessage()}"), file=sys.stderr)
        elif record.levelno > logging.INFO:
            print(_line(record.getMessage()), file=sys.stderr)
        elif record.levelno == logging.INFO:
            print(_line(record.getMessage()), flush=True)
        elif sys.stderr.isatty():
            print(_line(record.getMessage()), file=sys.stderr)


@contextlib.contextmanager
def _logging():  # type: ignore[no-untyped-def]
    logger, printer = logging.getLogger("esmgo"), _Printer()
    level = logger.level
    logger.addHandler(printer)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(printer)
        logger.setLevel(level)
