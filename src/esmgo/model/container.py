"""Containers: safetensors files with JSON metadata and a digest; damaged ones are refused.

The files are plain safetensors, so other tools read them. The metadata contains the SHA-256 of
all bytes of the file, with the digest's own digits taken as zeros. It detects a single flipped
bit, which safetensors itself would load without an error.

Nothing here knows what the tensors mean, needs torch, or reads a pickle.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import shutil
import stat
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import index  # int() would accept texts and fractions
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import CheckpointError, MachineError, brief, printable
from esmgo.files.atomic import replacing
from esmgo.files.json_text import MAX_BYTES, parse_json

DTYPE_BYTES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1,
    "BOOL": 1,
}  # fmt: skip
"""Bytes of an element, by the safetensors name of its type."""

MAX_INFLATED_BYTES = 32_000_000
"""Deflated metadata are of small files; those of the bundled caller have 2.3 MB."""

_DEFLATED = "esmgo_deflated"
"""Key of deflated metadata, in small files; the key of plain JSON is ``esmgo``."""

_DAMAGED = (
    ValueError, TypeError, KeyError, AttributeError, OverflowError, zlib.error,
)  # fmt: skip
"""What reading a header may raise."""

_START = b'{"__metadata__":{"sha256":"'
_ZEROS = b"0" * 64
_CHUNK = 1 << 22
_MAX_DIMENSIONS = 8
_MAX_SIZE = 1 << 40


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Type, shape and bytes of a tensor; ``begin`` and ``end`` count from the start of the data."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a container whose digest has been checked.

    ``metadata`` is the JSON value given to `write_container`, or None in a safetensors file
    that this project did not write; ``notes`` are the plain string metadata of the file.
    """

    path: Path
    tensors: Mapping[str, TensorInfo]
    metadata: dict[str, Any] | None
    notes: Mapping[str, str]
    data_start: int

    __repr__ = brief

    @property
    def is_deflated(self) -> bool:
        """Whether the metadata are deflated."""
        return _DEFLATED in self.notes

    @property
    def n_bytes(self) -> int:
        """The size of the file."""
        return self.data_start + max((info.end for info in self.tensors.values()), default=0)

    def read(self, name: str, dtype: str = "|u1") -> NDArray[Any]:
        """Return the values of a tensor as a flat array of a NumPy type."""
        info = self.tensors[name]
        n = (info.end - info.begin) // np.dtype(dtype).itemsize
        return np.fromfile(self.path, dtype, n, offset=self.data_start + info.begin)


def write_container(
    path: Path,
    tensors: Iterable[tuple[str, str, tuple[int, ...], memoryview]],
    metadata: Mapping[str, Any],
    *,
    small: bool = False,
) -> str:
    """Write tensors and metadata, and return the SHA-256 that the file then contains.

    An interruption leaves a complete file at ``path``: the old one or the new one.

    Parameters
    ----------
    path : Path
        The target; it is replaced by a rename when all bytes are on disk.
    tensors : iterable of (name, dtype, shape, bytes)
        ``dtype`` is a key of `DTYPE_BYTES`; the bytes are C-ordered, little-endian.
    metadata : mapping
        JSON values.
    small : bool
        Deflate the metadata: a fifth of the bytes, but other tools cannot read them.
    """
    items = list(tensors)
    name, words = "esmgo", json.dumps(metadata, sort_keys=True)
    if small:
        name, words = _DEFLATED, base64.b64encode(zlib.compress(words.encode(), 9)).decode()
    header: dict[str, Any] = {"__metadata__": {"sha256": _ZEROS.decode(), name: words}}
    at = 0
    for name, dtype, shape, data in items:
        size = math.prod(shape) * DTYPE_BYTES[dtype]
        assert data.nbytes == size, name
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    digest = hashlib.sha256(struct.pack("<Q", len(text)) + text)
    for *_, data in items:
        digest.update(data)
    assert text.startswith(_START)
    text = _START + digest.hexdigest().encode() + text[len(_START) + 64 :]
    try:
        with replacing(path) as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for *_, data in items:
                file.write(data)
    except MachineError as error:
        free = shutil.disk_usage(path.parent).free
        raise MachineError(
            f"{error}; {8 + len(text) + at:,} bytes needed, {free:,} free; the old file is intact"
        ) from error
    return digest.hexdigest()


def is_container(path: Path) -> bool:
    """Whether a file is empty, or begins as a container does; it may be damaged."""
    with _opened(path) as file:
        head = file.read(9)
    return not head or head[8:] == b"{"


def read_header(path: Path) -> Header:
    """Check a file against its digest and return its header.

    Raises CheckpointError if it is not a complete container. The message names the reason.
    """
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        _refuse_other_kinds(path, file.read(4096), size)
        file.seek(0)
        (length,) = struct.unpack("<Q", file.read(8))
        if length > min(MAX_BYTES, size - 8):
            raise CheckpointError(path, "not a checkpoint, or an incomplete one: header cut short")
        text = file.read(length)
        header = _parse(path, text)
        _check_layout(path, header.tensors, size - 8 - length, _kept_beside(path))
        if header.metadata is not None or text.startswith(_START):
            _check_digest(path, file, length, text)
    return header


def _opened(path: Path) -> BinaryIO:
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            return path.open("rb")
    except FileNotFoundError:
        raise CheckpointError(
            path, "no checkpoint there; fine-tune.py with `checkpoint_path=…` makes one"
        ) from None
    except OSError as error:
        raise CheckpointError(path, f"cannot be read: {error.strerror}") from None
    except ValueError as error:  # a NUL character in the path
        raise CheckpointError(path, f"not a path: {error}") from None
    if stat.S_ISDIR(mode):
        raise CheckpointError(path, "a folder, not a checkpoint file (nothing in it was opened)")
    raise CheckpointError(path, "a pipe or a device, not a checkpoint file")  # may never end


def _refuse_other_kinds(path: Path, start: bytes, size: int) -> None:
    if size == 0:
        raise CheckpointError(path, "empty (0 bytes)")
    if start.startswith(b"version https://git-lfs"):
        raise CheckpointError(path, "a git-lfs pointer, not the file itself: run git lfs pull")
    if start.startswith(b"PK") and start[8:9] != b"{":  # else the length of a header
        reason = "a zip archive as torch.save writes it; pickles are never opened, retrain"
        raise CheckpointError(path, reason)
    if start.startswith(b"\x80") and start[1:2] <= b"\x05" and start[8:9] != b"{":
        raise CheckpointError(path, "a pickle; pickles are never opened, retrain")
    if start.startswith(b"{"):
        raise CheckpointError(path, _what_json(path, size))
    if size < 10 or start[8:9] != b"{":
        raise CheckpointError(path, "not a checkpoint (no safetensors header)")


def _what_json(path: Path, size: int) -> str:
    try:
        value = parse_json(path.read_bytes()) if size < 1 << 20 else None
    except ValueError:
        value = None
    number = value.get("format") if isinstance(value, dict) else None
    if isinstance(number, int) and number > 1:
        return f"format {number}: written by a newer version of esmgo"
    return "JSON text, not a checkpoint"


def _parse(path: Path, text: bytes) -> Header:
    try:
        raw = parse_json(text)
        notes = raw.pop("__metadata__", {})
        if not all(isinstance(note, str) for note in notes.values()):
            raise ValueError("metadata that are not text")
        tensors = {
            name: TensorInfo(
                str(t["dtype"]), tuple(map(index, t["shape"])), *map(index, t["data_offsets"])
            )
            for name, t in raw.items()
        }
        if _DEFLATED in notes:
            metadata = parse_json(_inflated(notes[_DEFLATED]), MAX_INFLATED_BYTES)
        else:
            metadata = parse_json(notes["esmgo"].encode()) if "esmgo" in notes else None
        if metadata is not None and not isinstance(metadata, dict):
            raise ValueError("metadata is not an object")
    except _DAMAGED as error:
        raise CheckpointError(path, f"damaged header ({printable(error, 60)})") from None
    return Header(path, tensors, metadata, notes, 8 + len(text))


def _inflated(text: str) -> bytes:
    stream = zlib.decompressobj()
    found = stream.decompress(base64.b64decode(text, validate=True), MAX_INFLATED_BYTES)
    if not stream.eof:
        raise ValueError("metadata cut short, or too large")
    return found


def _check_layout(path: Path, tensors: Mapping[str, TensorInfo], n_bytes: int, kept: str) -> None:
    """Check that tensors fill the data exactly: without gaps, overlaps or missing bytes."""
    at = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: item[1].begin):
        if tensor.dtype not in DTYPE_BYTES:
            raise CheckpointError(path, f"{printable(name)} has type {printable(tensor.dtype, 20)}")
        if len(tensor.shape) > _MAX_DIMENSIONS or not all(0 <= n < _MAX_SIZE for n in tensor.shape):
            raise CheckpointError(path, f"{printable(name)}: impossible shape of a tensor")
        if math.prod(tensor.shape) * DTYPE_BYTES[tensor.dtype] != tensor.end - tensor.begin:
            raise CheckpointError(path, f"{printable(name)}: its shape does not fit its bytes")
        if tensor.begin != at:
            raise CheckpointError(path, f"{printable(name)}: tensors overlap or leave a gap")
        at = tensor.end
    if at != n_bytes:
        raise CheckpointError(
            path, f"incomplete checkpoint: {n_bytes:,} of {at:,} bytes of tensors{kept}"
        )


def _kept_beside(path: Path) -> str:
    best = best_path(path)
    return f"; {printable(best.name, 40)} beside it is the best epoch" if best.is_file() else ""


def shape_text(shape: Iterable[int]) -> str:
    """Write a shape as ``[5,8]``."""
    return f"[{','.join(map(str, shape))}]"


def best_path(path: Path) -> Path:
    """Return the path of the best epoch of the checkpoint at ``path``."""
    return path.parent / f"{path.stem}.best{path.suffix}"


def index_path(path: Path) -> Path:
    """Return the path of the index of the checkpoint at ``path``."""
    return path.parent / f"{path.stem}.index{path.suffix}"


def files_of(path: Path) -> tuple[Path, Path, Path]:
    """Return the paths of checkpoint, index, and next index."""
    return path, index_path(path), path.parent / f"{path.stem}.index.new{path.suffix}"


def _check_digest(path: Path, file: BinaryIO, length: int, text: bytes) -> None:
    if not text.startswith(_START):
        raise CheckpointError(path, "damaged header (no digest)")
    stored = text[len(_START) : len(_START) + 64]
    digest = hashlib.sha256(struct.pack("<Q", length))
    digest.update(_START + _ZEROS + text[len(_START) + 64 :])
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    found = digest.hexdigest()
    if stored != found.encode():
        wanted = printable(stored.decode("latin-1"), 19)
        raise CheckpointError(
            path,
            f"damaged: SHA-256 {printable(found, 19)}, expected {wanted}; use a copy or retrain",
        )
