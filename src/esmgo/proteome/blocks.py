"""Proteins in, calls out, block by block: each sequence is scored once, each block kept."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Iterator, Sequence
from io import FileIO
from itertools import islice
from pathlib import Path

from esmgo.data.fasta import Protein
from esmgo.data.reading import FastaConfig, read_source
from esmgo.data.rejects import ReadReport
from esmgo.errors import FastaError
from esmgo.files.source import check_unchanged, name_of, stamp
from esmgo.go.calls import Calls
from esmgo.predict.calling import CallRules
from esmgo.predict.predictor import Predictor
from esmgo.proteome.parts import SPOOL, Parts


class Input:
    """The proteins of a FASTA file or a pipe, to be read more than once.

    Parameters
    ----------
    source : str
        A path, or ``-`` for standard input. What is no regular file is copied into ``folder``.
    folder : Path
        Is there.
    config : FastaConfig
        How to read.
    """

    def __init__(self, source: str, folder: Path, config: FastaConfig) -> None:
        self._path, self._name, self._config = source, name_of(source), config
        if source == "-" or Path(source).is_fifo():
            self._path = str(folder / SPOOL)
            with Path(self._path).open("wb") as copy:
                if source == "-":
                    shutil.copyfileobj(sys.stdin.buffer, copy)
                else:
                    with Path(source).open("rb") as pipe:
                        shutil.copyfileobj(pipe, copy)
        self._stamp = stamp(self._path)

    def judged(self, report: ReadReport) -> tuple[int, str]:
        """Read all of it; return the number of proteins, and a digest of ids and sequences.

        Raises
        ------
        FastaError
            If the file as a whole is refused.
        RecordError
            At the first rejected record, where ``report`` is strict.
        """
        n, digest = 0, hashlib.sha256()
        for protein in self._read(report):
            n += 1
            digest.update(f"{protein.id}\0{protein.sequence}\n".encode())
        return n, digest.hexdigest()

    def blocks(self, size: int) -> Iterator[list[Protein]]:
        """Yield the proteins ``size`` at a time.

        Raises
        ------
        FastaError
            At the end, if the file has changed since it was opened first.
        """
        proteins = self._read(ReadReport())
        while block := list(islice(proteins, size)):
            yield block
        check_unchanged(self._path, self._stamp, FastaError)

    def _read(self, report: ReadReport) -> Iterator[Protein]:
        if self._name == self._path:
            yield from read_source(self._path, self._config, report)
            return
        with FileIO(self._path) as file:
            file.name = self._name  # what complaints call it
            yield from read_source(file, self._config, report)


class BlockCaller:
    """Makes blocks of calls, or finds them among the parts; equal sequences are scored once.

    Parameters
    ----------
    parts : Parts
        Of a job that has begun.
    predictor : Predictor
        What scores.
    selection : CallRules
        What is called.
    size : int
        Proteins in a block.
    """

    def __init__(self, parts: Parts, predictor: Predictor, selection: CallRules, size: int) -> None:
        self._parts, self._ensemble, self._selection = parts, predictor, selection
        self._size = size
        self._first: dict[bytes, int] = {}  # where each sequence, by its digest, came first
        self.n_repeated = 0

    def block(self, number: int, proteins: Sequence[Protein]) -> Calls:
        """Return the calls of a block, which is kept as a part then."""
        digests = [hashlib.blake2b(p.sequence.encode(), digest_size=16).digest() for p in proteins]
        owner = hashlib.sha256(b"".join(digests))
        owner.update("\n".join(protein.id for protein in proteins).encode())
        fresh = []
        for i, digest in enumerate(digests):
            if digest not in self._first:
                self._first[digest] = number * self._size + i
                fresh.append(i)
        self.n_repeated += len(proteins) - len(fresh)
        calls = self._parts.load(number, owner.hexdigest())
        if calls is None:
            calls = self._made(number, proteins, digests, fresh)
            self._parts.save(number, calls, owner.hexdigest())
        return calls

    def _made(
        self, number: int, proteins: Sequence[Protein], digests: Sequence[bytes], fresh: list[int]
    ) -> Calls:
        rows: dict[int, tuple[Calls, int]] = {}
        if fresh:
            scored = self._scored([proteins[i] for i in fresh])
            rows = {number * self._size + i: (scored, k) for k, i in enumerate(fresh)}
        wanted = sorted({self._first[digest] for digest in digests} - rows.keys())
        for block in dict.fromkeys(at // self._size for at in wanted):
            here = [at for at in wanted if at // self._size == block]
            whole = self._parts.earlier(block)
            few = Calls.gather(
                [whole.proteins[at % self._size] for at in here],
                [(whole, at % self._size) for at in here],
            )
            rows |= {at: (few, k) for k, at in enumerate(here)}
        found = [rows[self._first[digest]] for digest in digests]
        return Calls.gather([protein.id for protein in proteins], found)

    def _scored(self, proteins: list[Protein]) -> Calls:
        evidence = self._ensemble.evidence(proteins)
        precision = self._selection.rules.precision
        promised = None if precision is None else self._ensemble.is_promised(evidence, precision)
        return self._selection.calls(evidence, [len(p.sequence) for p in proteins], promised)
