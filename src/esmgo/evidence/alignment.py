"""Local alignments of proteins (Smith-Waterman), inside this process.

Scores are those of `esmgo.evidence.blosum`: BLOSUM62, and 11 + k for a gap of k residues. A letter
that is none of the 20 residues (B, Z, U, O, J, X, a lower-case letter) counts as unknown: it
scores -1 with every letter. So a masked residue is written X.

The library pyopal computes scores where it can be installed. NumPy computes the same ones
elsewhere, several times more slowly.

References
----------
Smith and Waterman, Journal of Molecular Biology 147:195 (1981).
Gotoh, Journal of Molecular Biology 162:705 (1982): gaps of affine cost.
Šošić, M.Sc. thesis, University of Zagreb (2015): Opal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import brief
from esmgo.evidence.blosum import GAP, GAP_RESIDUE, RESIDUES, blosum62

_CELLS = 1 << 16
"""Residues of subjects that NumPy aligns at a time: their arrays fit into the processor's cache."""

_OPEN = GAP + GAP_RESIDUE
_X = len(RESIDUES)
_CODE = np.array([RESIDUES.find(chr(i)) % (_X + 1) for i in range(256)], np.uint8)
"""The row of each letter in BLOSUM62; every letter that is no residue has the last row."""

_PLAIN = bytes((RESIDUES + "X").encode()[code] for code in _CODE)
"""Replaces every letter that is no residue by X."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """The best local alignment of two sequences.

    Parameters
    ----------
    score : int
        In half bits; 0 where no two residues are similar. Then everything else is 0, too.
    query_start, query_end, subject_start, subject_end : int
        The aligned ranges, from 0; the ends are excluded.
    query_row, subject_row : str
        The aligned letters, ``-`` for a gap; both of the same length.
    """

    score: int
    query_start: int
    query_end: int
    subject_start: int
    subject_end: int
    query_row: str
    subject_row: str

    __repr__ = brief

    @property
    def n_columns(self) -> int:
        """Columns of the alignment, those with gaps included."""
        return len(self.query_row)

    @property
    def identity(self) -> float:
        """The fraction of columns in which both have the same of the 20 residues, in [0, 1]."""
        pairs = zip(self.query_row, self.subject_row, strict=True)
        return sum(a == b and a in RESIDUES for a, b in pairs) / max(self.n_columns, 1)


def local_scores(query: str, subjects: Sequence[str]) -> NDArray[np.int32]:
    """Return the score of the best local alignment of a query with each subject.

    Parameters
    ----------
    query : str
        Residues.
    subjects : sequence of str
        S sequences, which may be empty.

    Returns
    -------
    ndarray, shape=(S,), dtype=int32
        Half bits, 0 or more. The same with pyopal and without.
    """
    aligner = _aligner()
    if aligner is None or not query:
        return _numpy_scores(codes_of(query), [codes_of(subject) for subject in subjects])
    from pyopal import Database

    order = sorted(range(len(subjects)), key=lambda i: -len(subjects[i]))
    plain = (_plain(subjects[i] or "X") for i in order)  # Opal reads past an empty one
    database = Database(plain, aligner.alphabet)
    # Opal aligns many subjects side by side: the longest first, so that all end together
    found = aligner.align(_plain(query), database, overflow="simple")
    scores = np.empty(len(subjects), np.int32)
    scores[order] = [each.score for each in found]
    return scores


def local_alignment(query: str, subject: str) -> Alignment:
    """Align two sequences.

    The result depends on the two sequences alone. Among equally good alignments it ends as early
    as possible in the query, then in the subject; from its end to its start it pairs residues
    where it can, and prefers a gap in the subject to one in the query.

    Time grows with the product of the lengths m and n; memory only with n times the root of m,
    because the traceback computes the rows between stored ones again. 1,000 residues with 1,000
    take about .1 s; 35,000 with 35,000 about 30 s and 100 MB.

    Returns
    -------
    Alignment
        Its score is that of `local_scores`.
    """
    codes, other = codes_of(query), codes_of(subject)
    rows = _Rows(other[:, None], np.int32)
    stride = isqrt(len(query)) + 1
    stored, score, end = [], 0, (0, 0)
    for i, residue in enumerate(codes):
        if i % stride == 0:
            stored.append((rows.scores.copy(), rows.gaps.copy()))
        rows.add(int(residue))
        if (best := int(rows.scores.max())) > score:
            score, end = best, (i + 1, int(rows.scores.argmax()))
    columns = _columns(codes, other, end, rows, stored)
    query_start, subject_start = columns[0] if columns else (0, 0)
    return Alignment(
        score, query_start, end[0], subject_start, end[1],
        "".join("-" if i < 0 else query[i] for i, _ in columns),
        "".join("-" if j < 0 else subject[j] for _, j in columns),
    )  # fmt: skip


def _columns(
    query: NDArray[np.uint8],
    subject: NDArray[np.uint8],
    end: tuple[int, int],
    rows: _Rows,
    stored: Sequence[tuple[NDArray[np.int32], NDArray[np.int32]]],
) -> list[tuple[int, int]]:
    """Return the positions that each column of the alignment before ``end`` pairs; -1 is a gap.

    ``stored`` has the states of ``rows`` at equal distances, those of the first row first.
    """
    matrix = blosum62()
    stride = isqrt(len(query)) + 1
    found: list[tuple[int, int]] = []
    (i, j), is_gap = end, False
    while i:
        first = (i - 1) // stride * stride
        rows.scores[:], rows.gaps[:] = stored[first // stride]
        scores, gaps = [rows.scores[:, 0].copy()], [rows.gaps[:, 0].copy()]
        for residue in query[first:i]:
            rows.add(int(residue))
            scores.append(rows.scores[:, 0].copy())
            gaps.append(rows.gaps[:, 0].copy())
        while i > first:
            row, above, gap = scores[i - first], scores[i - first - 1], gaps[i - first]
            if is_gap:
                i -= 1
                is_gap = above[j] - _OPEN != gap[j - 1]
                found.append((i, -1))
            elif row[j] == 0:
                return found[::-1]
            elif row[j] == above[j - 1] + matrix[query[i - 1], subject[j - 1]]:
                i, j = i - 1, j - 1
                found.append((i, j))
            elif row[j] == gap[j - 1]:
                is_gap = True
            else:
                before = row[:j] + np.arange(j, dtype=np.int32) * GAP_RESIDUE
                start = int(np.flatnonzero(before == row[j] + GAP + j * GAP_RESIDUE)[-1])
                found += [(-1, k) for k in range(j - 1, start - 1, -1)]
                j = start
    return found[::-1]


class _Rows:
    """Rows of the matrix of scores: a row for each residue of the query, S subjects side by side.

    Parameters
    ----------
    subjects : ndarray, shape=(L, S), dtype=uint8
        Their codes, in columns; the shorter ones end with `_X`, which never raises a score.
    dtype : dtype
        Holds L + 11 min(L, residues of the query).

    Attributes
    ----------
    scores : ndarray, shape=(L + 1, S)
        The scores of the best alignments that end at each residue of the subjects, after none
        first, and at the last residue of the query that was added.
    gaps : ndarray, shape=(L, S)
        The same for alignments that end with a gap in the subject; 0 where they are worth less.
    """

    def __init__(self, subjects: NDArray[np.uint8], dtype: type[np.signedinteger[Any]]) -> None:
        length, n = subjects.shape
        self._subjects = subjects
        self._of: dict[int, NDArray[Any]] = {}
        self.scores = np.zeros((length + 1, n), dtype)
        self.gaps = np.zeros((length, n), dtype)
        self._row, self._one, self._two = (np.empty((length, n), dtype) for _ in range(3))
        self._ramp = np.repeat(np.arange(length, dtype=dtype)[:, None], n, axis=1)
        self._matrix = blosum62().astype(dtype)

    def add(self, residue: int) -> None:
        """Replace the row by the next one."""
        if residue not in self._of:
            self._of[residue] = self._matrix[residue][self._subjects]
        scores, gaps, row, one, two = self.scores, self.gaps, self._row, self._one, self._two
        np.subtract(gaps, GAP_RESIDUE, out=gaps)
        np.maximum(gaps, np.subtract(scores[1:], _OPEN, out=row), out=gaps)
        np.maximum(gaps, 0, out=gaps)
        np.maximum(np.add(scores[:-1], self._of[residue], out=row), gaps, out=row)
        reach = int(row.max(initial=0)) - GAP  # longer gaps in the query cost more than any score
        if reach > 1:
            np.add(row, self._ramp, out=one)
            step = 1
            while step < reach:  # each value becomes the maximum of the last 2 * step values
                np.maximum(one[step:], one[:-step], out=two[step:])
                two[:step] = one[:step]
                one, two = two, one
                step *= 2
            np.subtract(one[:-1], self._ramp[1:], out=two[1:])
            np.subtract(two[1:], GAP, out=two[1:])
            np.maximum(row[1:], two[1:], out=row[1:])
        scores[1:] = row


def _numpy_scores(
    query: NDArray[np.uint8], subjects: Sequence[NDArray[np.uint8]]
) -> NDArray[np.int32]:
    """Compute the result of `local_scores` from codes."""
    found = np.zeros(len(subjects), np.int32)
    lengths = np.array(list(map(len, subjects)), np.intp)
    order = np.argsort(-lengths, kind="stable")
    while len(order):
        longest = max(int(lengths[order[0]]), 1)
        block, order = np.split(order, [max(_CELLS // longest, 1)])
        codes = np.full((longest, len(block)), _X, np.uint8)
        for column, at in enumerate(block):
            codes[: lengths[at], column] = subjects[at]
        most = longest + int(blosum62().max()) * min(longest, len(query))
        rows = _Rows(codes, np.int16 if most <= np.iinfo(np.int16).max else np.int32)
        best = rows.scores.copy()
        for residue in query:
            rows.add(int(residue))
            np.maximum(best, rows.scores, out=best)
        found[block] = best.max(axis=0)
    return found


def codes_of(sequence: str) -> NDArray[np.uint8]:
    """Return the number of each residue in `RESIDUES`, and 20 for any other letter; shape=(L,)."""
    return _CODE[np.frombuffer(sequence.encode("ascii", "replace"), np.uint8)]


def _plain(sequence: str) -> bytes:
    return sequence.encode("ascii", "replace").translate(_PLAIN)


@cache
def _aligner() -> Any:
    """Return pyopal's aligner, or None where pyopal or an instruction set it needs is missing."""
    try:
        from pyopal import Aligner
        from scoring_matrices.lib import ScoringMatrix

        matrix = ScoringMatrix(blosum62().tolist(), alphabet=RESIDUES + "X")
        return Aligner(matrix, gap_open=_OPEN, gap_extend=GAP_RESIDUE)
    except (ImportError, RuntimeError):
        return None
