"""Compressed content: gzip is decompressed; other formats are recognised and refused.

The first bytes determine the format, never the name of the file.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from esmgo.errors import InputError

_CHUNK = 1 << 18
GZIP = b"\x1f\x8b"
_FOREIGN = (
    (b"BZh", "bzip2 data; decompress it first, or use gzip"),
    (b"\xfd7zXZ\0", "xz data; decompress it first, or use gzip"),
    (b"\x5d\0\0", "lzma data; decompress it first, or use gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd data; decompress it first, or use gzip"),
    (b"\x04\x22\x4d\x18", "lz4 data; decompress it first, or use gzip"),
    (b"\x1f\x9d", "compress (.Z) data; decompress it first, or use gzip"),
    (b"PK\x03\x04", "a zip archive; extract it first"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"PK\x07\x08", "a split zip archive; extract it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-zip archive; extract it first"),
    (b"Rar!\x1a\x07", "a RAR archive; extract it first"),
    (b"\xff\xfe\0\0", "UTF-32 text; save it as UTF-8"),
    (b"\0\0\xfe\xff", "UTF-32 text; save it as UTF-8"),
    (b"\xff\xfe", "UTF-16 text; save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text; save it as UTF-8"),
    (b"version https://git-lfs", "a git-lfs pointer instead of the file; run: git lfs pull"),
)


def gunzip(
    data: bytes, rest: Iterator[bytes], name: str, refuse: type[InputError]
) -> Iterator[bytes]:
    """Yield the decompressed content of all gzip members, at most a chunk at a time.

    Raises ``refuse`` if they are truncated, damaged, or followed by other bytes.

    Parameters
    ----------
    data : bytes
        The first bytes of the file.
    rest : iterator of bytes
        The remaining bytes.
    """
    while data := _next_member(data, rest, name, refuse):
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            data = data or next(rest, b"")
            if not data:
                raise refuse(name, "gzip data end too early (a broken download?); fetch it again")
            try:
                yield member.decompress(data, _CHUNK)
            except zlib.error as error:
                why = str(error).rpartition(": ")[2]
                raise refuse(name, f"damaged gzip data ({why}); fetch it again") from None
            data = member.unconsumed_tail
        data = member.unused_data


def _next_member(data: bytes, rest: Iterator[bytes], name: str, refuse: type[InputError]) -> bytes:
    """Skip NUL padding; return the bytes from the next gzip header on, or none at the end."""
    data = data.lstrip(b"\0")
    while len(data) < len(GZIP) and (more := next(rest, b"")):
        data = (data + more).lstrip(b"\0")
    if data and not data.startswith(GZIP):
        raise refuse(name, "other bytes follow the gzip data; fetch it again")
    return data


def refuse_foreign(head: bytes, name: str, refuse: type[InputError]) -> None:
    """Raise ``refuse`` if content has an unsupported compression, archive format or encoding."""
    if head.startswith(b"PK") and (b"[Content_Types].xml" in head or b"xl/workbook" in head):
        raise refuse(name, "an Excel file; save the sheet as TAB-separated text")
    for magic, reason in (*_FOREIGN, (GZIP, "gzip data inside gzip data; decompress it once")):
        if head.startswith(magic):
            raise refuse(name, reason)
    if head[257:262] == b"ustar":
        raise refuse(name, "a tar archive; extract it first")
    sample = head[:64]
    if len(sample) >= 8 and (not any(sample[::2]) or not any(sample[1::2])) and any(sample):
        raise refuse(name, "UTF-16 text; save it as UTF-8")
