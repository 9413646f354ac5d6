"""Checkpoints with a right digest that still make no sense."""

import hashlib
import json
import struct
from pathlib import Path

import pytest

from esmgo.errors import CheckpointError
from esmgo.model.checkpoint import open_checkpoint

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
