"""The state of a training: where it starts, and its learning rates."""

import numpy as np
import pytest
import torch
from training import config

from esmgo.dataset.opening import open_dataset
from esmgo.learn.state import State


def test_the_output_bias_starts_at_the_log_odds_of_each_term(tmp_path):
    data = open_dataset("sample")
    state = State.start(config(tmp_path), data, None, torch.device("cpu"))
    counts = data.train.terms.frequency(len(data.labels))
    rate = (counts + 0.5) / (len(data.train) + 1)
    bias = state.caller.head.out_proj.bias.detach().numpy()
    np.testing.assert_allclose(bias, np.log(rate / (1 - rate)), rtol=1e-5, atol=1e-6)


def test_a_linear_schedule_goes_up_and_then_down_to_nothing(tmp_path):
    chosen = config(tmp_path, schedule="linear", learning_rate=1.0, num_epochs=10)
    state = State.start(chosen, open_dataset("sample"), None, torch.device("cpu"))
    rates = []
    for state.epoch in range(10):
        for state.step in range(50):
            rates.append(state.set_learning_rate(50))
    assert state.optimizer.param_groups[0]["lr"] == rates[-1] == pytest.approx(1 / 500)
    np.testing.assert_allclose(rates[:9], np.arange(1, 10) / 10)  # 2 % of 500 steps
    np.testing.assert_allclose(rates[10:], 1 - np.arange(10, 500) / 500)
