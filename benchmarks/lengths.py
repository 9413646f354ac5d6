"""The proteins that benchmarks score: how long they are, and where they come from.

Two samples, both seeded: lengths as in Swiss-Prot with random residues, and proteins of
a data set in Parquet (a column ``sequence``). Nothing here knows about tokens or models.
"""

import math
from pathlib import Path

import numpy as np

MEDIAN, SIGMA = 300, 0.65
"""Log-normal lengths: e^0.65 puts a sixth above 575 and a sixth below 157 residues.

Swiss-Prot (release statistics): mean 361, median 294, long tail.
"""

SHORTEST, LONGEST = 30, 1024
"""Residues; 1024 are what fits the context of 1,026 tokens."""

RESIDUES = "LAGVSERTIDPKQNFYMHWC"


def swiss_prot_like(n: int, seed: int = 0) -> list[str]:
    """Return ``n`` random proteins with lengths as in Swiss-Prot, clipped to 30 to 1,024.

    The lengths are the mid-quantiles of the distribution, shuffled, not draws from it: a sample of
    eight has then the same mean as one of a thousand, and sizes of models can be compared.
    """
    random = np.random.default_rng(seed)
    draws = np.sort(random.normal(size=(1001, n)), axis=1)
    lengths = np.exp(math.log(MEDIAN) + SIGMA * np.median(draws, axis=0))
    lengths = random.permutation(np.clip(lengths.round().astype(int), SHORTEST, LONGEST))
    return ["".join(random.choice(list(RESIDUES), length)) for length in lengths]


def real(path: Path, n: int, seed: int = 0) -> list[str]:
    """Return ``n`` proteins of a Parquet file, cut to 1,024 residues, spread over its lengths."""
    import pyarrow.parquet as parquet

    every = parquet.read_table(path, columns=["sequence"])["sequence"].to_pylist()
    every = sorted((s[:LONGEST] for s in every if len(s) >= SHORTEST), key=lambda s: (len(s), s))
    at = (np.arange(n) + 0.5) / n * len(every)
    random = np.random.default_rng(seed)
    return [every[int(i)] for i in random.permutation(at)]


def described(sequences: list[str]) -> str:
    """Return number and lengths of proteins, for the head of a table."""
    lengths = np.array([len(s) for s in sequences])
    quantiles = np.percentile(lengths, [0, 25, 50, 75, 100]).astype(int)
    return (
        f"{len(lengths)} proteins, {lengths.sum():,} residues; lengths (minimum, quartiles, "
        f"maximum) {', '.join(f'{q:,}' for q in quantiles)}"
    )
