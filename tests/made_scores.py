"""Scores of several sources, drawn at random."""

import numpy as np

from esmgo.evidence.source_scores import SourceScores


def source_scores(n=40, t=30, seed=0, **other):
    """Scores of n proteins and t terms from each source, drawn at random."""
    draw = np.random.default_rng(seed)
    head, near = (draw.uniform(0.01, 0.99, (n, t)).astype(np.float32) for _ in range(2))
    similarity = draw.uniform(0, 1, n).astype(np.float32)
    frequency = draw.uniform(0.01, 0.5, t).astype(np.float32)
    scores = {"head": head, "votes": {"neighbours": near},
            "similarity": {"neighbours": similarity, "kmers": np.zeros(n, np.float32)},
            "frequency": frequency, "coannotation": near[::-1] / 2}  # fmt: skip
    return SourceScores(**(scores | other))
