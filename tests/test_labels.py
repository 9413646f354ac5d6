"""Label spaces: JSON and depth."""

import pytest

from esmgo.go.labels import LabelSpace


def test_a_label_space_survives_json_and_is_told_from_another(diamond):
    again = LabelSpace.from_json(diamond.to_json())
    assert again == diamond
    assert again.fingerprint == diamond.fingerprint
    other = LabelSpace(diamond.terms, ((), (0,), (0,), (1,)), diamond.release)
    assert other.fingerprint != diamond.fingerprint
    with pytest.raises(ValueError, match="parent"):
        LabelSpace.from_json({"release": "", "terms": [["GO:0000001", "a", "MF", [7]]]})


def test_depth_is_the_longest_way_to_the_root(diamond):
    assert diamond.depth.tolist() == [0, 1, 1, 2]
