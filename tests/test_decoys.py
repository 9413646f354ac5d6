"""Decoys: what each kind keeps of a sequence, and what determines it."""

from collections import Counter
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from esmgo.errors import UsageError
from esmgo.evidence.blosum import FREQUENCY, RESIDUES
from esmgo.evidence.decoys import KINDS, decoy

sequences = st.text(RESIDUES + "X", max_size=60) | st.text("AWX", max_size=40)


@settings(max_examples=150, deadline=None)
@given(sequences, st.sampled_from(KINDS))
@example("", "pairs")
@example("A" * 500 + "W", "pairs")
@example("AW" * 300 + "C", "pairs")
def test_what_a_decoy_keeps(sequence, kind):
    found = decoy(sequence, kind)
    assert len(found) == len(sequence)
    assert found == decoy(sequence, kind)
    if kind != "random":
        assert Counter(found) == Counter(sequence)
    if kind == "pairs":
        assert Counter(pairwise(found)) == Counter(pairwise(sequence))
        assert (found[:1], found[-1:]) == (sequence[:1], sequence[-1:])


def test_decoys_of_a_protein_differ_from_it_and_from_each_other():
    protein = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQVKVKALPDAQFEVV"
    found = {decoy(protein, kind) for kind in KINDS}
    assert len(found - {protein}) == len(KINDS)
    other = decoy(protein, "shuffled", np.random.default_rng(1))
    assert other not in found


def test_every_order_with_the_same_pairs_is_equally_likely():
    sequence = "ABCABDACBA"
    pairs = Counter(pairwise(sequence))
    orders = {
        order
        for middle in set(permutations(sequence[1:-1]))
        if Counter(pairwise(order := f"A{''.join(middle)}A")) == pairs
    }
    random = np.random.default_rng(0)
    drawn = Counter(decoy(sequence, "pairs", random) for _ in range(200 * len(orders)))
    assert set(drawn) == orders
    assert sum((n - 200) ** 2 / 200 for n in drawn.values()) < 2 * len(orders)


def test_random_residues_have_the_frequencies_of_swiss_prot():
    found = decoy("M" * 100_000, "random")
    shares = [found.count(a) / len(found) for a in RESIDUES]
    np.testing.assert_allclose(shares, np.array(FREQUENCY) / sum(FREQUENCY), atol=0.004)


def test_an_unknown_kind_is_refused():
    with pytest.raises(UsageError, match="mirrored; choose shuffled, reversed, pairs, random"):
        decoy("MKT", "mirrored")
