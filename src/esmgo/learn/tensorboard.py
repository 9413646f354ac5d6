"""The TensorBoard log of a training."""

from __future__ import annotations

import time
from itertools import count
from pathlib import Path
from typing import Any, Self

from esmgo.errors import MachineError, UsageError, printable
from esmgo.go.terms import Aspect
from esmgo.learn.validation import Validation
from esmgo.metrics.result import name_of

NAIVE = "term-frequency"
"""The name of the run of the baseline, below the run of the training."""

VALIDATION = "validation"
"""The name of the run of the validation loss, below the run of the training."""


class Board:
    """Writes a training as a TensorBoard run.

    The run is a new folder below ``run_dir_path``, named by the time at which the training
    started or resumed, such as ``2026-11-27_14-05-00``. Its x axis counts epochs; that of
    ``Cross Entropy/Step`` counts optimiser steps. Two runs below it contribute a second curve to
    its charts: ``validation`` to ``Cross Entropy``, ``term-frequency`` (the naive baseline) to
    ``Fmax``. Without ``run_dir_path`` nothing is written. Raises MachineError if the folder cannot
    be written.
    """

    def __init__(self, run_dir_path: str | None) -> None:
        self._writers: dict[str, Any] = {}
        if run_dir_path is None:
            return
        from torch.utils.tensorboard import SummaryWriter  # two seconds, so not at import

        try:
            run = _new_folder(Path(run_dir_path))
            for name in ("", VALIDATION, NAIVE):
                self._writers[name] = SummaryWriter(str(run / name))
        except ValueError:  # a NUL character, or bytes that TensorBoard cannot encode
            reason = f"{printable(run_dir_path)} is not a path of plain text"
            raise UsageError(reason, "run_dir_path") from None
        except OSError as error:
            raise MachineError(
                f"`run_dir_path` {printable(run_dir_path)} cannot be written: {error.strerror}"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._writers.values():
            writer.close()

    def step(self, n_updates: int, cross_entropy: float) -> None:
        """Write the mean cross entropy of an optimiser step, the ``n_updates``-th."""
        if self._writers:
            self._writers[""].add_scalar("Cross Entropy/Step", cross_entropy, n_updates)

    def training(
        self, epoch: int, cross_entropy: float, norm: float, rate: float, speed: float
    ) -> None:
        """Write the values of a training epoch; ``speed`` in residues per second."""
        self._add("", epoch, {
            "Cross Entropy": cross_entropy, "Gradient Norm": norm,
            "Learning Rate": rate, "Residues per Second": speed,
        })  # fmt: skip

    def validation(self, epoch: int, found: Validation, naive: dict[Aspect | None, float]) -> None:
        """Write the values of a validation, and the baseline's Fmax beside them."""
        micro = found.micro
        self._add("", epoch, {
            "F1 Score": micro.f1, "Precision": micro.precision, "Recall": micro.recall,
            **_by_aspect(found.fmax),
        })  # fmt: skip
        self._add(VALIDATION, epoch, {"Cross Entropy": found.cross_entropy})
        self._add(NAIVE, epoch, _by_aspect(naive))

    def _add(self, run: str, epoch: int, values: dict[str, float]) -> None:
        if not self._writers:
            return
        for tag, value in values.items():
            self._writers[run].add_scalar(tag, value, epoch)
        self._writers[run].flush()


def _by_aspect(fmax: dict[Aspect | None, float]) -> dict[str, float]:
    return {f"Fmax/{name_of(aspect)}": value for aspect, value in fmax.items()}


def _new_folder(parent: Path) -> Path:
    """Make a folder named by the time; a number is added if another training has the name."""
    now = time.strftime("%Y-%m-%d_%H-%M-%S")
    for i in count(1):
        path = parent / (now if i == 1 else f"{now}_{i}")
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            if not parent.is_dir():
                raise
            continue
        return path
    raise AssertionError
