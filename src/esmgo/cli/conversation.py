"""Ranking on the command line: interactively, or for the sequences given by flags or a pipe."""

from __future__ import annotations

import logging
import select
import sys
from contextlib import suppress
from typing import TextIO

from tqdm import tqdm

from esmgo.cli.flags import typed
from esmgo.data.rejects import ReadReport
from esmgo.errors import InputError, UsageError, printable
from esmgo.predict.inputs import read_proteins
from esmgo.predict.pasting import pasted
from esmgo.predict.prediction import Prediction
from esmgo.predict.predictor import Predictor
from esmgo.predict.ranking import RankConfig
from esmgo.render.text import heading, ranking

log = logging.getLogger(__name__)

PASTE_SECONDS = 0.1
"""Longest pause between two lines of pasted text."""

TERMINAL_LIMIT = 4095
"""Length at which a terminal cuts an input line (Linux: N_TTY_BUF_SIZE - 1)."""


def answer(config: RankConfig, report: ReadReport, status: TextIO) -> None:
    """Rank the terms of the proteins that the flags name, or of those on standard input."""
    text = None
    if config.sequence is None and config.fasta is None:
        text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
        proteins = list(pasted(text, config, report)) if text.strip() else []
        if not text.strip():
            report.warn("no sequence on standard input")
    else:
        proteins = read_proteins(config, report)
    is_one = config.fasta is None and not (text or config.sequence or "").lstrip().startswith(">")
    predictor = config.predictor()
    print("Checkpoint loaded successfully", file=status, flush=True)
    predictions = predictor.predict(proteins, raw=config.raw)
    hidden = sys.stdout.isatty() or not sys.stderr.isatty()  # printed results show the progress
    for prediction in tqdm(predictions, total=len(proteins), unit="protein", disable=hidden):
        if prediction.n_windows > 1:
            protein = prediction.protein
            log.warning(
                "%s: %d residues, scored in %d overlapping windows",
                printable(protein.id, 50), len(protein.sequence), prediction.n_windows,
            )  # fmt: skip
        lines = _lines(prediction, config)
        if is_one:
            print(f"\nTop {config.top_k} GO Terms:\n{lines}")
        else:
            print(f"{heading(prediction.protein.id)}\n{lines}\n")


def converse(config: RankConfig) -> int:
    """Prompt for sequences until the user declines or the input ends; return the exit code."""
    predictor = config.predictor()
    print("Checkpoint loaded successfully")
    with suppress(ImportError):
        import readline  # noqa: F401 (without it a terminal cuts lines at 4,095 characters)
    try:
        while True:
            text = _paste("Enter a sequence: ")
            if text.strip():
                _answer(text, predictor, config)
            if not _paste("\nGo again? (yes|no): ").strip().lower().startswith("y"):
                return 0
    except EOFError:
        print()
        return 0


def _answer(text: str, predictor: Predictor, config: RankConfig) -> None:
    report = ReadReport()
    try:
        proteins = list(pasted(text, config, report))
    except (InputError, UsageError) as error:
        print(f"error: {printable(typed(error), 190)}", file=sys.stderr)
        return
    for message in [*report.warnings, *report.rejects]:
        print(printable(typed(message), 199), file=sys.stderr)
    for prediction in predictor.predict(proteins, raw=config.raw):
        name = f" for {heading(prediction.protein.id)}" if text.lstrip().startswith(">") else ""
        print(f"\nTop {config.top_k} GO Terms{name}:")
        print(_lines(prediction, config))


def _lines(prediction: Prediction, config: RankConfig) -> str:
    terms = prediction.top(config.top_k, general=config.general)
    return ranking(terms, show_ids=config.show_ids)


def _paste(prompt: str) -> str:
    """Read a line and the lines pasted with it, so that none of them answers the next prompt.

    Raises EOFError at the end of input.
    """
    lines = [input(prompt)]
    while select.select([sys.stdin], [], [], PASTE_SECONDS)[0]:
        try:
            lines.append(input())
        except EOFError:
            break
    if any(len(line) == TERMINAL_LIMIT for line in lines):
        print("error: the terminal cut a line at 4,095 characters; use --fasta", file=sys.stderr)
        return ""
    return "\n".join(lines)
