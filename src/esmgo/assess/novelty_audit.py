"""Whether novelty separates proteins from decoys, and orders proteins by the precision of calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import brief
from esmgo.go.labels import LabelSpace, aspect_of_column
from esmgo.go.sparse import SparseRows
from esmgo.predict.novelty import MAX_NOVELTY, NUM_BEST, best_calls
from esmgo.predict.prediction import Evidence

DECILES = 10

CALL_SCORE = 0.5
"""Lowest score of the calls that are counted beside the best calls."""


@dataclass(frozen=True, slots=True)
class Decile:
    """A tenth of the real proteins, by novelty.

    Parameters
    ----------
    least, most : float
        Novelties.
    calls, best : tuple of (int, int)
        The right ones and all, of informative calls with a score of `CALL_SCORE` or more, and of
        the `NUM_BEST` best informative calls of each aspect. Only aspects count in which the
        protein is annotated.
    """

    least: float
    most: float
    calls: tuple[int, int]
    best: tuple[int, int]


@dataclass(frozen=True, slots=True)
class NoveltyAudit:
    """The novelty of proteins and of their decoys. Its text is a table.

    Parameters
    ----------
    auroc : dict of str to float
        By kind of decoys: the probability that the decoy of two random sequences, of which one is
        real, has the higher novelty.
    kept : dict of str to float
        By kind, also ``real``: the part at or below `MAX_NOVELTY`.
    deciles : tuple of Decile
        The most novel proteins first; empty without known annotations.
    """

    auroc: Mapping[str, float]
    kept: Mapping[str, float]
    deciles: tuple[Decile, ...]

    __repr__ = brief

    def lines(self) -> Iterator[str]:
        """Yield the lines of the table."""
        yield f"Novelty; the part of proteins and decoys at or below {MAX_NOVELTY:g}, and AUROC of"
        yield "proteins against decoys:"
        yield ""
        yield f"{'':<9}" + "".join(f"{kind:>10}" for kind in self.kept)
        yield f"{'part':<9}" + "".join(f"{share:>10.3f}" for share in self.kept.values())
        yield f"{'AUROC':<9}{'':>10}" + "".join(f"{x:>10.4f}" for x in self.auroc.values())
        if not self.deciles:
            return
        yield ""
        yield "Precision of informative calls by tenths of the proteins, most novel first: calls of"
        yield f"score {CALL_SCORE:g} or more, and the {NUM_BEST} best of each aspect:"
        yield ""
        yield f"{'novelty':<14}{'calls':>9}{'precision':>11}{'best':>9}{'precision':>11}"
        for each in self.deciles:
            parts = (f"{n:>9,}{_share(right, n):>11}" for right, n in (each.calls, each.best))
            yield f"{f'{each.most:.3f} to {each.least:.3f}':<14}" + "".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Return all figures as plain values."""
        return {
            "max_novelty": MAX_NOVELTY,
            "auroc": dict(self.auroc),
            "kept": dict(self.kept),
            "call_score": CALL_SCORE,
            "num_best": NUM_BEST,
            "deciles": [
                {
                    "least": each.least, "most": each.most,
                    "n_right_calls": each.calls[0], "n_calls": each.calls[1],
                    "n_right_best": each.best[0], "n_best": each.best[1],
                }
                for each in self.deciles
            ],
        }  # fmt: skip


@dataclass
class NoveltyCounts:
    """Collects the novelties of each kind, and the calls of proteins of known annotations.

    ``truth`` has a row of columns for each real protein, in the order of `add`; or is None.
    """

    labels: LabelSpace
    is_informative: NDArray[np.bool_]
    truth: SparseRows | None
    novelty: dict[str, list[NDArray[np.float32]]] = field(default_factory=dict)
    counts: list[NDArray[np.int64]] = field(default_factory=list)

    def add(self, kind: str, evidence: Evidence, rows: NDArray[np.intp] | None) -> None:
        """Add a block; ``rows`` of real proteins are theirs in the truth, None of decoys."""
        self.novelty.setdefault(kind, []).append(evidence.novelty)
        if rows is None or self.truth is None:
            return
        values, true = evidence.scores.values, self.truth.cells(rows)
        aspects = aspect_of_column(self.labels)
        is_studied = np.zeros((len(self.labels.aspects) + 1, len(rows)), bool)
        is_studied[aspects[true[0]], true[1]] = True  # roots go to the last row
        best = best_calls(values, true, is_studied, self.labels, self.is_informative)
        is_call = (values >= CALL_SCORE) & self.is_informative & is_studied[aspects].T
        right = is_call[true[1], true[0]]
        n_right = np.bincount(true[1][right], minlength=len(rows))
        self.counts.append(np.column_stack([n_right, is_call.sum(axis=1), best]))

    def found(self, real: str) -> NoveltyAudit | None:
        """Return the audit; None if the checkpoint has no novelty."""
        novelty = {kind: np.concatenate(parts) for kind, parts in self.novelty.items()}
        novelty = {kind: each[~np.isnan(each)] for kind, each in novelty.items()}
        if not all(map(len, novelty.values())):
            return None
        auroc = {k: auroc_of(novelty[real], each) for k, each in novelty.items() if k != real}
        kept = {kind: float((each <= MAX_NOVELTY).mean()) for kind, each in novelty.items()}
        deciles: tuple[Decile, ...] = ()
        if self.counts:
            all_real = np.concatenate(self.novelty[real])
            deciles = tuple(_deciles(all_real, np.concatenate(self.counts)))
        return NoveltyAudit(auroc, kept, deciles)


def auroc_of(real: NDArray[np.float32], decoys: NDArray[np.float32]) -> float:
    """Return the probability that a decoy has the higher value; equal ones count one half.

    Examples
    --------
    >>> auroc_of(np.float32([0.1, 0.5]), np.float32([0.5, 0.9]))
    0.875
    """
    ordered = np.sort(real)
    below, up_to = (np.searchsorted(ordered, decoys, side=side) for side in ("left", "right"))
    return float((below + up_to).sum() / (2 * len(real) * len(decoys)))


def _deciles(novelty: NDArray[np.float32], counts: NDArray[np.int64]) -> Iterator[Decile]:
    known = np.flatnonzero(~np.isnan(novelty))
    order = known[np.argsort(-novelty[known], kind="stable")]
    for group in np.array_split(order, DECILES):
        if len(group):
            n = counts[group].sum(axis=0).tolist()
            ends = float(novelty[group].min()), float(novelty[group].max())
            yield Decile(*ends, (n[0], n[1]), (n[2], n[3]))


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"
