"""The ontology from a file or an address. A download is kept in the cache."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from esmgo.errors import HubError, UsageError, printable
from esmgo.files.atomic import replacing
from esmgo.files.uses import Use, reads
from esmgo.go.obo import read_obo
from esmgo.go.ontology import Ontology

log = logging.getLogger(__name__)

GO_BASIC = "https://purl.obolibrary.org/obo/go/go-basic.obo"
"""The official address of the Gene Ontology without cycles."""

TIMEOUT_SECONDS = 10


def open_ontology(where: str | None, warn: Callable[[str], None] | None = None) -> Ontology | None:
    """Read the ontology that ``--ontology`` names; see `locate_ontology` and `read_obo`."""
    if where is None:
        return None
    path = locate_ontology(where)
    return read_obo(path) if warn is None else read_obo(path, warn=warn)


def reads_ontology(config: object, where: str | None) -> Iterator[Use]:
    """Yield the path of an ontology, or of the cached file of an address; see `Uses`."""
    return reads(config, str(_cached(where)) if where is not None and "://" in where else where)


def locate_ontology(where: str) -> Path:
    """Return the path of an OBO file; fetch an http(s) address once, then use the cached file."""
    if "://" not in where:
        return Path(where)
    if not where.startswith(("http://", "https://")):
        reason = f"{printable(where, 60)} is neither a path nor an http(s) address"
        raise UsageError(reason, field="ontology")
    cached = _cached(where)
    if not cached.exists():
        _fetch(where, cached)
        log.info("Fetched %s; kept at %s", printable(where), printable(cached))
    return cached


def _cached(url: str) -> Path:
    name = hashlib.sha256(url.encode()).hexdigest()[:16] + "-" + Path(url).name[-60:]
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "esmgo" / name


def _fetch(url: str, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response,  # noqa: S310 (http only)
            replacing(target) as file,
        ):
            shutil.copyfileobj(response, file)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise HubError(
            f"{printable(url)} cannot be fetched ({printable(reason, 50)}); give `ontology=FILE`"
        ) from None
