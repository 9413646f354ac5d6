"""Prediction with Ray's actors: the same bytes, whatever is lost; a run never waits for ever."""

import re
import subprocess
import sys
from collections import deque
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
from killing_predict import proteome_of
from predicting import error_of

from esmgo import cluster
from esmgo.cli.main import main
from esmgo.proteome import job_opening
from esmgo.proteome.config import PredictConfig
from esmgo.proteome.parts import Parts
from esmgo.proteome.plan import Plan

ROOT = Path(__file__).parents[1]
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")


@pytest.fixture
def job(tmp_path):
    """A plan of some hundred proteins in blocks of eight."""
    proteome_of(tmp_path / "many.fasta", 340)
    words = [f"--input={tmp_path / 'many.fasta'}", f"-o={tmp_path / 'job'}", "--block_size=8"]
    assert main(["plan", "--rejects_ok", *words]) == 0
    return tmp_path / "job"


@needs_ray
@pytest.mark.parametrize(
    "how",
    ["both", *(pytest.param(how, marks=pytest.mark.slow) for how in ("driver", "node"))],
)
def test_a_lost_driver_and_a_lost_machine_leave_the_bytes_as_they_are(
    predict, checkpoint, job, tmp_path, how
):
    program = [sys.executable, str(ROOT / "tests" / "cluster_runs.py"), how]
    (tmp_path / "out").mkdir()
    words = map(str, (job, checkpoint, tmp_path / "out"))
    done = subprocess.run([*program, *words], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert 3 <= int(re.search(r"parts: (\d+)", done.stdout)[1]) < 40
    assert predict(tmp_path / "whole.tsv", input=job) == 0
    assert (tmp_path / "out" / "x.tsv").read_bytes() == (tmp_path / "whole.tsv").read_bytes()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["x.tsv"]


class Lost(Exception):
    pass


class TaskError(Exception):
    pass


class FakeRay:
    """Actors in this process, which work when they are waited for; ``events`` happen to them."""

    exceptions = SimpleNamespace(RayError=Lost, RayTaskError=TaskError)

    def __init__(self, *events, starts=99):
        self.events, self.starts, self.waiting, self.n_started = deque(events), starts, [], 0

    def init(self, **_):
        pass

    def shutdown(self):
        pass

    def cluster_resources(self):
        return {"CPU": 4.0}

    def nodes(self):
        return [{"Alive": True, "Resources": {"CPU": 4.0}}]

    def remote(self, kind):
        fake = self

        class Remote:
            def __init__(self, *given):
                self._real = kind(*given)
                self.start = SimpleNamespace(remote=lambda: fake._call(self._start))
                self.score = SimpleNamespace(remote=lambda n: fake._call(self._score, n))

            def _start(self):
                fake.n_started += 1
                return None if fake.n_started > fake.starts else self._real.start()

            def _score(self, number):
                event = fake.events.popleft() if fake.events else None
                if event == "lost":
                    raise Lost("the node died\nmore")
                return None if event == "stuck" else self._real.score(number)

        return SimpleNamespace(
            options=lambda **_: SimpleNamespace(remote=lambda *given: Remote(*given))
        )

    def _call(self, method, *given):
        result = (len(self.waiting), lambda: method(*given))
        self.waiting.append(result)
        return result

    def wait(self, results, num_returns, timeout):
        for result in results:
            try:
                found = result[1]()
            except Lost as error:
                found = error
            if found is not None:
                self.found = found
                return [result], []
        return [], results

    def get(self, result):
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


@pytest.fixture
def on_fake(predict, monkeypatch):
    """Predict with actors of this process; return the exit code."""

    def on_fake(output, fake, *words, **changes):
        monkeypatch.setattr(cluster, "ray", fake)
        monkeypatch.chdir(output.parent)
        return predict(output, "--engine=ray", *words, **changes)

    return on_fake


@pytest.mark.parametrize("events", [(), ("lost",), ("lost", None, "lost")])
def test_the_bytes_are_those_of_a_plain_run(predict, on_fake, tmp_path, capsys, events):
    assert predict(tmp_path / "x.tsv") == 4
    summary = capsys.readouterr().out.split(", written")[0]
    fake = FakeRay(*events)
    assert on_fake(tmp_path / "y.tsv", fake, "--num_actors=2") == 4
    out, err = capsys.readouterr()
    assert err.count("an actor was lost (the node died)") == events.count("lost")
    assert "2 of 24 records rejected" in err
    assert re.sub(r" \(.*?\)", "", summary) == out.split(", written")[0]
    assert (tmp_path / "x.tsv").read_bytes() == (tmp_path / "y.tsv").read_bytes()
    assert not list(tmp_path.glob("y.tsv.*"))


def test_a_run_in_which_nothing_happens_ends_and_resumes(predict, on_fake, tmp_path, capsys):
    words = ("--num_actors=2", "--stall_minutes=0.5")
    assert on_fake(tmp_path / "x.tsv", FakeRay(None, *["stuck"] * 99), *words) == 5
    assert "no block was finished in 0.5 minutes (--stall_minutes)" in capsys.readouterr().err
    assert on_fake(tmp_path / "x.tsv", FakeRay(), *words) == 2
    assert "--resume continues" in error_of(capsys)
    fake = FakeRay()
    assert on_fake(tmp_path / "x.tsv", fake, *words, "--resume") == 4
    assert predict(tmp_path / "y.tsv") == 4
    assert (tmp_path / "x.tsv").read_bytes() == (tmp_path / "y.tsv").read_bytes()


def test_a_block_that_ends_its_actors_is_named(on_fake, tmp_path, capsys):
    assert on_fake(tmp_path / "x.tsv", FakeRay(*["lost"] * 9), "--num_actors=1") == 5
    assert "3 actors ended while they scored block 0" in error_of(capsys)
    assert not (tmp_path / "x.tsv.parts").exists()


def test_what_an_actor_refuses_is_an_error_with_its_exit_code(on_fake, tmp_path, capsys):
    assert on_fake(tmp_path / "x.tsv", FakeRay(), checkpoint_path=tmp_path / "none.pt") == 6
    assert "none.pt" in error_of(capsys)


@pytest.fixture
def actor(checkpoint, proteome, tmp_path):
    """Make an actor of a job that has begun."""
    assert main(["plan", str(proteome), "-o", str(tmp_path / "job"), "--rejects_ok"]) == 0

    def actor(**changes):
        config = PredictConfig(
            input=str(tmp_path / "job"), output=str(tmp_path / "x.tsv"), device="cpu",
            checkpoint_path=str(checkpoint), **changes,
        )  # fmt: skip
        return cluster._Caller(config, config.input, str(config.parts()), str(tmp_path), 1)

    return actor


def test_an_actor_refuses_a_job_of_another_version_or_flag(actor, tmp_path, monkeypatch):
    assert "machines must share it" in actor().start().message
    parts = Parts(tmp_path / "x.tsv.parts")
    first = actor()
    first.start()
    refused = first.score(0)
    assert "has no job" in refused.message
    plan = Plan.open(tmp_path / "job")
    parts.begin(first._job, len(first._predictor.labels))
    assert first.score(0) == 22 == plan.n_proteins
    other = actor(top_k=3)
    other.start()
    refused = other.score(0)
    assert (refused.exit_code, "`top_k`" in refused.message) == (2, True)
    monkeypatch.setattr(job_opening, "version", lambda _: "9.9")
    other = actor()
    other.start()
    refused = other.score(0)
    assert (refused.exit_code, "version of esmgo" in refused.message) == (2, True)


def test_without_ray_the_extra_is_named(predict, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cluster, "ray", None)
    assert predict(tmp_path / "x.tsv", "--engine=ray") == 5
    assert "pip install 'esmgo[ray]'" in error_of(capsys)


def test_a_cluster_that_does_not_answer_is_one_line(on_fake, tmp_path, monkeypatch, capsys):
    fake = FakeRay()
    monkeypatch.setattr(fake, "init", lambda **_: (_ for _ in ()).throw(ConnectionError("no\nway")))
    assert on_fake(tmp_path / "x.tsv", fake, "--address=a:1") == 5
    assert "no Ray cluster at a:1" in error_of(capsys)


def test_shares_of_a_cluster(caplog):
    def shares(found, *nodes, **given):
        config = PredictConfig(input="x", output="y", engine="ray", **given)
        return cluster._shares(config, found, [{"Resources": {"CPU": n}} for n in nodes])

    assert shares({"CPU": 96}, 64, 32) == (2, {"num_cpus": 32, "num_gpus": 0})
    assert shares({"CPU": 96, "GPU": 8}, 64, 32) == (8, {"num_cpus": 12, "num_gpus": 1})
    assert shares({"CPU": 96, "GPU": 8}, 96, device="cpu", num_actors=24) == (
        24, {"num_cpus": 4, "num_gpus": 0},
    )  # fmt: skip
    assert shares({"CPU": 4, "GPU": 1}, 4, num_gpus=0.25) == (4, {"num_cpus": 1, "num_gpus": 0.25})
    assert shares({"CPU": 2}, 2, num_actors=9) == (9, {"num_cpus": 1, "num_gpus": 0})


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--engine=ray", "--shard=1/2"], "--shard is not for --engine=ray"),
        (["--engine=spark"], "--engine must be one of local, ray"),
        (["--num_actors=2"], "--num_actors is for --engine=ray"),
        (["--address=local"], "--address is for --engine=ray"),
    ],
)
def test_flags_that_do_not_fit_are_refused(predict, tmp_path, capsys, words, reason):
    assert predict(tmp_path / "x.tsv", *words) == 2
    assert reason in error_of(capsys)
    assert predict("-", "--engine=ray") == 2
    assert "give --output=FILE" in error_of(capsys)
