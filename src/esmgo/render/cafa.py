"""Predictions as CAFA's text: protein, GO id and score, one line each, without a header.

Nothing here knows where the scores come from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import escaped
from esmgo.go.scores import Scores

MOST_TERMS = 1_500
"""Most terms of one protein that CAFA accepts."""

MIN_SCORE = 0.001
"""Lower scores are left out: CAFA's are above 0 and have three significant figures."""

_SCALES = (1e3, 1e4, 1e5)
_TEXTS = [f"{n / scale:#.3g}" for scale in _SCALES for n in range(100, 1001)]


def write_cafa(
    blocks: Iterable[Scores],
    file: BinaryIO,
    *,
    name: Callable[[str], str] = str,
    most: int = MOST_TERMS,
    min_score: float = MIN_SCORE,
) -> tuple[int, int]:
    """Write scores as they come; see `cafa_lines`.

    Returns
    -------
    n_proteins, n_lines : int
        Proteins scored and lines written; a protein may have no line.
    """
    n_proteins = n_lines = 0
    for block in blocks:
        n_proteins += len(block.proteins)
        for lines in cafa_lines(block, name=name, most=most, min_score=min_score):
            n_lines += lines.count(b"\n")
            file.write(lines)
    return n_proteins, n_lines


def cafa_lines(
    scores: Scores,
    *,
    name: Callable[[str], str] = str,
    most: int = MOST_TERMS,
    min_score: float = MIN_SCORE,
) -> Iterator[bytes]:
    r"""Yield the lines of each protein, highest score first, deeper terms first on ties.

    Parameters
    ----------
    scores : Scores
        A block of proteins; roots are written like other terms.
    name : callable
        Maps a protein's id to the id to write.
    most : int
        Terms per protein at most.
    min_score : float
        In [0.001, 1]: terms that score lower are left out.

    Examples
    --------
    >>> from esmgo.go.labels import LabelSpace
    >>> from esmgo.go.terms import Term
    >>> labels = LabelSpace((Term("GO:0000001", "", None), Term("GO:0000002", "", None)), ((), ()))
    >>> list(cafa_lines(Scores(("p1",), np.float32([[0.01234, 1]]), labels)))
    [b'p1\tGO:0000002\t1.00\np1\tGO:0000001\t0.0123\n']
    """
    assert MIN_SCORE <= min_score <= 1, "three significant figures are tabled from 0.001 on"
    order = np.lexsort((np.arange(len(scores.labels)), -scores.labels.depth))
    terms = _padded([f"{scores.labels.terms[j].id}\t" for j in order])
    texts = _padded(_TEXTS)
    for protein, row in zip(scores.proteins, scores.values, strict=True):
        ranked = row[order].astype(np.float64)
        at = _highest(ranked, most, min_score)
        prefix = np.frombuffer(escaped(name(protein)).encode() + b"\t", np.uint8)
        line = np.empty((len(at), len(prefix) + terms.shape[1] + texts.shape[1] + 1), np.uint8)
        line[:, : len(prefix)] = prefix
        line[:, len(prefix) : -texts.shape[1] - 1] = terms[at]
        line[:, -texts.shape[1] - 1 : -1] = texts[_codes(ranked[at])]
        line[:, -1] = ord("\n")
        flat = line.ravel()
        yield flat[flat != 0].tobytes()


def _padded(texts: list[str]) -> NDArray[np.uint8]:
    """Return texts as rows of bytes, with NUL after the end of short ones."""
    packed = np.array([text.encode() for text in texts] or [b""])
    return packed.view(np.uint8).reshape(len(packed), -1)


def _highest(values: NDArray[np.float64], most: int, min_score: float) -> NDArray[np.intp]:
    """Return where the highest values are, highest first, the earlier of equals first."""
    at = np.flatnonzero(values >= np.float32(min_score))
    if len(at) > most:
        last = np.partition(values[at], len(at) - most)[len(at) - most]
        above, ties = at[values[at] > last], at[values[at] == last]
        at = np.sort(np.concatenate([above, ties[: most - len(above)]]))
    return at[np.argsort(-values[at], kind="stable")]


def _codes(values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the index in `_TEXTS` of each value's text."""
    values = np.minimum(values, 1)
    scale = (values < 0.1).astype(np.intp) + (values < 0.01)
    figures = np.rint(values * np.array(_SCALES)[scale]).astype(np.intp)
    codes: NDArray[np.intp] = scale * 901 + np.maximum(figures, 100) - 100
    return codes
