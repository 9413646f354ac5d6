"""Evaluates scores from Python by the rule of the files: proteins are matched by accession."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esmgo.data.accessions import accession
from esmgo.go.scores import Scores
from esmgo.metrics import result
from esmgo.metrics.curve import THRESHOLDS
from esmgo.metrics.result import Evaluation
from esmgo.metrics.truth import Truth


def evaluate(
    blocks: Iterable[Scores],
    truth: Truth,
    thresholds: NDArray[np.float64] = THRESHOLDS,
    *,
    normalisation: str = "cafa",
    **options: Any,
) -> Evaluation:
    """Evaluate blocks of scores as they come; the full matrix is never in memory.

    A protein is found in the truth by its id, else by its accession; see docs/ids.md. Proteins
    that are not in the truth are left out, and so is a protein's second row; proteins of the truth
    that are in no block count as proteins without a call.

    Parameters
    ----------
    blocks : iterable of Scores
        Propagated, all over one label space.
    truth : Truth
        Closed annotations.
    thresholds : ndarray, shape=(M,), dtype=float64
        Ascending.
    normalisation : str
        See `CurveSums.curve`.
    **options
        See `Evaluator`.

    Examples
    --------
    >>> from esmgo.go.labels import LabelSpace
    >>> from esmgo.go.sparse import SparseRows
    >>> from esmgo.go.terms import Aspect, Term
    >>> two = tuple(Term(id, "", Aspect.MF) for id in ("GO:0003674", "GO:0005488"))
    >>> labels = LabelSpace(two, ((), (0,)))   # the root and binding
    >>> terms = SparseRows.of([2], np.array([0, 1], np.int32))
    >>> truth = Truth(("sp|P04637|P53_HUMAN",), terms, labels)
    >>> scores = Scores(("P04637",), np.array([[0.9, 0.8]], np.float32), labels)
    >>> evaluate([scores], truth)[Aspect.MF].fmax
    1.0
    """
    named = _named(blocks, truth.proteins)
    return result.evaluate(named, truth, thresholds, normalisation=normalisation, **options)


def _named(blocks: Iterable[Scores], proteins: tuple[str, ...]) -> Iterator[Scores]:
    """Yield the blocks with the ids of the truth."""
    name_of = {accession(id): id for id in reversed(proteins)} | {id: id for id in proteins}
    for scores in blocks:
        ids = (name_of.get(id) or name_of.get(accession(id), id) for id in scores.proteins)
        yield replace(scores, proteins=tuple(ids))
