"""The learning rate over a training."""

import numpy as np
import pytest
import torch
from training import config

from esmgo.dataset.opening import open_dataset
from esmgo.learn.schedule import set_learning_rate
from esmgo.learn.state import State


def test_a_linear_schedule_goes_up_and_then_down_to_nothing(tmp_path):
    chosen = config(tmp_path, schedule="linear", learning_rate=1.0, num_epochs=10)
    state = State.start(chosen, open_dataset("sample"), None, torch.device("cpu"))
    rates = []
    for state.epoch in range(10):
        for state.step in range(50):
            rates.append(set_learning_rate(state, 50))
    assert state.optimizer.param_groups[0]["lr"] == rates[-1] == pytest.approx(1 / 500)
    np.testing.assert_allclose(rates[:9], np.arange(1, 10) / 10)  # 2 % of 500 steps
    np.testing.assert_allclose(rates[10:], 1 - np.arange(10, 500) / 500)
