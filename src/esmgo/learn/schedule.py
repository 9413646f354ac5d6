"""The learning rates over a training."""

from __future__ import annotations

import math

from esmgo.learn.state import State

WARM_UP = 0.02
"""The fraction of all steps in which the learning rate rises, if `warm_up` is not given."""


def set_learning_rate(state: State, steps_per_epoch: int) -> float:
    """Set the learning rates of the next step by the setting ``schedule``; return the head's."""
    config = state.config
    n_steps = steps_per_epoch * config.num_epochs
    at = state.epoch * steps_per_epoch + state.step
    share = share_of(config.schedule, config.warm_up, at, n_steps)
    for group in state.optimizer.param_groups:
        group["lr"] = share * group["whole"]
    return share * config.learning_rate


def share_of(schedule: str, warm_up: float | None, at: int, n_steps: int) -> float:
    """Return which share of its learning rate a step uses: step ``at`` of ``n_steps``, from 0.

    Examples
    --------
    >>> [round(share_of("cosine", 0.25, at, 8), 2) for at in range(8)]
    [0.5, 1.0, 1.0, 0.93, 0.75, 0.5, 0.25, 0.07]
    """
    if warm_up is None:
        warm_up = 0.0 if schedule == "constant" else WARM_UP
    rising = warm_up * n_steps
    share = 1.0
    if schedule == "linear":
        share = (n_steps - at) / n_steps
    elif schedule == "cosine":
        share = (1 + math.cos(math.pi * max(0.0, at - rising) / (n_steps - rising))) / 2
    return min((at + 1) / max(rising, 1), share)
