"""TensorBoard gets the tags of the contract."""

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from training import config

from esmgo.learn.finetune import fit


def test_tensorboard_gets_the_tags_of_the_contract(tmp_path):
    fit(config(tmp_path, num_epochs=2))
    events = EventAccumulator(str(tmp_path / "runs"))
    events.Reload()
    assert {
        "Cross Entropy", "Gradient Norm", "F1 Score", "Precision", "Recall", "Fmax/MF", "Fmax/BP",
        "Fmax/CC", "Learning Rate", "Residues per Second",
    } <= set(events.Tags()["scalars"])  # fmt: skip
