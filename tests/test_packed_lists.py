"""Compressed lists: they come back as they were, in parts, and damage is refused."""

import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from esmgo.errors import CheckpointError
from esmgo.evidence.packed_lists import PART, Packed, PackedLists
from esmgo.go.sparse import SparseRows
from esmgo.model.compression import deflated, inflated

N_COLUMNS = 100_000
ROOM = 1 << 24


def lists_of(rng, n, longest):
    """Ascending lists, most of which are short."""
    counts = 1 + np.minimum(rng.geometric(0.2, n), longest - 1)
    counts[rng.integers(n)] = longest
    rows = [np.sort(rng.choice(N_COLUMNS, count, replace=False)) for count in counts]
    return SparseRows.of(counts, np.concatenate(rows).astype(np.int32))


def opened(packed):
    return PackedLists(packed, N_COLUMNS, ROOM, Path("x.index"))


def changed(packed, name, values):
    return packed._replace(**{name: np.frombuffer(deflated(values.astype(np.int32)), np.uint8)})


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3000), st.integers(1, 3 * PART))
def test_lists_come_back_in_any_order(seed, n, longest):
    rng = np.random.default_rng(seed)
    wanted = lists_of(rng, n, longest)
    found = opened(Packed.of(wanted))
    assert len(found) == n
    for rows in (rng.integers(0, n, 7), np.zeros(0, np.intp), np.arange(n)):
        expected = wanted.take(rows)
        got = found.take(rows)
        np.testing.assert_array_equal(got.indptr, expected.indptr)
        np.testing.assert_array_equal(got.indices, expected.indices)
    np.testing.assert_array_equal(found.all().indices, wanted.indices)


@given(arrays(np.int32, st.integers(0, 50), elements=st.integers(0, 2**31 - 1)))
def test_integers_come_back(values):
    packed = np.frombuffer(deflated(values), np.uint8)
    np.testing.assert_array_equal(inflated(packed, ROOM), values)


def test_threads_that_inflate_a_part_at_the_same_time_take_the_right_lists():
    rng = np.random.default_rng(3)
    wanted = lists_of(rng, 4000, 50)
    packed, rows = Packed.of(wanted), np.arange(4000)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            for _ in range(20):
                found = opened(packed)
                for got in pool.map(found.take, [rows] * 16):
                    np.testing.assert_array_equal(got.indices, wanted.indices)
    finally:
        sys.setswitchinterval(before)


def test_no_list_at_all():
    found = opened(Packed.of(SparseRows.of([], np.zeros(0, np.int32))))
    assert len(found.take(np.zeros(0, np.intp))) == len(found.all()) == 0


def test_only_the_parts_of_a_query_are_inflated():
    found = opened(Packed.of(lists_of(np.random.default_rng(1), 20_000, 50)))
    assert found._is_inflated.sum() == 0
    found.take(np.array([5, 17]))
    assert 0 < found._is_inflated.sum() <= 2 < len(found._is_inflated)


@pytest.mark.parametrize("name", ["counts", "firsts", "sizes", "parts"])
@pytest.mark.parametrize("change", ["short", "more", "text"])
def test_arrays_that_do_not_fit_together_are_refused(name, change):
    packed = Packed.of(lists_of(np.random.default_rng(2), 100, 9))
    if change == "text":
        packed = packed._replace(**{name: np.frombuffer(b"hello", np.uint8)})
    elif name == "parts":
        parts = packed.parts
        packed = packed._replace(parts=parts[:-1] if change == "short" else np.append(parts, parts))
    else:
        values = inflated(getattr(packed, name), ROOM)
        packed = changed(packed, name, values[:-1] if change == "short" else np.append(values, 1))
    with pytest.raises((ValueError, zlib.error)):
        opened(packed)


@pytest.mark.parametrize("count", [0, -1, N_COLUMNS + 1])
def test_lists_of_an_impossible_length_are_refused(count):
    packed = Packed.of(lists_of(np.random.default_rng(3), 100, 9))
    counts = inflated(packed.counts, ROOM)
    counts[4] = count
    with pytest.raises(ValueError, match="impossible size"):
        opened(changed(packed, "counts", counts))


def test_lists_that_need_more_than_there_is_room_for_are_refused():
    packed = Packed.of(lists_of(np.random.default_rng(4), 100, 9))
    huge = changed(packed, "counts", np.full(1000, N_COLUMNS))
    with pytest.raises(ValueError, match="more than 16,777,216 bytes"):
        opened(huge)


def test_a_damaged_part_is_refused_when_it_is_needed():
    wanted = lists_of(np.random.default_rng(5), 5000, 60)
    packed = Packed.of(wanted)
    parts = packed.parts.copy()
    parts[-300:] ^= 255  # of the last part, of the longest lists
    found = opened(packed._replace(parts=parts))
    first = np.flatnonzero(wanted.counts == 1)[:3]
    np.testing.assert_array_equal(found.take(first).indices, wanted.take(first).indices)
    with pytest.raises(CheckpointError, match=r"x\.index: damaged k-mers"):
        found.all()


def test_entries_out_of_range_are_refused():
    packed = Packed.of(lists_of(np.random.default_rng(6), 50, 9))
    found = PackedLists(packed, 40_000, ROOM, Path("x.index"))
    with pytest.raises(CheckpointError, match="out of range"):
        found.all()
