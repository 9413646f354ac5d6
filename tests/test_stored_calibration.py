"""Calibrations as short texts in the JSON of a blend."""

from base64 import b64encode
from dataclasses import fields

import numpy as np
import pytest
from calibrating import block, calibrated_by, sums_of
from hypothesis import given
from hypothesis import strategies as st

from esmgo.metrics.calibration_sums import CalibrationSums
from esmgo.predict.stored_calibration import (
    packed,
    packed_calibration,
    unpacked,
    unpacked_calibration,
)


@pytest.fixture(scope="module")
def made():
    scores, true, aspect, bins = block(np.random.default_rng(3), 400)
    return calibrated_by(sums_of(scores, true, aspect, bins), 0.01)


def same(found, wanted):
    for f in fields(wanted):
        np.testing.assert_array_equal(getattr(found, f.name), getattr(wanted, f.name))


def test_the_text_gives_the_same_calibration_back(made):
    text = packed_calibration(made)
    same(unpacked_calibration(text, 2, 2), made)
    assert len(text) * 36 / 4 < 60_000  # three aspects, three bands and four groups
    none = calibrated_by(CalibrationSums.empty(3, 1))
    same(unpacked_calibration(packed_calibration(none), 3, 1), none)


@given(st.lists(st.integers(0, 2**31 - 1), max_size=50))
def test_numbers_come_back(values):
    text = packed(np.array(values, np.int32))
    assert unpacked(text, len(values)).tolist() == values
    with pytest.raises(ValueError, match=r"numbers instead of|more than"):
        unpacked(text, len(values) + 1 if values else 1)


@pytest.mark.parametrize("shape", [(2, 1), (3, 2), (1, 2)])
def test_a_calibration_of_another_shape_is_refused(made, shape):
    with pytest.raises(ValueError, match=r"numbers|more than"):
        unpacked_calibration(packed_calibration(made), *shape)


@pytest.mark.parametrize("text", ["", "é", "x", "abcd", b64encode(b"abc").decode(), None, 5])
def test_a_text_that_is_no_calibration_is_refused(text):
    with pytest.raises((ValueError, TypeError)):
        unpacked_calibration(text, 2, 2)


@pytest.mark.parametrize(("field", "value"), [(0, 9999), (0, -1), (1, -1), (5, 1), (6, 999)])
def test_impossible_numbers_are_refused(made, field, value):
    values = unpacked(packed_calibration(made), 7 * 4 * made.curve.shape[-1]).reshape(7, 4, -1)
    values = values.copy()
    values[field, 1, -1] = value
    with pytest.raises(ValueError, match=r"below 0|does not ascend"):
        unpacked_calibration(packed(values.ravel()), 2, 2)
