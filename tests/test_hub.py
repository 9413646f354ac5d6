"""The hub: where it cannot be reached, that shows at once; what is cached needs no hub."""

import os
import socket
import subprocess
import sys

import pytest
from huggingface_hub import errors

from esmgo.errors import HubError
from esmgo.files import hub
from esmgo.files.hub import is_hub_id, snapshot

ASK = """
import sys, time
start = time.monotonic()
from esmgo.files.hub import snapshot
from esmgo.errors import HubError
try:
    print(snapshot("facebook/esm2_t6_8M_UR50D", "model", ["*.json"], ["config.json"],
                   "--base_model=tiny or a local folder"))
except HubError as error:
    print(error)
    print(error.exit_code)
    print(time.monotonic() - start)
assert not {"torch", "transformers"} & set(sys.modules)
"""


def ask(home, **environment):
    plain = {k: v for k, v in os.environ.items() if not k.startswith("HF_") and "PROXY" not in k}
    done = subprocess.run(
        [sys.executable, "-c", ASK],
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
