"""Which proteins are held out: decided by their ids alone, so never redrawn.

Nothing here knows about files, sequences or terms.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["chosen"]


def chosen(ids: Sequence[str], ratio: float) -> NDArray[np.bool_]:
    """Choose about ``ratio`` of the proteins by a stable hash of their ids.

    Whether a protein is chosen depends on its own id, never on the order of rows, and
    (but for the fallback below) never on the other proteins.

    Parameters
    ----------
    ids : sequence of str, shape=(N,)
        Protein ids, each once.
    ratio : float
        In [0, 1]; 1 chooses all.

    Returns
    -------
    ndarray, shape=(N,), dtype=bool
        True where chosen. With a ratio above 0 and two proteins or more at least one
        is: if no hash is low enough, the lowest.

    Examples
    --------
    >>> chosen(["P04637", "P01308", "P00533"], 0.4).tolist()
    [False, True, False]
    """
    if ratio >= 1:
        return np.ones(len(ids), np.bool_)
    hashes = np.array([_fraction(id) for id in ids], np.float64)
    picked: NDArray[np.bool_] = hashes < ratio
    if ratio > 0 and len(ids) > 1 and not picked.any():
        picked[np.argmin(hashes)] = True
    return picked


def _fraction(id: str) -> float:
    """Return the first 8 bytes of the SHA-256 of ``id`` as a number in [0, 1]."""
    return int.from_bytes(hashlib.sha256(id.encode()).digest()[:8], "big") / 2**64
