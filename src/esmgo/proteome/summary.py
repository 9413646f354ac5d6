"""The summary of an output of calls: what was written, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from esmgo.data.accessions import warn_of_repeats
from esmgo.data.rejects import ReadReport
from esmgo.errors import brief, printable
from esmgo.go.calls import Calls, Purpose
from esmgo.predict.novelty import MAX_NOVELTY
from esmgo.proteome.job import Job
from esmgo.render.associations import AnnotationWriter
from esmgo.render.writer import AccessionWriter, Writer


@dataclass(frozen=True, slots=True)
class AnnotationCounts:
    """Counts of an annotation file.

    Parameters
    ----------
    n_annotations : int
        Lines of the file.
    n_uncertain : int
        Calls of tables that do not fulfil the conditions of annotations.
    n_unspecific : int
        Calls of terms that GO does not allow in annotations; see `esmgo.go.unspecific`.
    kept : str
        The conditions.
    """

    n_annotations: int
    n_uncertain: int
    n_unspecific: int
    kept: str

    def __str__(self) -> str:
        uncertain = f"{self.n_uncertain:,} calls without {self.kept} and " * bool(self.n_uncertain)
        return (
            f"{self.n_annotations:,} annotations, left out {uncertain}{self.n_unspecific:,} of"
            " terms not for annotation"
        )


@dataclass(frozen=True, slots=True)
class PredictSummary:
    """Summary of the output; its text is one line.

    ``n_unlike`` proteins have a novelty above ``max_novelty``, or above `MAX_NOVELTY` if it is
    None. With a ``max_novelty`` they have no calls in tables.
    """

    n_proteins: int
    n_repeated: int
    n_calls: int
    n_abstained: int
    precision: float | None
    outputs: tuple[str, ...]
    annotations: AnnotationCounts | None = None
    n_unlike: int = 0
    max_novelty: float | None = None

    __repr__ = brief

    def __str__(self) -> str:
        where = ", ".join("standard output" if o == "-" else printable(o, 60) for o in self.outputs)
        repeated = (
            f" ({self.n_repeated:,} with an earlier one's sequence)" if self.n_repeated else ""
        )
        annotated = f"; {self.annotations}" if self.annotations is not None else ""
        without = (
            f"; {self.n_abstained:,} abstentions: an aspect without a call of precision"
            f" {self.precision:g}"
            if self.precision is not None
            else ""
        )
        unlike = ""
        if self.n_unlike:
            limit = MAX_NOVELTY if self.max_novelty is None else self.max_novelty
            what = "protein is" if self.n_unlike == 1 else "proteins are"
            unlike = f"; {self.n_unlike:,} {what} unlike anything known (novelty above {limit:g})"
            unlike += ": no calls" * (self.max_novelty is not None)
        return (
            f"{self.n_proteins:,} proteins{repeated}, {self.n_calls:,} calls{annotated}{without}"
            f"{unlike},"
            f" written to {where}"
        )


class Tally:
    """Writes blocks of calls with writers, each the calls for its purpose, and counts them."""

    def __init__(self, writers: Sequence[Writer], job: Job) -> None:
        self._writers, self._job = writers, job
        self._limit: float | None = job.options.get("max_novelty")
        self._n_proteins = self._n_calls = self._n_abstained = self._n_uncertain = 0
        self._n_unlike = self._n_long = 0
        self._long: list[str] = []  # the first proteins in several windows
        self._counted = Purpose.TABLE
        for writer in writers:
            self._counted |= writer.purpose

    def write(self, calls: Calls) -> None:
        """Write the next block of proteins."""
        for writer in self._writers:
            writer.write(calls.of(writer.purpose))
        self._n_proteins += len(calls)
        self._n_calls += int(np.count_nonzero(calls.purposes & np.uint8(self._counted)))
        self._n_abstained += int(calls.n_abstained.sum())
        highest = MAX_NOVELTY if self._limit is None else self._limit
        self._n_unlike += int((calls.novelty > highest).sum())
        long = np.flatnonzero(calls.n_windows > 1)
        self._n_long += len(long)
        self._long += [calls.proteins[i] for i in long[: 3 - len(self._long)]]
        both = calls.purposes & np.uint8(Purpose.TABLE | Purpose.ANNOTATION)
        self._n_uncertain += int(np.count_nonzero(both == Purpose.TABLE))

    def warn(self, name: str, report: ReadReport) -> None:
        """Warn of proteins that are longer than the context, and of repeated accessions, if any.

        ``name`` is that of the input.
        """
        n, names = self._n_long, [printable(id, 20) for id in self._long]
        if n:
            more = f" and {n - 3:,} more" if n > 3 else ""
            context = self._job.options.get("context_length") or 0
            what = f"{n:,} proteins longer than {context:,} tokens"
            in_windows = f"scored in overlapping windows: {', '.join(names)}{more}"
            report.warn(f"{printable(name, 50)}: {what}, {in_windows}")
        named = (w.repeated for w in self._writers if isinstance(w, AccessionWriter))
        warn_of_repeats(next(named, {}), name, report.warn)

    def summary(self, outputs: Sequence[str], n_repeated: int = 0) -> PredictSummary:
        """Return the summary of the blocks that were written."""
        annotations = None
        if annotated := next((w for w in self._writers if isinstance(w, AnnotationWriter)), None):
            kept = self._job.kept[Purpose.ANNOTATION.word]
            annotations = AnnotationCounts(
                annotated.n_annotations, self._n_uncertain, annotated.n_unspecific, kept
            )
        return PredictSummary(
            self._n_proteins, n_repeated, self._n_calls, self._n_abstained,
            self._job.options.get("min_precision"), tuple(outputs), annotations, self._n_unlike,
            self._limit,
        )  # fmt: skip
