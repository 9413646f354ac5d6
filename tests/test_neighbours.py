"""Nearest neighbours among embeddings, and the embeddings themselves."""

import numpy as np
import pytest
import torch

from esmgo.dataset.sample import sample_rows
from esmgo.evidence import neighbours
from esmgo.evidence.neighbours import Neighbours, nearest, votes_of
from esmgo.model.caller import Caller
from esmgo.model.checkpoint import open_checkpoint
from esmgo.model.embeddings import embed
from esmgo.model.packing import pack
from esmgo.model.tokens import encode, windows

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def caller():
    return Caller.start(None, 1, dropout=0.0, seed=0)


@pytest.fixture(scope="module")
def sequences():
    return [row["sequence"] for row in sample_rows()["test"][:9]]


def alone(caller, text):
    (states,) = caller.hidden(pack([encode(text, 10_000)]))
    return states[0].numpy()


def test_neighbours_equal_brute_force(monkeypatch):
    monkeypatch.setattr(neighbours, "_ROWS", 3)
    draw = np.random.default_rng(0)
    asked, known = (draw.normal(size=(n, 16)).astype(np.float32) for n in (11, 50))
    found = nearest(asked, known, 7)
    cosine = (asked @ known.T) / np.outer(*(np.linalg.norm(x, axis=1) for x in (asked, known)))
    order = np.argsort(-cosine, axis=1)[:, :7]
    assert (found.protein == order).all()
    np.testing.assert_allclose(found.similarity, np.take_along_axis(cosine, order, 1), atol=1e-6)


def test_all_are_neighbours_where_there_are_few_and_zeros_are_near_nobody():
    known = np.float32([[1, 0], [0, 0]])
    found = nearest(np.float32([[2, 0], [0, 0]]), known, 10)
    assert found.protein.shape == (2, 2)
    assert found.similarity.tolist() == [[1, 0], [0, 0]]


def test_whoever_is_in_the_index_is_not_its_own_neighbour():
    found = Neighbours(np.array([[3, 1, 2], [0, 1, 2]]), np.float32([[1, 0.5, 0.2], [0.9, 0.8, 0]]))
    others = found.without(np.array([1, 7]))
    assert others.protein.tolist() == [[3, 2], [0, 1]]
    np.testing.assert_array_equal(others.similarity, np.float32([[1, 0.2], [0.9, 0.8]]))


def test_neighbours_vote_with_their_similarity():
    votes = votes_of(Neighbours(np.array([[3, 1]]), np.float32([[0.5, -0.25]])))
    assert votes.query.tolist() == [0, 0]
    assert votes.voter.tolist() == [3, 1]
    assert votes.weight.tolist() == [0.5, 0]  # looking the other way is no vote against
    assert votes.total.tolist() == [2]


def test_an_embedding_is_what_the_head_reads(caller, sequences):
    found = embed(caller, sequences, 1024, CPU)
    assert found.shape == (9, 128)
    assert found.dtype == np.float32
    for row, sequence in zip(found, sequences, strict=True):
        np.testing.assert_allclose(row, alone(caller, sequence), atol=2e-5)


def test_a_long_protein_gets_the_mean_over_its_windows(caller, sequences):
    long = "".join(sequences)
    (found,) = embed(caller, [long], 200, CPU)
    parts = windows(long, 200)
    assert len(parts) > 5
    expected = np.mean([alone(caller, part) for part in parts], axis=0)
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_short_memory_halves_batches(caller, sequences, monkeypatch):
    from esmgo.model import embeddings

    plain, tried = embeddings.pack, []

    def scarce(rows, device):
        tried.append(len(rows))
        if len(rows) > 2:
            raise MemoryError
        return plain(rows, device)

    whole = embed(caller, sequences, 1024, CPU)
    monkeypatch.setattr(embeddings, "pack", scarce)
    np.testing.assert_array_equal(embed(caller, sequences, 1024, CPU), whole)
    assert max(tried) > 2


def test_a_checkpoint_embeds_too(checkpoint, sequences):
    assert embed(open_checkpoint(checkpoint).caller(), sequences[:2], 64, CPU).shape == (2, 128)


def test_no_sequences_no_embeddings(caller):
    assert embed(caller, [], 1024, CPU).shape == (0, 128)
