"""Files of the web: complete, encrypted and in time, or one line says what was wrong."""

import gc
import gzip
import itertools
import time

import pytest
from serving import HEAD, chunked, redirect, serving, whole

from esmgo.errors import HubError, UsageError
from esmgo.files import fetching
from esmgo.files.fetching import check_address, fetch, within

DATA = b"format-version: 1.2\n" * 1000


def get(server, **options):
    return fetch(server.url, **{"allow_http": True, "cure": "give `ontology=FILE`"} | options)


@pytest.mark.parametrize("reply", [whole(DATA), chunked(DATA)])
def test_complete_replies_are_returned(reply):
    with serving(reply) as server:
        assert get(server) == DATA


def test_a_reply_that_marks_no_end_counts_only_if_its_content_does():
    with serving(HEAD + b"\r\n" + DATA) as server, pytest.raises(HubError, match="no length"):
        get(server)
    packed = gzip.compress(DATA)
    with serving(HEAD + b"\r\n" + packed) as server:
        assert get(server) == packed


BROKEN = {
    "404": (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "HTTP 404 Not Found"),
    "500": (b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", "HTTP 500 Oh"),
    "part": (whole(DATA).replace(b"200 OK", b"206 Partial Content"), "HTTP 206"),
    "cut": (whole(DATA)[:-5], "ended after 19,995 of 20,000 bytes"),
    "chunks cut": (chunked(DATA, is_complete=False), "ended too early"),
    "in a chunk": (chunked(DATA)[:-1000], "ended too early"),
    "no chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "ended too early"),
    "empty": (whole(b""), "empty"),
    "large": (HEAD + b"Content-Length: 99999999999\r\n\r\n", "99,999,999,999 bytes, more than"),
    "not http": (b"220 ftp ready\r\n", "220 ftp ready"),
    "closed": (b"", "closed"),
    "long header": (HEAD + b"X: " + b"x" * 99999, "more than 65536"),
    "many headers": (HEAD + b"X: 1\r\n" * 999, "more than 100 headers"),
    "elsewhere": (redirect("ftp://127.0.0.1/x"), "HTTP 302 leads to ftp://127.0.0.1, which"),
    "to a file": (redirect("file:///etc/passwd"), "HTTP 302 Found - Redirection to url 'file:"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_reply_is_one_line(name):
    reply, reason = BROKEN[name]
    with serving(reply) as server, pytest.raises(HubError) as told:
        get(server)
    text = str(told.value)
    assert reason in text
    assert text.startswith(f"{server.url} cannot be fetched (")
    assert "`ontology=FILE`" in text
    assert len(text.splitlines()) == 1
    assert len(text) < 200
    assert told.value.exit_code == 5


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_redirect_to_nowhere_is_one_line():
    with serving(redirect("http://[")) as server, pytest.raises(HubError, match="Invalid IPv6"):
        get(server)
    gc.collect()  # urllib leaves the reply open here


def test_a_circle_of_redirects_ends():
    with serving() as server:
        server.reply = redirect(server.url)
        with pytest.raises(HubError, match=r"\(HTTP 302\)"):
            get(server)


def test_redirects_are_followed_but_never_in_the_clear(monkeypatch):
    with serving(whole(DATA)) as end, serving(redirect(end.url)) as server:
        assert get(server) == DATA
        n = len(end.requests)
        with pytest.raises(HubError, match=r"HTTP 302 leads to http://.*:\d+, which is not"):
            get(server, allow_http=False)
        assert len(end.requests) == n
    asked = []
    with serving(redirect("http://127.0.0.1/x.obo")) as server:
        upgrade = fetching._Redirects(False).redirect_request
        monkeypatch.setattr(
            fetching._Redirects, "redirect_request",
            lambda _, *given: asked.append(upgrade(*given).full_url),
        )  # fmt: skip
        with pytest.raises(HubError):
            get(server, allow_http=False)
    assert asked == ["https://127.0.0.1/x.obo"]


def test_what_does_not_end_or_come_is_given_up(monkeypatch):
    monkeypatch.setattr(fetching, "CONNECT_SECONDS", 0.5)

    def slowly(_, __):
        yield HEAD + b"Content-Length: 1000000\r\n\r\n"
        for _ in range(100):
            time.sleep(0.05)
            yield b"x"

    def never(_, __):
        yield HEAD
        time.sleep(5)

    def silent(_, __):
        yield whole(DATA)[:1000]
        time.sleep(5)

    for reply, reason in ((slowly, "too slow"), (never, "no reply"), (silent, "timed out")):
        start = time.monotonic()
        with serving(reply) as server, pytest.raises(HubError, match=reason):
            get(server)
        assert time.monotonic() - start < 4
    monkeypatch.setattr(fetching, "MAX_BYTES", 1 << 20)
    endless = itertools.chain([HEAD + b"Transfer-Encoding: chunked\r\n\r\n"],
                              itertools.repeat(b"8000\r\n" + b"x" * 0x8000 + b"\r\n"))  # fmt: skip
    with serving(lambda *_: endless) as server, pytest.raises(HubError, match="more than 1,048,"):
        get(server)


def test_a_port_where_nobody_is_and_a_host_that_does_not_exist():
    for url in ("http://127.0.0.1:9/x.obo", "http://nonexistent.invalid/x.obo"):
        with pytest.raises(HubError, match="cannot be fetched"):
            fetch(url, allow_http=True, cure="")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://a/b.obo", "neither a path nor an https address"),
        ("file:///etc/passwd", "neither a path nor an https address"),
        ("://x", "neither a path"),
        ("https://", "not an address"),
        ("https:///x.obo", "not an address"),
        ("https://[::1/x.obo", "not an address"),
        ("https://a:b/x.obo", "not an address"),
        ("https://a:99999/x.obo", "not an address"),
        ("https://a:0/x.obo", "not an address"),
        ("https://a/x y.obo", "not an address"),
        ("https://a/x\n.obo", "not an address"),
        ("https://a/x\0.obo", "not an address"),
        ("https://a/é.obo", "not an address"),
        ("https://a/\udcff.obo", "not an address"),
        ("https://me:secret@a/x.obo", "names a user"),
        ("http://a/x.obo", "not encrypted: use https, or give `allow_http`"),
        ("HTTP://a/x.obo", "not encrypted"),
    ],
)
def test_a_wrong_address_is_one_line_with_the_option(url, reason):
    with pytest.raises(UsageError, match=reason) as told:
        check_address(url, field="ontology", allow_http=False)
    assert told.value.field == "ontology"
    assert "secret" not in str(told.value)
    assert str(told.value).isprintable()
    assert len(str(told.value)) < 190


def test_right_addresses_are_accepted():
    for url in ("https://purl.obolibrary.org/obo/go/go-basic.obo", "HTTPS://a:8443/x?y=1#z"):
        check_address(url, field="ontology", allow_http=False)
    check_address("http://127.0.0.1:80/x", field="ontology", allow_http=True)


def test_work_that_takes_too_long_is_left_behind():
    assert within(5, lambda: 7) == 7
    with pytest.raises(TimeoutError):
        within(0.01, lambda: time.sleep(2))
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 / 0)
