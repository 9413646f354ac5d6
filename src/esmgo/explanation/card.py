"""The evidence card of one term of one protein, as text and as JSON.

`esmgo.explanation.track` draws it. The notes here define each number; nothing here knows how
the numbers are computed.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np

from esmgo.errors import printable
from esmgo.explanation.deletion import runs
from esmgo.explanation.explanation import Explanation, Training, name_of
from esmgo.go.terms import Term

SCHEMA_VERSION = 1
"""Version of the JSON form. It grows when old readers would misread it."""

NOTES = {
    "probability": "the network's own, at least that of every term below (the true-path rule); not"
    " calibrated. A term that is not called, or not annotated, is no evidence that the protein"
    " lacks the function.",
    "attribution": "what each residue adds to the term's score (its log-odds) on the path from a"
    " protein of unknown residues. It shows what the network used, not how a protein works.",
    "similarity": "the cosine of the angle between the network's embeddings, 1 for the same"
    " protein. Similar proteins often share a term, but not always.",
    "p": "the share of masks, random ones and this one, that lower the score at least as much.",
}
"""What the numbers of a card mean."""

_WIDTH = 92
_ROW = 60  # residues in a line


def to_text(found: Explanation) -> str:
    """Return a card as lines of text, marked residues with a ``*`` below."""
    return "\n".join(_lines(found))


def _lines(found: Explanation) -> Iterator[str]:
    track = found.track
    yield f"Evidence for {found.title}"
    yield ""
    yield f"Probability {found.probability:.4f}"
    for remark in found.remarks:
        yield from textwrap.wrap(remark, _WIDTH)
    yield ""
    yield "The term and its ancestors, from the root down"
    for each in found.ancestors:
        yield f"  {each.probability:.4f}  {'  ' * each.depth}{name_of(each.term)}"
    yield ""
    yield from _training(found.training)
    yield ""
    of_all = f"{len(track.marked)} of {len(track.values):,} marked (*)"
    yield f"Residues that support {name_of(found.explained)}: {of_all}"
    yield from _strongest(found)
    letters = found.sequence[track.first - 1 : track.last]
    signs = np.full(len(letters), " ")
    signs[track.marked] = "*"
    for at in range(0, len(letters), _ROW):
        yield f"{track.first + at:>7}  {letters[at : at + _ROW]}"
        yield f"{'':>7}  {''.join(signs[at : at + _ROW])}".rstrip()
    yield ""
    yield "Score (log-odds)"
    yield f"  {track.score:+8.3f}  of the sequence, {track.baseline:+.3f} with all residues unknown"
    if len(track.marked):
        random = found.masking.random
        yield f"  {-found.masking.fall:+8.3f}  by masking the marked residues"
        most = f"{-random.max():+.3f} at most"
        yield f"  {-random.mean():+8.3f}  by random masks of the same shape, {most}"
    yield ""
    yield from textwrap.wrap(f"Verdict: {found.verdict}. {found.sentence}", _WIDTH)
    yield ""
    for name, note in NOTES.items():
        text = f"{name}: {note}"
        yield from textwrap.wrap(text, _WIDTH, initial_indent="- ", subsequent_indent="  ")


def _training(training: Training | None) -> Iterator[str]:
    yield training_line(training)
    for id, similarity in training.nearest if training else ():
        yield f"  {similarity:7.4f}  {printable(id, 80)}"


def training_line(training: Training | None) -> str:
    """Return a line with the number of training proteins that carry the term."""
    if training is None:
        return "Training proteins that carry the term: no index beside the checkpoint"
    share = 100 * training.n_carriers / max(training.n_proteins, 1)
    return (
        f"Training proteins that carry the term: {training.n_carriers:,} of"
        f" {training.n_proteins:,} ({share:.1f} %)"
        + ("; the most similar" if training.nearest else "")
    )


def _strongest(found: Explanation) -> Iterator[str]:
    """Yield the five marked runs that add most, each with its residues."""
    track = found.track
    parts = sorted(runs(track.marked), key=lambda run: -float(track.values[run].sum()))
    for run in parts[:5]:
        first, last = track.first + run[0], track.first + run[-1]
        letters = found.sequence[first - 1 : last]
        place = f"{first}" if first == last else f"{first}-{last}"
        yield f"  {track.values[run].sum():+8.3f}  {place:<11} {letters}"
    if len(parts) > 5:
        rest = sum(float(track.values[run].sum()) for run in parts[5:])
        yield f"  {rest:+8.3f}  {len(parts) - 5} more"


def to_json(found: Explanation) -> dict[str, Any]:
    """Return a card as plain values; residues are counted from 1."""
    track, test, training = found.track, found.masking, found.training
    return {
        "protein": found.protein_id,
        "length": len(found.sequence),
        "term": _term(found.term),
        "probability": round(found.probability, 6),
        "own_probability": round(found.own_probability, 6),
        "explained_term": _term(found.explained),
        "ancestors": [
            _term(each.term)
            | {
                "parents": list(each.parents),
                "depth": each.depth,
                "probability": round(each.probability, 6),
            }
            for each in found.ancestors
        ],
        "training": training
        and {
            "n_proteins": training.n_proteins,
            "n_carriers": training.n_carriers,
            "nearest": [{"protein": id, "similarity": round(s, 6)} for id, s in training.nearest],
        },
        "track": {
            "method": "integrated gradients",
            "baseline": "all residues X",
            "first_residue": track.first,
            "last_residue": track.last,
            "score": round(track.score, 6),
            "baseline_score": round(track.baseline, 6),
            "gap": round(track.gap, 6),
            "is_complete": track.is_complete,
            "n_steps": track.n_steps,
            "attribution": [round(float(value), 6) for value in track.values],
            "marked": (track.first + track.marked).tolist(),
        },
        "masking": {
            "fall": round(test.fall, 6),
            "random_falls": [round(float(fall), 6) for fall in test.random],
            "p_value": round(test.p_value, 6),
        },
        "verdict": found.verdict,
        "sentence": found.sentence,
        "remarks": found.remarks,
    }


def _term(term: Term) -> dict[str, Any]:
    return {
        "id": term.id, "name": term.name, "aspect": term.aspect.name if term.aspect else None,
    }  # fmt: skip
