"""The order of residues: proteins, shuffled ones and reversed ones differ."""

import numpy as np
import pytest

from esmgo.evidence.blosum import RESIDUES
from esmgo.evidence.decoys import decoy
from esmgo.predict.residue_pairs import DISTANCES, ResiduePairs, composition

LETTERS = list(RESIDUES)


def walk(n: int, random: np.random.Generator) -> str:
    """A sequence in which three of four residues follow the one before in a fixed order."""
    codes = [int(random.integers(20))]
    for _ in range(n - 1):
        codes.append((codes[-1] + 1) % 20 if random.random() < 0.75 else int(random.integers(20)))
    return "".join(LETTERS[i] for i in codes)


@pytest.fixture(scope="module")
def made():
    random = np.random.default_rng(0)
    return ResiduePairs.of(walk(300, random) for _ in range(100)), walk(300, random)


def test_pairs_of_proteins_exceed_those_of_a_random_order(made):
    pairs, sequence = made
    order, direction = np.split(pairs.excess(sequence), 2)
    assert order[0] > 5
    assert direction[0] > 5
    assert np.abs(pairs.excess(decoy(sequence, "shuffled"))).max() < 5


def test_the_reversed_sequence_has_the_pairs_in_the_wrong_direction(made):
    pairs, sequence = made
    inner = "M" + sequence, "M" + sequence[::-1]  # the first residue does not count
    (order, direction), (same, other) = (np.split(pairs.excess(each), 2) for each in inner)
    np.testing.assert_allclose(same, order)
    np.testing.assert_allclose(other, -direction)


@pytest.mark.parametrize("sequence", ["M", "MK", "MKT", "XXXXXXXXXX", "A" * 50, "JOU" * 9])
def test_short_and_uniform_and_unknown_sequences_have_finite_numbers(made, sequence):
    found = made[0].excess(sequence)
    assert found.shape == (2 * DISTANCES,)
    assert np.isfinite(found).all()
    assert -1e-9 < composition(sequence) < 5


def test_the_pairs_survive_the_round_trip(made):
    again = ResiduePairs.from_json(made[0].to_json())
    np.testing.assert_array_equal(again.log_odds, made[0].log_odds)
    with pytest.raises((ValueError, TypeError)):
        ResiduePairs.from_json("AAAA")
