"""The hub: where it cannot be reached, that shows at once; what is cached needs no hub."""

import json
import os
import socket
import subprocess
import sys

import pytest
from huggingface_hub import errors
from serving import HEAD, serving, whole

from esmgo.errors import HubError
from esmgo.files import hub
from esmgo.files.hub import is_hub_id, is_revision, revision_of, snapshot

ASK = """
import sys, time
start = time.monotonic()
from esmgo.files.hub import snapshot
from esmgo.errors import HubError
try:
    folder = snapshot("facebook/esm2_t6_8M_UR50D", "model", ["*.json"], ["config.json"],
                      "--base_model=tiny or a local folder", *sys.argv[1:])
    print(folder)
except HubError as error:
    print(error)
    print(error.exit_code)
    print(time.monotonic() - start)
assert not {"torch", "transformers"} & set(sys.modules)
"""


def ask(home, *words, **environment):
    plain = {k: v for k, v in os.environ.items() if not k.startswith("HF_") and "PROXY" not in k}
    done = subprocess.run(
        [sys.executable, "-c", ASK, *words],
        env=plain | {"HF_HOME": str(home)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.fixture
def silent_server():
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.mark.parametrize("way", ["offline", "closed port", "no such host", "silent server"])
def test_a_hub_out_of_reach_fails_without_retries_in_one_line(tmp_path, silent_server, way):
    environment = {
        "offline": {"HF_HUB_OFFLINE": "1"},
        "closed port": {"HF_ENDPOINT": "http://127.0.0.1:9"},
        "no such host": {"HF_ENDPOINT": "http://nonexistent.invalid"},
        "silent server": {"HF_ENDPOINT": f"http://127.0.0.1:{silent_server.getsockname()[1]}"},
    }[way]
    message, code, seconds = ask(tmp_path, **environment)
    assert "facebook/esm2_t6_8M_UR50D" in message
    assert "--base_model=tiny or a local folder" in message
    assert len(message) < 200
    assert code == "5"
    assert float(seconds) < 15  # retries take 23 seconds and more


def make_cache(home, *names):
    commit = "0" * 40
    repo = home / "hub" / "models--facebook--esm2_t6_8M_UR50D"
    for name in names:
        file = repo / "snapshots" / commit / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")
    (repo / "refs").mkdir(parents=True)
    (repo / "refs" / "main").write_text(commit)


def test_what_is_cached_is_taken_without_asking_the_hub(tmp_path, silent_server):
    make_cache(tmp_path, "config.json")
    lines = ask(tmp_path, HF_ENDPOINT=f"http://127.0.0.1:{silent_server.getsockname()[1]}")
    silent_server.setblocking(False)
    with pytest.raises(BlockingIOError):  # no connection arrived
        silent_server.accept()
    assert [line.rpartition("/")[2] for line in lines] == ["0" * 40]


def test_a_cache_without_a_required_file_is_not_taken(tmp_path):
    make_cache(tmp_path, "vocab.txt")
    assert "not cached" in ask(tmp_path, HF_HUB_OFFLINE="1")[0]


def test_a_missing_shard_is_noticed(tmp_path):
    (tmp_path / "config.json").touch()
    (tmp_path / "model-00001-of-00002.safetensors").touch()
    required = ["config.json", "*.safetensors|*.txt"]
    assert hub._missing(tmp_path, required) == "model-00002-of-00002.safetensors"
    (tmp_path / "model-00002-of-00002.safetensors").touch()
    assert hub._missing(tmp_path, required) == ""
    (tmp_path / "train-00000-of-00002.parquet").touch()
    assert hub._missing(tmp_path, required) == "train-00001-of-00002.parquet"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("GatedRepoError", "gated"),
        ("RepositoryNotFoundError", "no model 'a/b'"),
        ("HFValidationError", "nor a hub id"),
        ("OfflineModeIsEnabled", "HF_HUB_OFFLINE"),
    ],
)
def test_the_reason_is_told_where_there_is_one(error, words):
    kind = getattr(errors, error)
    told = hub._explain(kind.__new__(kind), "model 'a/b'", "--base_model=tiny")
    assert words in str(told)
    assert "--base_model=tiny" in str(told)


def test_names_that_cannot_be_on_the_hub_are_not_asked_for():
    assert is_hub_id("facebook/esm2_t6_8M_UR50D")
    assert not any(map(is_hub_id, ["", "/a", "./a", "a/b/c", "a b", "-a", "é/a", "x" * 97]))
    with pytest.raises(HubError, match="neither a local folder nor a hub id"):
        snapshot("a b", "dataset", ["*.parquet"], ["*"], "--dataset=sample")


def hub_of(revisions):
    """The replies of a hub with one model of one file; ``revisions`` gives the commit of each."""

    def reply(method, path):
        path, _, _ = path.partition("?")
        _, _, revision = path.partition("/revision/")
        if "/tree/" in path:
            found = [{"type": "file", "path": "config.json", "size": 2, "oid": "a" * 40}]
        elif "/resolve/" in path:
            head = b'X-Repo-Commit: %s\r\nETag: "%s"\r\n' % (path.split("/")[4].encode(), b"a" * 40)
            return HEAD + head + b"Content-Length: 2\r\n\r\n" + b"{}" * (method == "GET")
        elif path.startswith("/api/models/") and (commit := revisions(revision or "main")):
            files = [{"rfilename": "config.json"}]
            found = {"id": "facebook/esm2_t6_8M_UR50D", "sha": commit, "siblings": files}
        else:
            head = HEAD.replace(b"200 OK", b"404 No")
            return head + b"X-Error-Code: RevisionNotFound\r\nContent-Length: 0\r\n\r\n"
        return whole(json.dumps(found).encode(), kind=b"application/json")

    return reply


def test_a_revision_is_fetched_recorded_and_found_again(tmp_path):
    commits = {"main": "1" * 40, "v1": "2" * 40, "2" * 40: "2" * 40}
    with serving(hub_of(commits.get)) as server:
        there = {"HF_ENDPOINT": server.origin, "HF_HUB_ETAG_TIMEOUT": "30"}
        (main,) = ask(tmp_path, **there)
        (old,) = ask(tmp_path, "v1", **there)
        message, code, _ = ask(tmp_path, "v3", **there)
    assert [revision_of(main), revision_of(old)] == ["1" * 40, "2" * 40]
    assert message.startswith("the hub has no model 'facebook/esm2_t6_8M_UR50D' at revision v3")
    assert code == "5"
    for words, folder in (((), main), (("v1",), old), (("2" * 40,), old)):
        assert ask(tmp_path, *words, HF_HUB_OFFLINE="1") == [folder]
    for words in (("v3",), ("3" * 40,)):
        message, code, _ = ask(tmp_path, *words, HF_HUB_OFFLINE="1")
        assert "not cached" in message
        assert (len(message) < 190, code) == (True, "5")


def test_files_of_another_commit_than_the_hub_named_are_refused(tmp_path):
    commits = iter(["1" * 40, *["2" * 40] * 9])
    with serving(hub_of(lambda _: next(commits))) as server:
        there = {"HF_ENDPOINT": server.origin, "HF_HUB_ETAG_TIMEOUT": "30"}
        message, code, _ = ask(tmp_path, "v1", **there)
    assert "changed while it was fetched; run again" in message
    assert code == "5"


def test_revisions_are_commits_branches_and_tags():
    assert all(map(is_revision, ["main", "v1.0", "a" * 40, "refs/pr/1", "feature-x"]))
    assert not any(map(is_revision, ["", "-x", "a b", "../x", "a/../b", "x" * 97, "a\0", "é"]))
    for path in ("", None, ".", "snapshots/main", "a" * 40, f"other/{'a' * 40}"):
        assert revision_of(path) is None
