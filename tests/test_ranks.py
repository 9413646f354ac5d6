"""Training by several ranks: the same bits as by one, and all of them stop together."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from esmgo.cli.main import main
from esmgo.errors import UsageError
from esmgo.learn.ranks import ALONE, RankLost, Ranks, joined
from esmgo.learn.stop import Stopped, StopRequest


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What `many_ranks.py` finds."""
    folder = tmp_path_factory.mktemp("ranks")
    program = [sys.executable, str(Path(__file__).with_name("many_ranks.py")), str(folder)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("way", ["layers", "adapters", "head"])
def test_any_number_of_ranks_writes_the_same_files(found, way):
    codes, digests = found[way]
    assert not any(code for each in codes for code in each)
    assert all(each == digests[0] for each in digests)
    assert found["left"] == []


def test_two_ranks_go_on_where_one_stopped(found):
    codes, (whole, part) = found["one, then two"]
    assert codes == [[0], [0], [0, 0]]
    assert whole == part


def test_the_others_save_and_stop_when_a_rank_is_killed_and_one_goes_on(found):
    assert found["killed"] == [[5, -9]]
    assert "error: another rank stopped" in found["log"]
    codes, (whole, part) = found["two, then one"]
    assert codes == [[0], [0]]
    assert whole == part


def test_a_signal_to_one_rank_stops_all(found):
    assert found["stopped"] == [[143, 143]]


def test_divided_weights_train_as_whole_ones_and_are_saved_whole(found):
    codes, difference = found["sharded"]
    assert codes == [[0, 0], [0], [0]]
    assert difference < 2e-5


def test_weights_are_not_divided_among_one_rank(tmp_path, capsys):
    words = "--base_model=tiny", "--dataset=sample", "--device=cpu", "--shard_weights"
    assert main(["train", *words, f"--checkpoint_path={tmp_path / 'c.pt'}"]) == 2
    assert "--shard_weights needs several ranks" in capsys.readouterr().err


def test_one_rank_exchanges_nothing():
    assert ALONE.highest(-3.5) == -3.5
    assert ALONE.texts("ä") == ["ä"]
    assert ALONE.number(True) == 1
    with joined("cpu") as found:
        assert found is ALONE


def test_ranks_that_do_not_fit_together_are_refused(monkeypatch, caplog):
    ranks = Ranks(1, 2)
    facts = [{"number of threads": 1, "hardware": "A"}, {"number of threads": 2, "hardware": "B"}]
    monkeypatch.setattr(ranks, "texts", lambda _: list(map(json.dumps, facts)))
    with pytest.raises(UsageError, match="rank 1 has another number of threads than rank 0: 2 "):
        ranks.compare(facts[1])
    facts[1]["number of threads"] = 1
    ranks.compare(facts[1])
    assert "another hardware" in caplog.text


def test_a_rank_without_the_others_is_an_error_of_the_machine(monkeypatch):
    monkeypatch.setattr("esmgo.learn.ranks.TIMEOUT", timedelta(seconds=1))
    for name, value in (("RANK", "1"), ("WORLD_SIZE", "2"), ("MASTER_ADDR", "127.0.0.1"),
                        ("MASTER_PORT", "9")):  # fmt: skip
        monkeypatch.setenv(name, value)
    with pytest.raises(RankLost), joined("cpu"):
        pass


def test_a_signal_to_any_rank_stops_all(monkeypatch):
    ranks = Ranks(0, 2)
    monkeypatch.setattr(ranks, "highest", lambda value: max(value, 15))
    stop = StopRequest(ranks)
    with pytest.raises(Stopped):
        stop.check()
    assert stop.signum == 15
