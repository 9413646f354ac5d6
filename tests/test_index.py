"""The index of the training proteins beside a checkpoint."""

import shutil

import numpy as np
import pytest
import torch

from esmgo.cli.main import main
from esmgo.dataset.opening import open_dataset
from esmgo.errors import CheckpointError
from esmgo.evidence.index import Index, index_path, open_index, write_index
from esmgo.go.sparse import SparseRows
from esmgo.model.checkpoint import open_checkpoint
from esmgo.model.embeddings import embed, encoder_of


def test_a_packed_caller_has_a_small_index_that_its_encoder_owns(blended, packed):
    whole = open_index(open_checkpoint(blended[0]))
    small = open_index(open_checkpoint(packed / "caller.safetensors"))
    order = [whole.ids.index(id) for id in small.ids]
    assert sorted(order) == list(range(len(whole)))
    assert order == whole.kmers.tour().tolist()
    wanted = whole.reordered(np.array(order))
    np.testing.assert_array_equal(small.terms.indices, wanted.terms.indices)
    np.testing.assert_array_equal(small.kmers.holders.indices, wanted.kmers.holders.indices)
    before, after = (each.vectors.astype(np.float32) for each in (wanted, small))
    centred = before - before.mean(axis=0)
    assert np.linalg.norm(after - before) < 0.2 * np.linalg.norm(centred)


def test_few_vectors_and_none_are_packed(blended, tmp_path):
    whole = open_checkpoint(blended[0])
    path = tmp_path / "checkpoint.pt"
    shutil.copy(blended[0], path)
    for vectors in ([[0, 0], [1, -2]], [[3, 1]], np.empty((0, 2))):
        n = len(vectors)
        terms = SparseRows.of([0] * n, np.empty(0, np.int32))
        index = Index(("a", "b")[:n], np.array(vectors, np.float16), terms)
        write_index(index_path(path), index, whole.labels, whole.encoder_fingerprint, small=True)
        found = open_index(open_checkpoint(path))
        np.testing.assert_allclose(found.vectors, vectors, atol=0.01)


def test_index_holds_every_training_protein_as_the_encoder_sees_it(checkpoint):
    opened = open_checkpoint(checkpoint)
    index = open_index(opened)
    train = open_dataset("sample", "all", eval_ratio=0.1).train
    assert index.ids == train.ids
    np.testing.assert_array_equal(index.terms.indptr, train.terms.indptr)
    np.testing.assert_array_equal(index.terms.indices, train.terms.indices)
    some = list(range(0, len(train), 97))
    caller = encoder_of(opened, torch.device("cpu"))
    wanted = embed(caller, [train.sequences[i] for i in some], 1026, torch.device("cpu"))
    np.testing.assert_allclose(index.vectors[some], wanted, rtol=2e-3, atol=2e-3)


def test_index_has_no_sequences_and_is_found_for_the_best_epoch_too(checkpoint):
    best = checkpoint.with_name("checkpoint.best.pt")
    assert open_index(open_checkpoint(best)) is not None
    sequence = open_dataset("sample", "all", eval_ratio=0.1).train.sequences[0]
    assert sequence[:30].encode() not in index_path(checkpoint).read_bytes()


def test_index_of_another_encoder_is_not_taken(checkpoint, tmp_path):
    for path in (checkpoint, index_path(checkpoint)):
        shutil.copy(path, tmp_path / path.name)
    code = main([
        "train", "--base_model=tiny", "--dataset=sample", "--num_epochs=1", "--seed=2",
        "--unfreeze_last_k_layers=1", "--learning_rate=0.01", "--device=cpu", "--dtype=fp32",
        f"--checkpoint_path={tmp_path / 'other.pt'}", f"--run_dir_path={tmp_path / 'runs'}",
    ])  # fmt: skip
    assert code == 0
    assert open_index(open_checkpoint(tmp_path / "other.pt")) is not None
    shutil.copy(index_path(checkpoint), index_path(tmp_path / "other.pt"))
    assert open_index(open_checkpoint(tmp_path / "other.pt")) is None


def test_damaged_index_is_refused(checkpoint, tmp_path):
    for path in (checkpoint, index_path(checkpoint)):
        shutil.copy(path, tmp_path / path.name)
    damaged = tmp_path / index_path(checkpoint).name
    data = bytearray(damaged.read_bytes())
    data[-100] ^= 1
    damaged.write_bytes(data)
    with pytest.raises(CheckpointError, match="damaged"):
        open_index(open_checkpoint(tmp_path / checkpoint.name))
