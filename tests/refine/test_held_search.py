"""The budget, the races and the swaps of a refinement, against what is counted by hand."""

from __future__ import annotations

import itertools
import math

import dimod
import numpy as np
import pytest
from scipy.optimize import brentq

from secateur.problem import Problem, count
from secateur.progress import Step
from secateur.refine.search import Search
from secateur.refine.swaps import swap_proposals
from tests.random_problems import random_problem


class Told:
    """A metric that is told beforehand; every call is written down and paid for."""

    quick_cost = 0.25

    def __init__(self, quick: dict[str, float], full: dict[str, float], spent: float = 0.0) -> None:
        self.told, self.spent = {"quick": quick, "full": full}, spent
        self.calls: list[tuple[str, str]] = []

    def quick(self, bits):
        return self.answer("quick", bits, self.quick_cost)

    def full(self, bits):
        return self.answer("full", bits, 1.0 - self.quick_cost)

    def answer(self, what, bits, cost):
        name = "".join(map(str, bits))
        if (what, name) not in self.calls:
            self.spent += cost
        self.calls.append((what, name))
        return self.told[what][name]


def mask(name: str) -> np.ndarray:
    return np.array(list(map(int, name)), dtype=np.int8)


def searching(metric: Told, budget: int = 100, start: str = "1000") -> Search:
    bqm = dimod.BinaryQuadraticModel(dict.fromkeys(range(4), 0.0), {}, 0.0, "BINARY")
    problem = Problem(bqm, [count(1)])
    search = Search(problem, metric, budget, Step("", budget), mask(start))
    search.begin()
    return search


QUICK = {"1000": 1.0, "0100": 3.0, "0010": 2.0, "0001": 1.0}


def racing(search: Search, confirm: int, *names: str):
    return search.race([(mask(name), "who") for name in names], confirm)


def test_the_best_of_a_race_are_confirmed_the_best_first():
    metric = Told(QUICK, {"1000": 1.0, "0100": 1.5, "0010": 4.0})
    search = searching(metric)
    raced = racing(search, 2, "0001", "0010", "0100")
    assert [one.quick for one in raced] == [3.0, 2.0, 1.0]
    assert [name for what, name in metric.calls if what == "full"] == ["1000", "0100", "0010"]
    assert (search.value, list(search.bits)) == (4.0, [0, 0, 1, 0])
    assert [value for _, value in search.history] == [1.0, 1.5, 4.0]
    assert search.wins == {"who": 2}


def test_no_more_are_confirmed_than_asked_for():
    metric = Told(QUICK, {"1000": 1.0, "0100": 0.5, "0010": 4.0})
    search = searching(metric)
    racing(search, 1, "0010", "0100")
    assert (search.value, list(search.bits), search.wins) == (1.0, [1, 0, 0, 0], {})


def test_what_is_only_as_good_is_neither_confirmed_nor_taken():
    metric = Told(QUICK, {"1000": 1.0, "0100": 1.0})
    search = searching(metric)
    racing(search, 5, "0001", "0100")
    assert ("full", "0001") not in metric.calls
    assert list(search.bits) == [1, 0, 0, 0]
    assert len(search.history) == 1


def test_a_race_spends_what_there_is_and_no_more():
    """The start takes 0.75, the race's own base 0.25: a budget of 2 has room for four more."""
    full = {"1000": 1.0, "0100": 9.0}
    metric = Told(QUICK, full, spent=7.0)
    search = searching(metric, budget=2)
    assert search.spent == 0.75
    raced = racing(search, 3, "0100", "0010", "0001")
    assert len(raced) == 3
    assert search.spent == 1.75  # 0.25 are left, a confirmation takes 0.75
    assert search.value == 1.0
    assert search.affords(0.25)
    assert not search.affords(0.26)


def test_the_last_of_the_budget_confirms_a_winner():
    metric = Told(QUICK, {"1000": 1.0, "0100": 9.0})
    search = searching(metric, budget=2)
    racing(search, 3, "0100")
    assert (search.spent, search.value) == (2.0, 9.0)
    assert search.history == [(0.75, 1.0), (2.0, 9.0)]
    assert search.step.done == 2
    assert racing(search, 3, "0010") == []


def test_proposals_are_mended_and_come_once():
    search = searching(Told(QUICK, {"1000": 1.0}))
    given = [mask(name) for name in ("1000", "0100", "0100", "0000", "0011")]
    found = search.fresh((bits, str(k)) for k, bits in enumerate(given))
    assert all(bits.sum() == 1 and bits.dtype == np.int8 for bits, _ in found)
    names = ["".join(map(str, bits)) for bits, _ in found]
    assert len(set(names)) == len(names)
    assert "1000" not in names
    assert found[0][1] == "1"
    assert search.repaired == 2
    assert search.fresh([(mask("0100"), "again")]) == []


def swap_costs(problem: Problem, bits: np.ndarray) -> dict[bytes, float]:
    """The energy that each single swap costs, by the masks themselves."""
    start, costs = float(problem.energies(bits)[0]), {}
    for out, new in itertools.product(np.flatnonzero(bits), np.flatnonzero(bits == 0)):
        other = bits.copy()
        other[out], other[new] = 0, 1
        costs[other.tobytes()] = float(problem.energies(other)[0]) - start
    return costs


def drawn(problem: Problem, bits: np.ndarray, reach: float | None, number: int = 4000):
    rows = swap_proposals(
        problem, bits, number, np.random.default_rng(0), reach=reach, more_swaps=0.0
    )
    assert len(rows) == number
    found: dict[bytes, int] = {}
    for row in rows:
        found[row.tobytes()] = found.get(row.tobytes(), 0) + 1
    return found


@pytest.mark.parametrize(
    ("n", "ones", "reach"), [(7, 3, 0.4), (7, 3, None), (40, 16, 0.2), (40, 16, 0.4)]
)
def test_single_swaps_follow_the_law_of_their_energies(n, ones, reach):
    problem = random_problem(n, ones, 3)
    bits = np.zeros(n, dtype=np.int8)
    bits[np.random.default_rng(1).permutation(n)[:ones]] = 1
    costs = swap_costs(problem, bits)
    wanted = len(costs) if reach is None else max(100, reach * len(costs))
    cheapest, warmth = min(costs.values()), math.inf
    if wanted < len(costs):  # the temperature at which so many are in play, by bisection
        warmth = brentq(
            lambda t: sum(math.exp((cheapest - c) / t) for c in costs.values()) - wanted, 1e-3, 1e4
        )
    weights = {key: math.exp((cheapest - cost) / warmth) for key, cost in costs.items()}
    total = sum(weights.values())
    found = drawn(problem, bits, reach)
    assert found.keys() <= weights.keys()
    for key, weight in weights.items():
        wanted = 4000 * weight / total
        assert abs(found.get(key, 0) - wanted) < 5 * math.sqrt(wanted) + 5


def test_swaps_that_cost_the_same_are_drawn_alike():
    """No spread of the costs: the law is uniform, and no number is lost in it."""
    bqm = dimod.BinaryQuadraticModel(dict.fromkeys(range(5), 2.0), {}, 0.0, "BINARY")
    found = drawn(Problem(bqm, [count(2)]), mask("11000"), 0.5, number=1200)
    assert len(found) == 6
    assert min(found.values()) > 150


def test_further_swaps_come_with_their_probability():
    problem = random_problem(60, 30, 0)
    bits = np.repeat([1, 0], 30).astype(np.int8)
    rows = swap_proposals(problem, bits, 3000, np.random.default_rng(2), reach=None, more_swaps=0.5)
    swaps = np.array([(row != bits).sum() / 2 for row in rows])
    assert all(row.sum() == 30 for row in rows)
    assert abs((swaps == 1).mean() - 0.5) < 0.05
    assert abs(swaps.mean() - 2.0) < 0.15


@pytest.mark.parametrize("name", ["0000", "1111"])
def test_where_nothing_can_be_swapped_nothing_is_proposed(name):
    problem = random_problem(4, name.count("1"), 0)
    assert swap_proposals(problem, mask(name), 3, np.random.default_rng(0), reach=1.0) == []
