"""Residues that training replaces: how many, by which, and what decides it."""

import numpy as np
import pytest

from esmgo.evidence.blosum import FREQUENCY, RESIDUES
from esmgo.learn import substitution as module
from esmgo.learn.substitution import substituted
from esmgo.model.tokens import CLS, EOS, VOCABULARY, encode


def drawn(sequence: str, rate: float, seed: int = 0) -> str:
    found = substituted(encode(sequence, 10**6), rate, np.random.default_rng(seed))
    assert (found[0], found[-1]) == (CLS, EOS)
    return "".join(VOCABULARY[i] for i in found[1:-1])


def test_a_part_of_the_residues_changes_and_alike_ones_are_drawn_most():
    found = drawn("I" * 20_000, 0.25)
    counts = {letter: found.count(letter) for letter in set(found)}
    assert counts["I"] / len(found) == pytest.approx(0.75, abs=0.02)
    assert min(counts["V"], counts["L"]) > 3 * max(counts["W"], counts["G"], counts["D"])


def test_odds_are_those_of_the_published_matrix():
    blocks = pytest.importorskip("Bio.Align.substitution_matrices").load("BLOSUM62")
    reach = module._cumulative()[module._tokens()]
    part = np.diff(reach, axis=1, prepend=0)
    for i, a in enumerate(RESIDUES):
        odds = np.array([2 ** (blocks[a][b] / 2) * (a != b) for b in RESIDUES])
        odds *= FREQUENCY
        np.testing.assert_allclose(part[i], odds / odds.sum(), atol=1e-12)


def test_unknown_and_rare_letters_stay():
    assert drawn("XUOBZ" * 50, 1.0) == "XUOBZ" * 50


@pytest.mark.parametrize("letter", "ARNDCQEGHILKMFPSTWYV")
def test_at_rate_one_every_residue_is_another(letter):
    found = drawn(letter * 300, 1.0)
    assert letter not in found
    assert set(found) <= set("ARNDCQEGHILKMFPSTWYV")


def test_the_generator_alone_decides_and_nothing_changes_at_rate_zero():
    sequence = "MKTAYIAKQR" * 20
    assert drawn(sequence, 0.5, seed=4) == drawn(sequence, 0.5, seed=4)
    assert drawn(sequence, 0.5, seed=4) != drawn(sequence, 0.5, seed=5)
    assert drawn(sequence, 0.0) == sequence
