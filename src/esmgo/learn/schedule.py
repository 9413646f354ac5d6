"""The learning rate over a training."""

from __future__ import annotations

from esmgo.learn.state import State

WARM_UP = 0.02
"""The fraction of all steps in which a linear schedule rises."""


def set_learning_rate(state: State, steps_per_epoch: int) -> float:
    """Set, and return, the learning rate of the next step by the setting ``schedule``."""
    config = state.config
    rate, n_steps = config.learning_rate, steps_per_epoch * config.num_epochs
    if config.schedule == "linear":
        at = state.epoch * steps_per_epoch + state.step
        rate *= min((at + 1) / max(WARM_UP * n_steps, 1), (n_steps - at) / n_steps)
    for group in state.optimizer.param_groups:
        group["lr"] = rate
    return rate
