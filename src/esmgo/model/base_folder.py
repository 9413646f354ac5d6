"""The files of a base model's folder: which weights are read, and whether its tokens are ESM2's.

The rules are those of transformers: ``model.safetensors``, else the shards that
``model.safetensors.index.json`` lists. Nothing here imports torch or reads a pickle.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from esmgo.errors import CheckpointError, printable
from esmgo.files.hub import missing_shards
from esmgo.files.json_text import parse_json
from esmgo.model.tokens import VOCABULARY

MOST_JSON = 32_000_000
"""Bytes of a JSON file; a configuration with the names of 40,000 labels has 3 MB."""

_WHOLE, _LIST = "model.safetensors", "model.safetensors.index.json"
_PICKLES = ".bin", ".pt", ".pth", ".ckpt"
_SPECIAL = {"cls_token": 0, "bos_token": 0, "pad_token": 1, "eos_token": 2, "unk_token": 3,
            "mask_token": 32}  # fmt: skip
"""Special tokens in ``tokenizer_config.json``, by their ids in ESM2."""


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; raises CheckpointError with the reason."""
    try:
        with path.open("rb") as file:
            value = parse_json(file.read(MOST_JSON + 1), MOST_JSON)
    except OSError as error:
        raise CheckpointError(path, f"unreadable: {error.strerror}") from None
    except ValueError as error:
        raise CheckpointError(path, f"unreadable: {printable(error, 60)}") from None
    if not isinstance(value, dict):
        raise CheckpointError(path, "unreadable: not a JSON object")
    return value


def weight_files(folder: Path) -> dict[Path, tuple[str, ...]]:
    """Return the files of weights, and the names of tensors that each must have.

    Raises CheckpointError if there are none, if a shard is missing or outside the folder, or if
    the folder has an adapter.
    """
    if (folder / "adapter_config.json").exists():
        raise CheckpointError(
            folder, "has an adapter (adapter_config.json): merge it first (merge_and_unload)"
        )
    if (folder / _WHOLE).exists():
        return {folder / _WHOLE: ()}
    if (folder / _LIST).exists():
        return _listed(folder, read_json(folder / _LIST).get("weight_map"))
    found = sorted(folder.glob("*.safetensors"))
    if not found:
        pickles = sorted(p.name for p in folder.iterdir() if p.suffix in _PICKLES)
        what = (
            f"only pickles, never opened ({printable(pickles[0], 40)})" if pickles else "no weights"
        )
        raise CheckpointError(folder, f"{what}: save with save_pretrained as *.safetensors")
    if lost := missing_shards({path.name for path in found}):
        raise CheckpointError(folder, f"without the shard {printable(lost[0], 60)}")
    return dict.fromkeys(found, ())


def _listed(folder: Path, weight_map: Any) -> dict[Path, tuple[str, ...]]:
    """Return the shards of ``model.safetensors.index.json``."""
    source = folder / _LIST
    names = list(weight_map.values()) if isinstance(weight_map, dict) else []
    if not names or not all(isinstance(name, str) for name in names):
        raise CheckpointError(source, "has no `weight_map` from tensors to files")
    found: dict[Path, tuple[str, ...]] = {}
    for name in dict.fromkeys(names):
        if Path(name).name != name or "\0" in name:
            reason = f"{printable(name, 40)} is not the name of a file in the folder"
            raise CheckpointError(source, reason)
        if not name.endswith(".safetensors"):
            reason = f"{printable(name, 40)} is not *.safetensors; pickles are never opened"
            raise CheckpointError(source, reason)
        if not (folder / name).is_file():
            raise CheckpointError(folder, f"without the shard {printable(name, 60)}")
        found[folder / name] = tuple(key for key, at in weight_map.items() if at == name)
    return found


def check_tokens(folder: Path) -> None:
    """Raise CheckpointError if a file of the tokenizer differs from the 33 tokens of ESM2."""
    path = folder / "vocab.txt"
    if path.exists():
        try:
            with path.open("rb") as file:
                lines = file.read(1 << 16).decode().splitlines()
        except (OSError, ValueError) as error:
            raise CheckpointError(path, f"unreadable: {printable(error, 60)}") from None
        _compare(path, dict(enumerate(line.strip() for line in lines)), is_whole=True)
    path = folder / "tokenizer.json"
    if path.exists():
        model = read_json(path).get("model")
        vocabulary = model.get("vocab") if isinstance(model, dict) else None
        if not isinstance(vocabulary, dict):
            raise CheckpointError(path, "no vocabulary: not a tokenizer of ESM2")
        _compare(path, {at: token for token, at in vocabulary.items()}, is_whole=True)
    path = folder / "added_tokens.json"
    if path.exists():
        _compare(path, {at: token for token, at in read_json(path).items()})
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        path = folder / name
        if path.exists():
            tokens = read_json(path)
            named = {at: tokens.get(each) for each, at in _SPECIAL.items()}
            named[0] = tokens.get("cls_token") or tokens.get("bos_token")
            added = tokens.get("added_tokens_decoder") or {}
            listed = added.items() if isinstance(added, dict) else ()
            _compare(path, {at: token for at, token in named.items() if token is not None})
            _compare(path, {int(at): t for at, t in listed if str(at).isdecimal()})


def _compare(path: Path, tokens: dict[Any, Any], *, is_whole: bool = False) -> None:
    """Compare tokens by id with those of ESM2."""
    plain = {at: t.get("content") if isinstance(t, dict) else t for at, t in tokens.items()}
    wanted = dict(enumerate(VOCABULARY))
    for at in sorted(plain.keys() | (wanted if is_whole else ()), key=str):
        if plain.get(at) != wanted.get(at) and (is_whole or at in wanted):
            found, right = (printable(repr(each.get(at)), 20) for each in (plain, wanted))
            raise CheckpointError(
                path, f"token {printable(at, 10)} is {found}, in ESM2 {right}: another vocabulary"
            )
