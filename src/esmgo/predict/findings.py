"""What the network and each evidence source find for a block of proteins, before they are combined.

Nothing here knows how they are combined.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esmgo.data.fasta import Protein
from esmgo.errors import brief
from esmgo.evidence.relatives import Relatives, Sources
from esmgo.evidence.source_scores import SourceScores
from esmgo.go.truepath import propagate
from esmgo.predict.scorer import Scorer


@dataclass(frozen=True, slots=True)
class Findings:
    """The scores of N proteins by each source.

    Parameters
    ----------
    proteins : sequence of Protein
        The proteins.
    raw : ndarray, shape=(N, T), dtype=float32
        Probabilities of the network, without the true-path rule.
    vectors : ndarray, shape=(N, D), dtype=float32
        Final states at ``<cls>``.
    n_windows : list of int
        Overlapping windows in which each protein was scored.
    relatives : Relatives
        The training proteins that vote.
    scores : SourceScores
        The scores of all sources.
    """

    proteins: Sequence[Protein]
    raw: NDArray[np.float32]
    vectors: NDArray[np.float32]
    n_windows: list[int]
    relatives: Relatives
    scores: SourceScores

    __repr__ = brief

    @classmethod
    def of(
        cls,
        proteins: Sequence[Protein],
        scorer: Scorer,
        sources: Sources,
        progress: Callable[[int], object] | None = None,
    ) -> Findings:
        """Score N proteins by all sources; see `Scorer.states` for ``progress``."""
        raw, vectors, n_windows = scorer.states([p.sequence for p in proteins], progress)
        relatives = sources.find_relatives(proteins, vectors)
        scores = sources.score(relatives, propagate(raw, scorer.labels))
        return cls(proteins, raw, vectors, n_windows, relatives, scores)
