"""The evidence card of one term of one protein, as text.

`esmgo.explanation.card_values` has the notes on each number and the JSON form;
`esmgo.explanation.track` draws the card. Nothing here knows how the numbers are computed.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence

import numpy as np

from esmgo.errors import printable
from esmgo.explanation.card_values import NOTES
from esmgo.explanation.carriers import Relative, Training
from esmgo.explanation.deletion import runs
from esmgo.explanation.explanation import Call, Explanation, name_of
from esmgo.predict.novelty import in_words

_WIDTH = 80
_ROW = 60  # residues in a line
_BAR = 58  # columns that stand for the whole protein


def to_text(found: Explanation) -> str:
    """Return a card as lines of text, marked residues with a ``*`` below."""
    return "\n".join(_lines(found))


def _lines(found: Explanation) -> Iterator[str]:
    yield from textwrap.wrap(f"Evidence for {found.title}", _WIDTH)
    yield ""
    yield from textwrap.wrap(f"Verdict: {found.verdict}. {found.sentence}", _WIDTH)
    for remark in found.remarks:
        yield from textwrap.wrap(remark, _WIDTH)
    yield ""
    for figure in map(": ".join, figures(found)):
        yield from textwrap.wrap(figure, _WIDTH, subsequent_indent="  ")
    yield ""
    yield from _parts(found.call)
    yield "The term and its ancestors, from the root down"
    for each in found.ancestors:
        start = f"  {each.score:.4f}  {'  ' * each.depth}"
        yield from textwrap.wrap(
            name_of(each.term), _WIDTH, initial_indent=start, subsequent_indent=" " * len(start)
        )
    yield ""
    yield from map(": ".join, training_lines(found.training))
    yield from _relatives(found)
    yield ""
    yield from _residues(found)
    yield ""
    yield from _score(found)
    yield ""
    for name, note in NOTES.items():
        text = f"{name}: {note}"
        yield from textwrap.wrap(text, _WIDTH, initial_indent="- ", subsequent_indent="  ")


def figures(found: Explanation) -> Iterator[tuple[str, str]]:
    """Yield the names and values of a call's numbers."""
    call = found.call
    yield "Score", f"{call.score:.4f}"
    if not math.isnan(call.precision):
        yield "Precision of such calls", f"{call.precision:.2f}"
    if not math.isnan(call.decoy_rate):
        yield "Decoy rate", f"{call.decoy_rate:.2g}"
    if not math.isnan(call.information):
        yield "Information", f"{call.information:.2f} bits"
    if not math.isnan(call.novelty):
        yield "Novelty of the protein", in_words(call.novelty, call.best_precision)
    yield "Probability by the network alone", f"{found.probability:.4f}"
    if call.similarity:
        similarities = ", ".join(f"{name} {value:.4f}" for name, value in call.similarity.items())
        yield "Most similar training protein", similarities


def parts_of(call: Call) -> list[tuple[float, str]]:
    """Return the base and the parts of a score with their names; nothing without a blend."""
    found = call.decomposition
    if found is None:
        return []
    return [(found.base, "the term's frequency"), *((x, name) for name, x in found.parts.items())]


def _parts(call: Call) -> Iterator[str]:
    if call.decomposition is not None:
        yield "What each source adds to the score (log-odds)"
        for value, name in parts_of(call):
            yield f"  {value:+8.3f}  {name}"
        yield f"  {call.decomposition.log_odds:+8.3f}  together: {call.score:.4f}"
        yield ""


def training_lines(training: Training | None) -> Iterator[tuple[str, str]]:
    """Yield how many training proteins carry the term: all of them, and those that vote."""
    carriers = "Training proteins that carry the term"
    if training is None:
        yield carriers, "no index beside the checkpoint"
        return
    share = 100 * training.n_carriers / max(training.n_proteins, 1)
    yield carriers, f"{training.n_carriers:,} of {training.n_proteins:,} ({share:.1f} %)"
    counts = f"{training.n_voting_carriers:,} of {training.n_voting:,}"
    yield "Of those that vote and are annotated in the aspect", counts


def _relatives(found: Explanation) -> Iterator[str]:
    training = found.training
    if training is None or not training.carriers + training.others:
        return
    sources = list(found.call.similarity)
    named = [*training.carriers, *training.others]
    width = max(len(printable(each.id, 20)) for each in named)
    heads = "".join(f"{name[:10]:>11}" for name in sources)
    yield f"  {'nearest':<{width + 3}}{heads}  identity  aligned to"
    for each in named:
        values = "".join(f"{_similarity(each, name):>11}" for name in sources)
        line = f"  {sign_of(each)} {printable(each.id, 20):<{width + 1}}{values}"
        yield f"{line}  {identity_of(each):>8}  {range_of(each)}".rstrip()
    yield "  + carries the term, - lacks it"
    if aligned := [each for each in named if each.alignment is not None]:
        yield ""
        yield from _ranges(found, aligned, width)


def _ranges(found: Explanation, aligned: Sequence[Relative], width: int) -> Iterator[str]:
    """Yield a bar for the aligned residues of each relative, below the marked residues."""
    length = len(found.sequence)
    size = min(length, _BAR)
    marks = np.full(size, " ")
    marks[(found.track.first - 1 + found.track.marked) * size // length] = "*"
    yield f"Aligned residues of 1-{length:,}, marked ones above (*)"
    yield f"  {'':<{width + 3}}{''.join(marks)}".rstrip()
    for each in aligned:
        assert each.alignment is not None
        first = each.alignment.query_start * size // length
        last = -(-each.alignment.query_end * size // length)
        bar = " " * first + "=" * (last - first)
        yield f"  {sign_of(each)} {printable(each.id, 20):<{width + 1}}{bar}"


def sign_of(relative: Relative) -> str:
    """Return ``+`` for a carrier of the term, else ``-``."""
    return "+" if relative.is_carrier else "-"


def identity_of(relative: Relative) -> str:
    """Return the identity of an alignment in percent; nothing without one."""
    return f"{100 * relative.alignment.identity:.0f} %" if relative.alignment else ""


def range_of(relative: Relative) -> str:
    """Return the aligned residues of a relative, and its length, if its sequence is known."""
    found = relative.alignment
    if found is None:
        return "no alignment" if relative.length else ""
    return f"{found.subject_start + 1:,}-{found.subject_end:,} of {relative.length:,}"


def _similarity(relative: Relative, source: str) -> str:
    value = relative.similarity.get(source)
    return "" if value is None else f"{value:.1f}" if value > 1.05 else f"{value:.4f}"


def _residues(found: Explanation) -> Iterator[str]:
    track = found.track
    of_all = f"{len(track.marked)} of {len(track.values):,} marked (*)"
    yield f"Residues that support the term in the network: {of_all}"
    parts = sorted(runs(track.marked), key=lambda run: -float(track.values[run].sum()))
    for run in parts[:5]:
        first, last = track.first + run[0], track.first + run[-1]
        letters = found.sequence[first - 1 : last]
        place = f"{first}" if first == last else f"{first}-{last}"
        yield f"  {track.values[run].sum():+8.3f}  {place:<11} {letters}"
    if len(parts) > 5:
        rest = sum(float(track.values[run].sum()) for run in parts[5:])
        yield f"  {rest:+8.3f}  {len(parts) - 5} more"
    letters = found.sequence[track.first - 1 : track.last]
    signs = np.full(len(letters), " ")
    signs[track.marked] = "*"
    for at in range(0, len(letters), _ROW):
        yield f"{track.first + at:>7}  {letters[at : at + _ROW]}"
        yield f"{'':>7}  {''.join(signs[at : at + _ROW])}".rstrip()


def _score(found: Explanation) -> Iterator[str]:
    track = found.track
    yield "The network's own score (log-odds)"
    yield f"  {track.score:+8.3f}  of the sequence, {track.baseline:+.3f} with all residues unknown"
    if len(track.marked):
        random = found.masking.random
        yield f"  {-found.masking.fall:+8.3f}  by masking the marked residues"
        most = f"{-random.max():+.3f} at most"
        yield f"  {-random.mean():+8.3f}  by random masks of the same shape, {most}"
