"""The learning rates over a training."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from training import config

from esmgo.dataset.opening import open_dataset
from esmgo.learn.schedule import set_learning_rate, share_of
from esmgo.learn.state import State


def started(folder, **changes) -> State:
    return State.start(
        config(folder, learning_rate=1.0, num_epochs=10, **changes),
        open_dataset("sample"), None, torch.device("cpu"),
    )  # fmt: skip


def test_a_linear_schedule_goes_up_and_then_down_to_nothing(tmp_path):
    state = started(tmp_path, schedule="linear")
    rates = []
    for state.epoch in range(10):
        for state.step in range(50):
            rates.append(set_learning_rate(state, 50))
    assert state.optimizer.param_groups[0]["lr"] == rates[-1] == pytest.approx(1 / 500)
    np.testing.assert_allclose(rates[:9], np.arange(1, 10) / 10)  # 2 % of 500 steps
    np.testing.assert_allclose(rates[10:], 1 - np.arange(10, 500) / 500)


def test_a_cosine_schedule_is_half_a_wave_after_the_warm_up():
    rates = [share_of("cosine", 0.2, at, 100) for at in range(100)]
    np.testing.assert_allclose(rates[:20], np.arange(1, 21) / 20)
    np.testing.assert_allclose(rates[20:], (1 + np.cos(np.pi * np.arange(80) / 80)) / 2)


@given(
    st.sampled_from(("constant", "linear", "cosine")),
    st.none() | st.floats(0, 0.99),
    st.integers(1, 500),
)
def test_a_share_is_above_0_rises_once_and_never_again(schedule, warm_up, n_steps):
    rates = np.array([share_of(schedule, warm_up, at, n_steps) for at in range(n_steps)])
    assert (rates > 0).all()
    assert (rates <= 1).all()
    directions = np.sign(np.diff(rates))
    assert (np.diff(directions[directions != 0]) <= 0).all()
    if schedule == "constant" and not warm_up:
        assert (rates == 1).all()


def test_the_encoder_has_a_learning_rate_of_its_own(tmp_path):
    state = started(
        tmp_path, schedule="linear", warm_up=0.5, encoder_learning_rate=0.1,
        unfreeze_last_k_layers=1, weight_decay=0.2,
    )  # fmt: skip
    assert set_learning_rate(state, 1) == pytest.approx(1 / 5)
    head, encoder = state.optimizer.param_groups
    assert {id(p) for p in head["params"]} == {id(p) for p in state.caller.head.parameters()}
    assert len(head["params"]) + len(encoder["params"]) == len(state.caller.trainable())
    assert (head["lr"], encoder["lr"]) == (pytest.approx(0.2), pytest.approx(0.02))
    assert head["weight_decay"] == encoder["weight_decay"] == 0.2
