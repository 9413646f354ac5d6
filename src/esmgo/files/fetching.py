"""A file of the web: complete or refused. The module does not interpret it.

Only https is used, unless http is allowed. A redirect from https to http is followed as https, or
refused if it names a port: nothing is ever sent or received in the clear.
"""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import IO, Any, TypeVar
from urllib.parse import urlsplit

from esmgo.errors import HubError, UsageError, printable
from esmgo.files.gzipped import GZIP

MAX_BYTES = 256 << 20
"""Largest file that is fetched; go-basic.obo has 32 MB, the largest GO file 130 MB."""

CONNECT_SECONDS = 10.0
"""Time limit for the beginning of the reply, redirects included, and for each later pause."""

MIN_SPEED = 1_000
"""Bytes per second, on average after `CONNECT_SECONDS`, below which a transfer is given up."""

_CHUNK = 1 << 16

T = TypeVar("T")


def within(seconds: float, work: Callable[[], T]) -> T:
    """Return the result of ``work``, or raise TimeoutError after some seconds.

    The work runs in a thread, because the look-up of a host name cannot be interrupted: without a
    network it may block for far longer.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="within", daemon=True).start()
    return future.result(max(seconds, 0.1))


def check_address(url: str, *, field: str, allow_http: bool) -> None:
    """Raise UsageError, naming the option ``field``, unless ``url`` can be fetched."""
    what = printable(url, 60)
    try:
        found = urlsplit(url)
        is_whole = bool(found.hostname) and (found.port is None or found.port > 0)
    except ValueError as error:
        raise UsageError(f"{what} is not an address: {printable(error, 50)}", field) from None
    if found.scheme not in ("http", "https"):
        raise UsageError(f"{what} is neither a path nor an https address", field)
    if not is_whole or not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError(f"{what} is not an address: host or characters are wrong", field)
    if found.username is not None:
        raise UsageError(f"the address at {found.hostname} names a user; leave it out", field)
    if found.scheme == "http" and not allow_http:
        raise UsageError(f"{what} is not encrypted: use https, or give `allow_http`", field)


def fetch(url: str, *, allow_http: bool, cure: str) -> bytes:
    """Return the file at an address.

    Raises HubError if it cannot be fetched, is incomplete, or is larger than `MAX_BYTES`. Its
    length must be known from the reply, or it must be gzip, whose end is marked.

    Parameters
    ----------
    url : str
        Accepted by `check_address`.
    allow_http : bool
        Whether http may be used.
    cure : str
        The advice at the end of a message.
    """
    try:
        return b"".join(_content(url, allow_http))
    except _Broken as error:
        reason = printable(error, 80)
        raise HubError(f"{printable(url)} cannot be fetched ({reason}); {cure}") from None


class _Broken(Exception):
    """Why a reply is not used."""


def _content(url: str, allow_http: bool) -> Iterator[bytes]:
    """Yield the bytes of a reply; raise `_Broken` for all that can be wrong with it."""
    began = time.monotonic()
    with _opened(url, allow_http) as reply:
        if reply.status != 200:
            raise _Broken(f"HTTP {reply.status}")
        length, n = reply.length, 0
        if length is not None and length > MAX_BYTES:
            raise _Broken(f"{length:,} bytes, more than {MAX_BYTES:,}")
        while (length is None or n < length) and (chunk := _read(reply)):
            if n == 0 and length is None and not (reply.chunked or chunk.startswith(GZIP)):
                raise _Broken("the reply has no length, so that it may be incomplete")
            n += len(chunk)
            seconds = time.monotonic() - began
            if n > MAX_BYTES:
                raise _Broken(f"more than {MAX_BYTES:,} bytes")
            if seconds > CONNECT_SECONDS and n < MIN_SPEED * (seconds - CONNECT_SECONDS):
                raise _Broken(f"{n:,} bytes in {seconds:.0f} s are too slow")
            yield chunk
        if length is not None and n != length:
            raise _Broken(f"the reply ended after {n:,} of {length:,} bytes")
        if n == 0:
            raise _Broken("the reply is empty")


def _opened(url: str, allow_http: bool) -> HTTPResponse:
    opener = urllib.request.build_opener(_Redirects(allow_http))
    request: Callable[[], HTTPResponse] = partial(opener.open, url, timeout=CONNECT_SECONDS)
    try:
        return within(CONNECT_SECONDS, request)
    except TimeoutError:
        raise _Broken("no reply in time") from None
    except urllib.error.HTTPError as error:
        error.close()
        reason = "" if "\n" in error.reason else f" {error.reason}"
        raise _Broken(f"HTTP {error.code}{reason}") from None
    except urllib.error.URLError as error:
        raise _Broken(getattr(error.reason, "strerror", None) or error.reason) from None
    except (OSError, HTTPException, ValueError) as error:
        raise _Broken(str(error) or type(error).__name__) from None


def _read(reply: HTTPResponse) -> bytes:
    """Return the next bytes, as soon as there are some."""
    try:
        return reply.read1(_CHUNK)
    except IncompleteRead:
        raise _Broken("the reply ended too early") from None
    except (OSError, HTTPException, ValueError) as error:
        raise _Broken(str(error) or type(error).__name__) from None


class _Redirects(urllib.request.HTTPRedirectHandler):
    def __init__(self, allow_http: bool) -> None:
        self._allow_http = allow_http

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any,
        newurl: str,
    ) -> urllib.request.Request | None:  # fmt: skip
        """Follow a redirect; https stays https. Raises HTTPError if that is not possible."""
        found = urlsplit(newurl)
        is_clear = found.scheme == "http" and not self._allow_http
        if found.scheme not in ("http", "https") or (is_clear and found.port not in (None, 80)):
            reason = f"leads to {found.scheme}://{found.netloc}, which is not https"
            raise urllib.error.HTTPError(newurl, code, reason, headers, fp)
        if is_clear:
            newurl = found._replace(scheme="https", netloc=found.hostname or "").geturl()
        return super().redirect_request(req, fp, code, msg, headers, newurl)
