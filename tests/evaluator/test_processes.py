"""Rows shared out among processes: the same values, errors that arrive, and nobody left behind."""

from __future__ import annotations

import os
import signal
import sys
import time

import dimod
import numpy as np
import pytest
import torch

from secateur.errors import MetricError, OptionError, SecateurError
from secateur.evaluator import Processes
from secateur.evaluator import processes as module
from secateur.metric import Evaluator
from secateur.network import find_channels, keep_one_each
from secateur.problem import Problem, count
from secateur.problem.moves import Moves
from secateur.refine import Exchange, Races, TensorTrain, refine
from secateur.tasks import Task
from tests.evaluator.nets import Skips
from tests.nets import mse, regression, seeded

forked = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")


def doubled(job: float) -> float:
    if job == 13:
        raise MetricError("the metric is odd", remedy="mend it")
    if job == 14:
        os._exit(3)
    if job == 15:
        raise _Unsendable(lambda: 1)
    return 2.0 * job


class _Unsendable(Exception):
    pass


def gone(pids: list[int]) -> bool:
    def alive(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True

    return not any(alive(pid) for pid in pids)


@forked
def test_values_come_in_the_order_of_the_jobs_and_nobody_is_left():
    team = Processes(doubled, 2)
    pids = team.pids
    assert len(pids) == 2
    for number in (0, 1, 2, 9):
        assert team.values(list(range(number))) == [2.0 * k for k in range(number)]
    del team
    assert gone(pids)


@forked
def test_jobs_are_worked_on_elsewhere_and_here():
    def who(job: int) -> float:
        time.sleep(0.01)
        return float(os.getpid())

    team = Processes(who, 1)
    assert set(team.values(range(8))) == {float(os.getpid()), *map(float, team.pids)}
    team.close()


@forked
@pytest.mark.parametrize("bad", [0, 1, 5])
def test_what_the_work_raises_is_raised_here(bad):
    team = Processes(doubled, 1)
    pids = team.pids
    jobs = [1.0] * 6
    jobs[bad] = 13
    with pytest.raises(MetricError, match="odd") as told:
        team.values(jobs)
    assert told.value.remedy == "mend it"
    assert gone(pids)


@forked
def test_an_error_that_cannot_be_sent_says_what_it_was():
    team = Processes(doubled, 1)
    with pytest.raises(SecateurError, match="_Unsendable"):
        team.values([15, 1.0])  # the first goes to the other process


@forked
def test_a_death_is_told():
    team = Processes(doubled, 1)
    pids = team.pids
    with pytest.raises(SecateurError, match=r"died \(exit code 3\)"):
        team.values([14, 1.0, 1.0])
    assert gone(pids)
    team = Processes(doubled, 1)
    os.kill(team.pids[0], signal.SIGKILL)
    with pytest.raises(SecateurError, match="died"):
        team.values([1.0] * 50)


@forked
def test_ctrl_c_ends_all():
    def interrupted(job: int) -> float:
        if os.getpid() == ours:
            raise KeyboardInterrupt
        return 0.0

    ours = os.getpid()
    team = Processes(interrupted, 1)
    pids = team.pids
    with pytest.raises(KeyboardInterrupt):
        team.values(range(5))
    assert gone(pids)


@forked
def test_threads_are_as_many_as_before():
    before = torch.get_num_threads()
    team = Processes(doubled, 1)
    team.values([1.0, 2.0])
    assert torch.get_num_threads() == before
    team.close()


def test_what_cannot_be_sent_to_a_spawned_process_is_told():
    with pytest.raises(SecateurError, match="could not be started"):
        Processes(lambda job: 0.0, 1, method="spawn")


# -- races -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def evaluator():
    network, task = seeded(Skips), regression(12, 3, 6)
    return Evaluator(network, find_channels(network, task.example()), task)


def rows(evaluator, number: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(number):
        bits = (rng.random(len(evaluator.channels)) < 0.3).astype(np.int8)
        for group in evaluator.channels.groups:
            bits[group.start] = 0
        made.append(bits)
    return made


@forked
def test_two_processes_are_one(evaluator):
    one, two = Races(evaluator, workers=1), Races(evaluator, workers=2)
    plain = Races(evaluator, state=evaluator.masking)
    start, *others = rows(evaluator, 12)
    for races in (one, two, plain):
        races.full(start)
    many = [*others, start, others[0]]
    asked = [races.quicks(many) + races.fulls(many[:5]) for races in (one, two, plain)]
    assert asked[0] == asked[1]
    assert asked[0] == pytest.approx(asked[2], abs=1e-5)
    assert one.spent == two.spent == pytest.approx(plain.spent)
    assert one.spent == pytest.approx(1.0 + 11 * 0.25 + 5 * 0.75)
    assert one.remembered == two.remembered == plain.remembered
    pids = two._processes.pids
    two.close()
    assert gone(pids)
    assert two.quicks(rows(evaluator, 3, 1)) == one.quicks(rows(evaluator, 3, 1))
    pids = two._processes.pids
    del two
    assert gone(pids)


def test_nothing_is_started_for_little_work(evaluator, monkeypatch):
    monkeypatch.setattr("secateur.refine.races.automatic", lambda: 2)
    monkeypatch.setattr("secateur.refine.races.Processes", None)
    races = Races(evaluator)
    assert len(races.quicks(rows(evaluator, 6))) == 6
    races._seconds = 10.0
    with pytest.raises(TypeError):
        races.quicks(rows(evaluator, 6, 1))
    alone = Races(evaluator, workers=2)
    alone.quicks(rows(evaluator, 1))  # one mask cannot be shared out


def test_as_many_processes_as_threads(monkeypatch):
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(module.sys, "platform", "linux")
    for threads in (1, 3, 32):
        monkeypatch.setattr(module.torch, "get_num_threads", lambda threads=threads: threads)
        assert module.automatic() == min(threads, 8)
    monkeypatch.setattr(module.multiprocessing, "parent_process", lambda: object())
    assert module.automatic() == 1
    monkeypatch.setattr(module.sys, "platform", "darwin")
    assert module.automatic() == 1


def test_workers_and_memory_out_of_range_are_named(evaluator):
    for options, name in (
        ({"workers": 0}, "workers"),
        ({"workers": 1.5}, "workers"),
        ({"memory": -1}, "memory"),
        ({"state": evaluator.masking, "workers": 2}, "workers"),
    ):
        with pytest.raises(OptionError, match=name):
            Races(evaluator, **options)


@forked
def test_a_metric_that_fails_in_another_process_is_told(evaluator):
    ours = os.getpid()

    def metric(outputs, targets):
        values = mse(outputs, targets)
        return values if os.getpid() == ours else values * float("nan")

    task = Task(evaluator.task.calibration, mse, metric)
    races = Races(Evaluator(evaluator.network, evaluator.channels, task), workers=2)
    races.full(rows(evaluator, 1)[0])
    with pytest.raises(MetricError, match="nan"):
        races.quicks(rows(evaluator, 6, 1))


class _OneByOne:
    """A metric of the old kind."""

    def __init__(self, races: Races) -> None:
        self.full, self.quick, self._races = races.full, races.quick, races
        self.quick_cost = races.quick_cost

    @property
    def spent(self) -> float:
        return self._races.spent


@forked
@pytest.mark.parametrize("method", [Exchange(evaluations=6), TensorTrain(evaluations=6, rank=1)])
def test_a_search_is_the_same_however_masks_are_evaluated(evaluator, method):
    channels = evaluator.channels
    rng = np.random.default_rng(0)
    model = dimod.BinaryQuadraticModel("BINARY")
    for label in channels.labels:
        model.add_linear(label, rng.random())
    problem = Problem(model, [count(4), *keep_one_each(channels)])
    start = Moves(problem).greedy()
    found = []
    for metric in (
        Races(evaluator, workers=1),
        Races(evaluator, workers=2),
        _OneByOne(Races(evaluator, workers=1)),
    ):
        found.append(refine(metric, problem, start, method, seed=1))
    one, *others = found
    assert one.value > one.start
    for other in others:
        assert np.array_equal(one.bits, other.bits)
        assert one.evaluations == other.evaluations
        assert np.allclose(one.history, other.history, atol=1e-6)
