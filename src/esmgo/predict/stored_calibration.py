"""Calibrations and information of terms as short texts, for the JSON of a blend.

Integers are deflated and written in base 64. A calibration of three aspects takes some 30 kB.
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from dataclasses import fields
from math import prod
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from esmgo.metrics.calibration import Calibration
from esmgo.metrics.calibration_sums import EDGES, Values
from esmgo.model.compression import deflated, inflated

Number = TypeVar("Number", np.int32, np.float64)

_ROUNDED = 10_000
"""Steps of the curves between 0 and 1."""

_SIZES = ("worth", "effective")
_COUNTS = tuple(f.name for f in fields(Calibration) if f.name not in ("curve", *_SIZES))


def packed_calibration(calibration: Calibration) -> str:
    """Return a text that `unpacked_calibration` turns back into the same calibration."""
    curve = np.nan_to_num(np.round(calibration.curve * _ROUNDED), nan=-1) + 1
    parts = [np.diff(curve, axis=-1, prepend=0)]
    parts += [-np.diff(getattr(calibration, name), axis=-1, append=0) for name in _COUNTS]
    for name in _SIZES:
        step = -np.diff(getattr(calibration, name), axis=-1, append=0)
        parts.append(unsigned(step))
    return packed(np.stack(parts).astype(np.int32).ravel())


def unpacked_calibration(text: str, n_kinds: int, n_groups: int) -> Calibration:
    """Read a result of `packed_calibration`.

    Raises ValueError, TypeError or zlib.error if ``text`` is none, of this many kinds and groups.
    """
    shape = len(fields(Calibration)), n_kinds, n_groups, len(EDGES)
    values = unpacked(text, prod(shape)).reshape(shape).astype(np.float64)
    if (values < 0).any():
        raise ValueError("a count is below 0")
    curve, *counts = np.cumsum(values[0], axis=-1) - 1, *values[1 : 1 + len(_COUNTS)]
    curve[(curve < 0).all(axis=-1)] = np.nan
    if (curve < 0).any() or (curve > _ROUNDED).any():
        raise ValueError("a curve does not ascend from 0 to 1")
    sizes = [signed(x) for x in values[-len(_SIZES) :]]
    names = (*_COUNTS, *_SIZES)
    sums = {name: _from_above(x) for name, x in zip(names, [*counts, *sizes], strict=True)}
    if any((sums[name] < 0).any() for name in _SIZES):
        raise ValueError("a number of calls is below 0")
    return Calibration(curve / _ROUNDED, **sums)


def packed(values: NDArray[np.int32]) -> str:
    """Return integers from 0 as a text."""
    return b64encode(deflated(values)).decode()


def unpacked(text: str, n: int) -> NDArray[np.int32]:
    """Read a result of `packed` of ``n`` integers.

    Raises ValueError, TypeError or zlib.error if ``text`` is none.
    """
    try:
        values = inflated(np.frombuffer(b64decode(text, validate=True), np.uint8), 4 * n)
    except zlib.error:
        raise ValueError("damaged numbers") from None
    if len(values) != n:
        raise ValueError(f"{len(values):,} numbers instead of {n:,}")
    return values


def unsigned(values: NDArray[Number]) -> NDArray[Number]:
    """Return integers from 0 for signed ones: 0, -1, 1, -2, 2 … become 0, 1, 2, 3, 4 …"""
    return np.where(values < 0, -2 * values - 1, 2 * values)


def signed(values: NDArray[Number]) -> NDArray[Number]:
    """Return the integers of which these are the result of `unsigned`."""
    return np.where(values % 2, -(values + 1) // 2, values // 2)


def _from_above(counts: Values) -> Values:
    return np.cumsum(counts[..., ::-1], axis=-1)[..., ::-1]
