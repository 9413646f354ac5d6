"""Training proteins with a similar sequence, found by DIAMOND or MMseqs2.

The programs read and write files in a temporary folder, which is always removed. Nothing here
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
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import MachineError, printable
from esmgo.evidence.programs import DIAMOND, MOST_HITS, Program

COLUMNS = ("qseqid", "sseqid", "bitscore", "pident", "qstart", "qend", "sstart", "send")
"""What the programs write of a hit."""

_SECONDS = 600, 10
"""A search may take so long, and so long for each query."""

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

    @classmethod
    def none(cls) -> Hits:
        """Return no hits."""
        whole, real = np.empty(0, np.int64), np.empty(0)
        return cls(whole, whole, real, real, real, real)

    def __len__(self) -> int:
        return len(self.query)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Hits:
        """Return some of the hits."""
        return Hits(*(getattr(self, each.name)[rows] for each in fields(self)))

    def of(self, first: int, last: int) -> Hits:
        """Return the hits of the queries from ``first`` up to ``last``, not included."""
        start, end = np.searchsorted(self.query, [first, last])
        return self.take(slice(int(start), int(end)))

    def of_each(self, queries: NDArray[np.int64]) -> Hits:
        """Return the hits of some queries, numbered by their places in ``queries``, shape=(N,)."""
        start, end = np.searchsorted(self.query, [queries, queries + 1])
        place = np.repeat(np.arange(len(queries)), end - start)
        within = np.arange(len(place)) - np.repeat(
            np.cumsum(end - start) - (end - start), end - start
        )
        return replace(self.take(start[place] + within), query=place)

    def best(self) -> Hits:
        """Return the first hit of each query that has any."""
        return self.take(np.unique(self.query, return_index=True)[1])


class Database:
    """A database of training proteins; it is removed with the process or by `close`.

    Raises MachineError if the program is missing, fails, is killed or takes too long, or the disk
    is full.

    Parameters
    ----------
    subjects : sequence of str
        Cleaned residues.
    threads : int
        CPU threads; the hits do not depend on them.
    program : Program
        The program that searches.
    """

    def __init__(self, subjects: Sequence[str], threads: int, program: Program = DIAMOND) -> None:
        self._path, self._program, self._subjects = program.path(), program, subjects
        self._threads = threads
        with _disk():
            self._folder = Path(tempfile.mkdtemp(prefix="esmgo-"))
        self.close = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        if subjects:
            try:
                with _disk():
                    _write(self._folder / "subjects.fasta", subjects)
                    self._run(program.make, 0)
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def search(self, queries: Sequence[str], most: int = MOST_HITS) -> Hits:
        """Compare cleaned sequences with the database; return ``most`` hits per query at most."""
        if not queries or not self._subjects:
            return _hits(np.zeros((len(COLUMNS), 0)), queries, self._subjects)
        with _disk():
            _write(self._folder / "queries.fasta", queries)
            self._run(self._program.search, len(queries), most)
            return _hits(_read(self._folder / "hits.tsv", self._program), queries, self._subjects)

    def _run(self, arguments: str, n_queries: int, most: int = 0) -> None:
        """Run the program. An exception, for example from a signal, ends it."""
        words = [word.format(most=most, threads=self._threads) for word in arguments.split()]
        first, each = _SECONDS
        seconds = first + each * n_queries
        what = f"{self._program.name} {words[0]}"
        try:
            code, error = _completed([self._path, *words], self._folder, seconds)
        except subprocess.TimeoutExpired:
            raise MachineError(f"{what} did not end in {seconds:,} seconds") from None
        if code:
            lines = error.decode(errors="replace").strip().splitlines()
            if code < 0:
                killer = signal.Signals(-code).name
                reason = f"was ended by {killer}; is there enough memory?"
            else:
                last = lines[-1] if lines else f"exit code {code}"
                reason = f"failed: {printable(last, 110)}"
            raise MachineError(f"{what} {reason}")


def _completed(command: list[str], folder: Path, seconds: float) -> tuple[int, bytes]:
    """Run a program in ``folder``; return its exit code and what it wrote to standard error.

    An exception, for example from a signal, ends the program. A signal that comes while it is
    started waits until it can be ended.
    """
    process = None
    try:
        with _signals_waiting():
            process = subprocess.Popen(  # noqa: S603 (no shell, and no text of a user in it)
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        _, error = process.communicate(timeout=seconds)
    except BaseException:
        if process is not None:
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)  # its children, too
            else:
                process.kill()
            process.communicate()
        raise
    return process.returncode, error


@contextmanager
def _signals_waiting() -> Iterator[None]:
    """Let SIGINT and SIGTERM wait; Windows has no such mask."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def search(
    queries: Sequence[str],
    subjects: Sequence[str],
    *,
    threads: int,
    most: int = MOST_HITS,
    program: Program = DIAMOND,
) -> Hits:
    """Compare sequences with sequences, once; see `Database`."""
    with Database(subjects, threads, program) as database:
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


def _read(path: Path, program: Program) -> NDArray[np.float64]:
    """Return the table that the program wrote, transposed: one row per column."""
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
            f"{program.name} wrote a file that is not a table of hits: {printable(error, 90)}"
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
