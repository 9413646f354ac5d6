"""The files of a data set: a file, a folder ``<subset>/<split>.parquet``, or a hub id.

Shards (``train-00000-of-00002.parquet``) and folders of shards (``train/0000.parquet``)
count as one split. The module opens no file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from esmgo.dataset.subsets import SUBSETS
from esmgo.errors import DatasetError, printable
from esmgo.files.hub import is_hub_id, is_revision, reads_cached, snapshot
from esmgo.files.uses import Use, reads_folder

SPLITS = ("train", "test")
SUFFIXES = (".parquet", ".jsonl", ".jsonl.gz")

_LOCAL = "`dataset=sample` or a local folder"
_SHARD = re.compile(r"-(\d{5})-of-(\d{5})$")


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of each split. Unless ``is_subset``, their terms must still be selected."""

    files: dict[str, list[Path]]
    is_subset: bool


def reads_dataset(_: object, name: str | None) -> Iterator[Use]:
    """Yield the paths of a local data set, or of a single file; see `Uses`."""
    path = "-" if name == "-" else os.path.expanduser(name or "")  # noqa: PTH111
    if path == "-" or os.path.isfile(path):  # noqa: PTH113 (False for what is no path)
        yield Use(path, "read")
    homes = [f"{subset}/" for subset in SUBSETS] + ["data/", ""]
    patterns = [f"{home}{split}{end}" for home in homes for split in SPLITS for end in ("*", "/*")]
    yield from reads_folder(path, *patterns)
    if name is not None and not os.path.lexists(path):
        yield from reads_cached(_pinned(name)[0], "dataset")


def locate(name: str, subset: str) -> Layout:
    """Find the files of a data set: a file, a folder, or, if neither exists, a hub id."""
    path = fetch(name, subset)
    if path.is_dir():
        try:
            return _folder(path, subset)
        except OSError as error:
            raise DatasetError(path, printable(error.strerror, 60).lower()) from None
    return Layout({"train": [path]}, subset == "all")


def fetch(name: str, subset: str) -> Path:
    """Return the local file or folder, downloaded from the hub if ``name`` is a hub id.

    ``id@revision`` is the data set at a commit, a branch or a tag.
    """
    try:
        path = Path(name).expanduser()
        path.stat()
        return path
    except FileNotFoundError:
        if _looks_like_a_path(name):
            raise DatasetError(name, "no such file or folder") from None
    except OSError as error:
        raise DatasetError(name, printable(error.strerror, 60).lower()) from None
    except (RuntimeError, ValueError) as error:  # an unknown home folder, or a NUL character
        raise DatasetError(name, f"not a path: {printable(error)}") from None
    return _from_hub(*_pinned(name), subset)


def _looks_like_a_path(name: str) -> bool:
    is_file_name = name.endswith((*SUFFIXES, ".json", ".gz", ".csv", ".tsv", ".fasta"))
    return is_file_name or name.startswith((".", "/", "~")) or not is_hub_id(_pinned(name)[0])


def _pinned(name: str) -> tuple[str, str | None]:
    """Split a hub id ``owner/name@revision``."""
    id, _, revision = name.partition("@")
    return (id, revision) if is_revision(revision) else (name, None)


def _from_hub(name: str, revision: str | None, subset: str) -> Path:
    homes = ("all/", "data/", "") if subset == "all" else (f"{subset}/",)
    patterns = [f"{home}{split}*{end}" for home in homes for split in SPLITS for end in SUFFIXES]
    required = ["|".join(f"{h}train*" for h in homes)]
    return snapshot(name, "dataset", patterns, required, _LOCAL, revision)


def _folder(folder: Path, subset: str) -> Layout:
    homes = [(folder / subset, True)]
    if subset != "all":
        homes.append((folder / "all", False))
    homes += [(folder / "data", subset == "all"), (folder, subset == "all")]
    for home, is_subset in homes:
        files = {split: found for split in SPLITS if (found := _split_files(home, split))}
        if "train" in files:
            return Layout(files, is_subset)
    raise DatasetError(folder, f"no {subset}/train.parquet and no {subset}/train.jsonl in it")


def _split_files(home: Path, split: str) -> list[Path]:
    """Return the files of a split in the order of their names."""
    if not home.is_dir():
        return []
    found = [path for path in home.iterdir() if _is_of(path, split)]
    inner = (home / split).iterdir() if (home / split).is_dir() else ()
    found += [path for path in inner if path.name.endswith(SUFFIXES) and path.is_file()]
    _check_one_kind(found, home, split)
    _check_shards(found, home)
    return sorted(found)


def _is_of(path: Path, split: str) -> bool:
    stem = _stem(path)
    return split in (stem, _SHARD.sub("", stem)) and path.is_file()


def _stem(path: Path) -> str:
    """Return the name without its suffix; an empty string for other files."""
    found = (path.name.removesuffix(end) for end in SUFFIXES if path.name.endswith(end))
    return next(found, "")


def _check_one_kind(found: list[Path], home: Path, split: str) -> None:
    """Refuse ``train.parquet`` beside ``train.jsonl``: it is unclear which rows count."""
    plain = [path.name for path in found if _stem(path) == split]
    if len(plain) > 1 or (plain and len(found) > 1):
        names = " and ".join(sorted(path.name for path in found)[:2])
        raise DatasetError(home, f"both {printable(names, 60)}; keep one")


def _check_shards(found: list[Path], home: Path) -> None:
    for path in found:
        match = _SHARD.search(_stem(path))
        if match is not None and len(found) != int(match[2]):
            of = f"the {int(match[2])} shards in the name {printable(path.name, 40)}"
            raise DatasetError(home, f"{len(found)} of {of}; fetch the others")
