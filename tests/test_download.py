"""The ontology from an address: checked before it is kept, and each time that it is used."""

import gzip
import hashlib
import threading

import pytest
from evaluating import OBO
from serving import HEAD, chunked, serving, whole

from esmgo.cli.main import main
from esmgo.data.download import locate_ontology, open_ontology, reads_ontology
from esmgo.errors import HubError, MachineError, UsageError

DATA = OBO.encode()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / "cache"))
    return tmp_path / "home" / "cache" / "esmgo"


def locate(server, query=""):
    return locate_ontology(server.url + query, allow_http=True)


@pytest.mark.parametrize("data", [DATA, gzip.compress(DATA, mtime=0)])
def test_an_ontology_is_fetched_once_and_carries_its_digest(cache, data):
    with serving(whole(data)) as server:
        path = locate(server)
        assert path.read_bytes() == data
        assert hashlib.sha256(data).hexdigest() in path.name
        assert locate(server) == path
        assert server.requests == [("GET", "/go-basic.obo")]
        assert list(cache.iterdir()) == [path]
        assert [use.path for use in reads_ontology(None, server.url)] == [str(path)]
        server.reply = b""  # not used again
        assert len(open_ontology(server.url, allow_http=True)) == len(open_ontology(str(path)))


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "folder"])
def test_a_damaged_file_is_fetched_again_with_one_line(cache, damage, caplog):
    with serving(chunked(DATA)) as server:
        path = locate(server)
        if damage == "folder":
            path.unlink()
            path.mkdir()
            path = None
        else:
            bad = {"flipped": DATA.replace(b"G", b"H", 1), "cut": DATA[:-1], "empty": b""}[damage]
            path.write_bytes(bad)
        caplog.clear()
        if path is None:
            with pytest.raises(MachineError, match="cannot be written: is a directory"):
                locate(server)
        else:
            assert locate(server).read_bytes() == DATA
        (line,) = caplog.messages
        assert "is damaged: fetching it again" in line
        assert len(line) < 200


def test_what_cannot_be_fetched_again_is_not_used(cache):
    with serving(whole(DATA)) as server:
        locate(server).write_bytes(DATA[:100])
        server.reply = whole(DATA)[:-1]
        with pytest.raises(HubError):
            locate(server)
    assert list(cache.iterdir()) == []


PAGE = b"<!DOCTYPE html>\n<html><body>Log in to this network</body></html>"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (PAGE, "a web page or XML"),
        (b"\n\n" + PAGE, "a web page or XML"),
        (b"<?xml version='1.0'?><rdf/>", "a web page or XML"),
        (b"not found\n", "is not an OBO file"),
        (DATA[: DATA.index(b"is_a:") + 9], "is not an OBO file"),
        (gzip.compress(DATA)[:-4], "end too early"),
        (b"PK\x03\x04" + DATA, "a zip archive"),
        (DATA + b"\xff", "not UTF-8"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git-lfs"),
    ],
)
def test_what_is_no_ontology_is_one_line_and_not_kept(cache, data, reason):
    with serving(whole(data)) as server, pytest.raises(HubError, match=reason) as told:
        locate(server)
    assert server.url in str(told.value)
    assert "`ontology=FILE`" in str(told.value)
    assert len(str(told.value)) < 200
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_one_line_before_anything_is_fetched(
    tmp_path, monkeypatch
):
    (tmp_path / "file").touch()
    with serving(whole(DATA)) as server:
        for home in (tmp_path / "file", "/dev/null", "x" * 300, "/proc/nothing"):
            monkeypatch.setenv("XDG_CACHE_HOME", str(home))
            with pytest.raises(MachineError, match="cannot be written"):
                locate(server)
        assert server.requests == []


def test_two_addresses_are_kept_apart_whatever_their_names(cache):
    with serving(whole(DATA)) as server:
        queries = ("", "?x=1", "?x=2", "?" + "x" * 300, "?%2e%2e%2f", "/")
        found = {locate(server, query) for query in queries}
    assert len(found) == len(queries)
    assert set(cache.iterdir()) == found


def test_two_at_once_both_get_it(cache):
    found = []
    with serving(whole(DATA)) as server:
        threads = [threading.Thread(target=lambda: found.append(locate(server))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [path.read_bytes() for path in found] == [DATA] * 8
    assert len(list(cache.iterdir())) == 1


def test_an_older_release_of_an_address_is_not_mixed_with_a_newer_one(cache):
    with serving(whole(DATA)) as server:
        old = locate(server)
        old.unlink()
        server.reply = whole(DATA + b"\n")
        assert locate(server) != old
        assert locate(server).read_bytes() == DATA + b"\n"


@pytest.mark.parametrize("verb", ["train", "build", "evaluate", "baseline naive", "audit", "blend"])
def test_on_the_command_line_http_needs_a_flag_and_faults_are_one_line(
    cache, verb, capsys, checkpoint, tmp_path, monkeypatch
):
    monkeypatch.setattr("esmgo.evidence.programs.Program.path", lambda _: "")
    rest = {
        "train": [f"--checkpoint_path={tmp_path / 'c.pt'}", "--base_model=tiny"],
        "evaluate": [f"--predictions={__file__}", f"--truth={__file__}"],
        "baseline naive": ["--output=-"],
        "audit": [],
        "build": [],
        "blend": [f"--checkpoint_path={checkpoint}"],
    }[verb]
    words = [*verb.split(), *rest] + ["--dataset=sample"] * (verb not in ("evaluate", "build"))
    with serving(HEAD + b"Content-Length: 5\r\n\r\nab") as server:
        for url, more, code, reason in (
            (server.url, [], 2, f"--ontology {server.url} is not encrypted"),
            ("https://[x", [], 2, "--ontology https://[x is not an address"),
            (server.url, ["--allow_http"], 5, "the reply ended after 2 of 5 bytes"),
        ):
            assert main([*words, f"--ontology={url}", *more]) == code
            lines = capsys.readouterr().err.splitlines()
            assert reason in lines[-1]
            assert [line for line in lines if line.startswith("error")] == lines[-1:]
            assert len(lines[-1]) < 200


def test_only_local_paths_are_no_addresses():
    for url in ("ftp://x/y.obo", "file:///x.obo", "C://x"):
        with pytest.raises(UsageError, match="neither a path nor an https address"):
            locate_ontology(url)
    assert str(locate_ontology("x:y.obo")) == "x:y.obo"
