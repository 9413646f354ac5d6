"""The scoring system: the published matrix, and the statistics that published searches print."""

import numpy as np
import pytest

from esmgo.evidence.blosum import (
    FREQUENCY,
    RESIDUES,
    bits,
    blosum62,
    expected_hits,
    length_adjustment,
)  # fmt: skip


def test_the_matrix_is_the_published_one_and_other_letters_score_minus_one():
    blocks = pytest.importorskip("Bio.Align.substitution_matrices").load("BLOSUM62")
    found = blosum62()
    assert found[:20, :20].tolist() == [[int(blocks[a][b]) for b in RESIDUES] for a in RESIDUES]
    assert set(found[20].tolist()) == set(found[:, 20].tolist()) == {-1}
    assert sum(FREQUENCY) == pytest.approx(1, abs=0.002)


def test_bits_and_expectation_are_those_of_a_published_search():
    # The example in the manual of FSA-BLAST: 60 residues against the PDB.
    search = {"query_length": 60, "n_residues": 50_873_918, "n_proteins": 277_408}
    assert np.round(bits([77, 60]), 1).tolist() == [34.3, 27.7]
    assert expected_hits([77, 60], **search) == pytest.approx([0.062, 5.8], rel=0.01)
    assert length_adjustment(**search) == 30


def test_the_length_adjustment_is_that_of_a_published_search():
    # BLASTP of 274 residues against the PDB of December 2002.
    assert length_adjustment(274, 9_419_815, 44_233) == 94
    space = expected_hits(0, 274, 9_419_815, 44_233) / 0.041
    assert space == pytest.approx(947_144_340, rel=1e-9)


@pytest.mark.parametrize(("query", "residues", "proteins"), [(1, 10, 1), (5, 5, 1), (3, 0, 0)])
def test_a_search_too_small_to_shorten(query, residues, proteins):
    assert length_adjustment(query, residues, proteins) == 0
    assert expected_hits(0, query, residues, proteins) == pytest.approx(0.041 * query * residues)


def test_shapes_are_kept():
    assert bits(np.zeros((2, 3))).shape == (2, 3)
    assert expected_hits(np.zeros((2, 3), np.int32), 100, 10_000, 20).shape == (2, 3)
