"""The windows of an epoch."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from esmgo.learn.windows import epoch_windows

LENGTHS = st.lists(st.integers(3, 300), min_size=1, max_size=80).map(np.array)


@given(LENGTHS, st.integers(1, 8), st.integers(1, 4), st.integers(0, 9), st.integers(1, 3))
def test_an_epoch_holds_every_protein_once_in_an_order_of_seed_and_epoch(n, b, a, seed, epoch):
    epochs = [epoch_windows(n, b, a, seed, epoch) for _ in range(2)]
    flat = [np.concatenate([rows for window in each for rows in window]) for each in epochs]
    assert sorted(flat[0]) == list(range(len(n)))
    assert (flat[0] == flat[1]).all()
    assert all(len(window) <= a and all(len(rows) <= b for rows in window) for window in epochs[0])
