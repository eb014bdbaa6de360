"""The way to an answer: times from the search's start, energies that are our own."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest

import secateur
from secateur.backends import Backend, BackendOptions, Capabilities, Solution
from secateur.backends.call import run
from secateur.backends.registry import load_backend
from secateur.errors import BackendMisbehaved
from secateur.problem import Problem, at_most, count

N = 12
BACKENDS = {
    "annealing": {"reads": 20, "sweeps": 2},
    "tabu": {"reads": 2, "time_limit": 0.05},
    "steepest-descent": {"reads": 20},
    "path-integral": {"reads": 10, "sweeps": 2},
    "branch-and-bound": {},
    "exhaustive": {},
    "gurobi": {},
    "decompose:annealing": {"size": 4, "patience": 10, "inner.reads": 2},
    "blocks:annealing": {"inner.reads": 2},
    "auto": {},
    "greedy": {},
}


def problem(kind: str) -> Problem:
    random = np.random.default_rng(len(kind))
    row, col = np.triu_indices(N, 1)
    apart = (row < N // 2) == (col < N // 2) if kind == "blocks" else np.ones(len(row), dtype=bool)
    bias = random.normal(size=len(row))[apart]
    demands = {
        "free": [],
        "count": [count(5)],
        "blocks": [count(5), at_most(2, [0, 1, 2, 3])],
    }[kind]
    linear = random.normal(size=N) - 1
    return Problem.from_arrays(range(N), linear, (row[apart], col[apart], bias), 0.0, demands)


def all_energies(made: Problem) -> np.ndarray:
    rows = np.array(list(product((0, 1), repeat=N)), dtype=np.int8)
    return np.sort(made.energies(rows[made.feasible(rows)]))


@pytest.mark.parametrize("kind", ["free", "count", "blocks"])
@pytest.mark.parametrize("proof", [False, None, True])
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_way_of_every_backend(backend, proof, kind):
    made = problem(kind)
    found = secateur.solve(made, backend=backend, options=BACKENDS[backend], proof=proof)
    steps = found.provenance["incumbents"]
    times, energies = zip(*steps, strict=True)
    assert all(a <= b for a, b in zip((0.0, *times), (*times, found.seconds), strict=True))
    assert all(a > b for a, b in pairwise(energies))
    assert energies[-1] == found.energy
    possible = all_energies(made)
    assert all(np.abs(possible - energy).min() < 1e-9 for energy in energies)


@pytest.mark.parametrize(
    ("backend", "n"),
    [("annealing", 60), ("steepest-descent", 200), ("path-integral", 60), ("exhaustive", 16)],
)
def test_a_backend_that_can_tell_its_way_does(backend, n):
    """More than one step, of its own: called without the search around it."""
    options = {**BACKENDS[backend]}
    if backend == "steepest-descent":
        options |= {"time_limit": 5.0, "reads": 200}
    several = 0
    for seed in range(5):
        random = np.random.default_rng(seed)
        row, col = np.triu_indices(n, 1)
        bias = random.normal(size=len(row))
        made = Problem.from_arrays(range(n), random.normal(size=n), (row, col, bias))
        began = time.monotonic()
        answer = run(load_backend(backend), made, options)
        wall = time.monotonic() - began
        times = [seconds for seconds, _ in answer.incumbents]
        assert times == sorted(times)
        assert 0 <= times[0] <= times[-1] <= wall
        energies = [float(made.energies(bits)[0]) for _, bits in answer.incumbents]
        best = answer.samples.first.energy
        assert min(energies) == pytest.approx(best, abs=1e-9)
        several += len(set(energies)) > 1
    assert several >= 3


def test_gurobi_tells_each_solution_that_it_finds():
    """Without a start that is already the best: the way is Gurobi's own, by its callback."""
    ways = []
    for seed in range(8):
        random = np.random.default_rng(seed)
        row, col = np.triu_indices(60, 1)
        bias = random.normal(size=len(row))
        made = Problem.from_arrays(
            range(60), random.normal(size=60), (row, col, bias), 0.0, [count(20)]
        )
        answer = run(load_backend("gurobi"), made, {"time_limit": 0.5, "threads": 1})
        assert answer.incumbents
        energies = [float(made.energies(bits)[0]) for _, bits in answer.incumbents]
        assert min(energies) == pytest.approx(answer.samples.first.energy, abs=1e-9)
        ways.append(len(energies))
    assert max(ways) > 1


def test_cut_reads_of_annealing_are_timed_one_by_one():
    random = np.random.default_rng(0)
    n = 300
    row, col = np.triu_indices(n, 1)
    made = Problem.from_arrays(
        range(n), random.normal(size=n), (row, col, random.normal(size=len(row)))
    )
    answer = run(
        load_backend("annealing"), made, {"reads": 20, "sweeps": 3000, "time_limit": 1.5, "seed": 1}
    )
    assert answer.raw["reads"] > 1
    times = [seconds for seconds, _ in answer.incumbents]
    assert len(set(times)) == len(times) >= 1
    assert times[-1] <= answer.timings.total


class Telling(Backend):
    """Tells a way that a test gives it."""

    name = "telling"
    way: tuple = ()
    capabilities = Capabilities()
    native: frozenset = frozenset()

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        time.sleep(0.02)
        bits = np.zeros((1, problem.n), dtype=np.int8)
        made = Solution.from_bits(problem, bits, options, 0.02)
        return replace(made, incumbents=self.way)


def telling(*way, native=()) -> type[Backend]:
    does = Capabilities(native=frozenset(native))
    return type("Told", (Telling,), {"way": way, "capabilities": does})


ONES = np.ones(3, dtype=np.int8)
DOWNHILL = Problem.from_arrays("abc", [-1.0, -2.0, -4.0], ([], [], []))


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ([(0.01, ONES), (0.005, ONES)], "after one at 0.01"),
        ([(-1.0, ONES)], "at -1.0 s"),
        ([(float("nan"), ONES)], "at nan s"),
        ([("soon", ONES)], "at 'soon' s"),
        ([(9.0, ONES)], "in a call of 0.02 s"),
        ([(0.0, ONES[:2])], "not 3 bits"),
        ([(0.0, 2 * ONES)], "not 3 bits"),
        ([(0.0, 0.5 * ONES)], "not 3 bits"),
        ([(0.0, None)], "not 3 bits"),
        ([0.0], "no pair"),
        ([(0.0, ONES, 1.0)], "no pair"),
    ],
)
def test_a_way_that_cannot_have_been_is_refused(way, told):
    with pytest.raises(BackendMisbehaved, match=told):
        run(telling(*way), DOWNHILL)


def test_a_way_of_another_kind_and_one_that_breaks_a_demand_are_refused():
    made = telling()
    made.way = "soon"  # type: ignore[assignment]
    with pytest.raises(BackendMisbehaved, match="incumbents"):
        run(made, DOWNHILL)
    with pytest.raises(BackendMisbehaved, match="incumbent 0 with"):
        run(telling((0.0, ONES), native=["count"]), DOWNHILL.with_constraints([count(0)]))


def test_what_a_backend_had_on_its_way_is_not_lost():
    """It returns nothing good, and was better before: times count from the search's start."""
    found = secateur.solve(
        DOWNHILL, backend=telling((0.0, ONES * 0), (0.015, [1, 1, 0])), proof=False
    )
    steps = found.provenance["incumbents"]
    assert [energy for _, energy in steps] == [0.0, -3.0, -7.0]
    began = steps[0][0]  # how late the call begins is the machine's affair
    assert began >= 0
    assert steps[1][0] - began == pytest.approx(0.015)
    assert began + 0.02 <= steps[2][0] <= found.seconds


def test_on_the_way_only_what_keeps_every_demand_counts():
    """The backend takes no count: what it had without one is no incumbent."""
    found = secateur.solve(
        DOWNHILL, count=1, backend=telling((0.0, ONES), (0.001, [0, 1, 0])), proof=False
    )
    energies = [energy for _, energy in found.provenance["incumbents"]]
    assert energies == [-2.0, -4.0]


def test_a_later_stage_counts_from_the_search_s_start():
    """The proof follows a call of 20 ms; what it finds is later than that."""
    made = problem("count")
    slow = telling()
    found = secateur.solve(made, backend=slow, proof=True)
    steps = found.provenance["incumbents"]
    assert all(seconds >= 0.02 for seconds, _ in steps)
    assert steps[-1][1] == found.energy == pytest.approx(all_energies(made)[0])
