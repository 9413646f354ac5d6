"""Which proteins go through the model together."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from esmgo.model.batches import token_batches

LENGTHS = st.lists(st.integers(3, 300), min_size=1, max_size=80).map(np.array)


@given(LENGTHS, st.integers(1, 2000))
def test_token_batches_hold_every_protein_once_within_the_budget(lengths, budget):
    batches = token_batches(lengths, budget)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    for rows in batches:
        assert len(rows) == 1 or len(rows) * lengths[rows].max() <= budget
