"""The random control, and the room that every layer keeps."""

from __future__ import annotations

import dimod
import numpy as np
import pytest

import secateur
from secateur.backends import Status, Stopped
from secateur.errors import OptionError
from secateur.methods import RANDOM, Method, resolve
from secateur.objectives import resolve_objective
from secateur.problem import Problem, at_least, at_most, count, exactly
from secateur.pruning import selecting
from secateur.pruning.selecting import _random_selection, choose, make_problem, with_room
from tests.end_to_end.own import deep, task


@pytest.fixture(scope="module")
def measured():
    return secateur.measure(deep(), task(), probes=0)


def plain(n: int, demands) -> Problem:
    return Problem(dimod.BinaryQuadraticModel(dict.fromkeys(range(n), 0.0), {}, "BINARY"), demands)


def drawn(n: int, seed: int, number: int) -> set[int]:
    return set(np.random.default_rng(seed).permutation(n)[:number].tolist())


@pytest.mark.parametrize("seed", [0, 7])
def test_with_a_count_the_first_of_a_drawn_order_go(seed):
    selection = _random_selection(plain(12, [count(5)]), seed)
    assert set(selection.ones) == drawn(12, seed, 5)
    assert selection.labels == tuple(range(12))
    assert (selection.energy, selection.bound, selection.calls) == (0.0, None, 0)
    assert (selection.status, selection.stopped) == (Status.FEASIBLE, Stopped.COMPLETED)
    assert (selection.backend, selection.seed, selection.seconds) == (RANDOM, seed, 0.0)
    assert selection.proof == "no bound"


def test_a_count_that_other_demands_forbid_is_repaired():
    selection = _random_selection(plain(12, [count(5), exactly(0, range(6), name="stay")]), 1)
    assert selection.count == 5
    assert set(selection.ones) <= set(range(6, 12))


@pytest.mark.parametrize("least", [1, 4, 9, 12])
def test_without_a_count_no_more_go_than_must(monkeypatch, least):
    tried = []

    class Moves:
        """Nothing is repaired: what is tried is taken as it is, or not."""

        def __init__(self, problem):
            pass

        def repair(self, bits):
            tried.append(int(bits.sum()))
            return bits if bits.sum() >= least else None

    monkeypatch.setattr(selecting, "Moves", Moves)
    selection = _random_selection(plain(12, [at_least(least, range(12))]), 3)
    assert tried == list(range(1, least + 1))
    assert set(selection.ones) == drawn(12, 3, least)
    assert selection.bits.dtype == np.int8


def test_many_channels_are_tried_in_steps(monkeypatch):
    tried = []

    class Moves:
        def __init__(self, problem):
            pass

        def repair(self, bits):
            tried.append(int(bits.sum()))
            return None

    monkeypatch.setattr(selecting, "Moves", Moves)
    with pytest.raises(OptionError, match="no random selection keeps what is demanded") as caught:
        _random_selection(plain(600, []), 0)
    assert tried == list(range(1, 601, 4))
    assert caught.value.remedy


def test_a_count_that_cannot_be_kept_is_told(monkeypatch):
    monkeypatch.setattr(selecting.Moves, "repair", lambda self, bits: None)
    with pytest.raises(OptionError, match="no random selection"):
        _random_selection(plain(6, [count(3)]), 0)


def test_every_layer_keeps_one_unless_its_demand_is_said(measured):
    channels = measured.channels
    first, *others = channels.groups
    own = at_most(2, channels.labels[first.slice], name=first.name)
    made = with_room(channels, iter([own, count(3)]))
    assert made[0] is own
    assert made[1].name == count(3).name
    assert [one.name for one in made[2:]] == [group.name for group in others]
    for one, group in zip(made[2:], others, strict=True):
        assert tuple(one.labels()) == channels.labels[group.slice]
        assert one.upper == group.size - 1
    assert [one.name for one in with_room(channels, [])] == [g.name for g in channels.groups]


@pytest.mark.parametrize("objective", ["l1", resolve_objective("l1")])
def test_a_problem_is_the_objective_s_with_room(measured, objective):
    problem = make_problem(measured.statistics, objective, [count(4)])
    bqm = measured.qubo("l1")
    for label, bias in zip(problem.variables, problem.linear, strict=True):
        assert bqm.linear[label] == pytest.approx(bias)
    assert problem.count == 4
    names = {one.name for one in problem.constraints}
    assert {group.name for group in measured.channels.groups} <= names


def test_a_method_s_own_settings_reach_the_solver(measured, monkeypatch):
    given = {}

    def solve(problem, **about):
        given.update(about)
        return "found"

    monkeypatch.setattr(selecting, "solve", solve)
    problem = make_problem(measured.statistics, "l1", [count(4)])
    method = resolve(Method("l1", "annealing", options={"reads": 3}, time_limit=5))
    assert choose(problem, method, 11) == "found"
    chosen = given.pop("backend")
    assert (chosen.name, chosen.options.reads, chosen.given) == ("annealing", 3, {"reads": 3})
    assert given == {"seed": 11, "time_limit": 5.0, "charge": False, "max_calls": None}
    given.clear()
    random = choose(problem, resolve(Method(RANDOM, time_limit=5)), 11)
    assert (random.backend, random.count, given) == (RANDOM, 4, {})
