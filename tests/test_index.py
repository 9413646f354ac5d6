"""The index of the training proteins beside a checkpoint."""

import shutil

import numpy as np
import pytest

from esmgo.cli.main import main
from esmgo.dataset.opening import open_dataset
from esmgo.errors import CheckpointError
from esmgo.evidence.index import index_path, open_index
from esmgo.go.sparse import close_rows, most_specific
from esmgo.model.checkpoint import open_checkpoint
from esmgo.model.embeddings import embed, encoder_of


def test_most_specific_terms_are_those_that_no_other_implies(diamond):
    rows = close_rows(np.array([0, 1, 3, 3, 4]), np.array([3, 1, 2, 0], np.int32), diamond)
    indptr, indices = most_specific(*rows, diamond)
    assert indptr.tolist() == [0, 1, 3, 3, 4]
    assert indices.tolist() == [3, 1, 2, 0]


def test_index_holds_every_training_protein_as_the_encoder_sees_it(checkpoint):
    import torch

    opened = open_checkpoint(checkpoint)
    index = open_index(opened)
    train = open_dataset("sample", "all", eval_ratio=0.1).train
    assert index.ids == train.ids
    np.testing.assert_array_equal(index.indptr, train.indptr)
    np.testing.assert_array_equal(index.indices, train.indices)
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
        "--unfreeze_last_k_layers=1", "--learning_rate=0.01", "--device=cpu", "--precision=fp32",
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
