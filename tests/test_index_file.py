"""The index of the training proteins beside a checkpoint."""

import os
import shutil
import signal
import tracemalloc
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from containers import rewrite

from esmgo.blending.blend_config import BlendConfig
from esmgo.blending.blending import blend
from esmgo.cli.main import main
from esmgo.dataset.opening import open_dataset
from esmgo.errors import CheckpointError
from esmgo.evidence.index import Index
from esmgo.evidence.index_file import files_of, index_path, open_index, replace_index, write_index
from esmgo.go.sparse import SparseRows
from esmgo.model.checkpoint import open_checkpoint, replace_blend
from esmgo.model.container import read_header, write_container
from esmgo.model.embeddings import embed, encoder_of
from esmgo.predict.blend import Blend


def test_a_packed_caller_has_a_small_index_that_its_encoder_owns(blended, packed):
    whole = open_index(open_checkpoint(blended[0]))
    small = open_index(open_checkpoint(packed / "caller.safetensors"))
    order = [whole.ids.index(id) for id in small.ids]
    assert sorted(order) == list(range(len(whole)))
    assert order == whole.kmers.tour().tolist()
    wanted = whole.reordered(np.array(order))
    np.testing.assert_array_equal(small.terms.indices, wanted.terms.indices)
    np.testing.assert_array_equal(small.kmers.lists.indices, wanted.kmers.lists.indices)
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
        wide = np.pad(np.array(vectors, np.float16), [(0, 0), (0, 126)])
        index = Index(("a", "b")[:n], wide, terms, np.arange(n, dtype=np.int32))
        encoder = whole.encoder_fingerprint
        write_index(index_path(path), index, whole.labels, encoder, small=True)
        found = open_index(replace(open_checkpoint(path), blend=None))
        np.testing.assert_allclose(found.vectors, wide, atol=0.01)
        assert found.taxa.tolist() == list(range(n))


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


def test_index_of_another_encoder_is_not_taken(checkpoint, trained):
    other = trained / "c.pt"  # its last layer has learned
    assert open_index(open_checkpoint(other)) is not None
    shutil.copy(index_path(checkpoint), index_path(other))
    assert open_index(open_checkpoint(other)) is None


def test_damaged_index_is_refused(checkpoint, tmp_path):
    for path in (checkpoint, index_path(checkpoint)):
        shutil.copy(path, tmp_path / path.name)
    damaged = tmp_path / index_path(checkpoint).name
    data = bytearray(damaged.read_bytes())
    data[-100] ^= 1
    damaged.write_bytes(data)
    with pytest.raises(CheckpointError, match="damaged"):
        open_index(open_checkpoint(tmp_path / checkpoint.name))


def name_no_index(path):
    """Make the blend one that an older version wrote."""
    blend = open_checkpoint(path).blend
    replace_blend(path, {key: value for key, value in blend.items() if key != "index_sha256"})


def pair_of(path):
    """What tells one pair of index and blend from another, as they are opened."""
    checkpoint = open_checkpoint(path)
    index = open_index(checkpoint, with_kmers=False)
    assert checkpoint.blend.get("index_sha256") in (None, index.fingerprint)
    return Blend.of(checkpoint).num_neighbours, len(index)


def swap(path, n, die_at=0):
    """Replace index and blend by others of a number in a process; kill it at a step of these."""
    pid = os.fork()
    if pid == 0:
        steps = [0]

        def killing(real):
            def step(*words):
                for do in (lambda: None, lambda: real(*words)):  # before it, and after it
                    do()
                    steps[0] += 1
                    if steps[0] == die_at:
                        os.kill(os.getpid(), signal.SIGKILL)

            return step

        try:
            os.fsync, Path.replace = killing(os.fsync), killing(Path.replace)
            checkpoint = open_checkpoint(path)
            index = open_index(replace(checkpoint, blend=None), with_kmers=False)
            ids = tuple(f"p{i}" for i in range(n))
            few = Index(ids, index.vectors[:n], index.terms.take(np.arange(n)), index.taxa[:n])
            replace_index(checkpoint, few, checkpoint.blend | {"num_neighbours": n})
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_kill_at_any_step_leaves_the_old_pair_or_the_new_one(blended, tmp_path):
    first = tmp_path / "first"
    first.mkdir()
    path = first / "checkpoint.pt"
    for each in (blended[0], index_path(blended[0])):
        shutil.copy(each, first / each.name)
    name_no_index(path)
    old = pair_of(path)
    n_steps = seen = 0
    for die_at in range(1, 99):
        folder = tmp_path / str(die_at)
        shutil.copytree(first, folder)
        code = swap(folder / path.name, 20, die_at)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        n_steps, found = die_at, pair_of(folder / path.name)
        assert found in (old, (20, 20))
        seen |= 1 << (found == (20, 20))
        for again in (*range(1, 5), 99):  # what is killed next, until a swap is complete
            code = swap(folder / path.name, 10, again)
            found = pair_of(folder / path.name), found
            assert found[0] in (found[1], (10, 10))
            found = found[0]
        assert (code, found) == (0, (10, 10))
        assert not files_of(folder / path.name)[2].exists()
    assert (n_steps, seen) == (14, 3)  # 2 syncs and a rename for each of two files, and a rename


def test_a_blend_with_another_index_is_refused_until_blending_again(blended, tmp_path, capsys):
    path = tmp_path / "checkpoint.pt"
    for each in (blended[0], index_path(blended[0])):
        shutil.copy(each, tmp_path / each.name)
    config = BlendConfig(checkpoint_path=str(path), dataset="sample", device="cpu")
    blend(replace(config, kmers=0))
    shutil.copy(blended[0], path)  # the older blend with the newer index
    assert main(["rank", "--sequence=MKV", f"--checkpoint_path={path}", "--device=cpu"]) == 6
    (line,) = capsys.readouterr().err.splitlines()
    assert "run esmgo blend again" in line
    shutil.copy(index_path(blended[0]), files_of(path)[2])  # a swap that was not finished
    assert pair_of(path) == pair_of(blended[0])
    files_of(path)[2].unlink()
    blend(config)
    assert pair_of(path) == pair_of(blended[0])


def test_resuming_a_training_that_is_done_leaves_blend_and_index_as_they_are(blended, tmp_path):
    path = tmp_path / blended[0].name
    for each in (blended[0], index_path(blended[0])):
        shutil.copy(each, tmp_path / each.name)
    assert main(["train", "--resume", f"--checkpoint_path={path}", "--device=cpu"]) == 0
    assert pair_of(path) == pair_of(blended[0])


BOMB = zlib.compress(bytes(1 << 27))  # 128 MB from 130 kB


@pytest.mark.parametrize(
    "name",
    [
        "kmers.keys",
        "kmers.counts",
        "kmers.firsts",
        "kmers.sizes",
        "sequences.lengths",
        "taxa",
        "lengths",
        "terms",
    ],
)
def test_arrays_that_inflate_without_bound_are_refused(packed, tmp_path, name):
    path = tmp_path / "caller.safetensors"
    for each in (path, index_path(path)):
        shutil.copy(packed / each.name, each)
    rewrite(index_path(path), data={name: BOMB})
    whole = replace(open_checkpoint(path), blend=None)
    tracemalloc.start()
    with pytest.raises(CheckpointError, match="damaged") as caught:
        open_index(whole)
    assert tracemalloc.get_traced_memory()[1] < 90_000_000
    tracemalloc.stop()
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(("n", "width"), [(2, 1 << 20), (1 << 20, 128), (1 << 39, 128)])
def test_vectors_of_another_shape_are_not_built(packed, tmp_path, n, width):
    path = tmp_path / "caller.safetensors"
    for each in (path, index_path(path)):
        shutil.copy(packed / each.name, each)
    header = read_header(index_path(path))
    kinds = {name: info.dtype for name, info in header.tensors.items()}
    data = index_path(path).read_bytes()[header.data_start :]
    tensors = [
        (name, kinds[name], info.shape, memoryview(data[info.begin : info.end]))
        for name, info in header.tensors.items()
        if name not in ("steps", "axes", "centre")
    ]
    tensors.append(("steps", "U8", (n, 0), memoryview(b"")))
    tensors.append(("axes", "F32", (0, width), memoryview(b"")))
    tensors.append(("centre", "F32", (width,), memoryview(bytes(4 * width))))
    write_container(index_path(path), tensors, header.metadata, small=True)
    tracemalloc.start()
    with pytest.raises(CheckpointError, match="damaged index"):
        open_index(replace(open_checkpoint(path), blend=None))
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


WRONG = {
    "ids": [None, "abc", [1], {"a": 1}, ["a"]], "index": [None, "1", [1], 99, True],
    "kmers": [None, 5, ["x"]], "labels_sha256": [None, 5], "encoder_sha256": [None, ["x"]],
}  # fmt: skip


@pytest.mark.parametrize(("entry", "value"), [(k, v) for k, vs in WRONG.items() for v in vs])
def test_metadata_of_a_wrong_type_are_refused(blended, tmp_path, entry, value):
    path = tmp_path / blended[0].name
    for each in (blended[0], index_path(blended[0])):
        shutil.copy(each, tmp_path / each.name)
    rewrite(index_path(path), **{entry: value})
    sha256 = read_header(index_path(path)).notes["sha256"]
    rewrite(path, blend=open_checkpoint(blended[0]).blend | {"index_sha256": sha256})
    with pytest.raises(CheckpointError) as caught:
        open_index(open_checkpoint(path))
    assert len(str(caught.value)) < 200


def test_an_index_given_as_a_checkpoint_is_named(blended):
    with pytest.raises(CheckpointError, match=r"no checkpoint \(an index\?\)"):
        open_checkpoint(index_path(blended[0]))
