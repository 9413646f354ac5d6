"""Files of the Hugging Face hub: from the local cache without a connection, else downloaded.

If the hub does not answer, an error follows within two seconds, not after minutes of retries.
Pickles are never fetched.
"""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Literal

import huggingface_hub  # lazy: loads its modules on first use, without torch

from esmgo.errors import HubError, printable
from esmgo.files.fetching import within
from esmgo.files.uses import Use, reads_folder

Kind = Literal["model", "dataset"]

SAFE_SUFFIXES = (".safetensors", ".json", ".txt", ".parquet", ".jsonl", ".jsonl.gz")
"""Suffixes to fetch. No .bin, .pt or .pkl: reading a pickle runs any code in it."""

PATIENCE_SECONDS = 1.5
"""Time limit for the first answer of the hub; an error is to appear within 2 s of the start.
The environment variable ``HF_HUB_ETAG_TIMEOUT`` of the hub library overrides it."""

_REVISION = re.compile(r"\w[\w./-]*", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_ID = re.compile(r"(?:[A-Za-z0-9][\w.-]*/)?[A-Za-z0-9][\w.-]*", re.ASCII)
_SHARD = re.compile(r"-(\d{5})-of-(\d{5})(?=\.)")


def is_hub_id(text: str) -> bool:
    """Whether ``text`` has the form of a hub id: ``owner/name`` or ``name``."""
    return len(text) <= 96 and _ID.fullmatch(text) is not None


def is_revision(text: str) -> bool:
    """Whether ``text`` has the form of a commit, a branch or a tag."""
    return len(text) <= 96 and _REVISION.fullmatch(text) is not None and ".." not in text


def reads_cached(repo_id: str, kind: Kind) -> Iterator[Use]:
    """Yield the cached files of a hub repository, if there are any; see `Uses`."""
    if is_hub_id(repo_id):
        name = "--".join((f"{kind}s", *repo_id.split("/")))
        from huggingface_hub.constants import HF_HUB_CACHE

        yield from reads_folder(str(Path(HF_HUB_CACHE) / name), "**/*")


def revision_of(folder: str | Path | None) -> str | None:
    """Return the commit of a folder that `snapshot` returned; None for other folders."""
    path = Path(folder or "")
    is_snapshot = path.parent.name == "snapshots" and _COMMIT.fullmatch(path.name)
    return path.name if is_snapshot else None


def snapshot(
    repo_id: str,
    kind: Kind,
    patterns: Sequence[str],
    required: Sequence[str],
    local: str,
    revision: str | None = None,
) -> Path:
    """Return a local folder with the files of a hub repository that match ``patterns``.

    Raises HubError if the files are not cached and the hub is out of reach, does not have the
    repository or the revision, or has no file that is required; also if the files are not those
    of the commit that the hub names.

    Parameters
    ----------
    repo_id : str
        ``owner/name``.
    kind : {"model", "dataset"}
        Kind of the repository.
    patterns : sequence of str
        Files to fetch; ``*`` matches ``/``, too.
    required : sequence of str
        Each must match a file, or the folder is not used; ``|`` separates alternatives.
    local : str
        The alternative that messages suggest: ```base_model=tiny` or a local folder``.
    revision : str, optional
        A commit, a branch or a tag; by default the main branch. What the cache has is used.
    """
    assert all(pattern.endswith(SAFE_SUFFIXES) for pattern in patterns)
    what = f"{kind} {printable(repr(repo_id), 70)}"
    if revision is not None:
        what += f" at revision {printable(revision, 20)}"
    if not is_hub_id(repo_id):
        raise HubError(f"{what} is neither a local folder nor a hub id; use {local}")
    with _quiet():
        with suppress(OSError, ValueError):  # not cached, incomplete, or the cache is unreadable
            folder = _fetch(repo_id, kind, patterns, revision, cached=True)
            if not _missing(folder, required):
                return folder
        commit = _commit(repo_id, kind, revision, what, local)
        try:
            folder = _fetch(repo_id, kind, patterns, revision, cached=False)
        except Exception as error:
            raise _explain(error, what, local) from None
    if folder.name != commit:
        raise HubError(f"{what} changed while it was fetched; run again, or use {local}")
    missing = _missing(folder, required)
    if missing:
        raise HubError(f"{what} has no file {printable(missing, 40)} on the hub; use {local}")
    return folder


def _patience() -> float:
    try:
        return float(os.environ["HF_HUB_ETAG_TIMEOUT"])
    except (KeyError, ValueError):
        return PATIENCE_SECONDS


def _fetch(
    repo_id: str, kind: Kind, patterns: Sequence[str], revision: str | None, *, cached: bool
) -> Path:
    """Return the folder of a snapshot; with ``cached``, without a connection."""
    return Path(
        huggingface_hub.snapshot_download(
            repo_id,
            repo_type=kind,
            revision=revision,
            local_files_only=cached,
            allow_patterns=list(patterns),
        )
    )


def _commit(repo_id: str, kind: Kind, revision: str | None, what: str, local: str) -> str | None:
    """Return the commit of a revision on the hub."""
    from huggingface_hub import errors  # noqa: F401 (a second's import is not the hub's delay)

    api = huggingface_hub.HfApi()
    request = partial(
        api.repo_info, repo_id, repo_type=kind, revision=revision, timeout=_patience()
    )
    try:
        return within(_patience(), request).sha
    except Exception as error:
        raise _explain(error, what, local) from None


def _explain(error: Exception, what: str, local: str) -> HubError:
    """Return an error with the reason in one line."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return HubError(f"{what} is gated: log in with `hf auth login`, or use {local}")
    if isinstance(error, errors.RevisionNotFoundError):
        return HubError(f"the hub has no {what}; use another, or {local}")
    if isinstance(error, errors.RepositoryNotFoundError):
        return HubError(f"the hub has no {what}, or it is private; use {local}")
    if isinstance(error, errors.HFValidationError):
        return HubError(f"{what} is neither a local folder nor a hub id; use {local}")
    if isinstance(error, errors.OfflineModeIsEnabled):
        return HubError(f"{what}: not local, not cached, and HF_HUB_OFFLINE is set; use {local}")
    if isinstance(error, OSError) and error.errno is not None and error.filename:
        return HubError(f"{what} cannot be stored: {printable(error.strerror, 40)}; use {local}")
    return HubError(f"{what}: not local, not cached, and the hub is out of reach; use {local}")


def _missing(folder: Path, required: Sequence[str]) -> str:
    """Return the first pattern that matches no file, or a missing shard, or ``""``."""
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    for pattern in required:
        if not any(fnmatch(name, one) for one in pattern.split("|") for name in names):
            return pattern
    return next(iter(missing_shards(names)), "")


def missing_shards(names: set[str]) -> list[str]:
    """Return the shards that ``names`` lacks, of every sharded file in it, sorted."""
    every: set[str] = set()
    for name in names:
        match = _SHARD.search(name)
        if match is not None:
            head, tail, of = name[: match.start()], name[match.end() :], match[2]
            first = 0 if f"{head}-00000-of-{of}{tail}" in names else 1
            every |= {f"{head}-{n + first:05d}-of-{of}{tail}" for n in range(int(of))}
    return sorted(every - names)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence progress bars, warnings and hints of the hub library."""
    from huggingface_hub.utils import logging as hub_logging  # slow to import: 0.3 s
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    level, hidden = hub_logging.get_verbosity(), are_progress_bars_disabled()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hub_logging.set_verbosity(logging.CRITICAL)
        disable_progress_bars()
        try:
            yield
        finally:
            hub_logging.set_verbosity(level)
            if not hidden:
                enable_progress_bars()
