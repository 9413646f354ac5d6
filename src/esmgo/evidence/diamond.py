"""Training proteins with a similar sequence, found by the DIAMOND program.

DIAMOND reads and writes files in a temporary folder, which is always removed. Nothing here
knows about terms.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import MachineError, printable

MOST_HITS = 100
"""Hits per protein, at most: the training proteins with the best alignments."""

E_VALUE = 1e-3
"""Weaker hits are left out, as DIAMOND does by default."""

COLUMNS = ("qseqid", "sseqid", "bitscore", "pident", "qstart", "qend", "sstart", "send")
"""Columns that DIAMOND writes for a hit."""

_BASES = frozenset("ACGTN")


@dataclass(frozen=True, slots=True)
class Hits:
    """Pairs of similar proteins, each once, with the best alignment of the two by bit score.

    Sorted by query, then best first, then by subject. All arrays have the shape (H,).

    Parameters
    ----------
    query, subject : ndarray, dtype=int64
        Numbers of the query protein and of the training protein.
    bits : ndarray, dtype=float64
        Bit score of the alignment.
    identity : ndarray, dtype=float64
        Identical residues, in per cent of the alignment.
    query_coverage, subject_coverage : ndarray, dtype=float64
        Residues between the ends of the alignment, in per cent of each protein, to one
        decimal, so that a table holds them exactly.
    """

    query: NDArray[np.int64]
    subject: NDArray[np.int64]
    bits: NDArray[np.float64]
    identity: NDArray[np.float64]
    query_coverage: NDArray[np.float64]
    subject_coverage: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.query)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Hits:
        """Return some of the hits."""
        return Hits(*(getattr(self, each.name)[rows] for each in fields(self)))

    def of(self, first: int, last: int) -> Hits:
        """Return the hits of the queries from ``first`` up to ``last``, not included."""
        start, end = np.searchsorted(self.query, [first, last])
        return self.take(slice(int(start), int(end)))

    def best(self) -> Hits:
        """Return the first hit of each query that has any."""
        return self.take(np.unique(self.query, return_index=True)[1])


def find_diamond() -> str:
    """Return the path of the program ``diamond``; call it before any long work.

    Raises MachineError if it is not on PATH. The message names commands that install it.
    """
    path = shutil.which("diamond")
    if path is None:
        raise MachineError(
            "the program diamond is not on PATH: apt install diamond-aligner, "
            "conda install -c bioconda diamond, or brew install diamond"
        )
    return path


class Database:
    """A DIAMOND database of training proteins; it is removed with the process or by `close`.

    Raises MachineError if the program is missing, fails or is killed, or the disk is full.

    Parameters
    ----------
    subjects : sequence of str
        Cleaned residues.
    threads : int
        CPU threads; the hits do not depend on them.

    References
    ----------
    Buchfink, Reuter & Drost, Nature Methods 18:366 (2021).
    """

    def __init__(self, subjects: Sequence[str], threads: int) -> None:
        self._program, self._subjects = find_diamond(), subjects
        self._common = ["--quiet", "--threads", str(threads)]
        with _disk():
            self._folder = Path(tempfile.mkdtemp(prefix="esmgo-"))
        self.close = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        if subjects:
            try:
                self._make()
            except BaseException:
                self.close()
                raise

    def _make(self) -> None:
        folder, made = self._folder, ["--in", "subjects.fasta", "--db", "subjects"]
        with _disk():
            _write(folder / "subjects.fasta", self._subjects)
            _run([self._program, "makedb", *made, *self._common], folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def search(self, queries: Sequence[str], most: int = MOST_HITS) -> Hits:
        """Compare cleaned sequences with the database, by ``diamond blastp --very-sensitive``.

        At most ``most`` hits per query are returned.
        """
        if not queries or not self._subjects:
            return _hits(np.zeros((len(COLUMNS), 0)), queries, self._subjects)
        folder = self._folder
        with _disk():
            _write(folder / "queries.fasta", queries)
            _run(
                [
                    self._program, "blastp", "--query", "queries.fasta", "--db", "subjects",
                    "--out", "hits.tsv", "--very-sensitive", "--max-target-seqs", str(most),
                    "--evalue", str(E_VALUE), "--tmpdir", ".", *self._common,
                    "--outfmt", "6", *COLUMNS,
                ],
                folder,
            )  # fmt: skip
            return _hits(_read(folder / "hits.tsv"), queries, self._subjects)


def search(
    queries: Sequence[str], subjects: Sequence[str], *, threads: int, most: int = MOST_HITS
) -> Hits:
    """Compare sequences with sequences, once; see `Database`."""
    with Database(subjects, threads) as database:
        return database.search(queries, most)


@contextmanager
def _disk() -> Iterator[None]:
    """Turn an error with temporary files into a `MachineError` that names their folder."""
    try:
        yield
    except MachineError:
        raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        where = printable(tempfile.gettempdir(), 60)
        raise MachineError(f"temporary folder {where}: {reason}; set TMPDIR to another") from error


def _write(path: Path, sequences: Sequence[str]) -> None:
    """Write FASTA with numbers as names, because DIAMOND may misread ids.

    DIAMOND mistakes a protein of only A, C, G, T and N for DNA and stops; some versions have no
    option against it. An X at the end prevents this and matches nothing.
    """
    with path.open("w", encoding="ascii") as file:
        for number, sequence in enumerate(sequences):
            end = "X" if _BASES.issuperset(sequence) else ""
            file.write(f">{number}\n{sequence}{end}\n")


def _run(command: list[str], folder: Path) -> None:
    """Run a program in ``folder``. An exception, for example from a signal, ends the program."""
    done = subprocess.run(  # noqa: S603 (no shell, and no text of a user in it)
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        if done.returncode < 0:
            killer = signal.Signals(-done.returncode).name
            reason = f"was ended by {killer}; is there enough memory?"
        else:
            reason = (
                f"failed: {printable(lines[-1] if lines else f'exit code {done.returncode}', 110)}"
            )
        raise MachineError(f"diamond {command[1]} {reason}")


def _read(path: Path) -> NDArray[np.float64]:
    """Return the table that DIAMOND wrote, transposed: one row per column."""
    if path.stat().st_size == 0:
        return np.zeros((len(COLUMNS), 0))
    import pyarrow as pa
    from pyarrow import csv

    try:
        table = csv.read_csv(
            path,
            read_options=csv.ReadOptions(column_names=list(COLUMNS), use_threads=False),
            parse_options=csv.ParseOptions(delimiter="\t", quote_char=False),
            convert_options=csv.ConvertOptions(column_types=dict.fromkeys(COLUMNS, pa.float64())),
        )
    except pa.ArrowInvalid as error:
        raise MachineError(
            f"diamond wrote a file that is not a table of hits: {printable(error, 90)}"
        ) from None
    return np.stack([table[name].to_numpy() for name in COLUMNS])


def _hits(table: NDArray[np.float64], queries: Sequence[str], subjects: Sequence[str]) -> Hits:
    query, subject = table[:2].astype(np.int64)
    bits, identity, query_start, query_end, subject_start, subject_end = table[2:]
    lengths = [np.array([len(s) for s in texts], np.float64) for texts in (queries, subjects)]
    found = Hits(
        query,
        subject,
        bits,
        identity,
        np.round(100 * (query_end - query_start + 1) / lengths[0][query], 1),
        np.round(100 * (subject_end - subject_start + 1) / lengths[1][subject], 1),
    )
    found = found.take(np.lexsort((-bits, subject, query)))
    is_new = np.ones(len(found), bool)
    is_new[1:] = (np.diff(found.query) != 0) | (np.diff(found.subject) != 0)
    found = found.take(is_new)
    return found.take(np.lexsort((found.subject, -found.bits, found.query)))


def available_threads() -> int:
    """Return the CPU threads that this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)  # not on macOS
    return len(allowed(0)) if allowed else os.cpu_count() or 1
