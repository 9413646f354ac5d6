"""What the training proteins were like: embeddings, ids and terms, in a file beside the checkpoint.

`esmgo blend` adds the proteins that training held out, and k-mers. No sequence is in it. Those
alike a new protein are found here; nothing here knows how they vote.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esmgo.data.kmers import GROUPS, SHAPE, Kmers
from esmgo.errors import CheckpointError, shown
from esmgo.go.labels import LabelSpace
from esmgo.go.truepath import close_rows, most_specific
from esmgo.model.checkpoint import Checkpoint
from esmgo.model.container import Header, read_header, write_container

__all__ = ["Index", "as_stored", "index_path", "open_index", "write_index"]

FORMATS = {"F16": 1, "I8": 2}
"""By the type that vectors are stored in."""

_TYPES = {"vectors": ("F16", "<f2"), "indptr": ("I64", "<i8"), "indices": ("I32", "<i4")}
_SMALL = _TYPES | {"vectors": ("I8", "|i1")}
_SMALL |= dict.fromkeys(("scales", "centre", "spread"), ("F32", "<f4"))
_KMERS = "keys", "counts", "holders"
_KIND = f"{SHAPE} {' '.join(GROUPS)}"


@dataclass(frozen=True, slots=True)
class Index:
    """M training proteins.

    Parameters
    ----------
    ids : tuple of str
        As written in the data set.
    vectors : ndarray, shape=(M, D), dtype=float16
        Final hidden states at ``<cls>``: what the head reads.
    indptr, indices : ndarray
        Closed annotations as sparse rows over the checkpoint's label space.
    fingerprint : str
        SHA-256 of the file it was read from.
    kmers : Kmers, optional
        What `esmgo.data.kmers` knows of their sequences.
    """

    ids: tuple[str, ...]
    vectors: NDArray[np.float16]
    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    fingerprint: str = ""
    kmers: Kmers | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def frequency(self, n_terms: int) -> NDArray[np.float64]:
        """Return the part of the proteins that has each term; shape=(T,)."""
        return np.bincount(self.indices, minlength=n_terms) / max(len(self), 1)


def as_stored(vectors: NDArray[np.float32]) -> NDArray[np.float16]:
    """Return vectors as an `Index` holds them; what is out of range becomes the largest number."""
    largest = float(np.finfo(np.float16).max)
    return vectors.clip(-largest, largest).astype(np.float16)


def index_path(path: Path) -> Path:
    """Return where the index of the checkpoint at ``path`` is kept."""
    return path.with_name(f"{path.stem}.index{path.suffix}")


def write_index(
    path: Path, index: Index, labels: LabelSpace, encoder: str, *, int8: bool = False
) -> None:
    """Write an index; afterwards the old or the new one stands at ``path``, whole.

    Parameters
    ----------
    path : Path
        See `index_path`.
    index : Index
        The training proteins.
    labels : LabelSpace
        The columns of its annotations; only the most specific ones are written.
    encoder : str
        `Checkpoint.encoder_fingerprint` of who made the vectors.
    int8 : bool
        Store vectors in half of the room: each number as one of 255 steps.

    Raises
    ------
    MachineError
        If the disk is full or refuses.
    """
    indptr, indices = most_specific(index.indptr, index.indices, labels)
    arrays: dict[str, NDArray[Any]] = {"indptr": indptr, "indices": indices}
    arrays |= _in_steps(index.vectors) if int8 else {"vectors": index.vectors}
    tensors = []
    for name, (dtype, plain) in (_SMALL if int8 else _TYPES).items():
        array = np.ascontiguousarray(arrays[name], plain)
        data = array.view(np.uint8).reshape(-1).data if array.size else memoryview(b"")
        tensors.append((name, dtype, array.shape, data))
    metadata = {
        "index": FORMATS["I8" if int8 else "F16"],
        "encoder_sha256": encoder,
        "labels_sha256": labels.fingerprint,
        "ids": list(index.ids),
    }
    if index.kmers is not None:
        tensors += _squeezed(index.kmers)
        metadata["kmers"] = _KIND
    write_container(path, tensors, metadata)


def open_index(checkpoint: Checkpoint) -> Index | None:
    """Read the index of a checkpoint, or None if there is none.

    The best epoch has the index of the last where both have the same encoder.

    Raises
    ------
    CheckpointError
        If the file is damaged.
    """
    path = checkpoint.path
    last = path.with_name(path.name.replace(".best", "", 1))
    wanted = checkpoint.labels.fingerprint, checkpoint.encoder_fingerprint
    for beside in dict.fromkeys((index_path(path), index_path(last))):
        if beside.is_file():
            header = read_header(beside)
            meta = header.metadata or {}
            if (meta.get("labels_sha256"), meta.get("encoder_sha256")) == wanted:
                return _read(header, checkpoint.labels)
    return None


def _read(header: Header, labels: LabelSpace) -> Index:
    path, meta = header.path, header.metadata or {}
    if meta.get("index") not in FORMATS.values():
        found = shown(json.dumps(meta.get("index")), 20)
        raise CheckpointError(path, f"index of format {found}: written by a newer version of esmgo")
    arrays = {}
    for name, (dtype, plain) in (_TYPES if meta["index"] == 1 else _SMALL).items():
        info = header.tensors.get(name)
        if info is None or info.dtype != dtype:
            raise CheckpointError(path, f"incomplete index: without {name}")
        n, at = (info.end - info.begin) // np.dtype(plain).itemsize, header.data_start + info.begin
        arrays[name] = np.fromfile(path, plain, n, offset=at).reshape(info.shape)
    if "scales" in arrays:
        arrays["vectors"] = _from_steps(path, arrays)
    ids, indptr, indices = tuple(meta["ids"]), arrays["indptr"], arrays["indices"]
    is_sound = (
        arrays["vectors"].ndim == 2
        and len(ids) == len(arrays["vectors"]) == len(indptr) - 1
        and indptr[0] == 0
        and indptr[-1] == len(indices)
        and (np.diff(indptr) >= 0).all()
        and (len(indices) == 0 or (indices.min() >= 0 and indices.max() < len(labels)))
        and bool(np.isfinite(arrays["vectors"]).all())
    )
    if not is_sound:
        raise CheckpointError(path, "damaged index: ids, vectors and terms do not fit together")
    closed = close_rows(indptr, indices, labels)
    kmers = _kmers(header, len(ids)) if "kmers" in meta else None
    return Index(ids, arrays["vectors"], *closed, header.notes["sha256"], kmers)


def _in_steps(vectors: NDArray[np.float16]) -> dict[str, NDArray[Any]]:
    """Return vectors as whole numbers in [-127, 127], shape=(M, D), and what undoes it.

    What all vectors share, and how far they spread in each dimension, are taken out first:
    both are large where an encoder tells proteins apart by little.
    """
    wide: NDArray[Any] = vectors.astype(np.float32)
    centre = wide.mean(axis=0) if len(wide) else np.zeros(wide.shape[1], np.float32)
    spread = wide.std(axis=0) if len(wide) else np.ones_like(centre)
    spread[spread == 0] = 1
    wide = (wide - centre) / spread
    scales = np.abs(wide).max(axis=1, initial=0) / 127
    steps = np.rint(wide / np.maximum(scales, np.finfo(np.float32).tiny)[:, None])
    return {"vectors": steps, "scales": scales, "centre": centre, "spread": spread}


def _from_steps(path: Path, arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.float16]:
    steps, scales = arrays["vectors"], arrays["scales"]
    centre, spread = arrays["centre"], arrays["spread"]
    shapes = scales.shape[:1] + centre.shape[:1], scales.shape[:1] + spread.shape[:1]
    if any(shape != steps.shape for shape in shapes):
        raise CheckpointError(path, "damaged index: vectors and scales do not fit together")
    vectors: NDArray[np.float16] = (steps * scales[:, None] * spread + centre).astype(np.float16)
    return vectors


def _squeezed(kmers: Kmers) -> list[tuple[str, str, tuple[int, ...], memoryview]]:
    """Return keys and holders as steps from one to the next, high and low bytes apart, deflated."""
    starts = kmers.indptr[:-1]
    holders = np.diff(kmers.holders, prepend=np.int32(0))
    holders[starts] = kmers.holders[starts]
    arrays = np.diff(kmers.keys, prepend=np.int32(0)), np.diff(kmers.indptr), holders
    found: list[tuple[str, str, tuple[int, ...], memoryview]] = []
    for name, array in zip(_KMERS, arrays, strict=True):
        planes = array.astype("<i4").view(np.uint8).reshape(-1, 4).T
        data = zlib.compress(planes.tobytes())
        found.append((f"kmers.{name}", "U8", (len(data),), memoryview(data)))
    return found


def _kmers(header: Header, n_proteins: int) -> Kmers:
    path, kind = header.path, (header.metadata or {})["kmers"]
    if kind != _KIND:
        raise CheckpointError(path, "k-mers of another kind: written by a newer version of esmgo")
    arrays = []
    try:
        for name in _KMERS:
            info = header.tensors[f"kmers.{name}"]
            packed = np.fromfile(
                path, np.uint8, info.end - info.begin, offset=header.data_start + info.begin
            )
            planes = np.frombuffer(zlib.decompress(packed.data), np.uint8).reshape(4, -1)
            arrays.append(np.ascontiguousarray(planes.T).view("<i4")[:, 0])
    except (KeyError, ValueError, zlib.error) as error:
        raise CheckpointError(path, f"damaged k-mers ({shown(repr(error), 60)})") from None
    steps, counts, holders = arrays
    indptr = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    is_sound = len(steps) == len(counts) and (counts > 0).all() and indptr[-1] == len(holders)
    if is_sound:
        sums = np.cumsum(holders, dtype=np.int64)
        before = np.concatenate([[0], sums])[indptr[:-1]]
        holders = (sums - np.repeat(before, counts)).astype(np.int32)
        is_sound = not len(holders) or (holders.min() >= 0 and holders.max() < n_proteins)
    if not is_sound:
        raise CheckpointError(path, "damaged k-mers: they and the proteins do not fit together")
    return Kmers(n_proteins, np.cumsum(steps, dtype=np.int32), indptr, holders)
