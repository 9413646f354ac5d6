"""``esmgo selftest``: compares the bundled caller's files and scores with its card."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esmgo.data.famous import famous_path
from esmgo.data.fasta import read_fasta
from esmgo.errors import CheckpointError, brief, printable
from esmgo.model.bundled import bundled_path, card_path

if TYPE_CHECKING:
    from esmgo.predict.predictor import Predictor

TOLERANCE = 1e-4
"""Largest allowed difference between a score, in [0, 1], and that of the card.

Processors add in different orders. In fp32 that has changed scores by 1e-6.
"""

TOP = 20
"""Number of best terms of each protein whose scores are in the card."""

PROGRAMS = {
    "diamond": "homology by DIAMOND: esmgo baseline diamond, esmgo audit, --homology=diamond",
    "dot": "Graphviz: esmgo subgraph, as .png",
}


@dataclass(frozen=True, slots=True)
class SelftestConfig:
    """Settings of ``esmgo selftest``: none."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the table; ``is_good`` is None if an optional program is absent."""

    what: str
    is_good: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class Selftest:
    """Results of `selftest`; its text is a table."""

    checks: tuple[Check, ...]

    __repr__ = brief

    @property
    def is_good(self) -> bool:
        """Whether no check failed; an absent program is not a failure."""
        return all(check.is_good is not False for check in self.checks)

    def __str__(self) -> str:
        words = {True: "ok", False: "WRONG", None: "absent"}
        width = max(len(check.what) for check in self.checks)
        return "\n".join(f"{words[c.is_good]:6}  {c.what:{width}}  {c.text}" for c in self.checks)


def selftest(config: SelftestConfig | None = None) -> Selftest:
    """Check the bundled caller's files and scores, and look for optional programs.

    Scores are computed on the CPU in fp32 and may differ from the card's by `TOLERANCE`.
    """
    del config  # it has no settings
    checks: list[Check] = []
    try:
        bundled_path()
        card = _card()
        checks.append(Check("bundled caller", True, str(card["summary"])))
        checks += _files(card["files"])
        checks += _scores(card["selftest"]["scores"])
    except CheckpointError as error:
        checks.append(Check("bundled caller", False, printable(error, 170)))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        checks.append(Check("card.json", False, f"damaged ({printable(repr(error), 100)})"))
    return Selftest((*checks, *_programs()))


def scores_of(predictor: Predictor) -> dict[str, dict[str, float]]:
    """Return the best scores of the famous proteins, by protein id and GO id."""
    return {
        prediction.protein.id: {
            term.id: round(score, 7) for term, score in prediction.top(TOP) if not term.is_root
        }
        for prediction in predictor.predict(read_fasta(famous_path()))
    }


def _card() -> dict[str, Any]:
    path = card_path()
    try:
        card = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(path, f"cannot be read: {printable(error, 60)}") from None
    if not isinstance(card, dict):
        raise CheckpointError(path, "not the card of a bundled caller")
    return card


def _files(files: Mapping[str, Mapping[str, Any]]) -> Iterator[Check]:
    for name, wanted in files.items():
        path = card_path().with_name(Path(name).name)
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            yield Check(name, False, f"cannot be read: {error.strerror}")
            continue
        if is_good := found == wanted["sha256"]:
            text = f"{path.stat().st_size / 1e6:.1f} MB, SHA-256 {found[:12]}…"
        else:
            text = f"SHA-256 {found[:12]}…, expected {str(wanted['sha256'])[:12]}…: install again"
        yield Check(name, is_good, text)


def _scores(expected: Mapping[str, Mapping[str, float]]) -> Iterator[Check]:
    from esmgo.predict.predictor import Predictor  # torch takes seconds

    predictor = Predictor.load(device="cpu", dtype="fp32")
    column = predictor.labels.column
    for prediction in predictor.predict(read_fasta(famous_path())):
        id = prediction.protein.id
        difference = max(
            abs(float(prediction.scores[column[term]]) - score)
            for term, score in expected[id].items()
        )
        is_good = difference <= TOLERANCE
        text = f"differ by {difference:.1e} at most; {TOLERANCE:g} is allowed"
        yield Check(f"scores of {id.split('|')[-1]}", is_good, text)


def _programs() -> Iterator[Check]:
    for name, purpose in PROGRAMS.items():
        where = shutil.which(name)
        text = f"{printable(where, 80)}; {purpose}" if where else purpose
        yield Check(name, True if where else None, text)
    import torch

    has_cuda = torch.cuda.is_available()
    text = torch.cuda.get_device_name() if has_cuda else "computing on the CPU"
    yield Check("CUDA", True if has_cuda else None, text)
