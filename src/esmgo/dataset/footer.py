"""Sizes that the footer of a Parquet file states, read without Arrow.

Arrow ends the process when it returns the sizes of a column whose footer is damaged. The footer
is a Thrift struct in the compact protocol, as the Parquet format defines it:
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

_Fields = dict[int, Any]
_PATH, _VALUES, _BYTES = 3, 5, 6
_WANTED: _Fields = {4: {1: {3: {key: {} for key in (_PATH, _VALUES, _BYTES)}}}}
"""Of the file, row groups (4); of these, columns (1); of these, metadata (3)."""
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LISTS, _MAP, _STRUCT = 1, 2, 3, 7, 8, (9, 10), 11, 12
_LONGEST, _DEEPEST, _BITS = 4 << 20, 32, 64
"""Bytes of a footer, structs within each other, and bits of an integer, at most."""


class Leaf(NamedTuple):
    """The values of one column in one row group."""

    path: str
    """Its place in the schema, its parts joined by dots."""
    values: int
    size: int
    """Bytes, uncompressed."""


def stored_leaves(path: Path) -> list[Leaf]:
    """Return what the footer states of every column of every row group.

    Raises ValueError if the footer is damaged, and OSError if the file cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 8))
        length = int.from_bytes(file.read(4), "little")
        if length > size - 8:
            raise ValueError("its footer is longer than the file")
        if length > _LONGEST:
            raise ValueError(f"its footer has {length:,} bytes, at most {_LONGEST:,} are read")
        file.seek(size - 8 - length)
        footer = _Thrift(file.read(length))
    try:
        return [
            Leaf(b".".join(leaf[_PATH]).decode(), leaf[_VALUES] + 0, leaf[_BYTES] + 0)
            for group in footer.struct(_WANTED)[4]
            for leaf in (column[3] for column in group[1])
        ]
    except (IndexError, KeyError, TypeError, UnicodeDecodeError):
        raise ValueError("its footer is damaged") from None


class _Thrift:
    """A reader of Thrift's compact protocol. A struct is a dictionary by field number."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def struct(self, wanted: _Fields | None, depth: int = 0) -> dict[int, Any]:
        """Read a struct, and keep the wanted fields. What is not wanted takes no memory."""
        fields: dict[int, Any] = {}
        number = 0
        while kind := self._byte():
            step, kind = kind >> 4, kind & 15
            number = number + step if step else self._integer()
            inner = wanted.get(number) if wanted else None
            value = None if kind in (_TRUE, _FALSE) else self._value(kind, inner, depth)
            if inner is not None:
                fields[number] = value
        return fields

    def _value(self, kind: int, wanted: _Fields | None, depth: int) -> Any:
        if depth > _DEEPEST:
            raise IndexError
        if kind in (_TRUE, _FALSE, _BYTE):
            return self._byte()
        if kind < _DOUBLE:
            return self._integer()
        if kind == _DOUBLE:
            return self._bytes(8)
        if kind == _BINARY:
            return self._bytes(self._number())
        if kind in _LISTS:
            head = self._byte()
            n = head >> 4 if head >> 4 < 15 else self._number()
            values = (self._value(head & 15, wanted, depth + 1) for _ in range(n))
            return [value for value in values if wanted is not None]
        if kind == _MAP:
            n = self._number()
            kinds = self._byte() if n else 0
            for _ in range(n):
                self._value(kinds >> 4, None, depth + 1)
                self._value(kinds & 15, None, depth + 1)
            return None
        if kind == _STRUCT:
            return self.struct(wanted, depth + 1)
        raise KeyError(kind)

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _bytes(self, n: int) -> bytes:
        self._at += n
        if self._at > len(self._data):
            raise IndexError
        return self._data[self._at - n : self._at]

    def _number(self) -> int:
        number = shift = 0
        while (byte := self._byte()) & 128:
            number |= (byte & 127) << shift
            shift += 7
            if shift >= _BITS:
                raise IndexError
        return number | byte << shift

    def _integer(self) -> int:
        zigzag = self._number()
        return (zigzag >> 1) ^ -(zigzag & 1)
