"""Parses the arguments of a verb, calls its function, and prints the result."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from esmgo.cli import flags, signals
from esmgo.cli.verbs import VERBS
from esmgo.data.rejects import ReadReport
from esmgo.errors import NOTICE, CheckpointError, UsageError, printable
from esmgo.files.output import is_stream

if TYPE_CHECKING:
    from esmgo.predict.ranking import RankConfig

log = logging.getLogger(__name__)


def run(name: str, words: Sequence[str], prog: str) -> int:
    """Run a verb of the table; return its exit code."""
    verb = VERBS[name]
    config, given = flags.parse(
        resolve_name(verb.config), words, prog=prog, description=verb.text, first=verb.first
    )
    by_ray = getattr(config, "engine", None) == "ray"
    function = resolve_name("esmgo.cluster:predict_on_ray" if by_ray else verb.function)
    signals.raise_errors()
    if name == "rank":
        return _rank(config, is_verb=prog.startswith("esmgo "))
    if name == "train":  # its function logs rejected records itself
        return 4 if function(config, given).report.rejects else 0
    report = ReadReport(getattr(config, "strict", False))
    keeps_rejects = verb.takes_report and hasattr(config, "rejects")
    with _rejects(config, report) if keeps_rejects else nullcontext():
        found = function(config, report) if verb.takes_report else function(config)
        if found is not None:
            to_stream = is_stream(str(getattr(config, "output", None) or ""))
            print(found, file=sys.stderr if to_stream else sys.stdout)
    if name == "audit" and config.output_dir is not None:
        print(f"written to {printable(config.output_dir, 120)}")
    if not keeps_rejects:
        report = getattr(found, "report", report)  # of a function that takes none
        _log(report)
    if not getattr(found, "is_good", True):  # a failed self-test
        return 6
    has_rejects = report.rejects and not getattr(config, "rejects_ok", False)
    return 4 if has_rejects or getattr(found, "n_invalid", False) else 0


def _rank(config: RankConfig, *, is_verb: bool) -> int:
    """Rank the terms of the given proteins, or prompt for some on a terminal.

    The verb prints only results to standard output, and groups them by aspect. The script also
    prints status lines there, and lists the terms of all aspects together, also general ones, by
    their probability.
    """
    from esmgo.cli.conversation import answer, converse

    sort = config.sort or (None if is_verb else "score")
    config = replace(config, general=config.general or config.raw or not is_verb, sort=sort)
    if config.sequence is None and config.fasta is None and sys.stdin.isatty():
        return converse(config, is_verb=is_verb)
    report = ReadReport(config.strict)
    with _rejects(config, report):
        answer(config, report, is_verb=is_verb)
    return 4 if report.rejects and not config.rejects_ok else 0


@contextmanager
def _rejects(config: Any, report: ReadReport) -> Iterator[None]:
    """Log rejected records and write them to the file ``rejects``, also after an error.

    If a setting or a checkpoint is refused, that error is the only line.
    """
    replaces = config.overwrite or getattr(config, "resume", False)
    with report.kept(config.rejects, overwrite=replaces):
        try:
            yield
        except (UsageError, CheckpointError):
            raise
        except BaseException:
            _log(report)
            raise
        _log(report)


def _log(report: ReadReport) -> None:
    for line in report.notices:
        log.log(NOTICE, "%s", line)
    for line in report.lines():
        log.warning("%s", line)
