"""The blend that a checkpoint holds: promises, and the round trip."""

import shutil

import numpy as np
import pytest

from esmgo.errors import CheckpointError, UsageError
from esmgo.model.checkpoint import open_checkpoint, replace_blend
from esmgo.model.container import index_path
from esmgo.predict.blend import Blend, Variant
from esmgo.predict.novelty import MAX_NOVELTY
from esmgo.predict.predictor import Predictor


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


def test_every_variant_has_a_novelty_that_survives_the_round_trip(blended, held_out):
    opened = open_checkpoint(blended[0])
    for variant in Blend.of(opened).variants:
        assert variant.novelty.features.sources == variant.sources
        found = variant.novelty.weights
        is_similarity = variant.novelty.features.is_similarity(opened.encoder["hidden_size"])
        assert found.shape == (2, 1 + len(is_similarity))
        assert (found[0, 1:][is_similarity] >= 0).all()
    predictor = Predictor.load(blended[0], device="cpu")
    whole = predictor.evidence(held_out[:9])
    assert ((whole.novelty >= 0) & (whole.novelty <= 1)).all()
    alone = [predictor.evidence([protein]).novelty[0] for protein in held_out[:9]]
    np.testing.assert_array_equal(whole.novelty, alone)
    again = Blend.of(opened).to_json()
    assert again == Blend.of(opened).to_json()
    assert again["variants"] == opened.blend["variants"]


def test_a_protein_above_the_limit_gets_the_calls_of_decoys(blended, held_out):
    found = Predictor.load(blended[0], device="cpu").evidence(held_out)
    is_known, is_unlike = ~np.isnan(found.precision), found.novelty > MAX_NOVELTY
    assert 0 < is_unlike.sum() < len(held_out)
    assert (np.isnan(found.decoy_rate) == ~is_known).all()
    assert (found.decoy_rate[is_unlike][is_known[is_unlike]] == 1).all()
    assert (found.decoy_rate[~is_unlike][is_known[~is_unlike]] < 1).any()


def test_a_blend_of_the_version_before_is_read_without_a_novelty(blended, held_out, tmp_path):
    for each in (blended[0], index_path(blended[0])):
        shutil.copy(each, tmp_path / each.name)
    path = tmp_path / blended[0].name
    value = open_checkpoint(path).blend | {"blend": 4}
    del value["residue_pairs"]
    value["variants"] = [
        {k: v for k, v in each.items() if k != "novelty"} for each in value["variants"]
    ]
    replace_blend(path, value)
    old, new = (Predictor.load(each, device="cpu") for each in (path, blended[0]))
    before, after = (each.evidence(held_out[:3]) for each in (old, new))
    np.testing.assert_array_equal(before.scores.values, after.scores.values)
    assert np.isnan(before.novelty).all()
    assert np.isnan(before.best_precision).all()
    old.check_novelty(None)
    with pytest.raises(UsageError, match="a blend with a novelty"):
        old.check_novelty(0.5)


@pytest.mark.parametrize("name", ["residue_pairs", "novelty"])
def test_a_damaged_novelty_is_refused(blended, tmp_path, name):
    path = tmp_path / "checkpoint.pt"
    shutil.copy(blended[0], path)
    value = open_checkpoint(path).blend
    (value if name == "residue_pairs" else value["variants"][0])[name] = {"weights": "AAAA"}
    replace_blend(path, value)
    with pytest.raises(CheckpointError, match="damaged blend"):
        Blend.of(open_checkpoint(path))
