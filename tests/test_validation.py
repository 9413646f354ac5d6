"""Validation sees the weights of the last step."""

import numpy as np
from training import config

from esmgo.dataset.opening import open_dataset
from esmgo.evidence.index_file import open_index
from esmgo.learn.finetune import fit
from esmgo.model.checkpoint import open_checkpoint
from esmgo.predict.scorer import Scorer


def test_validation_and_index_see_the_weights_of_the_last_step_in_bf16(tmp_path):
    found = fit(
        config(tmp_path, num_epochs=2, eval_interval=1, dtype="bf16", dropout=0.0,
               learning_rate=3e-3, unfreeze_last_k_layers=2, eval_ratio=1.0)
    )  # fmt: skip
    predictor = Scorer.of(
        open_checkpoint(found.path), device="cpu", context_length=32, dtype="bf16"
    )
    data = open_dataset("sample", eval_ratio=1.0)
    some = [sequence[:30] for sequence in data.train.sequences[:40]]
    _, vectors, _ = predictor.states(some)
    index = open_index(open_checkpoint(found.path)).vectors[:40].astype(np.float32)
    np.testing.assert_allclose(index, vectors, atol=0.1)  # what bf16 rounds
