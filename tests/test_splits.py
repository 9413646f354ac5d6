"""Which proteins are held out."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from esmgo.dataset.splits import held_out_by_hash, listed

IDS = [f"P{i:05d}" for i in range(4000)]


def test_about_the_ratio_is_chosen():
    assert 0.08 < held_out_by_hash(IDS, 0.1).mean() < 0.12


def test_a_ratio_of_one_chooses_all():
    assert held_out_by_hash(IDS, 1.0).all()


def test_the_choice_is_the_same_for_ever():
    # python -c "import hashlib; print([f'P{i:05d}' for i in range(40)
    #     if int(hashlib.sha256(b'P%05d' % i).hexdigest()[:16], 16) < 0.1 * 2**64])"
    assert [IDS[i] for i in np.flatnonzero(held_out_by_hash(IDS[:40], 0.1))] == ["P00034"]


def test_the_order_of_rows_does_not_matter():
    there, back = held_out_by_hash(IDS, 0.2), held_out_by_hash(IDS[::-1], 0.2)
    np.testing.assert_array_equal(there, back[::-1])


@given(st.sets(st.text(max_size=8), min_size=2, max_size=20), st.floats(1e-6, 0.2))
def test_of_two_proteins_or_more_at_least_one_is_chosen(ids, ratio):
    ids = sorted(ids)
    picked = held_out_by_hash(ids, ratio)
    assert picked.any()
    assert {id for id, one in zip(ids, picked, strict=True) if one} == {
        id for id, one in zip(ids[::-1], held_out_by_hash(ids[::-1], ratio), strict=True) if one
    }


def test_a_single_protein_stays_where_it_is():
    assert not held_out_by_hash(["P00001"], 0.1).any()


def test_a_larger_ratio_keeps_what_a_smaller_one_chose():
    assert (held_out_by_hash(IDS, 0.3) >= held_out_by_hash(IDS, 0.1)).all()


def test_listed_proteins_are_found_as_written_or_else_by_accession():
    ids = ["sp|P04637|P53_HUMAN", "P01308", "ENSP00000269305.4", "ENSP00000269305.5"]
    assert listed(ids, ["P04637", "tr|P01308|"]).tolist() == [True, True, False, False]
    assert listed(ids, ["ENSP00000269305.5"]).tolist() == [False, False, False, True]
    assert listed(ids, ["ENSP00000269305"]).tolist() == [False, False, True, True]
    assert not listed(ids, ["P04637-2"]).any()
