"""The training proteins that carry or lack a term, and whether they contradict it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from motifs import LABELS, sequence

from esmgo.evidence.index import Index
from esmgo.evidence.stored_sequences import StoredSequences
from esmgo.evidence.votes import Votes
from esmgo.explanation.carriers import SHOWN, Training, training_of
from esmgo.go.labels import LabelSpace
from esmgo.go.sparse import SparseRows
from esmgo.go.terms import Aspect, Term

QUERY = sequence(120, 1)
BOTH = LabelSpace(
    (*LABELS.terms, Term("GO:0008150", "root of processes", Aspect.BP)),
    (*LABELS.parents, ()),
    "test",
)


def index_of(terms: list[list[int]], sequences: list[str] | None) -> Index:
    """Training proteins a, b, c … with these terms."""
    return Index(
        ids=tuple("abcdefghijklmnop"[: len(terms)]),
        vectors=np.ones((len(terms), 2), np.float16),
        terms=SparseRows.of(list(map(len, terms)), np.int32([j for row in terms for j in row])),
        taxa=np.zeros(len(terms), np.int32),
        sequences=None if sequences is None else StoredSequences.of(sequences),
    )


def votes_of(weights: dict[int, float]) -> Votes:
    """Votes for one protein, by training protein."""
    weight = np.array(list(weights.values()), np.float64)
    voter = np.array(list(weights), np.int64)
    return Votes(np.zeros(len(voter), np.int64), voter, weight, weight.sum(keepdims=True))


def found_of(index: Index, *voters: int, column: int = 1) -> Training:
    votes = {"neighbours": votes_of({row: 0.9 - row / 100 for row in voters})}
    return training_of(index, votes, QUERY, column, BOTH)


def mutated(n: int, seed: int = 0) -> str:
    """The query with ``n`` other residues."""
    random = np.random.default_rng(seed)
    letters = list(QUERY)
    for at in random.choice(len(letters), n, replace=False):
        letters[at] = random.choice([x for x in "ACDEFGHIKLMNPQRSTVWY" if x != letters[at]])
    return "".join(letters)


def test_near_relatives_that_lack_a_term_contradict_it_and_carriers_support_it():
    sequences = [QUERY, mutated(5), sequence(120, 8), sequence(90, 9)]
    lacking = index_of([[0], [0], [0, 1], [0, 1]], sequences)
    found = found_of(lacking, 0, 1, 2, 3)
    assert (found.n_aligned, found.n_aligned_carriers, found.agreement) == (2, 0, 0)
    assert found.contradicts
    assert not found.supports
    assert [each.id for each in found.carriers] == ["c", "d"]
    assert [each.id for each in found.others] == ["a", "b"]
    carrying = found_of(index_of([[0, 1], [0, 1], [0], [0]], sequences), 0, 1, 2, 3)
    assert (carrying.agreement, carrying.contradicts, carrying.supports) == (1, False, True)
    assert found_of(lacking, 0, 1, 2, column=0).supports  # all have the root


def test_alignments_give_identity_and_ranges():
    part = QUERY[30:100]
    (found,) = found_of(index_of([[0, 1]], [sequence(40, 7) + part]), 0).carriers
    assert found.alignment is not None
    assert found.alignment.identity == pytest.approx(1, abs=0.1)
    assert found.alignment.query_start <= 30
    assert found.alignment.query_end == 100
    assert found.alignment.subject_end == found.length == 110
    assert found.bits > 100


def test_proteins_that_were_not_studied_in_the_aspect_are_no_evidence():
    found = found_of(index_of([[3], [0, 1]], [QUERY, mutated(40)]), 0, 1)
    assert (found.n_proteins, found.n_voting, found.n_aligned) == (2, 1, 1)
    assert not found.contradicts
    nothing = found_of(index_of([[3]], [QUERY]), 0)
    assert (nothing.n_voting, nothing.carriers, nothing.others) == (0, (), ())


@pytest.mark.parametrize("sequences", [None, [sequence(80, 20), sequence(80, 21)]])
def test_without_alignments_nothing_is_contradicted(sequences):
    found = found_of(index_of([[0], [0, 1]], sequences), 0, 1)
    assert (found.n_voting, found.n_voting_carriers, found.n_aligned) == (2, 1, 0)
    assert np.isnan(found.agreement)
    assert not found.contradicts
    assert not found.supports
    assert found.carriers[0].alignment is None


def test_few_are_named_nearest_first_with_the_similarity_of_each_source():
    index = index_of([[0]] * 8, [mutated(5 * i, seed=i) for i in range(8)])
    votes = {
        "neighbours": votes_of({7: 0.9, 0: 0.8}),
        "kmers": votes_of(dict.fromkeys(range(8), 0.25)),
    }
    found = training_of(index, votes, QUERY, 1, BOTH)
    assert [each.id for each in found.others] == list("abcdefgh"[:SHOWN])
    assert found.others[0].similarity == {"neighbours": 0.8, "kmers": 0.5}
    assert found.others[1].similarity == {"kmers": 0.5}
    assert sorted((each.bits for each in found.others), reverse=True) == [
        each.bits for each in found.others
    ]


def test_no_votes_are_no_evidence():
    found = training_of(index_of([[0, 1]], [QUERY]), {}, QUERY, 1, BOTH)
    assert (found.n_proteins, found.n_carriers, found.n_voting) == (1, 1, 0)
    assert found.carriers == found.others == ()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 60)), min_size=1, max_size=6))
def test_agreement_is_the_carriers_part_of_the_scores(proteins):
    index = index_of(
        [[0, 1] if is_carrier else [0] for is_carrier, _ in proteins],
        [mutated(n, seed=i) for i, (_, n) in enumerate(proteins)],
    )
    found = found_of(index, *range(len(proteins)))
    assert 0 <= found.agreement <= 1
    assert found.contradicts + found.supports <= 1
    assert found.n_aligned == len(proteins)
    assert found.n_aligned_carriers == sum(is_carrier for is_carrier, _ in proteins)
    nothing = found_of(index, *range(len(proteins)), column=2)
    assert (nothing.agreement, nothing.contradicts) == (0, True)
