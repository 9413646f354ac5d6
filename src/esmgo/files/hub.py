"""Files of the Hugging Face hub: from the local cache without a connection, else downloaded.

A hub that does not answer is noticed within two seconds, not after minutes of retries.
Nothing here knows what the files hold; pickles are never fetched.
"""

from __future__ import annotations

import logging
import os
import queue
import re
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

import huggingface_hub  # loads its parts, and no torch, on first use

from esmgo.errors import HubError, printable

Kind = Literal["model", "dataset"]

SAFE_SUFFIXES = (".safetensors", ".json", ".txt", ".parquet", ".jsonl", ".jsonl.gz")
"""What is fetched. No .bin, .pt or .pkl: reading a pickle runs whatever code it holds."""

PATIENCE_SECONDS = 1.5
"""How long the hub may take to answer at all: issue 2 allows 2 s from start to error message.
``HF_HUB_ETAG_TIMEOUT``, the hub library's own variable, overrules it on a slow line."""

_ID = re.compile(r"(?:[A-Za-z0-9][\w.-]*/)?[A-Za-z0-9][\w.-]*", re.ASCII)
_SHARD = re.compile(r"-(\d{5})-of-(\d{5})(?=\.)")


def is_hub_id(text: str) -> bool:
    """Whether ``text`` is written as a hub id: ``owner/name`` or ``name``."""
    return len(text) <= 96 and _ID.fullmatch(text) is not None


def snapshot(
    repo_id: str, kind: Kind, patterns: Sequence[str], required: Sequence[str], local: str
) -> Path:
    """Return a local folder with the files of a hub repository that match ``patterns``.

    Parameters
    ----------
    repo_id : str
        ``owner/name``.
    kind : {"model", "dataset"}
        Which part of the hub.
    patterns : sequence of str
        Files to fetch; ``*`` matches ``/``, too.
    required : sequence of str
        Each must match a file, or the folder is not taken; ``|`` separates alternatives.
    local : str
        What to use instead, for messages: ```base_model=tiny` or a local folder``.

    Raises
    ------
    HubError
        If the files are not cached and the hub is out of reach, does not have the
        repository, or does not have what is required in it.
    """
    assert all(pattern.endswith(SAFE_SUFFIXES) for pattern in patterns)
    who = f"{kind} {printable(repr(repo_id), 70)}"
    if not is_hub_id(repo_id):
        raise HubError(f"{who} is neither a local folder nor a hub id; use {local}")
    until = time.monotonic() + _patience()
    with _quiet():
        cached = _cached(repo_id, kind, patterns)
        if cached is not None and not _missing(cached, required):
            return cached
        _ask(repo_id, kind, until, who, local)
        folder = _download(repo_id, kind, patterns, who, local)
    missing = _missing(folder, required)
    if missing:
        raise HubError(f"{who} has no file {printable(missing, 40)} on the hub; use {local}")
    return folder


def _patience() -> float:
    try:
        return float(os.environ["HF_HUB_ETAG_TIMEOUT"])
    except (KeyError, ValueError):
        return PATIENCE_SECONDS


def _cached(repo_id: str, kind: Kind, patterns: Sequence[str]) -> Path | None:
    """Return the cached snapshot, whole as far as the cache can tell; makes no connection."""
    try:
        return Path(
            huggingface_hub.snapshot_download(
                repo_id, repo_type=kind, local_files_only=True, allow_patterns=list(patterns)
            )
        )
    except (OSError, ValueError):  # not cached, in part only, or a cache that cannot be read
        return None


def _ask(repo_id: str, kind: Kind, until: float, who: str, local: str) -> None:
    """Ask the hub whether it has the repository; fail by the time ``until``.

    The question runs in a thread of its own because looking up a name cannot be
    interrupted: without a network it may block for far longer than any time-out.
    """
    answers: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()

    def ask() -> None:
        try:
            huggingface_hub.HfApi().repo_info(repo_id, repo_type=kind, timeout=_patience())
            answers.put(None)
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask, name="hub", daemon=True).start()
    try:
        answer = answers.get(timeout=max(until - time.monotonic(), 0.1))
    except queue.Empty:
        answer = TimeoutError()
    if answer is not None:
        raise _explain(answer, who, local) from None


def _download(repo_id: str, kind: Kind, patterns: Sequence[str], who: str, local: str) -> Path:
    try:
        return Path(
            huggingface_hub.snapshot_download(
                repo_id, repo_type=kind, allow_patterns=list(patterns)
            )
        )
    except Exception as error:
        raise _explain(error, who, local) from None


def _explain(error: Exception, who: str, local: str) -> HubError:
    """Say in one line why the hub gave nothing."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return HubError(f"{who} is gated: log in with `hf auth login`, or use {local}")
    if isinstance(error, errors.RepositoryNotFoundError):
        return HubError(f"the hub has no {who}, or it is private; use {local}")
    if isinstance(error, errors.HFValidationError):
        return HubError(f"{who} is neither a local folder nor a hub id; use {local}")
    if isinstance(error, errors.OfflineModeIsEnabled):
        return HubError(f"{who}: not here, not cached, and HF_HUB_OFFLINE is set; use {local}")
    if isinstance(error, OSError) and error.errno is not None and error.filename:
        return HubError(f"{who} cannot be stored: {printable(error.strerror, 40)}; use {local}")
    return HubError(f"{who}: not here, not cached, and the hub is out of reach; use {local}")


def _missing(folder: Path, required: Sequence[str]) -> str:
    """Return the first requirement that no file meets, or a shard that is not there, or ``""``."""
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    for pattern in required:
        if not any(fnmatch(name, one) for one in pattern.split("|") for name in names):
            return pattern
    return next(iter(sorted(_siblings(names) - names)), "")


def _siblings(names: set[str]) -> set[str]:
    """Return the names of all shards that the shards in ``names`` say there are."""
    every: set[str] = set()
    for name in names:
        match = _SHARD.search(name)
        if match is not None:
            head, tail, of = name[: match.start()], name[match.end() :], match[2]
            first = 0 if f"{head}-00000-of-{of}{tail}" in names else 1
            every |= {f"{head}-{n + first:05d}-of-{of}{tail}" for n in range(int(of))}
    return every


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the hub library from printing: its bars, its warnings and its advice."""
    from huggingface_hub.utils import logging as talk  # takes a third of a second: only when used
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    level, hidden = talk.get_verbosity(), are_progress_bars_disabled()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        talk.set_verbosity(logging.CRITICAL)
        disable_progress_bars()
        try:
            yield
        finally:
            talk.set_verbosity(level)
            if not hidden:
                enable_progress_bars()
