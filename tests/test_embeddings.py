"""Proteins as vectors: windows, pooling, short memory."""

import numpy as np
import pytest
import torch
from oracles import states

from esmgo.dataset.sample import sample_rows
from esmgo.model import embeddings
from esmgo.model.checkpoint import open_checkpoint
from esmgo.model.embeddings import embed
from esmgo.model.tokens import windows

CPU = torch.device("cpu")


def test_the_mean_leaves_out_cls_and_eos_and_weighs_every_token_of_every_window(tiny, sequences):
    sequences = [*sequences[:4], "".join(sequences[:4]), "MKT", "M"]
    found = embed(tiny, sequences, 100, CPU, pooling="mean")
    for row, sequence in zip(found, sequences, strict=True):
        parts = [states(tiny, part)[1:-1] for part in windows(sequence, 100)]
        np.testing.assert_allclose(row, np.concatenate(parts).mean(0), atol=2e-5)
    assert len(windows(sequences[-3], 100)) > 5


@pytest.fixture(scope="module")
def sequences():
    return [row["sequence"] for row in sample_rows()["test"][:9]]


def test_an_embedding_is_what_the_head_reads(tiny, sequences):
    found = embed(tiny, sequences, 1024, CPU)
    assert found.shape == (9, 128)
    assert found.dtype == np.float32
    for row, sequence in zip(found, sequences, strict=True):
        np.testing.assert_allclose(row, states(tiny, sequence)[0], atol=2e-5)


def test_a_long_protein_gets_the_mean_over_its_windows(tiny, sequences):
    long = "".join(sequences)
    (found,) = embed(tiny, [long], 200, CPU)
    parts = windows(long, 200)
    assert len(parts) > 5
    expected = np.mean([states(tiny, part)[0] for part in parts], axis=0)
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_short_memory_halves_batches(tiny, sequences, monkeypatch):
    plain, tried = embeddings.pack, []

    def scarce(rows, device):
        tried.append(len(rows))
        if len(rows) > 2:
            raise MemoryError
        return plain(rows, device)

    whole = embed(tiny, sequences, 1024, CPU)
    monkeypatch.setattr(embeddings, "pack", scarce)
    np.testing.assert_array_equal(embed(tiny, sequences, 1024, CPU), whole)
    assert max(tried) > 2


def test_a_checkpoint_embeds_too(checkpoint, sequences):
    assert embed(open_checkpoint(checkpoint).caller(), sequences[:2], 64, CPU).shape == (2, 128)


def test_no_sequences_no_embeddings(tiny):
    assert embed(tiny, [], 1024, CPU).shape == (0, 128)
