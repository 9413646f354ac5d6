"""Calls of proteins, block by block: each sequence is scored once, each block stored once."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from io import FileIO
from itertools import groupby, islice
from pathlib import Path
from threading import Lock

import torch

from esmgo.data.fasta import Protein
from esmgo.data.reading import FastaConfig, read_source
from esmgo.data.rejects import ReadReport
from esmgo.errors import FastaError
from esmgo.files.source import check_unchanged, is_fifo, name_of, stamp
from esmgo.go.calls import Calls
from esmgo.model.batches import blocks
from esmgo.model.crew import Crew
from esmgo.predict.calling import CallRules
from esmgo.predict.predictor import Predictor
from esmgo.proteome.job import Job
from esmgo.proteome.parts import SPOOL, Parts
from esmgo.proteome.plan import Plan, digest_of, owner_of

_AT_ONCE = 32
"""Proteins that a thread scores together on a CPU."""

_MOST_WORKERS = 8
"""Threads that score proteins, at most; further ones are shared among them."""


class Input:
    """The proteins of a FASTA file or a pipe; can be read more than once.

    ``source`` is a path, or ``-`` for standard input. A stream is copied into ``folder``.
    """

    def __init__(self, source: str, folder: Path, config: FastaConfig) -> None:
        self._path, self._name, self._config = source, name_of(source), config
        if source == "-" or is_fifo(source):
            self._path = str(folder / SPOOL)
            with Path(self._path).open("wb") as copy:
                if source == "-":
                    shutil.copyfileobj(sys.stdin.buffer, copy)
                else:
                    with Path(source).open("rb") as pipe:
                        shutil.copyfileobj(pipe, copy)
        self._stamp = stamp(self._path)

    def judged(self, report: ReadReport) -> tuple[int, str]:
        """Read all proteins; return their number, and a digest of ids and sequences.

        Raises FastaError if the file is refused. Raises RecordError at the first rejected record,
        if ``report`` is strict.
        """
        n, digest = 0, hashlib.sha256()
        for protein in self._read(report):
            n += 1
            digest.update(digest_of(protein))
        return n, digest.hexdigest()

    def blocks(self, job: Job) -> Iterator[tuple[int, list[Protein]]]:
        """Yield number and proteins of each block of a shard.

        Raises FastaError at the end, if the file has changed since it was first opened.
        """
        proteins = self._read(ReadReport())
        for number in range(job.n_blocks):
            block = list(islice(proteins, job.size(number)))
            if number in job.blocks:
                yield number, block
        check_unchanged(self._path, self._stamp, FastaError)

    def _read(self, report: ReadReport) -> Iterator[Protein]:
        if self._name == self._path:
            yield from read_source(self._path, self._config, report)
            return
        with FileIO(self._path) as file:
            file.name = self._name  # for messages
            yield from read_source(file, self._config, report)


def _content_of(protein: Protein) -> bytes:
    """Return a digest of what determines the calls of a protein: its sequence and its species."""
    text = f"{protein.taxon}\0{protein.sequence}"
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


class BlockCaller:
    """Loads blocks of calls from the parts, or computes them; scores equal proteins once.

    ``parts`` belong to ``job``, which has begun. ``progress`` is called after each batch with the
    number of proteins that it completed.
    """

    def __init__(
        self,
        parts: Parts,
        predictor: Predictor,
        selection: CallRules,
        job: Job,
        progress: Callable[[int], object],
    ) -> None:
        self._parts, self._predictor, self._selection = parts, predictor, selection
        self._job, self._progress = job, progress
        self._first: dict[bytes, int] = {}  # digest of a protein without its id: first position
        self.n_repeated, self._lock = 0, Lock()

    def block(self, number: int, proteins: Sequence[Protein]) -> Calls:
        """Return the calls of a block, and store it as a part."""
        start = self._job.start(number)
        digests = list(map(_content_of, proteins))
        owner = owner_of(map(digest_of, proteins))
        new = []
        for i, digest in enumerate(digests):
            if digest not in self._first:
                self._first[digest] = start + i
                new.append(i)
        self.n_repeated += len(proteins) - len(new)
        calls = self._parts.load(number, owner)
        self._progress(len(proteins) if calls is not None else len(proteins) - len(new))
        if calls is None:
            calls = self._computed(number, proteins, digests, new)
            self._parts.save(number, calls, owner)
        return calls

    def planned(self, number: int, plan: Plan) -> Calls:
        """Return the calls of a block of a plan, and store it as a part.

        They depend on this block alone, and it is read only if it is not stored.
        """
        calls = self._parts.load(number, plan.owner(number))
        if calls is None:
            self._first = {}
            calls = self.block(number, plan.read(number))
            self.n_repeated = 0  # of blocks read alone, the whole number is unknown
            return calls
        self._progress(len(calls))
        return calls

    def _computed(
        self, number: int, proteins: Sequence[Protein], digests: Sequence[bytes], new: list[int]
    ) -> Calls:
        """Score the ``new`` sequences; take the calls of the others from earlier blocks."""
        start, rows = self._job.start(number), dict[int, tuple[Calls, int]]()
        if new:
            scored = self._scored([proteins[i] for i in new])
            rows = {start + i: (scored, k) for k, i in enumerate(new)}
        wanted = sorted({self._first[digest] for digest in digests} - rows.keys())
        for block, group in groupby(wanted, self._job.block_of):
            here, first = list(group), self._job.start(block)
            earlier = self._parts.earlier(block)
            needed = Calls.gather(
                [earlier.proteins[at - first] for at in here],
                [(earlier, at - first) for at in here],
            )
            rows |= {at: (needed, k) for k, at in enumerate(here)}
        found = [rows[self._first[digest]] for digest in digests]
        return Calls.gather([protein.id for protein in proteins], found)

    def _scored(self, proteins: list[Protein]) -> Calls:
        """Score proteins, on a CPU some per thread at a time: all steps run side by side then."""
        predictor = self._predictor
        if predictor.scorer.device.type != "cpu" or predictor.sources.runs_a_program:
            return self._called(proteins)
        some = list(blocks(proteins, _AT_ONCE))
        workers = min(torch.get_num_threads(), _MOST_WORKERS, len(some))
        if workers == 1:
            found = list(map(self._called, some))
        else:
            with Crew(workers, "proteins") as crew:
                waiting = [crew.submit(self._called, each) for each in some]
                try:
                    found = list(map(crew.result, waiting))
                finally:
                    for future in waiting:
                        future.cancel()
        rows = [(calls, i) for calls in found for i in range(len(calls))]
        return Calls.gather([protein.id for protein in proteins], rows)

    def _called(self, proteins: Sequence[Protein]) -> Calls:
        evidence = self._predictor.evidence(proteins, progress=self._moved)
        promised = partial(self._predictor.is_promised, evidence)
        return self._selection.calls(evidence, [len(p.sequence) for p in proteins], promised)

    def _moved(self, n_proteins: int) -> None:
        with self._lock:
            self._progress(n_proteins)
