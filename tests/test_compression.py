"""What is stored in little room: whole numbers exactly, vectors nearly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmgo.go.sparse import SparseRows
from esmgo.model.compression import Coarse, deflated, deflated_lists, inflated, inflated_lists


@given(st.lists(st.integers(0, 300) | st.integers(0, 2**31 - 1), max_size=60))
def test_numbers_come_back_as_they_were(numbers):
    data = np.frombuffer(deflated(np.array(numbers, np.int32)), np.uint8)
    found = inflated(data, 1 << 20)
    assert found.dtype == np.int32
    assert found.tolist() == numbers


@given(st.lists(st.lists(st.integers(0, 500), unique=True, max_size=6).map(sorted), max_size=9))
def test_lists_come_back_as_they_were(lists):
    indptr = np.cumsum([0, *map(len, lists)])
    values = np.array([v for each in lists for v in each], np.int32)
    data = (np.frombuffer(part, np.uint8) for part in deflated_lists(SparseRows(indptr, values)))
    found = inflated_lists(*data, 1 << 20)
    np.testing.assert_array_equal(found.indptr, indptr)
    np.testing.assert_array_equal(found.indices, values)


@pytest.mark.parametrize("most", [0, 1, 4 * 999_999])
def test_no_more_is_inflated_than_there_is_room_for(most):
    data = np.frombuffer(deflated(np.zeros(1_000_000, np.int32)), np.uint8)
    assert len(data) < 5000
    assert len(inflated(data, 4_000_000)) == 1_000_000
    with pytest.raises(ValueError, match="cut short, or more than"):
        inflated(data, most)
    with pytest.raises(ValueError, match="cut short, or more than"):
        inflated_lists(data, data, most)


def test_small_numbers_take_little_room():
    numbers = np.random.default_rng(0).geometric(0.2, 20_000).astype(np.int32)
    numbers[::10] += 10_000
    assert len(deflated(numbers)) < 1.0 * len(numbers)  # 5 of 32 bits say something


@pytest.mark.parametrize("width", [1, 3, 8, 192])
def test_coarse_vectors_are_near_in_a_half_or_less_of_the_bytes(width):
    draw = np.random.default_rng(1)
    spread = 1 / np.arange(1, width + 1)
    turn, _ = np.linalg.qr(draw.normal(size=(width, width)))
    vectors = (draw.normal(size=(400, width)) * spread) @ turn + 5
    found = Coarse.of(vectors)
    assert found.steps.nbytes <= 400 * (width + 1) // 2
    far = found.vectors() - vectors
    assert (far**2).sum() < 0.04 * ((vectors - vectors.mean(axis=0)) ** 2).sum()


def test_equal_vectors_come_back():
    vectors = np.full((5, 6), 2.5, np.float16)
    np.testing.assert_array_equal(Coarse.of(vectors).vectors(), vectors)


def test_arrays_that_do_not_fit_together_are_refused():
    coarse = Coarse.of(np.random.default_rng(2).normal(size=(6, 8)))
    with pytest.raises(ValueError, match="do not fit"):
        coarse._replace(scales=coarse.scales[:1]).vectors()
    with pytest.raises(ValueError, match="do not fit"):
        coarse._replace(axes=coarse.axes[:2]).vectors()
