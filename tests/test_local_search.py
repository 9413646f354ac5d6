"""Training proteins whose sequences align to a protein, found without another program."""

import numpy as np
import pytest

from esmgo.data.fasta import Protein
from esmgo.evidence.alignment import local_scores
from esmgo.evidence.index import Index
from esmgo.evidence.kmers import Kmers
from esmgo.evidence.local_search import LocalSearch
from esmgo.evidence.masking import masked
from esmgo.evidence.stored_sequences import StoredSequences
from esmgo.go.sparse import SparseRows

RESIDUES = list("ACDEFGHIKLMNPQRSTVWY")


def made(draw, n):
    return "".join(draw.choice(RESIDUES, n))


def changed(draw, sequence, part):
    """The sequence with a part of its residues replaced."""
    letters = np.array(list(sequence))
    letters[draw.random(len(letters)) < part] = "X"
    return "".join(draw.choice(RESIDUES) if x == "X" else x for x in letters)


def index_of(sequences):
    n = len(sequences)
    none = SparseRows.of([0] * n, np.zeros(0, np.int32))
    ids = tuple(f"T{i}" for i in range(n))
    kmers, stored = Kmers.of(sequences, 500), StoredSequences.of(sequences)
    vectors, taxa = np.zeros((n, 4), np.float16), np.zeros(n, np.int32)
    return Index(ids, vectors, none, taxa, kmers=kmers, sequences=stored)


@pytest.fixture(scope="module")
def proteins():
    """Sixty proteins: a chain of three relatives, four of low complexity, the rest unrelated."""
    draw = np.random.default_rng(11)
    first = made(draw, 300)
    second = changed(draw, first, 0.55)
    third = changed(draw, second, 0.55)
    poor = ["MK" + "QQQQPQ" * 40 + made(draw, 40) for _ in range(4)]
    return [first, second, third, *poor, *(made(draw, 250) for _ in range(53))]


def searched(index, sequences, short_lists, own=None, threads=1):
    queries = [Protein(f"Q{i}", sequence) for i, sequence in enumerate(sequences)]
    return LocalSearch(index, threads).votes(queries, own, short_lists)


def test_relatives_are_found_through_closer_ones(proteins):
    index = index_of(proteins)
    assert 2 in index.kmers.near_any(np.array([1]))
    votes, bits = searched(index, [proteins[0]], [np.array([1])])
    assert votes.voter.tolist()[0] == 0  # itself, through its relative
    assert set(votes.voter.tolist()) <= {0, 1, 2}
    assert {0, 1} <= set(votes.voter.tolist())
    assert votes.weight.tolist() == sorted(votes.weight, reverse=True)
    assert bits[0] == pytest.approx(votes.weight[0] / len(proteins[0]))
    assert votes.total[0] == pytest.approx(votes.weight.sum())


def test_bits_are_those_of_the_score(proteins):
    index = index_of(proteins)
    votes, _ = searched(index, [proteins[0]], [np.array([1])])
    score = local_scores(masked(proteins[0]), [proteins[0]])[0]
    assert votes.weight[0] == pytest.approx((0.267 * score - np.log(0.041)) / np.log(2))


def test_a_protein_does_not_vote_for_itself(proteins):
    votes, _ = searched(index_of(proteins), [proteins[0]], [np.array([0, 1])], np.array([0]))
    assert 0 not in votes.voter
    assert 1 in votes.voter


def test_composition_alone_is_no_homology(proteins):
    draw = np.random.default_rng(5)
    poor = "MK" + "QQQQPQ" * 40 + made(draw, 40)
    few = list("DERSK" * 60)
    draw.shuffle(few)
    index = index_of([*proteins, "".join(few)])
    other = list("DERSK" * 60)
    draw.shuffle(other)
    everything = np.arange(len(index))
    votes, bits = searched(index, [poor, "".join(other)], [everything, everything])
    assert len(votes.voter) == 0
    assert bits.tolist() == [0, 0]


def test_the_rest_of_a_block_and_threads_change_nothing(proteins):
    index = index_of(proteins)
    everything = [np.arange(len(index))] * 12
    together, bits = searched(index, proteins[:12], everything, threads=3)
    for i in range(12):
        alone, one = searched(index, [proteins[i]], everything[:1])
        of_block = together.query == i
        assert together.voter[of_block].tolist() == alone.voter.tolist()
        assert together.weight[of_block].tolist() == alone.weight.tolist()
        assert bits[i] == one[0]


def test_a_protein_without_a_short_list_has_no_votes(proteins):
    votes, bits = searched(index_of(proteins), ["MKV"], [np.zeros(0, np.int64)])
    assert len(votes.voter) == 0
    assert bits.tolist() == [0]


def test_a_reversed_protein_has_no_homologs(proteins):
    index = index_of(proteins)
    votes, _ = searched(index, [proteins[0][::-1]], [np.arange(len(index))])
    assert len(votes.voter) == 0
