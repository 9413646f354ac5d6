"""The state of a training: where it starts, and its learning rates."""

import numpy as np
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
