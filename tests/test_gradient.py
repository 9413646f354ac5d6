"""The gradient of a window, however it is cut into batches."""

import numpy as np
import pytest
import torch
from training import config

from esmgo.dataset.opening import open_dataset
from esmgo.learn.finetune import fit
from esmgo.learn.gradient import add_gradient
from esmgo.learn.state import State
from esmgo.learn.stop import StopRequest
from esmgo.learn.windows import window_of
from esmgo.model.checkpoint import open_checkpoint


def test_the_gradient_does_not_depend_on_how_a_window_is_cut(tmp_path):
    results = []
    for batch_size, steps in ((16, 4), (64, 1)):
        folder = tmp_path / str(batch_size)
        fit(config(folder, dropout=0.0, batch_size=batch_size, learning_rate=1e-3,
                   gradient_accumulation_steps=steps, eval_interval=99))  # fmt: skip
        results.append(open_checkpoint(folder / "c.pt").training["n_updates"])
    assert results[0] == results[1]
    data = open_dataset("sample")
    gradients = []
    for cut in (1, 3):
        state = State.start(config(tmp_path, dropout=0.0), data, None, torch.device("cpu"))
        window = window_of(state, np.array_split(np.arange(20), cut))
        add_gradient(state, window, StopRequest())
        gradients.append([p.grad for p in state.caller.trainable().values()])
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_batches_side_by_side_have_the_gradient_of_one_after_the_other(tmp_path, threads):
    data = open_dataset("sample")
    gradients = []
    for n in (1, 3, 3):
        threads(n)
        chosen = config(tmp_path, dropout=0.0, unfreeze_last_k_layers=2)
        state = State.start(chosen, data, None, torch.device("cpu"))
        window = window_of(state, [np.arange(16), np.arange(16, 23)])
        assert [batch.n for batch in window.batches] == ([16, 7] if n == 1 else [6, 6, 4, 3, 3, 1])
        loss = add_gradient(state, window, StopRequest())
        assert torch.get_num_threads() == n
        found = [p.grad.clone() for p in state.caller.trainable().values()]
        gradients.append([torch.tensor(loss), *found])
    for one, *others in zip(*gradients, strict=True):
        assert torch.equal(*others)
        torch.testing.assert_close(one, others[0], rtol=1e-4, atol=1e-7)
