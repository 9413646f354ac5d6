"""The TensorBoard log of a training."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from esmgo.errors import MachineError, printable
from esmgo.learn.validation import Validation
from esmgo.metrics.result import name_of


class Board:
    """Writes one point per epoch into a TensorBoard run directory.

    The directory is created if missing. ``resumed_after`` is the number of epochs that were done
    when training resumed; points of later epochs are hidden. Raises MachineError if the folder
    cannot be written.
    """

    def __init__(self, run_dir_path: str, resumed_after: int | None) -> None:
        from torch.utils.tensorboard import SummaryWriter  # two seconds, so not at import

        purge = None if resumed_after is None else resumed_after + 1
        try:
            Path(run_dir_path).mkdir(parents=True, exist_ok=True)
            self._writer: Any = SummaryWriter(run_dir_path, purge_step=purge)
        except OSError as error:
            raise MachineError(
                f"`run_dir_path` {printable(run_dir_path)} cannot be written: {error.strerror}"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def training(
        self, epoch: int, cross_entropy: float, norm: float, rate: float, speed: float
    ) -> None:
        """Write the values of a training epoch; ``speed`` in residues per second."""
        self._add(epoch, {
            "Cross Entropy": cross_entropy, "Gradient Norm": norm,
            "Learning Rate": rate, "Residues per Second": speed,
        })  # fmt: skip

    def validation(self, epoch: int, found: Validation) -> None:
        """Write the values of a validation."""
        micro = found.micro
        self._add(epoch, {
            "F1 Score": micro.f1, "Precision": micro.precision, "Recall": micro.recall,
            **{f"Fmax/{name_of(aspect)}": value for aspect, value in found.fmax.items()},
        })  # fmt: skip

    def _add(self, epoch: int, values: dict[str, float]) -> None:
        for tag, value in values.items():
            self._writer.add_scalar(tag, value, epoch)
        self._writer.flush()
