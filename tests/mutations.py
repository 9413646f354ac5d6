"""Random changes of files: of bytes, of lines and cells, of JSON, containers, archives, Parquet."""

from __future__ import annotations

import base64
import copy
import gzip
import hashlib
import io
import json
import random
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Sequence
from typing import Any

TOKENS = [
    b"\0", b"\xff", b"\xef\xbb\xbf", b"\r", b"\r\n", b"\n", b"\n\n\n", b"\t", b"\t\t", b" ", b">",
    b"!", b"#", b"|", b";", b",", b'"', b"'", b"\\", b"{", b"}", b"[Term]\n", b"GO:0008150",
    b"GO:9999999", b"GO:", b"nan", b"inf", b"-inf", b"-1", b"0", b"1e999", b"1e-320", b"1_0",
    b"9" * 20, b"0x10", b"NOT", b"\xc2\xa0", b"\xe2\x80\xa8", b"\xe3\x80\x80", b"\x0b",
    b"\x0c", b"\x1c", b"\x85", b"\xed\xa0\x80", b"\xf0\x9f\xa7\xac", b"sp||", b"gi|1|ref|", b"null",
    b"true", b"*", b".", b"-", b"\x1f\x8b", b"PK\x03\x04", b"is_a: ", b"!gaf-version: 2.2\n",
    b"!gpa-version: 2.0\n", b"EntryID\tterm\taspect\n", b"%s", b"../", b"\x1b[31m",
]  # fmt: skip

MOST_BYTES = 1 << 23
"""Bytes of a mutated text, before it is compressed; a million small records take 20 s to read."""

VALUES: list[Any] = [
    None, True, False, -1, 0, 1, 2, 7, 255, 65536, 2**31 - 1, 2**31, 2**53, 2**63, 10**15, 10**30,
    -(10**30), 0.5, -0.0, 1e308, float("nan"), float("inf"), "", "x", "GO:0008150", "\0", "\ud800",
    "é" * 50, "9" * 400, "a" * 10_000, [], {}, [[]], [{}], {"a": 1}, [None], ["x"], [1, 2, 3],
    [0] * 1_000,
]  # fmt: skip


def mutate_text(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    """Change bytes, lines or cells of a text; now and then compress it."""
    data = _several(data, seeds, rng, [*_BYTES, *_LINES, *_LINES])
    if rng.random() < 0.1:
        data = gzip.compress(data, 1, mtime=0)
        if rng.random() < 0.5:
            data = _several(data, seeds, rng, _BYTES)
    return data


def mutate_bytes(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    """Change bytes."""
    return _several(data, seeds, rng, _BYTES)


def mutate_jsonl(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    """Change bytes or lines, or a value in the JSON of some lines."""
    if rng.random() < 0.5:
        return mutate_text(data, seeds, rng)
    lines = data.split(b"\n")
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(len(lines))
        try:
            value = json.loads(lines[at])
        except ValueError:
            continue
        lines[at] = _dumps(_other_json(value, rng))
    return b"\n".join(lines)


def mutate_json(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    """Change bytes, or values of a JSON text."""
    if rng.random() < 0.3:
        return mutate_bytes(data, seeds, rng)
    return _dumps(_other_json(json.loads(data), rng))


def mutate_container(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    """Change bytes of a checkpoint or an index, or its header, and mostly sign it again."""
    if rng.random() < 0.2:
        return mutate_bytes(data, seeds, rng)
    header, tensors = parsed(data)
    notes = header["__metadata__"]
    which = rng.random()
    if which < 0.5 and "esmgo" in notes:
        notes["esmgo"] = _dumps(_other_json(json.loads(notes["esmgo"]), rng)).decode()
    elif which < 0.5 and "esmgo_deflated" in notes:
        words = zlib.decompress(base64.b64decode(notes["esmgo_deflated"]))
        words = _dumps(_other_json(json.loads(words), rng))
        notes["esmgo_deflated"] = base64.b64encode(zlib.compress(words)).decode()
    elif which < 0.7:
        header = _other_json(header, rng)
    elif which < 0.8:
        header, tensors = _resized(header, tensors, rng)
    else:
        tensors = (
            mutate_bytes(tensors, [tensors], rng)
            if rng.random() < 0.5
            else _same_size(tensors, rng)
        )
    return signed(header, tensors)


def parsed(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the header of a container, and the bytes of its tensors."""
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def signed(header: Any, tensors: bytes) -> bytes:
    """Return a container with a valid digest, if its header has a place for one."""
    start = b'{"__metadata__":{"sha256":"'
    notes = header.get("__metadata__") if isinstance(header, dict) else None
    if isinstance(notes, dict):
        notes = {"sha256": "0" * 64} | notes
        header = {"__metadata__": notes} | header
        header["__metadata__"] = {"sha256": "0" * 64} | {
            k: v for k, v in notes.items() if k != "sha256"
        }
    text = json.dumps(header, separators=(",", ":")).encode("utf-8", "replace")
    text += b" " * (-len(text) % 8)
    size = struct.pack("<Q", len(text))
    digest = hashlib.sha256(size + text + tensors).hexdigest().encode()
    if text.startswith(start):
        text = start + digest + text[len(start) + 64 :]
    return size + text + tensors


def mutate_archive(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    """Change bytes of a zip archive, or an entry: its JSON, its bytes, its name, its place."""
    if rng.random() < 0.2:
        return mutate_bytes(data, seeds, rng)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = [(info.filename, archive.read(info)) for info in archive.infolist()]
    at = rng.randrange(len(entries))
    name, content = entries[at]
    which = rng.random()
    if which < 0.1:
        entries.pop(at)
    elif which < 0.2:
        entries.insert(at, (name, content))
    elif which < 0.25:
        entries[at] = (rng.choice(["../x", "", "job.json", "99.part", "\0", "a" * 300]), content)
    elif which < 0.35:
        entries[at] = (name, b" " * 50_000_000 + content)
    elif name.endswith(".json"):
        entries[at] = (name, mutate_json(content, [content], rng))
    else:
        entries[at] = (name, mutate_bytes(content, [content], rng))
    target = io.BytesIO()
    kind = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    with zipfile.ZipFile(target, "w", kind, compresslevel=1) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that occur twice
        for name, content in entries:
            archive.writestr(zipfile.ZipInfo(name or "x"), content, kind)
    return target.getvalue()


def mutate_parquet(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    """Change bytes of a Parquet file, or write a table with other columns, types or nulls."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if rng.random() < 0.5:
        return mutate_bytes(data, seeds, rng)
    table = pq.read_table(io.BytesIO(data))
    at = rng.randrange(table.num_columns)
    name, n = table.column_names[at], table.num_rows
    which = rng.random()
    if which < 0.15:
        table = table.drop_columns([name])
    elif which < 0.25:
        table = table.append_column(name, table.column(at))
    elif which < 0.35:
        table = table.slice(0, rng.randrange(3))
    elif which < 0.4:
        large = pa.array(["A" * rng.choice([10, 100_000])] * n * 50)
        table = pa.table({c: large if c == name else pa.concat_arrays(
            table.column(c).combine_chunks() if not isinstance(
                table.column(c).combine_chunks(), pa.ChunkedArray) else table.column(c).chunk(0)
            for _ in range(50)) for c in table.column_names})  # fmt: skip
    else:
        values = rng.choice([
            lambda: pa.array([None] * n, pa.string()),
            lambda: pa.array(range(n)),
            lambda: pa.array([0.5] * n),
            lambda: pa.array([b"\xff\xfe"] * n, pa.binary()),
            lambda: pa.array([["GO:0008150", None]] * n),
            lambda: pa.array([[["x"]]] * n),
            lambda: pa.array([{"a": 1}] * n),
            lambda: pa.array(["x"] * n).dictionary_encode(),
            lambda: pa.array([[]] * n, pa.list_(pa.string())),
            lambda: pa.array([None] * n, pa.null()),
            lambda: pa.array([""] * n, pa.large_string()),
            lambda: pa.array([["GO:0008150"] * 3] * n, pa.list_(pa.string(), 3)),
        ])()  # fmt: skip
        table = table.set_column(at, name, values)
    target = io.BytesIO()
    pq.write_table(table, target, compression=rng.choice(["none", "zstd", "snappy", "gzip"]))
    return target.getvalue()


def _several(
    data: bytes, seeds: Sequence[bytes], rng: random.Random, ops: Sequence[Callable[..., bytes]]
) -> bytes:
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
        data = rng.choice(ops)(data, seeds, rng)[:MOST_BYTES]
    return data


def _span(data: bytes, rng: random.Random, most: int = 64) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.randrange(most))


def _flip(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    if not data:
        return b"\0"
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def _same_size(data: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.choice([1, 4, 64])):
        data = _flip(data, [], rng)
    return data


def _delete(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    start, end = _span(data, rng)
    return data[:start] + data[end:]


def _insert(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(TOKENS) + data[at:]


def _replace(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    start, end = _span(data, rng, 12)
    return data[:start] + rng.choice(TOKENS) + data[end:]


def _truncate(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _splice(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    other = rng.choice(seeds)
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


def _repeat(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    start, end = _span(data, rng)
    n = min(rng.choice([2, 10, 1_000, 100_000]), 4_000_000 // max(end - start, 1))
    return data[:end] + data[start:end] * n + data[end:]


def _number(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    found = list(re.finditer(rb"\d+(\.\d+)?", data[:100_000]))
    if not found:
        return data
    at = rng.choice(found)
    new = rng.choice([b"0", b"-1", b"1e999", b"nan", b"9" * 30, b"4294967296", b"1.5", b""])
    return data[: at.start()] + new + data[at.end() :]


def _line_at(data: bytes, rng: random.Random) -> tuple[int, int]:
    """Return start and end of a line, the end without ``\\n``; longer lines are likelier."""
    at = rng.randrange(len(data) + 1)
    end = data.find(b"\n", at)
    return data.rfind(b"\n", 0, at) + 1, len(data) if end < 0 else end


def _line(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    start, end = _line_at(data, rng)
    at, _ = _line_at(data, rng)
    line = data[start:end]
    which = rng.randrange(5)
    if which == 0:
        return data[:start] + data[end + 1 :]
    if which == 1:
        return data[:at] + line + b"\n" + data[at:]
    if which == 2:
        without = data[:start] + data[end + 1 :]
        return line + b"\n" + without
    if which == 3:
        other = rng.choice(seeds)
        first, last = _line_at(other, rng)
        return data[:at] + other[first:last] + b"\n" + data[at:]
    return data[:at] + b"\n" * rng.choice([1, 1_000, 5_000_000]) + data[at:]


def _cell(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    start, end = _line_at(data, rng)
    cells = data[start:end].split(b"\t")
    where = rng.randrange(len(cells))
    if rng.random() < 0.3:
        cells.pop(where)
    elif rng.random() < 0.5:
        cells[where] = rng.choice(TOKENS)
    else:
        cells.insert(where, rng.choice(cells))
    return data[:start] + b"\t".join(cells) + data[end:]


def _ends(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    return data.replace(b"\n", rng.choice([b"\r\n", b"\r", b"\n\n", b" \n", b"\t\n", b"\n\r"]))


_BYTES = (_flip, _delete, _insert, _replace, _truncate, _splice, _repeat, _number)
_LINES = (_line, _cell, _ends, _number, _insert, _replace)


def _other_json(value: Any, rng: random.Random) -> Any:
    """Return a copy of a JSON value with some values replaced, removed or repeated."""
    root: list[Any] = [copy.deepcopy(value)]
    for _ in range(rng.choice([1, 1, 2, 4])):
        here: Any = root
        key: Any = 0
        for _ in range(rng.randrange(1, 8)):
            inner = here[key]
            if not inner or not isinstance(inner, (dict, list)):
                break
            here = inner
            key = rng.choice(list(inner)) if isinstance(inner, dict) else rng.randrange(len(inner))
        found, which = here[key], rng.random()
        if which < 0.5:
            here[key] = copy.deepcopy(rng.choice(VALUES))
        elif which < 0.65 and here is not root:
            del here[key]
        elif isinstance(found, int) and not isinstance(found, bool):
            here[key] = found + rng.choice([-1, 1, 1 << 20, 1 << 40])
        elif isinstance(found, list):
            here[key] = rng.choice([found * 2, found[1:], found[::-1], found[:1]])
        elif isinstance(found, str):
            here[key] = found[: len(found) // 2]
    return root[0]


def _dumps(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("utf-8", "replace")


def _resized(header: dict[str, Any], tensors: bytes, rng: random.Random) -> tuple[Any, bytes]:
    """Give a tensor another size, and move those behind it; the layout stays valid."""
    names = [name for name in header if name != "__metadata__"]
    name = rng.choice(names)
    begin, end = header[name]["data_offsets"]
    shape = list(header[name]["shape"])
    if not shape or not shape[0]:
        return header, tensors
    row = (end - begin) // shape[0]
    n = rng.choice([0, 1, max(shape[0] - 1, 0), shape[0] + 1, shape[0] * 2])
    content = (tensors[begin:end] * 2 + bytes(row))[: n * row]
    shift = n * row - (end - begin)
    header[name] = header[name] | {"shape": [n, *shape[1:]]}
    header[name]["data_offsets"] = [begin, begin + n * row]
    for other in names:
        at = header[other]["data_offsets"]
        if other != name and at[0] >= end:
            header[other]["data_offsets"] = [at[0] + shift, at[1] + shift]
    return header, tensors[:begin] + content + tensors[end:]
