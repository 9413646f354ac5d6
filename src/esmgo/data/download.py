"""The ontology from a file or an address. A download is checked, and kept in the cache."""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from esmgo.errors import NOTICE, HubError, MachineError, OntologyError, printable
from esmgo.files.atomic import refusal, write_atomically
from esmgo.files.fetching import check_address, fetch
from esmgo.files.uses import Use, reads
from esmgo.go.obo import read_obo
from esmgo.go.ontology import Ontology
from esmgo.options import option

log = logging.getLogger(__name__)

_CURE = "give `ontology=FILE`"
_STRANGE = re.compile(r"[^\w.-]+", re.ASCII)


def http_option() -> Any:
    """Declare ``allow_http``, an option of verbs that fetch an ontology."""
    return option(False, "Fetch `ontology` from an http address, which is not encrypted.")


def open_ontology(
    where: str | None, warn: Callable[[str], None] | None = None, *, allow_http: bool = False
) -> Ontology | None:
    """Read the ontology that ``--ontology`` names; see `locate_ontology` and `read_obo`."""
    if where is None:
        return None
    path = locate_ontology(where, allow_http=allow_http) if _is_address(where) else where
    return read_obo(path) if warn is None else read_obo(path, warn=warn)


def reads_ontology(config: object, where: str | None) -> Iterator[Use]:
    """Yield the path of an ontology, or those of the cached files of an address; see `Uses`."""
    if where is None or not _is_address(where):
        yield from reads(config, where)
    else:
        yield from (Use(str(path), "read") for path in _cached(where))


def locate_ontology(where: str, *, allow_http: bool = False) -> Path:
    """Return the path of an OBO file; fetch an address once, then use the cached file.

    A cached file has its SHA-256 in its name. If its content differs, it is fetched again, with a
    warning.

    Raises
    ------
    UsageError
        If the address is malformed, or is http without ``allow_http``.
    HubError
        If it cannot be fetched completely, or is not an OBO file of GO. Nothing is cached then.
    MachineError
        If the cache cannot be written.
    """
    if not _is_address(where):
        return Path(where)
    check_address(where, field="ontology", allow_http=allow_http)
    for path in _cached(where):
        if _digest(path) == path.name.split("-")[1]:
            return path
        log.warning("%s is damaged: fetching it again", printable(path, 120))
        with suppress(OSError):
            path.unlink()
    return _fetched(where, allow_http)


def _is_address(where: str) -> bool:
    return "://" in where


def _home() -> Path:
    """Return the folder of the cache."""
    home = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(home) if home else Path.home() / ".cache") / "esmgo"
    except RuntimeError:  # the user has no home
        raise MachineError("no folder for the cache: set XDG_CACHE_HOME, or give a file") from None


def _ends(url: str) -> tuple[str, str]:
    """Return the parts of the name of a cached file before and after its SHA-256."""
    start = hashlib.sha256(url.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return f"{start}-", f"-{_STRANGE.sub('_', url.rpartition('/')[2])[-60:]}"


def _cached(url: str) -> list[Path]:
    """Return the cached files of an address, the newest first; usually there is one at most."""
    start, end = _ends(url)
    name = re.compile(rf"{re.escape(start)}[0-9a-f]{{64}}{re.escape(end)}")
    try:
        found = [path for path in _home().iterdir() if name.fullmatch(path.name)]
        return sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)
    except OSError:  # there is no cache yet, or another process replaces a file
        return []


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return printable(error)


def _fetched(url: str, allow_http: bool) -> Path:
    """Fetch an ontology, read it as a check, and store it under its digest."""
    home, (start, end) = _home(), _ends(url)
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refusal(home, error) from None
    data = fetch(url, allow_http=allow_http, cure=_CURE)
    is_page = data.lstrip()[:1] == b"<"
    try:
        read_obo(BytesIO(data), warn=lambda _: None)
    except OntologyError as error:
        reason = "it is a web page or XML" if is_page else printable(error.reason, 60)
        raise HubError(f"{printable(url)} is not an OBO file of GO: {reason}; {_CURE}") from None
    path = home / f"{start}{hashlib.sha256(data).hexdigest()}{end}"
    write_atomically(path, data)
    log.log(NOTICE, "Fetched %s; kept at %s", printable(url), printable(path))
    return path
