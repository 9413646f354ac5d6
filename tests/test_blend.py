"""The blend that a checkpoint holds: promises, and the round trip."""

import shutil

import numpy as np
import pytest

from esmgo.errors import CheckpointError
from esmgo.model.checkpoint import open_checkpoint, replace_blend
from esmgo.predict.blend import Blend, Variant


def test_a_promise_is_made_in_all_aspects_and_groups_together(blended):
    checkpoint = open_checkpoint(blended[0])
    variant = Blend.of(checkpoint).variant(["head", "neighbours"])
    labels, n_groups = checkpoint.labels, len(variant.edges) + 1
    found = variant.thresholds(0.6, np.arange(n_groups), labels)  # (G, T)
    alone = variant.calibration.thresholds_for(0.6, 0.9)  # (A, G)
    joint = variant.calibration.thresholds_for(0.6, 1 - 0.1 / (3 * n_groups))
    assert np.isfinite(joint).any()
    for a, aspect in enumerate(labels.aspects):
        columns = found[:, labels.columns_of(aspect)]
        assert (columns == joint[a][:, None]).all()
        assert (columns >= alone[a][:, None]).all()
    assert (joint > alone).any()


def test_blend_survives_the_round_trip_and_weights_stay_as_they_were(blended, checkpoint):
    found = Blend.of(open_checkpoint(blended[0]))
    assert [v.sources for v in found.variants] == [
        ("head",),
        ("head", "neighbours"),
        ("head", "neighbours", "kmers"),
    ]
    again = Variant.from_json(found.variants[1].to_json())
    assert again.stackers == found.variants[1].stackers
    assert Blend.of(open_checkpoint(checkpoint)) is None
    opened = open_checkpoint(blended[0])
    assert opened.optimizer_state()  # resuming still works
    assert opened.training["epoch"] == 4


def test_damaged_blend_is_refused(blended, tmp_path):
    path = tmp_path / "checkpoint.pt"
    shutil.copy(blended[0], path)
    for broken in ({"blend": 1, "num_neighbours": 3, "variants": [{}]}, {"blend": 9}):
        replace_blend(path, broken)
        with pytest.raises(CheckpointError, match="blend"):
            Blend.of(open_checkpoint(path))
