"""The blend that a checkpoint holds: promises, and the round trip."""

import shutil

import numpy as np
import pytest

from esmgo.errors import CheckpointError
from esmgo.model.checkpoint import open_checkpoint, replace_blend
from esmgo.predict.blend import Blend, Variant


def test_each_aspect_group_and_band_has_its_own_promise(blended):
    checkpoint = open_checkpoint(blended[0])
    variant = Blend.of(checkpoint).variant(["head", "neighbours"])
    labels, bands = checkpoint.labels, variant.bands
    found = variant.thresholds(0.6, np.arange(len(variant.edges) + 1), labels, 0)  # (G, T)
    by_decoys = np.arange(9) % len(bands) > 0
    cells = variant.calibration.thresholds_for(0.6, 0.9, by_decoys)  # (K, G)
    assert np.isfinite(cells).any()
    kinds = bands.kinds(labels)
    assert np.isinf(found[:, kinds < 0]).all()
    np.testing.assert_array_equal(found[:, kinds >= 0], cells[kinds[kinds >= 0]].T)


def test_blend_survives_the_round_trip_and_weights_stay_as_they_were(blended, checkpoint):
    found = Blend.of(open_checkpoint(blended[0]))
    assert [v.sources for v in found.variants] == [
        ("head",),
        ("head", "neighbours"),
        ("head", "neighbours", "kmers"),
        ("head", "neighbours", "kmers", "homology"),
    ]
    again = Variant.from_json(found.variants[1].to_json(), found.variants[1].bands, 3)
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
