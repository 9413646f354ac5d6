"""Checkpoints that are whole, digest and all, and still not to be trusted."""

import base64
import hashlib
import json
import os
import struct
import zlib
from pathlib import Path

import pytest

from esmgo.errors import CheckpointError
from esmgo.model.checkpoint import open_checkpoint
from esmgo.model.container import read_header, write_container

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


def foreign(target: Path, header: object, data: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    target.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return target


def tensor(shape: list[int], begin: int = 0, end: int = 4) -> dict:
    return {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}


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


@pytest.mark.parametrize(
    ("header", "data"),
    [
        ({"a.bias": tensor([]), "a.weight": tensor([1], 4, 8)}, bytes(8)),
        ({"w": tensor([0, 1 << 62, 1 << 62], 0, 0)}, b""),
        ({"w": tensor([1] * 5000)}, bytes(4)),
        (b'{"w":{"dtype":"F32","shape":[Infinity],"data_offsets":[0,4]}}', bytes(4)),
    ],
)
def test_shapes_that_no_tensor_has_are_refused(header, data, tmp_path) -> None:
    with pytest.raises(CheckpointError):
        open_checkpoint(foreign(tmp_path / "c.safetensors", header, data))


def deflated(value: object) -> bytes:
    return base64.b64encode(zlib.compress(json.dumps(value).encode()))


@pytest.mark.parametrize(
    "words",
    [
        b"not base64!",
        base64.b64encode(b"not deflated"),
        deflated({"format": 1})[:-8],
        deflated("a" * 3000),
        deflated([1]),
    ],
)
def test_deflated_metadata_that_are_damaged_or_too_large_are_refused(words, tmp_path, monkeypatch):
    monkeypatch.setattr("esmgo.model.container.MAX_HEADER_BYTES", 2000)
    header = {"__metadata__": {"esmgo_deflated": words.decode()}}
    with pytest.raises(CheckpointError, match="damaged header"):
        read_header(foreign(tmp_path / "c.pt", header))


def test_deflated_metadata_are_read_as_they_were(tmp_path) -> None:
    written = {"format": 1, "labels": ["GO:0003674"] * 100}
    for small in (False, True):
        write_container(tmp_path / f"{small}.pt", [], written, small=small)
        assert read_header(tmp_path / f"{small}.pt").metadata == written
    assert (tmp_path / "True.pt").stat().st_size < 0.5 * (tmp_path / "False.pt").stat().st_size


def test_a_pipe_is_refused_and_not_waited_for(tmp_path) -> None:
    os.mkfifo(tmp_path / "c.pt")
    with pytest.raises(CheckpointError, match="a pipe or a device"):
        read_header(tmp_path / "c.pt")


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000])
def test_a_name_that_is_no_path_is_refused(name) -> None:
    with pytest.raises(CheckpointError):
        open_checkpoint(name)
