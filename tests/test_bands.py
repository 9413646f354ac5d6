"""Bands of information, and promises on informative calls alone."""

import numpy as np
import pytest
from made_calls import BITS, CELL, CYCLE, KINASE, LABELS, NUCLEUS, ROOT_MF, SERINE

from esmgo.errors import UsageError
from esmgo.metrics.calibration import Calibration
from esmgo.metrics.calibration_sums import EDGES
from esmgo.predict.bands import Bands
from esmgo.predict.blend import Variant

BANDS = Bands(BITS, (3.32, 6.0))


def test_terms_of_an_aspect_are_numbered_by_their_bits():
    kinds = BANDS.kinds(LABELS)
    assert kinds[[KINASE, CYCLE, NUCLEUS, CELL, SERINE, ROOT_MF]].tolist() == [0, 4, 6, 7, 2, -1]
    assert len(BANDS) == 3


@pytest.mark.parametrize(("bits", "band"), [(0, 0), (0.1, 1), (3.32, 1), (3.33, 2), (6, 2)])
def test_a_promise_is_made_for_whole_bands(bits, band):
    assert BANDS.first(bits) == band


def test_more_bits_than_any_band_has_are_refused():
    with pytest.raises(UsageError, match=r"min_information: .*at least 0, 3\.32, 6 bits"):
        BANDS.first(6.5)


def test_bands_come_back_from_json():
    again = Bands.from_json(BANDS.to_json(), len(LABELS))
    assert again.edges == BANDS.edges
    np.testing.assert_array_equal(again.information, np.round(BITS, 2))
    for edges in ((6, 3.32), (0,), (3.32, float("nan"))):
        with pytest.raises(ValueError, match="ascend"):
            Bands.from_json(BANDS.to_json() | {"edges": edges}, len(LABELS))
    with pytest.raises(ValueError, match="more than"):
        Bands.from_json(BANDS.to_json(), len(LABELS) - 1)


def always_right(n=4000.0, decoys=0.0):
    """A variant of one group whose calls are all right, fewer at higher scores."""
    left = n * (1 - np.arange(len(EDGES)) / len(EDGES))
    calls = np.broadcast_to(left, (9, 1, len(EDGES)))
    curve = np.ones_like(calls)
    found = Calibration(curve, calls, calls, calls, calls, calls, calls * decoys)
    return Variant(("head",), {}, (), BANDS, found)


def test_a_general_term_is_as_precise_as_an_informative_one_of_the_same_score():
    curve = np.sort(np.random.default_rng(0).random((9, 2, len(EDGES))), axis=-1)
    curve[[4, 5]] = np.nan  # bands without calls
    found = BANDS.raised(Calibration(curve, *[curve] * 6)).curve
    for a in range(3):
        own = found[3 * a : 3 * a + 3]
        assert not (own[:-1] < own[1:]).any()
        assert (np.diff(own[~np.isnan(own).any(axis=(1, 2))], axis=-1) >= 0).all()
    np.testing.assert_array_equal(found[[2, 3, 8]], curve[[2, 3, 8]])


ROW = np.zeros((1, len(LABELS)), np.float32)
ROW[0, [ROOT_MF, KINASE, SERINE, CYCLE, NUCLEUS]] = [0.95, 0.95, 0.9, 0.8, 0.9]


def promised(variant, *args):
    found = variant.is_promised(ROW, np.zeros(1, np.intp), LABELS, *args)
    return set(np.flatnonzero(found[0]).tolist())


def test_general_terms_are_called_as_ancestors_of_informative_ones():
    variant = always_right()
    assert promised(variant, 0.9) >= {KINASE, SERINE, CYCLE}
    assert NUCLEUS not in promised(variant, 0.9)  # 3 bits, and no promised term below it
    assert CYCLE not in promised(variant, 0.9, 6)
    assert promised(variant, 0.9, 6) == {KINASE, SERINE}
    assert NUCLEUS in promised(variant, 0.9, 0)


def test_where_decoys_get_calls_only_general_terms_are_promised():
    variant = always_right(decoys=0.02)
    assert promised(variant, 0.9) == set()
    assert promised(variant, 0.9, 0) == {KINASE, NUCLEUS}
    assert SERINE in promised(always_right(decoys=0.009), 0.7)
    assert SERINE not in promised(always_right(decoys=0.009), 0.9)
