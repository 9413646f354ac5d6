"""Checkpoints with a right digest that still make no sense."""

import hashlib
import json
import shutil
import struct
import tracemalloc
from pathlib import Path

import pytest
from containers import rewrite

from esmgo.errors import CheckpointError
from esmgo.model.checkpoint import open_checkpoint
from esmgo.predict.blend import Blend

START = b'{"__metadata__":{"sha256":"'


def edited(checkpoint: Path, target: Path, change) -> Path:
    """Write a checkpoint whose metadata were changed, with the digest that fits them."""
    raw = checkpoint.read_bytes()
    (n,) = struct.unpack("<Q", raw[:8])
    header, data = json.loads(raw[8 : 8 + n]), raw[8 + n :]
    meta = json.loads(header["__metadata__"]["esmgo"])
    change(meta)
    labels = json.dumps(meta["labels"], sort_keys=True, separators=(",", ":"))
    meta["labels_sha256"] = hashlib.sha256(labels.encode()).hexdigest()
    header["__metadata__"] = {"sha256": "0" * 64, "esmgo": json.dumps(meta)}
    text = json.dumps(header, separators=(",", ":")).encode()
    digest = hashlib.sha256(struct.pack("<Q", len(text)) + text + data).hexdigest().encode()
    text = START + digest + text[len(START) + 64 :]
    target.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return target


def swap(meta: dict) -> None:
    terms = meta["labels"]["terms"]
    terms[0][:3], terms[1][:3] = terms[1][:3], terms[0][:3]


def test_an_edit_with_the_right_digest_opens(checkpoint, tmp_path) -> None:
    path = edited(checkpoint, tmp_path / "c.pt", lambda meta: None)
    assert open_checkpoint(path).caller().n_terms > 0


@pytest.mark.parametrize(
    "change",
    [
        swap,
        lambda meta: meta["labels"]["terms"][0].__setitem__(0, "GO:x"),
        lambda meta: meta["labels"]["terms"][0].__setitem__(3, [0]),
        lambda meta: meta.update(context_length=float("inf")),
        lambda meta: meta.update(context_length=-1),
        lambda meta: meta.update(context_length=10**15),
        lambda meta: meta["training"].pop("settings"),
        lambda meta: meta["training"].update(settings=None),
        lambda meta: meta["training"].update(epoch="x"),
        lambda meta: meta["training"].update(step=-5),
        lambda meta: meta["encoder"].update(hidden_size=10**12),
        lambda meta: meta["encoder"].update(layer_norm_eps="x"),
        lambda meta: meta["encoder"].update(layer_norm_eps=float("nan")),
        lambda meta: meta["encoder"].update(hidden_dropout_prob=5),
        lambda meta: meta["encoder"].update(mask_token_id=None),
        lambda meta: meta["encoder"].update(pad_token_id=10**9),
        lambda meta: meta["encoder"].update(token_dropout="x"),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused(change, checkpoint, tmp_path) -> None:
    path = edited(checkpoint, tmp_path / "c.pt", change)
    with pytest.raises(CheckpointError, match=r"c\.pt: ") as refused:
        open_checkpoint(path).caller()
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000])
def test_a_name_that_is_no_path_is_refused(name) -> None:
    with pytest.raises(CheckpointError):
        open_checkpoint(name)


WRONG = {
    "format": [None, "1", [1], 2], "labels": [None, 5, [], {}, {"terms": [[1]], "release": ""}],
    "labels_sha256": [None, "0" * 64], "context_length": [None, "9", 1.5, 2, 10**15, True],
    "encoder": [None, [], {}, {"model_type": "esm"}, [["a"]]],
    "training": [None, 5, [["seed"]], {"seed": 1}], "blend": [5, "x", [["blend"]], [1]],
}  # fmt: skip


@pytest.mark.parametrize(("entry", "value"), [(k, v) for k, vs in WRONG.items() for v in vs])
def test_metadata_of_a_wrong_type_are_refused(blended, tmp_path, entry, value):
    path = tmp_path / blended[0].name
    shutil.copy(blended[0], path)
    rewrite(path, **{entry: value})
    with pytest.raises(CheckpointError) as caught:
        Blend.of(open_checkpoint(path))
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("name", "value"),
    [("validation", 5), ("validation", [1]), ("seed", "1"), ("epoch", -1), ("step", 10**30),
     ("settings", []), ("loss_sum", None), ("threads", True)],
)  # fmt: skip
def test_a_state_of_training_of_a_wrong_type_is_refused(checkpoint, tmp_path, name, value):
    path = tmp_path / checkpoint.name
    shutil.copy(checkpoint, path)
    rewrite(path, training=open_checkpoint(path).training | {name: value})
    with pytest.raises(CheckpointError, match="damaged metadata"):
        open_checkpoint(path)


@pytest.mark.parametrize(
    "words",
    [b"[" * 100_000, b'{"a":1,"a":2}', b"[]," * 2_100_000, b"1," * 11_000_000],
    ids=["deep", "twice", "many lists", "many values"],
)  # fmt: skip
def test_metadata_that_would_fill_the_memory_are_refused(tmp_path, words):
    text = json.dumps({"__metadata__": {"esmgo": words.decode()}}).encode()
    path = tmp_path / "c.pt"
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    tracemalloc.start()
    with pytest.raises(CheckpointError, match="damaged header"):
        open_checkpoint(path)
    assert tracemalloc.get_traced_memory()[1] < 8 * len(text) + 1_000_000
    tracemalloc.stop()
