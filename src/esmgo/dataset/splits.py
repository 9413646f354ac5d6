"""The choice of held-out proteins, by their ids alone, so that new rows do not change it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from esmgo.data.accessions import Numbering
from esmgo.dataset.rows import Rows
from esmgo.errors import UsageError, printable

HOLD_OUT = 0.1
"""Proportion of train that is held out by default if there is no test split."""


def held_out_by_hash(ids: Sequence[str], ratio: float) -> NDArray[np.bool_]:
    """Choose about ``ratio``, in [0, 1], of N distinct ids by a stable hash; shape=(N,).

    The choice of a protein depends on its own id alone, not on the order of the rows. There is
    one exception: with a ratio above 0, two proteins or more, and no hash below the ratio, the
    lowest hash is chosen.

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


def listed(ids: Sequence[str], kept: Collection[str]) -> NDArray[np.bool_]:
    """Return which of N ids are among ``kept``; shape=(N,).

    They are compared by accession, unless each of ``kept`` is one of the ids as written.
    """
    written, wanted = frozenset(ids), frozenset(kept)
    if wanted <= written:
        return np.array([id in wanted for id in ids], bool)
    numbering = Numbering(kept)
    return np.array([numbering.find(id) >= 0 for id in ids], bool)


def divide(
    splits: dict[str, Rows], ratio: float | None, kept: Collection[str] | None
) -> tuple[Rows, Rows]:
    """Return the rows to train on and the rows to validate on.

    The latter are a part of ``test``, or of ``train`` if there is no ``test``: the ids ``kept``
    if given, else ``ratio`` by `held_out_by_hash`. Without a ratio they are all of ``test``, or
    `HOLD_OUT` of ``train``.
    """
    name = "test" if "test" in splits else "train"
    rows = splits[name]
    if ratio is None:
        ratio = 1.0 if name == "test" else HOLD_OUT
    held_out = held_out_by_hash(rows.ids, ratio) if kept is None else listed(rows.ids, kept)
    if name == "test":
        return splits["train"], rows.take(np.flatnonzero(held_out))
    if ratio < 1 and held_out.all():
        held_out[:] = False  # very few proteins: train on all, validate on none
    if len(rows) and held_out.all():
        raise UsageError(
            f"{ratio} leaves no protein of {printable(rows.source, 60)} to train on: "
            "there is no test split, so validation proteins are held out of train",
            field="eval_ratio",
        )
    return rows.take(np.flatnonzero(~held_out)), rows.take(np.flatnonzero(held_out))
