"""``esmgo predict`` on a Ray cluster: actors score blocks of proteins, the driver writes files.

The driver sends numbers of blocks. An actor reads the bytes of a block, scores its proteins and
writes a part, which is renamed into place. A block that is computed twice gives the same part, so
a lost actor costs the block that it had begun. All machines must see the folder of the output, the
FASTA file and the checkpoint at the same paths.

Actors are used without Ray Data: in its actor pools a lost node can stop the whole run.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from esmgo.data.rejects import ReadReport
from esmgo.errors import NOTICE, EsmgoError, FastaError, MachineError, printable
from esmgo.files.source import check_readable
from esmgo.go.labels import LabelSpace
from esmgo.proteome.config import PredictConfig
from esmgo.proteome.job import BLOCK, Job
from esmgo.proteome.job_opening import open_job
from esmgo.proteome.parts import PLAN, Parts
from esmgo.proteome.plan import Plan
from esmgo.proteome.planning import write_plan
from esmgo.proteome.run import planned, workplace, write_blocks
from esmgo.proteome.summary import PredictSummary

if TYPE_CHECKING:
    from esmgo.proteome.blocks import BlockCaller

try:
    import ray
except ImportError:
    ray = None

log = logging.getLogger(__name__)

_MOST_LOSSES = 3
"""Actors that may end while they work on one block, or one after the other while they start."""


def predict_on_ray(config: PredictConfig, report: ReadReport | None = None) -> PredictSummary:
    """Call terms of all proteins of a FASTA file or a plan with the actors of a Ray cluster.

    The output has the bytes that `write_predictions` writes on a machine of the same kind.

    Parameters
    ----------
    config : PredictConfig
        As for `write_predictions`, with the settings of the cluster.
    report : ReadReport, optional
        Filled with rejected records and warnings.

    Returns
    -------
    PredictSummary
        Counts and output files; the files are complete or absent.

    Raises
    ------
    MachineError
        If Ray is missing or no cluster answers, if actors end again and again, or if no block was
        finished in ``stall_minutes``; finished blocks are kept.
    """
    if ray is None:
        raise MachineError("`engine=ray` needs Ray: pip install 'esmgo[ray]'")
    report = ReadReport(config.strict) if report is None else report
    config.warn_of_unused(config.formats(), report)
    config, plan = planned(config)
    if plan is None:
        check_readable(str(config.input), FastaError)
    with workplace(config) as parts:
        if config.resume and not Parts.has_begun(parts.folder):
            log.warning("nothing to resume: starting from the beginning")
        try:
            with _cluster(config) as (n_actors, resources):
                if plan is None:
                    plan = _plan(config, parts, report, n_actors)
                actors = _Actors(config, plan, parts, n_actors, resources)
                job, labels = actors.described()
                config.check_labels(labels)
                job = parts.begin(job, len(labels))
                actors.score(job)
        except BaseException:
            if parts.has_any():
                log.warning("%s: finished work; `resume` continues", printable(parts.folder, 120))
            raise
        blocks = (parts.finished(number, plan.owner(number)) for number in job.blocks)
        tally = write_blocks(config, job, labels, blocks, report)
    return tally.summary(config.outputs())


def _plan(config: PredictConfig, parts: Parts, report: ReadReport, n_actors: int) -> Plan:
    """Plan the proteins for this job alone, with as many blocks for each actor."""
    folder = parts.folder / PLAN
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write_plan(str(config.input), folder, config, report, BLOCK, n_actors)
    return Plan.open(folder)


@contextmanager
def _cluster(config: PredictConfig) -> Iterator[tuple[int, dict[str, float]]]:
    """Connect to a cluster or start one; yield the number of actors and what each needs."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reports to its makers otherwise
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or it warns
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        ray.init(
            address=config.address,
            include_dashboard=False if config.address == "local" else None,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        where = printable(config.address or "this machine", 60)
        raise MachineError(f"no Ray cluster at {where}: {printable(error, 100)}") from None
    try:
        for each, handler in handlers.items():
            signal.signal(each, handler)  # Ray has its own, which end the driver at once
        yield _shares(config, ray.cluster_resources(), [n for n in ray.nodes() if n["Alive"]])
    finally:
        ray.shutdown()


def _shares(
    config: PredictConfig, found: dict[str, float], nodes: list[dict[str, Any]]
) -> tuple[int, dict[str, float]]:
    """Return the number of actors, and the CPUs and GPUs of each."""
    n_gpus = found.get("GPU", 0.0) if config.device in (None, "cuda") else 0.0
    each = config.num_gpus if config.num_gpus is not None else float(n_gpus > 0)
    n_cpus = max(1, int(found.get("CPU", 1)))
    n_actors = config.num_actors or (int(n_gpus / each) if each and n_gpus else len(nodes))
    smallest = min(int(node["Resources"].get("CPU", 0)) or 1 for node in nodes)
    cpus = max(1, min(n_cpus // n_actors, smallest))
    log.log(NOTICE, "Ray: %d actors of %d CPUs and %g GPUs each", n_actors, cpus, each)
    return n_actors, {"num_cpus": cpus, "num_gpus": each}


@dataclass(frozen=True, slots=True)
class _Refusal:
    """An error of an actor; exceptions with several arguments do not survive the way."""

    message: str
    exit_code: int


class _Refused(EsmgoError):
    def __init__(self, refusal: _Refusal) -> None:
        super().__init__(refusal.message)
        self.exit_code = refusal.exit_code


class _Caller:
    """An actor: holds the predictor and writes parts. Its errors are results."""

    def __init__(self, config: PredictConfig, plan: str, parts: str, here: str, n: int) -> None:
        self._config, self._plan, self._parts = config, plan, parts
        self._here, self._n_threads = here, n
        self._caller: BlockCaller | None = None

    def start(self) -> tuple[dict[str, Any], dict[str, Any]] | _Refusal:
        """Load the checkpoint and the plan; return the job and the label space as plain values."""
        import torch

        try:
            if not Path(self._parts).is_dir() or not Path(self._here).is_dir():
                node = os.uname().nodename
                reason = f"not on {printable(node, 40)}: machines must share it"
                raise MachineError(f"{printable(self._parts, 80)} is {reason}")
            os.chdir(self._here)
            torch.set_num_threads(self._n_threads)
            plan = self._opened = Plan.open(Path(self._plan))
            self._predictor, self._rules, self._job = open_job(
                self._config, ReadReport(), plan.n_proteins, plan.proteins, len(plan.blocks)
            )
        except EsmgoError as error:
            return _Refusal(str(error), error.exit_code)
        return self._job.to_json(), self._predictor.labels.to_json()

    def score(self, number: int) -> int | _Refusal:
        """Write the part of a block, unless it is there; return the number of its proteins.

        A job of another model, flag or version is refused.
        """
        from esmgo.proteome.blocks import BlockCaller

        try:
            if self._caller is None:
                if not Parts.has_begun(folder := Path(self._parts)):
                    raise MachineError(f"{printable(folder, 90)} has no job; its driver has ended")
                parts = Parts(folder, resume=True)
                job = parts.begin(self._job, len(self._predictor.labels))
                self._caller = BlockCaller(parts, self._predictor, self._rules, job, int)
            return len(self._caller.planned(number, self._opened))
        except EsmgoError as error:
            return _Refusal(str(error), error.exit_code)


class _Actors:
    """A fixed number of actors. One that ends is replaced, and its block is given to another.

    A replacement gets work when it has started: one that finds no place in the cluster, because a
    machine is gone, does not stop the others.
    """

    def __init__(
        self,
        config: PredictConfig,
        plan: Plan,
        parts: Parts,
        n_actors: int,
        resources: dict[str, float],
    ) -> None:
        self._parts, self._n_blocks = parts, len(plan.blocks)
        self._seconds = 60 * config.stall_minutes
        self._start_minutes = config.stall_minutes
        self._class = ray.remote(_Caller).options(**resources)
        where = (str(plan.folder.absolute()), str(parts.folder.absolute()), str(Path.cwd()))
        self._given = (config, *where, int(resources["num_cpus"]))
        self._starting: dict[Any, Any] = {}  # by the reference of its result, each actor
        self._idle: list[Any] = []
        self._n_lost = 0
        for _ in range(max(1, min(n_actors, self._n_blocks))):
            self._start()

    def _start(self) -> None:
        actor = self._class.remote(*self._given)
        self._starting[actor.start.remote()] = actor

    def described(self) -> tuple[Job, LabelSpace]:
        """Return the job and the label space, when the first actor has started."""
        while True:
            for result in self._next(self._starting):
                actor = self._starting.pop(result)
                found = self._result(result)
                if found is not None:
                    self._idle.append(actor)
                    return Job.from_json(found[0]), LabelSpace.from_json(found[1])
                self._start()

    def score(self, job: Job) -> None:
        """Have all missing blocks scored."""
        todo = deque(number for number in job.blocks if not self._parts.has(number))
        running: dict[Any, tuple[Any, int]] = {}
        lost: Counter[int] = Counter()
        with tqdm(
            desc="Predicting", total=job.n_proteins, unit="protein", disable=None, leave=False
        ) as bar:
            bar.update(job.n_proteins - sum(map(job.size, todo)))
            while todo or running:
                while todo and self._idle:
                    actor, number = self._idle.pop(), todo.popleft()
                    running[actor.score.remote(number)] = (actor, number)
                for result in self._next(running | self._starting):
                    if result in self._starting:
                        actor = self._starting.pop(result)
                        if self._result(result) is None:
                            self._start()
                        else:
                            self._idle.append(actor)
                        continue
                    actor, number = running.pop(result)
                    n_proteins = self._result(result)
                    if n_proteins is not None:
                        self._n_lost = 0
                        self._idle.append(actor)
                        bar.update(n_proteins)
                        continue
                    lost[number] += 1
                    if lost[number] >= _MOST_LOSSES:
                        what = f"{lost[number]} actors ended while they scored block {number}"
                        raise MachineError(f"{what}: too little memory? `resume` continues")
                    todo.appendleft(number)
                    self._start()

    def _next(self, waiting: dict[Any, Any]) -> list[Any]:
        """Wait for results; a run in which nothing happens ends."""
        ready, _ = ray.wait(list(waiting), num_returns=1, timeout=self._seconds)
        if not ready:
            what = f"no block was finished in {self._start_minutes:g} minutes (`stall_minutes`)"
            raise MachineError(f"{what}: are there enough CPUs and GPUs for the actors?")
        return list(ready)

    def _result(self, result: Any) -> Any:
        """Return a result, or None if the actor was lost."""
        try:
            found = ray.get(result)
        except ray.exceptions.RayTaskError:
            raise
        except ray.exceptions.RayError as error:
            self._n_lost += 1
            log.warning("an actor was lost (%s)", printable(str(error).partition("\n")[0], 100))
            if self._n_lost > _MOST_LOSSES * len(self._starting) + _MOST_LOSSES:
                raise MachineError("actors end again and again: too little memory?") from None
            return None
        if isinstance(found, _Refusal):
            raise _Refused(found)
        return found
