"""JSON from files of unknown origin: its size is checked before Python builds objects of it.

An empty list takes 3 bytes of text and 64 of memory, so the number of values is limited, too.
"""

from __future__ import annotations

import json
from typing import Any

MAX_BYTES = 100_000_000
"""Bytes of text, at most; the limit of a header of safetensors."""

MAX_VALUES = 10_000_000
MAX_CONTAINERS = 2_000_000
"""Values, and lists and objects among them, at most."""


def parse_json(text: bytes, most: int = MAX_BYTES) -> Any:
    """Return the value of a JSON text of at most ``most`` bytes.

    Raises ValueError, with the reason, if it is larger, has too many values, is nested too deeply,
    is not JSON, or if a name occurs twice in an object.
    """
    if len(text) > most:
        raise ValueError(f"{len(text):,} bytes of JSON, at most {most:,} are read")
    n_containers = text.count(b"[") + text.count(b"{")
    if n_containers > MAX_CONTAINERS or text.count(b",") > MAX_VALUES:
        raise ValueError("too many values in the JSON text")
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name occurs twice")
    return value
