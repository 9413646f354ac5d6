"""The file of an `Index` beside a checkpoint, written whole and checked when it is read.

`esmgo blend` adds the proteins that training held out, and k-mers.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import CheckpointError, printable
from esmgo.evidence.index import Index, as_stored
from esmgo.evidence.kmers import GROUPS, SHAPES, Kmers
from esmgo.evidence.packed_lists import Packed, PackedLists
from esmgo.evidence.stored_sequences import StoredSequences
from esmgo.go.labels import LabelSpace
from esmgo.go.sparse import SparseRows
from esmgo.model.checkpoint import Checkpoint, replace_blend
from esmgo.model.compression import Coarse, deflated, deflated_lists, inflated, inflated_lists
from esmgo.model.container import Header, files_of, index_path, read_header, write_container

_PLAIN, _COARSE = 1, 4
"""Formats, by how vectors are stored."""

_TYPES = {
    _PLAIN: {"vectors": ("F16", "<f2"), "indptr": ("I64", "<i8"), "indices": ("I32", "<i4")},
    _COARSE: dict.fromkeys(("lengths", "terms", "steps"), ("U8", "|u1"))
    | dict.fromkeys(("scales", "axes", "centre"), ("F32", "<f4")),
}
_KIND = f"{' '.join(SHAPES)}, {' '.join(GROUPS)}, in parts, with the nearest"
"""Which k-mers, and how their lists are stored."""

_TAXA = "taxa"


def write_index(
    path: Path, index: Index, labels: LabelSpace, encoder: str, *, small: bool = False
) -> str:
    """Write an index and return its fingerprint.

    An interruption leaves a complete file at ``path``: the old one or the new one. Only the most
    specific annotations are written. ``encoder`` is the result of
    `Checkpoint.encoder_fingerprint` for the checkpoint that made the vectors. With ``small``
    vectors are stored approximately, in an eighth of the bytes, and ids deflated. Raises
    MachineError if the disk is full or refuses.
    """
    leaves = index.terms.leaves(labels)
    arrays: dict[str, NDArray[Any]]
    if small:
        lengths, terms = (np.frombuffer(d, np.uint8) for d in deflated_lists(leaves))
        arrays = Coarse.of(index.vectors)._asdict() | {"lengths": lengths, "terms": terms}
    else:
        arrays = {"vectors": index.vectors, "indptr": leaves.indptr, "indices": leaves.indices}
    format = _COARSE if small else _PLAIN
    tensors = []
    for name, (dtype, plain) in _TYPES[format].items():
        array = np.ascontiguousarray(arrays[name], plain)
        data = array.view(np.uint8).reshape(-1).data if array.size else memoryview(b"")
        tensors.append((name, dtype, array.shape, data))
    metadata = {
        "index": format,
        "encoder_sha256": encoder,
        "labels_sha256": labels.fingerprint,
        "ids": list(index.ids),
    }
    if index.taxa.any():
        taxa = np.frombuffer(deflated(index.taxa), np.uint8)
        tensors.append((_TAXA, "U8", taxa.shape, taxa.data))
    if index.kmers is not None:
        tensors += _squeezed(index.kmers)
        metadata["kmers"] = _KIND
    if index.sequences is not None:
        packed = index.sequences.packed(small=small)
        lengths = np.frombuffer(deflated(index.sequences.lengths), np.uint8)
        tensors.append(("sequences", "U8", packed.shape, packed.data))
        tensors.append(("sequences.lengths", "U8", lengths.shape, lengths.data))
    return write_container(path, tensors, metadata, small=small)


def replace_index(checkpoint: Checkpoint, index: Index, blend: Mapping[str, Any]) -> None:
    """Replace index and blend of a checkpoint; at any moment the old or the new pair is in use.

    The new index is at the last path of `files_of` until the checkpoint contains the new blend,
    which names the fingerprint of the new index. The caller must exclude other writers. Raises
    MachineError if the disk is full or refuses.
    """
    path, usual, new = files_of(checkpoint.path)
    with suppress(CheckpointError, KeyError):  # there is none
        if read_header(new).notes["sha256"] == _index_of(checkpoint):
            new.replace(usual)  # an earlier process was killed before this step
    encoder = checkpoint.encoder_fingerprint
    sha256 = write_index(new, index, checkpoint.labels, encoder)
    replace_blend(path, {**blend, "index_sha256": sha256})
    new.replace(usual)


def open_index(checkpoint: Checkpoint, *, with_kmers: bool = True) -> Index | None:
    """Read the index of a checkpoint, or None if there is none and no blend needs one.

    An index fits if its encoder and its labels are those of the checkpoint; the best epoch may
    share the index of the last one. If the blend names an index, only that one fits. Without
    ``with_kmers`` no k-mers are read. Raises CheckpointError if a file is not a complete index,
    or if the checkpoint has a blend and no index fits. The message names the remedy.
    """
    path, usual, new = files_of(checkpoint.path)
    named, last = _index_of(checkpoint), path.with_name(path.name.replace(".best", "", 1))
    if checkpoint.blend is None:
        remedy = "restore or delete it"
    else:
        remedy = "restore it, run esmgo blend again"
    paths = [usual, index_path(last)] + [new] * (named is not None)
    found = [beside for beside in dict.fromkeys(paths) if os.path.lexists(beside)]
    for beside in found:
        try:
            header = read_header(beside)
            if _fits(header, checkpoint, named):
                return _read(header, checkpoint, with_kmers)
        except CheckpointError as error:
            raise CheckpointError(beside, f"{printable(error.reason, 45)}; {remedy}") from None
    if checkpoint.blend is not None:
        what = "belongs to another model or blend" if found else "missing, and the blend needs it"
        raise CheckpointError(usual, f"{what}: {remedy}")
    return None


def _index_of(checkpoint: Checkpoint) -> str | None:
    """Return the fingerprint of the index that the checkpoint's blend names, if any."""
    return (checkpoint.blend or {}).get("index_sha256")


def _fits(header: Header, checkpoint: Checkpoint, named: str | None) -> bool:
    """Whether a file is the index that a blend names, of the same labels and encoder."""
    meta = header.metadata
    if meta is None or "index" not in meta:
        raise CheckpointError(header.path, "not an index of esmgo")
    return (
        named in (None, header.notes["sha256"])
        and meta.get("labels_sha256") == checkpoint.labels.fingerprint
        and meta.get("encoder_sha256") == checkpoint.encoder_fingerprint
    )


def _read(header: Header, checkpoint: Checkpoint, with_kmers: bool) -> Index:
    path, meta, labels = header.path, header.metadata or {}, checkpoint.labels
    format, ids = meta["index"], meta.get("ids")
    if type(format) is not int or format not in _TYPES:
        found = printable(json.dumps(format), 20)
        raise CheckpointError(path, f"index of format {found}: written by another version of esmgo")
    if not isinstance(ids, list) or not all(isinstance(id, str) for id in ids):
        raise CheckpointError(path, "damaged index: ids are not texts")
    arrays = {}
    for name, (dtype, plain) in _TYPES[format].items():
        info = header.tensors.get(name)
        if info is None or info.dtype != dtype:
            raise CheckpointError(path, f"incomplete index: without {name}")
        arrays[name] = header.read(name, plain).reshape(info.shape)
    room = _room(header)
    try:
        vectors, terms = _opened(arrays, (len(ids), checkpoint.encoder["hidden_size"]), room)
        is_sound = (
            len(ids) == len(terms)
            and terms.is_valid(len(labels))
            and bool(np.isfinite(vectors).all())
        )
    except (ValueError, zlib.error):
        is_sound = False
    if not is_sound:
        raise CheckpointError(path, "damaged index: ids, vectors and terms do not fit together")
    closed = terms.closed(labels)
    kmers = _kmers(header, len(ids), room) if with_kmers and "kmers" in meta else None
    sequences = _sequences(header, len(ids), room) if "sequences" in header.tensors else None
    taxa = _taxa(header, len(ids), room)
    return Index(tuple(ids), vectors, closed, taxa, header.notes["sha256"], kmers, sequences)


def _room(header: Header) -> int:
    """Return the number of bytes that compressed arrays may take; real ones take a quarter."""
    return (1 << 24) + 16 * header.n_bytes


def _opened(
    arrays: Mapping[str, NDArray[Any]], shape: tuple[int, int], room: int
) -> tuple[NDArray[np.float16], SparseRows]:
    """Return vectors and annotations, of either format.

    Raises ValueError or zlib.error if an array is damaged, has another shape, or needs more than
    ``room`` bytes.
    """
    coarse = None if "vectors" in arrays else Coarse(*(arrays[name] for name in Coarse._fields))
    if (arrays["vectors"].shape if coarse is None else coarse.shape) != shape:
        raise ValueError("vectors of another shape")
    if coarse is None:
        return arrays["vectors"], SparseRows(arrays["indptr"], arrays["indices"])
    if 2 * shape[0] * shape[1] > 4 * room:
        raise ValueError("vectors larger than the file allows")
    terms = inflated_lists(arrays["lengths"], arrays["terms"], room)
    return as_stored(coarse.vectors()), terms


def _squeezed(kmers: Kmers) -> list[tuple[str, str, tuple[int, ...], memoryview]]:
    """Return k-mers as compressed differences of their keys, and packed lists of their holders."""
    steps = np.diff(kmers.keys, prepend=np.int32(0)).astype(np.int32)
    keys = np.frombuffer(deflated(steps), np.uint8)
    arrays = {"kmers.keys": keys}
    lists = {"kmers": kmers.lists} | (
        {"near": kmers.near.take(np.arange(kmers.n_proteins))} if kmers.near else {}
    )
    for name, each in lists.items():
        arrays |= {f"{name}.{part}": data for part, data in Packed.of(each)._asdict().items()}
    length = np.ascontiguousarray(kmers.lengths, "<f4")
    found = [(name, "U8", each.shape, each.data) for name, each in arrays.items()]
    return [*found, ("kmers.length", "F32", length.shape, length.view(np.uint8).data)]


def _kmers(header: Header, n_proteins: int, room: int) -> Kmers:
    path, kind = header.path, (header.metadata or {})["kmers"]
    if kind != _KIND:
        raise CheckpointError(path, "k-mers of a different kind")
    try:
        keys = np.cumsum(inflated(header.read("kmers.keys"), room), dtype=np.int32)
        holders = _lists("kmers", header, n_proteins, room)
        near = _lists("near", header, n_proteins, room) if "near.parts" in header.tensors else None
        length = header.read("kmers.length", "<f4")
    except (KeyError, ValueError, zlib.error) as error:
        raise CheckpointError(path, f"damaged k-mers ({printable(error, 60)})") from None
    is_sound = (
        len(keys) == len(holders)
        and len(length) == n_proteins
        and (near is None or len(near) == n_proteins)
        and bool((np.diff(keys) > 0).all() and np.isfinite(length).all())
    )
    if not is_sound:
        raise CheckpointError(path, "damaged k-mers: they do not fit the proteins")
    return Kmers(n_proteins, keys, holders, length, near)


def _lists(name: str, header: Header, n_proteins: int, room: int) -> PackedLists:
    packed = Packed(*(header.read(f"{name}.{part}") for part in Packed._fields))
    return PackedLists(packed, n_proteins, room, header.path)


def _taxa(header: Header, n_proteins: int, room: int) -> NDArray[np.int32]:
    if _TAXA not in header.tensors:
        return np.zeros(n_proteins, np.int32)
    try:
        return _numbers(_TAXA, header, n_proteins, room)
    except (ValueError, zlib.error) as error:
        reason = f"damaged taxa ({printable(error, 60)})"
        raise CheckpointError(header.path, reason) from None


def _sequences(header: Header, n_proteins: int, room: int) -> StoredSequences:
    try:
        lengths = _numbers("sequences.lengths", header, n_proteins, room)
        return StoredSequences.unpacked(lengths, header.read("sequences"), room, header.path)
    except (KeyError, ValueError, zlib.error) as error:
        reason = f"damaged sequences ({printable(error, 60)})"
        raise CheckpointError(header.path, reason) from None


def _numbers(name: str, header: Header, n_proteins: int, room: int) -> NDArray[np.int32]:
    """Return a compressed number of each protein; raise ValueError or zlib.error if damaged."""
    found = inflated(header.read(name), room)
    if len(found) != n_proteins:
        raise ValueError("not as many as proteins")
    return found
