"""Ranking on the command line: interactively, or for the sequences given by flags or a pipe."""

from __future__ import annotations

import logging
import math
import select
import sys
from contextlib import suppress
from itertools import chain
from pathlib import Path

from tqdm import tqdm

from esmgo.cli.flags import typed
from esmgo.data.fasta import Protein
from esmgo.data.rejects import ReadReport
from esmgo.errors import InputError, UsageError, printable
from esmgo.files.output import exclusive, opened
from esmgo.go.terms import Aspect, parse_aspects
from esmgo.options import refuse_unused
from esmgo.predict.inputs import read_proteins, selected
from esmgo.predict.novelty import in_words
from esmgo.predict.pasting import pasted
from esmgo.predict.prediction import Prediction
from esmgo.predict.predictor import Predictor
from esmgo.predict.ranking import RankConfig, limited
from esmgo.render.text import (
    HEADER,
    Ranked,
    annotated,
    grouped,
    heading,
    ranking,
    table_rows,
)

log = logging.getLogger(__name__)

LOADED = "Checkpoint loaded successfully"

PASTE_SECONDS = 0.1
"""Longest pause between two lines of pasted text."""

TERMINAL_LIMIT = 4095
"""Length at which a terminal cuts an input line (Linux: N_TTY_BUF_SIZE - 1)."""


def answer(config: RankConfig, report: ReadReport, *, is_verb: bool = True) -> None:
    """Rank the terms of the proteins that the flags name, or of those on standard input."""
    with exclusive((config.output,), overwrite=config.overwrite):
        proteins, is_one = _proteins(config, report)
        predictor = config.predictor(report)
        print(LOADED, file=sys.stderr if is_verb else sys.stdout, flush=True)
        predictions = limited(predictor.predict(proteins, raw=config.raw), config)
        is_shown = config.output == "-" and sys.stdout.isatty()  # results show the progress
        hidden = is_shown or not sys.stderr.isatty()
        bar = tqdm(map(_noticed, predictions), total=len(proteins), unit="protein", disable=hidden)
        if config.output == "-":
            for prediction in bar:
                print(_text(prediction, config, is_one=is_one, is_verb=is_verb))
            return
        is_table = Path(config.output).suffix.lower() == ".tsv"
        with opened(config.output) as file:
            if is_table:
                file.write(("\t".join(HEADER) + "\n").encode())
            for prediction in bar:
                if is_table:
                    rows = chain.from_iterable(_groups(prediction, config).values())
                    text = table_rows(prediction.protein.id, rows)
                else:
                    text = _text(prediction, config, is_one=is_one, is_verb=is_verb) + "\n"
                file.write(text.encode("utf-8", "backslashreplace"))


def _noticed(prediction: Prediction) -> Prediction:
    """Warn of a protein that was scored in windows, or that is unlike anything known."""
    if prediction.is_unlike:
        name, limit = printable(prediction.protein.id, 50), prediction.max_novelty
        log.warning("%s: unlike anything known (novelty above %g): no terms", name, limit)
    if prediction.n_windows > 1:
        protein = prediction.protein
        log.warning(
            "%s: %d residues, scored in %d overlapping windows",
            printable(protein.id, 50), len(protein.sequence), prediction.n_windows,
        )  # fmt: skip
    return prediction


def _proteins(config: RankConfig, report: ReadReport) -> tuple[list[Protein], bool]:
    """Return the proteins, and whether they are a sequence without a header."""
    if config.sequence is not None or config.fasta is not None:
        is_one = config.fasta is None and not str(config.sequence).lstrip().startswith(">")
        return read_proteins(config, report), is_one
    text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    if not text.strip():
        report.warn("no sequence on standard input")
        return [], True
    return selected(list(pasted(text, config, report)), config, report), text.lstrip()[0] != ">"


def converse(config: RankConfig, *, is_verb: bool = True) -> int:
    """Prompt for sequences until the user declines or the input ends; return the exit code."""
    reason = "needs `sequence` or `fasta`: answers to a prompt are printed"
    refuse_unused(config, ("output", "rejects", "protein"), reason)
    report = ReadReport(config.strict)
    predictor = config.predictor(report)
    for line in report.lines():
        log.warning("%s", line)
    print(LOADED)
    with suppress(ImportError):
        import readline  # noqa: F401 (without it a terminal cuts lines at 4,095 characters)
    try:
        while True:
            text = _paste("Enter a sequence: ")
            if text.strip():
                _reply(text, predictor, config, is_verb=is_verb)
            if not _paste("\nGo again? (yes|no): ").strip().lower().startswith("y"):
                return 0
    except EOFError:
        print()
        return 0


def _reply(text: str, predictor: Predictor, config: RankConfig, *, is_verb: bool) -> None:
    report = ReadReport()
    try:
        proteins = list(pasted(text, config, report))
    except (InputError, UsageError) as error:
        print(f"error: {printable(typed(error), 190)}", file=sys.stderr)
        return
    for message in [*report.warnings, *report.rejects]:
        print(printable(typed(message), 199), file=sys.stderr)
    for prediction in limited(predictor.predict(proteins, raw=config.raw), config):
        name = f" for {heading(prediction.protein.id)}" if text.lstrip().startswith(">") else ""
        if is_verb:
            print(_text(prediction, config, is_one=not name, is_verb=True))
        else:
            print(f"\nTop {config.top_k} GO Terms{name}:\n{_lines(prediction, config)}")


def _text(prediction: Prediction, config: RankConfig, *, is_one: bool, is_verb: bool) -> str:
    """Return the ranking of one protein: by aspect, or as the script prints it."""
    name = heading(prediction.protein.id)
    if not is_verb:
        lines = _lines(prediction, config)
        return f"\nTop {config.top_k} GO Terms:\n{lines}" if is_one else f"{name}\n{lines}\n"
    parts = [] if is_one else [name]
    for match in prediction.matches:
        names = [prediction.labels.terms[j].name for j in match.leaves]
        parts.append(f"{match}. Annotated there (*): {annotated(names)}")
    if not math.isnan(prediction.novelty):
        parts.append(f"Novelty {in_words(prediction.novelty, prediction.best_precision)}")
    groups = _groups(prediction, config)
    rows = [row for rows in groups.values() for row in rows]
    has_bits = any(not math.isnan(row.information) for row in rows)
    order = " by probability × bits" if has_bits and config.sort != "score" else ""
    numbers = ["probability", *["precision"] * any(not math.isnan(row.precision) for row in rows)]
    listed = ", ".join([*numbers, *["bits"] * has_bits, "name"])
    parts.append(f"Top {config.top_k} GO Terms of each aspect{order}: {listed}")
    parts.append(grouped(groups, show_ids=config.show_ids))
    return "\n".join(["", *parts] if is_one else [*parts, ""])


def _groups(prediction: Prediction, config: RankConfig) -> dict[Aspect | None, list[Ranked]]:
    aspects = parse_aspects(config.aspect)
    sort = config.sort or "information"
    best = prediction.best(config.top_k, general=config.general, aspects=aspects, sort=sort)
    return {aspect: [prediction.row(int(j)) for j in at] for aspect, at in best.items()}


def _lines(prediction: Prediction, config: RankConfig) -> str:
    aspects = parse_aspects(config.aspect)
    k, sort = None if aspects else config.top_k, config.sort or "information"
    terms = prediction.top(k, general=config.general, sort=sort)
    if aspects:
        terms = [pair for pair in terms if pair[0].aspect in aspects][: config.top_k]
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
