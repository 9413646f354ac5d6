"""All that a checkpoint knows about a protein, in one: its sources and their blend.

Every source scores the same label space. What is there is used; what a call came from is
said. Nothing here knows about files of calls.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from esmgo.data.fasta import Protein
from esmgo.errors import UsageError, printable
from esmgo.evidence.index import open_index
from esmgo.evidence.sources import EvidenceSource, Sources, speaking
from esmgo.go.labels import LabelSpace
from esmgo.go.scores import Scores
from esmgo.go.truepath import propagate
from esmgo.model.bundled import bundled_path
from esmgo.model.checkpoint import Checkpoint, open_checkpoint
from esmgo.model.device import resolved
from esmgo.predict.blend import Blend, Variant
from esmgo.predict.prediction import Evidence, Prediction
from esmgo.predict.scorer import BLOCK, Scorer, blocks

VERSION = 4
"""Of how scores are made here; unfinished work of another version is not gone on with."""


class Predictor:
    """A checkpoint that is ready to call terms with all it has.

    Parameters
    ----------
    scorer : Scorer
        Encoder and head.
    sources : Sources
        What else there is.
    variant : Variant, optional
        How the sources are blended and calibrated; without one, one source speaks alone.
    alone : str
        Which.
    identity : str
        What tells the checkpoint, the index and the sequences from others.
    """

    def __init__(
        self,
        scorer: Scorer,
        sources: Sources,
        variant: Variant | None = None,
        alone: str = "head",
        identity: str = "",
    ) -> None:
        self.scorer, self.sources, self.variant = scorer, sources, variant
        self._alone, self._identity = alone, identity

    @classmethod
    def load(
        cls,
        path: str | Path | None = None,
        *,
        device: str | None = None,
        context_length: int | None = None,
        precision: str = "auto",
        homology: dict[str, str] | None = None,
        sources: Sequence[str] | None = None,
        threads: int = 1,
    ) -> Predictor:
        """Open a checkpoint and what lies beside it; the bundled caller when left out.

        Parameters
        ----------
        path, device, context_length, precision
            See `Scorer.load`.
        homology : dict of str to str, optional
            Training sequences by id, for DIAMOND.
        sources : sequence of str, optional
            ``head``, ``neighbours``, ``kmers``, ``homology``: ask only these; when left out
            all there are, as far as there is a blend of them.
        threads : int
            Of DIAMOND.

        Raises
        ------
        CheckpointError
            If a file is not sound.
        UsageError
            If a source is asked for that is not there.
        """
        return cls.of(
            open_checkpoint(bundled_path() if path is None else path),
            device=device,
            context_length=context_length,
            precision=precision,
            homology=homology,
            sources=sources,
            threads=threads,
        )

    @classmethod
    def of(
        cls,
        checkpoint: Checkpoint,
        *,
        device: str | None = None,
        context_length: int | None = None,
        precision: str = "auto",
        homology: dict[str, str] | None = None,
        sources: Sequence[str] | None = None,
        threads: int = 1,
    ) -> Predictor:
        """Make ready an opened checkpoint; see `load`."""
        path = checkpoint.path
        scorer = Scorer.of(
            checkpoint, device=device, context_length=context_length, precision=precision
        )
        with_kmers = sources is None or "kmers" in sources
        index, blend = open_index(checkpoint, with_kmers=with_kmers), Blend.of(checkpoint)
        there = ["head"]
        there += ["neighbours"] if index is not None else []
        there += ["kmers"] if index is not None and index.kmers is not None else []
        there += ["homology"] if homology is not None else []
        wanted = list(there if sources is None else dict.fromkeys(sources))
        if absent := [name for name in wanted if name not in there]:
            raise UsageError(_how_to_get(absent[0], str(path)))
        variant = blend.variant(wanted) if blend else None
        if variant is None and len(wanted) > 1:
            if sources is None and homology is None:
                variant = blend.widest(wanted) if blend else None
                wanted = list(variant.sources) if variant else ["head"]
            else:
                how = "esmgo blend --homology" if "homology" in wanted else "esmgo blend"
                raise UsageError(
                    f"{printable(path, 60)} has no blend of {', '.join(wanted)}: {how} fits one"
                )
        if homology is not None and index is not None and not set(index.ids) & set(homology):
            raise UsageError("--homology: none of its ids is a training protein of the checkpoint")
        if index is not None and "kmers" not in wanted:
            index = replace(index, kmers=None)  # not asked: looking them up takes time
        asked = Sources(
            checkpoint.labels,
            index,
            homology if "homology" in wanted else None,
            num_neighbours=blend.num_neighbours if blend else 10,
            threads=threads,
            is_blended=variant is not None and len(variant.sources) > 1,
        )
        digest = hashlib.sha256(repr(wanted).encode())
        digest.update(checkpoint.header.notes["sha256"].encode())
        if index is not None:
            digest.update(index.fingerprint.encode())
        for id, sequence in sorted((homology or {}).items()):
            digest.update(f">{id}\n{sequence}\n".encode())
        return cls(scorer, asked, variant, wanted[0], digest.hexdigest())

    @property
    def labels(self) -> LabelSpace:
        """The terms."""
        return self.scorer.labels

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that decides the scores, in hexadecimal digits."""
        p = self.scorer
        settings = [
            VERSION, self._identity, p.context_length, p.device.type,
            resolved(p.device, p.precision),
        ]  # fmt: skip
        return hashlib.sha256(repr(settings).encode()).hexdigest()

    def evidence(self, proteins: Sequence[Protein]) -> Evidence:
        """Score a block of proteins; on a CPU a protein's scores do not depend on the others."""
        raw, vectors, n_windows = self.scorer.states([p.sequence for p in proteins])
        head = propagate(raw, self.labels)
        said = self.sources.said(self.sources.ask(proteins, vectors), head)
        flags = speaking(said, self.labels)
        values = said.by_source()[self._alone]
        precision = np.full(head.shape, np.nan, np.float32)
        bin = np.zeros(len(proteins), np.intp)
        if self.variant is not None:
            blended = self.variant.blended(said, self.labels)
            values = propagate(blended, self.labels)
            flags |= np.where(values > blended, np.uint8(EvidenceSource.DESCENDANT), np.uint8(0))
            bin = self.variant.bins(said)
            precision = self.variant.precision_of(values, bin, self.labels)
        scores = Scores(tuple(p.id for p in proteins), values, self.labels)
        windows = np.array(n_windows, np.int64)
        return Evidence(scores, precision, flags, said.similarity, windows, bin)

    def predict(self, proteins: Iterable[Protein], *, raw: bool = False) -> Iterator[Prediction]:
        """Score each protein with all sources, or ``raw``, by the network alone; in input order."""
        if raw:
            yield from self.scorer.predict(proteins, raw=True)
            return
        for block in blocks(proteins, BLOCK):
            found = self.evidence(block)
            rows = zip(block, found.scores.values, found.n_windows.tolist(), strict=True)
            for protein, row, n in rows:
                yield Prediction(protein, row, self.labels, n)

    def score(self, proteins: Iterable[Protein]) -> Iterator[Scores]:
        """Yield scores in blocks of proteins, in input order."""
        for block in blocks(proteins, BLOCK):
            yield self.evidence(block).scores

    def is_promised(self, evidence: Evidence, precision: float) -> NDArray[np.bool_]:
        """Return which calls hold a precision on the calibration proteins; shape=(N, T).

        Raises
        ------
        UsageError
            If the checkpoint has no calibration.
        """
        if self.variant is None:
            raise UsageError("--precision needs a calibrated checkpoint: esmgo blend makes it one")
        threshold = self.variant.thresholds(precision, evidence.bin, self.labels)  # (N, T)
        return evidence.scores.values >= threshold


def _how_to_get(source: str, path: str) -> str:
    match source:
        case "neighbours":
            return (
                f"no index beside {printable(path, 60)}: fine-tune.py --resume makes it, or leave"
                " neighbours out of --sources"
            )
        case "kmers":
            return f"no k-mers beside {printable(path, 60)}: esmgo blend gathers them"
        case "homology":
            return "homology needs the training sequences: --homology=FILE"
        case _:
            return f"{printable(repr(source), 30)} is no source: head, neighbours, kmers, homology"
