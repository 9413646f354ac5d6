"""Which proteins are held out: decided by their ids alone, so never redrawn.

Nothing here knows about files, sequences or terms.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from esmgo.dataset.rows import Rows
from esmgo.errors import UsageError, printable

HOLD_OUT = 0.1
"""Held out of train where there is no test split: the default of training."""


def held_out_by_hash(ids: Sequence[str], ratio: float) -> NDArray[np.bool_]:
    """Choose about ``ratio`` of the proteins by a stable hash of their ids.

    Whether a protein is held out depends on its own id, never on the order of rows, and
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
        True where held out. With a ratio above 0 and two proteins or more at least one
        is: if no hash is low enough, the lowest.

    Examples
    --------
    >>> held_out_by_hash(["P04637", "P01308", "P00533"], 0.4).tolist()
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


def divide(
    splits: dict[str, Rows], ratio: float | None, kept: Collection[str] | None
) -> tuple[Rows, Rows]:
    """Return the rows to train on and those to validate on.

    Parameters
    ----------
    splits : dict of str to Rows
        ``train``, and ``test`` where there is one; what is held out comes from the latter.
    ratio : float, optional
        See `held_out_by_hash`. None: all of ``test``, or `HOLD_OUT` of ``train``.
    kept : collection of str, optional
        The proteins to validate on, whatever their hashes are.

    Raises
    ------
    UsageError
        If no protein is left to train on.
    """
    name = "test" if "test" in splits else "train"
    rows = splits[name]
    if ratio is None:
        ratio = 1.0 if name == "test" else HOLD_OUT
    if kept is None:
        held_out = held_out_by_hash(rows.ids, ratio)
    else:
        chosen = frozenset(kept)
        held_out = np.array([id in chosen for id in rows.ids], bool)
    if name == "test":
        return splits["train"], rows.take(np.flatnonzero(held_out))
    if ratio < 1 and held_out.all():
        held_out[:] = False  # a handful of proteins: train on them, validate on none
    if len(rows) and held_out.all():
        raise UsageError(
            f"{ratio} leaves no protein of {printable(rows.source, 60)} to train on: "
            "there is no test split, so it is held out of train",
            field="eval_ratio",
        )
    return rows.take(np.flatnonzero(~held_out)), rows.take(np.flatnonzero(held_out))
