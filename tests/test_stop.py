"""Signals end training: the first saves, the second leaves at once."""

import os
import signal

import pytest
from killing import flags, weights_sha256
from training import train

from esmgo.cli.main import main
from esmgo.learn import loop, state
from esmgo.model.checkpoint import open_checkpoint


@pytest.mark.parametrize(
    ("signum", "more"),
    [(signal.SIGTERM, ()), (signal.SIGINT, ("--substitution_rate=0.2",))],
)
def test_a_signal_saves_and_leaves_and_resume_ends_with_the_same_bits(
    two_epochs, tmp_path, signum, more, capsys, monkeypatch
):
    whole = tmp_path / "whole" if more else two_epochs
    assert not more or train(whole, *more) == 0
    wanted = weights_sha256(whole / "c.pt")
    real, steps = loop.add_gradient, [0]

    def add_gradient(*arguments):
        steps[0] += 1
        if steps[0] == 11:
            os.kill(os.getpid(), signum)
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "add_gradient", add_gradient)
        assert train(tmp_path / "stopped", *more) == 128 + signum
    err = capsys.readouterr().err
    assert "--resume" in err
    at = open_checkpoint(tmp_path / "stopped" / "c.pt").training
    assert (at["epoch"], at["step"]) == (1, 10 - at_steps(at))
    assert main(flags(tmp_path / "stopped", "--resume")) == 0
    assert "Previous checkpoint resumed successfully" in capsys.readouterr().out
    assert weights_sha256(tmp_path / "stopped" / "c.pt") == wanted


def at_steps(at) -> int:
    """Windows of an epoch of the sample."""
    return -(-at["n_train"] // 64)


def test_a_second_signal_leaves_at_once_and_the_last_checkpoint_is_whole(trained, monkeypatch):
    before = (trained / "c.pt").read_bytes()

    def save(path, *args, **more):
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("the second signal should have ended the save")

    real, steps = loop.add_gradient, [0]

    def add_gradient(*arguments):
        steps[0] += 1
        if steps[0] == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(*arguments)

    monkeypatch.setattr(state, "save_checkpoint", save)
    monkeypatch.setattr(loop, "add_gradient", add_gradient)
    assert train(trained, "--resume", "--num_epochs=4") == 143
    assert (trained / "c.pt").read_bytes() == before
