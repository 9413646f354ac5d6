"""Scores in batches: the same bits in any batch, with any number of threads."""

import threading
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracles import sequence

from esmgo.model.caller import Caller
from esmgo.model.packing import CHUNK
from esmgo.model.scoring import Budget, in_batches, probabilities, token_budget
from esmgo.model.tokens import encode

CPU = torch.device("cpu")


@settings(deadline=None, max_examples=60)
@example([1, 103, 1, 1, 1], Random(0))  # the end of an array of sigmoids was another bit
@given(st.lists(st.integers(1, 2 * CHUNK), min_size=1, max_size=8), st.randoms())
def test_scores_are_the_same_bits_in_any_company_order_and_batch(
    caller_and_oracle, lengths, random
):
    caller, _ = caller_and_oracle
    rows = [encode(sequence(n, seed), 1026) for seed, n in enumerate(lengths)]
    order = list(range(len(rows)))
    random.shuffle(order)
    together = np.empty((len(rows), 7), np.float32)
    for at, found, _ in probabilities(caller, [rows[i] for i in order], CPU):
        together[[order[i] for i in at]] = found
    for row, score in zip(rows, together, strict=True):
        ((_, alone, _),) = probabilities(caller, [row], CPU)
        np.testing.assert_array_equal(alone[0], score)


@pytest.fixture
def two_threads():
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


def test_scores_are_the_same_to_the_last_bit_with_two_threads(two_threads):
    draw = np.random.default_rng(5)
    caller = Caller.start(None, 40, dropout=0.0, seed=0)
    rows = [draw.integers(4, 24, n).astype(np.uint8) for n in (700, 500, 3, 60, 1024, 1024, 200)]
    found = {}
    for n_threads in (1, 2):
        torch.set_num_threads(n_threads)
        budget = token_budget(caller, CPU)
        assert budget.workers == n_threads
        found[n_threads] = np.empty((len(rows), 40), np.float32)
        for at, values, _ in probabilities(caller, rows, CPU):
            found[n_threads][at] = values
        assert torch.get_num_threads() == n_threads
    np.testing.assert_array_equal(found[1], found[2])


def test_batches_side_by_side_come_in_order_and_are_halved_where_memory_is_short(two_threads):
    lengths = np.arange(100, 0, -1)
    seen = []

    def compute(at):
        seen.append(len(at))
        if len(at) > 5:
            raise MemoryError
        return lengths[at].sum()

    found = list(in_batches(lengths, compute, Budget(400, 2)))
    assert np.concatenate([at for at, _ in found]).tolist() == list(range(100))
    assert all(made == lengths[at].sum() for at, made in found)
    assert max(seen) > 5
    assert torch.get_num_threads() == 2


def test_another_error_in_a_worker_is_told_at_once(two_threads):
    def compute(at):
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        list(in_batches(np.arange(1, 50), compute, Budget(60, 2)))
    assert torch.get_num_threads() == 2


def test_leaving_early_leaves_no_worker_behind(two_threads):
    for _ in in_batches(np.full(50, 10), lambda at: at.sum(), Budget(20, 2)):
        break
    assert torch.get_num_threads() == 2
    assert not [t for t in threading.enumerate() if t.name.startswith("batch")]
