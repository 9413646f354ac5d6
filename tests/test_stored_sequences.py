"""The sequences of an index come back as they were; damage is refused."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmgo.errors import CheckpointError
from esmgo.evidence.stored_sequences import StoredSequences

PATH = Path("x.index")
SEQUENCES = ["MKTAYIAKQR", "ACDEFGHIKLMNPQRSTVWYBJOUXZ", "M", "MKTAYIAKQR"]


@given(st.lists(st.text("ACDEFGHIKLMNPQRSTVWYX", min_size=1), max_size=20), st.booleans())
def test_sequences_come_back(sequences, small):
    stored = StoredSequences.of(sequences)
    found = StoredSequences.unpacked(stored.lengths, stored.packed(small=small), 1 << 20, PATH)
    assert [found[i] for i in range(len(found))] == sequences
    order = np.arange(len(sequences))[::-1]
    assert [found.take(order)[i] for i in range(len(found))] == sequences[::-1]


def test_equal_sequences_are_found():
    stored = StoredSequences.of(SEQUENCES)
    assert stored.equal_to("MKTAYIAKQR").tolist() == [0, 3]
    assert stored.equal_to("MKTAYIAKQ").tolist() == []
    assert StoredSequences.of([]).equal_to("M").tolist() == []


@pytest.mark.parametrize("lengths", [[10, 0, 1], [10, -1], [1 << 30]])
def test_impossible_lengths_are_refused(lengths):
    data = StoredSequences.of(SEQUENCES).packed()
    with pytest.raises(ValueError, match="impossible size"):
        StoredSequences.unpacked(np.array(lengths, np.int32), data, 1 << 20, PATH)


@pytest.mark.parametrize("change", [
    lambda data: data[:-3], lambda data: data[:0], lambda data: data ^ 255,
    lambda data: StoredSequences.of(["M" * 5]).packed(),
])  # fmt: skip
def test_damaged_sequences_are_refused_when_they_are_needed(change):
    stored = StoredSequences.of(SEQUENCES)
    found = StoredSequences.unpacked(stored.lengths, change(stored.packed()), 1 << 20, PATH)
    with pytest.raises(CheckpointError, match=r"x\.index: damaged sequences"):
        found[0]
