"""Short trainings of the tiny encoder on the sample."""

from killing import START, flags

from esmgo.cli.main import main
from esmgo.learn.config import TrainConfig


def train(folder, *words):
    """Train for two epochs as the flags of `killing.py` say; return the exit code."""
    return main(flags(folder, *START, "--num_epochs=2", *words))


def config(folder, **changes):
    """A training of one short epoch, into this folder."""
    settings = {
        "base_model": "tiny", "dataset": "sample", "num_epochs": 1, "seed": 3, "device": "cpu",
        "context_length": 32, "dtype": "fp32",
        "checkpoint_path": str(folder / "c.pt"), "run_dir_path": str(folder / "runs"),
    }  # fmt: skip
    return TrainConfig(**(settings | changes))


def losses(caplog) -> list[str]:
    """The loss of each epoch, as logged."""
    return [m.split("Entropy: ")[1].split(",")[0] for m in caplog.messages if "Entropy" in m]
