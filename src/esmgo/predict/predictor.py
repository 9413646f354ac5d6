"""The predictor: a checkpoint with all its evidence sources.

Nothing here knows about files of calls.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from esmgo.data.fasta import Protein
from esmgo.data.residues import is_short
from esmgo.errors import UsageError
from esmgo.evidence.identical import matches
from esmgo.evidence.relatives import Sources
from esmgo.evidence.source_scores import SourceScores, supporting_sources
from esmgo.evidence.sources import EvidenceSource, parse_sources
from esmgo.go.information import information_content
from esmgo.go.labels import LabelSpace
from esmgo.go.scores import Scores
from esmgo.go.truepath import propagate
from esmgo.model.batches import blocks
from esmgo.model.bundled import bundled_path, checkpoint_or_bundled
from esmgo.model.checkpoint import Checkpoint, open_checkpoint
from esmgo.model.device import resolved
from esmgo.predict.blend import Variant
from esmgo.predict.calling import MIN_INFORMATION
from esmgo.predict.choosing import choose
from esmgo.predict.findings import Findings
from esmgo.predict.novelty import MAX_NOVELTY
from esmgo.predict.pasting import queries
from esmgo.predict.prediction import Evidence, Prediction
from esmgo.predict.scorer import Scorer

VERSION = 5
"""Version of the computation of scores. Unfinished work of another version is not resumed."""

AHEAD = 4_096
"""Proteins that one call of an external program searches for."""

BLOCK = 256
"""Proteins scored together. It bounds the memory, whatever the number of proteins."""


class Predictor:
    """A checkpoint that is ready to call terms.

    Parameters
    ----------
    scorer : Scorer
        Encoder and head.
    sources : Sources
        The other sources of evidence.
    variant : Variant, optional
        How the sources are blended and calibrated. Without one the scores of one source are used.
    alone : str
        The name of that source.
    identity : str
        Digest identifying checkpoint, index and sequences.
    """

    def __init__(
        self,
        scorer: Scorer,
        sources: Sources,
        variant: Variant | None = None,
        alone: str = EvidenceSource.HEAD.word,
        identity: str = "",
    ) -> None:
        self.scorer, self.sources, self.variant = scorer, sources, variant
        self._alone, self._identity = alone, identity

    @classmethod
    def load(
        cls,
        path: str | Path | Checkpoint | None = None,
        *,
        device: str | None = None,
        context_length: int | None = None,
        dtype: str = "auto",
        homology: str | Mapping[str, str] | None = None,
        sources: str | Sequence[str] | None = None,
        threads: int = 1,
    ) -> Predictor:
        """Open a checkpoint, its index and its blend.

        Parameters
        ----------
        path : str, Path or Checkpoint, optional
            A checkpoint of `esmgo.fit`, or an opened one; when left out, or if ``bundled``, the
            bundled caller.
        device : str, optional
            ``cuda``, ``mps``, ``cpu`` …; when left out the best available one.
        context_length : int, optional
            Tokens per window; when left out, as in training.
        dtype : str
            ``bf16``, ``fp32``, or ``auto``: bf16 where the hardware multiplies it faster.
        homology : str or mapping of str to str, optional
            How to find training proteins with similar sequences: ``builtin``, without another
            program; ``diamond`` or ``mmseqs``, by this program; or ``none``. Or the training
            sequences by id, to compare with by DIAMOND. When left out, ``builtin`` if the
            checkpoint has what it needs.
        sources : str or sequence of str, optional
            The evidence to combine, of ``head``, ``neighbours``, ``kmers``, ``homology``; when
            left out, all available sources for which the checkpoint has a blend.
        threads : int
            CPU threads of the search.

        Raises
        ------
        CheckpointError
            If a file is not a complete, valid checkpoint or index, or if a blend lacks its index
            or belongs to another model. With ``sources="head"`` the last two are warnings.
        UsageError
            If the device or a requested source is not available.
        """
        if not isinstance(path, Checkpoint):
            path = bundled_path() if path is None else checkpoint_or_bundled(str(path))
        checkpoint = path if isinstance(path, Checkpoint) else open_checkpoint(path)
        requested = parse_sources(sources)
        scorer = Scorer.of(checkpoint, device=device, context_length=context_length, dtype=dtype)
        return cls(scorer, *choose(checkpoint, homology, requested, threads))

    @property
    def labels(self) -> LabelSpace:
        """The terms."""
        return self.scorer.labels

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that determines the scores, in hexadecimal digits."""
        s = self.scorer
        settings = [
            VERSION, self._identity, s.context_length, s.device.type,
            resolved(s.device, s.dtype),
        ]  # fmt: skip
        return hashlib.sha256(repr(settings).encode()).hexdigest()

    def evidence(
        self, proteins: Sequence[Protein], *, progress: Callable[[int], object] | None = None
    ) -> Evidence:
        """Score a block of proteins; on a CPU a protein's scores do not depend on the others.

        After each batch ``progress`` is called with the number of proteins that it completed.
        """
        return self.combined(Findings.of(proteins, self.scorer, self.sources, progress))

    def combined(self, found: Findings) -> Evidence:
        """Combine the scores of the sources into one score of each term, as `evidence` does."""
        proteins, scores, head = found.proteins, found.scores, found.scores.head
        values = scores.by_source()[self._alone]
        flags = self._supporting(scores)
        precision = decoy_rate = np.full(head.shape, np.nan, np.float32)
        novelty = best_precision = np.full(len(proteins), np.nan, np.float32)
        group = np.zeros(len(proteins), np.intp)
        if self.variant is not None:
            blended = self.variant.blended(scores, self.labels)
            values = propagate(blended, self.labels)
            if not self._is_single:
                flags |= (values > blended) * np.uint8(EvidenceSource.DESCENDANT)
            group = self.variant.groups(scores)
            precision = self.variant.precision_of(values, group, self.labels)
            decoy_rate = self.variant.decoy_rate_of(values, group, self.labels)
            if self.variant.novelty is not None:
                sequences = [p.sequence for p in proteins]
                novelty = self.variant.novelty.of(scores, values, found.vectors, sequences)
                decoy_rate[novelty > MAX_NOVELTY] = 1  # there decoys are as frequent or more
                decoy_rate[:, self.variant.bands.kinds(self.labels) < 0] = np.nan
                best_precision = self.variant.novelty.precision_of(novelty)
            short = [is_short(p.sequence) for p in proteins]
            precision[short] = decoy_rate[short] = np.nan
            novelty[short] = best_precision[short] = np.nan
        unknown = np.full(len(proteins), np.nan, np.float32)
        return Evidence(
            Scores(tuple(p.id for p in proteins), values, self.labels),
            precision, decoy_rate, self.information, flags,
            scores.similarity.get(EvidenceSource.NEIGHBOURS.word, unknown), novelty, best_precision,
            np.array(found.n_windows, np.int64), group,
        )  # fmt: skip

    @cached_property
    def information(self) -> NDArray[np.float64]:
        """Bits of each term, shape=(T,); NaN without a blend and an index."""
        if self.variant is not None:
            return self.variant.bands.information
        index, n_terms = self.sources.index, len(self.labels)
        return information_content(index.terms, self.labels) if index else np.full(n_terms, np.nan)

    @property
    def alone(self) -> str | None:
        """The only source that the scores come from; None for a blend."""
        return self._alone if self._is_single else None

    @property
    def _is_single(self) -> bool:
        return self.variant is None or len(self.variant.sources) == 1

    def _supporting(self, scores: SourceScores) -> NDArray[np.uint8]:
        """Return flags of the sources of each score; a single source has all of them."""
        if self._is_single:
            return np.full(scores.head.shape, EvidenceSource[self._alone.upper()], np.uint8)
        return supporting_sources(scores, self.labels)

    def __repr__(self) -> str:
        sources = "+".join(self.variant.sources) if self.variant else self._alone
        length, device = self.scorer.context_length, self.scorer.device
        calibration = "calibrated" if self.variant else "not calibrated"
        what = f"{len(self.labels):,} terms by {sources}, {calibration}"
        return f"<Predictor of {what}, {length:,} tokens, on {device}>"

    def predict(
        self, proteins: str | Protein | Iterable[str | Protein], *, raw: bool = False
    ) -> Iterator[Prediction]:
        """Score each protein; results keep the input order.

        A protein longer than the context is scored in overlapping windows, and each term gets
        its highest score among them.

        Parameters
        ----------
        proteins : str, Protein, or iterable of them
            Read as they are needed. Strings are sequences, with the ids ``query1``, ``query2`` …
            by their position.
        raw : bool
            Return the probabilities of the network, without the true-path rule and without
            other evidence.

        Raises
        ------
        UsageError, RecordError
            If a string is not a sequence; for a path, a dict or a table, too.
        """
        for block in blocks(queries(proteins), BLOCK):
            if raw:
                values, _, counts = self.scorer.states([p.sequence for p in block])
                for protein, row, n in zip(block, values, counts, strict=True):
                    yield Prediction(protein, row, self.labels, n, information=self.information)
            else:
                yield from self._predictions(block)

    def _predictions(self, block: Sequence[Protein]) -> Iterator[Prediction]:
        found = self.evidence(block)
        index = self.sources.index
        for i, protein in enumerate(block):
            known = matches(index, protein.sequence, self.labels) if index else ()
            yield found.prediction(i, protein, known)

    def score(
        self, proteins: Iterable[Protein], *, progress: Callable[[int], object] | None = None
    ) -> Iterator[Scores]:
        """Yield scores in blocks of proteins, in input order; see `evidence`."""
        many = AHEAD if self.sources.runs_a_program else BLOCK
        for some in blocks(proteins, many):
            self.sources.search_ahead(some)
            for block in blocks(some, BLOCK):
                yield self.evidence(block, progress=progress).scores

    def check_novelty(self, max_novelty: float | None) -> None:
        """Raise UsageError if a limit is given, and the checkpoint has no novelty."""
        if max_novelty is not None and (self.variant is None or self.variant.novelty is None):
            reason = "needs a blend with a novelty: that of the bundled caller, or of esmgo blend"
            raise UsageError(reason, field="max_novelty")

    def is_promised(
        self, evidence: Evidence, precision: float, min_information: float = MIN_INFORMATION
    ) -> NDArray[np.bool_]:
        """Return which calls keep a promise of precision, shape=(N, T), with their ancestors.

        The promise concerns terms of at least ``min_information`` bits; other terms are ancestors
        of promised calls. No call of a protein with fewer than 10 known residues is promised.

        Raises
        ------
        UsageError
            If the checkpoint has no calibration, or none for so many bits.
        """
        if self.variant is None:
            reason = "needs a calibrated checkpoint: bundled, or esmgo blend calibrates this one"
            raise UsageError(reason, field="precision")
        values, group = evidence.scores.values, evidence.group
        kept = self.variant.is_promised(values, group, self.labels, precision, min_information)
        return kept & ~np.isnan(evidence.precision).all(axis=1, keepdims=True)
