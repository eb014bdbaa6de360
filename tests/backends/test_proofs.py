"""Backends that prove optimality agree with brute force on a hundred random problems."""

from __future__ import annotations

import dimod
import numpy as np
import pytest

import secateur
from secateur.backends import Status, Stopped
from secateur.backends.call import run
from secateur.backends.registry import load_backend
from secateur.errors import BackendOptionError, BackendUnsuitable
from secateur.problem import Problem, at_most, count
from secateur.testing import brute_force, random_problem
from tests.clocks import spends

PROVEN = ("exhaustive", "gurobi", "branch-and-bound")


def problems(many: int, counted: bool, limited: bool = False):
    rng = np.random.default_rng(11)
    for seed in range(many):
        n = int(rng.integers(1, 12))
        free = random_problem(n, seed, offset=float(rng.normal()))
        limits, most = [], n
        if limited and n >= 4:
            room = int(rng.integers(0, n // 2 + 1))
            limits = [
                at_most(room, free.variables[: n // 2], name="first"),
                at_most(1, free.variables[n // 2 :], name="rest"),
            ]
            most = room + 1
        ones = [count(int(rng.integers(0, most + 1)))] if counted else []
        yield Problem(free.bqm, [*ones, *limits])


@pytest.mark.parametrize("name", PROVEN)
@pytest.mark.parametrize("counted", [False, True])
def test_a_hundred_random_problems(name, counted):
    backend = load_backend(name)
    for problem in problems(100, counted):
        solution = run(backend, problem)
        optimum = brute_force(problem)[0]
        assert (solution.status, solution.stopped) == (Status.OPTIMAL, Stopped.COMPLETED)
        assert solution.samples.first.energy == pytest.approx(optimum, abs=1e-7)
        # branch and bound may stop at 1e-7 of the energy
        share = 1e-7 if name == "branch-and-bound" else 0.0
        assert solution.bound == pytest.approx(optimum, rel=share, abs=1e-6)
        assert solution.bound <= optimum + 1e-9


@pytest.mark.parametrize("name", PROVEN)
def test_limits_are_kept(name):
    for problem in problems(40, counted=True, limited=True):
        found = secateur.solve(problem, backend=name, proof=False)
        assert found.energy == pytest.approx(brute_force(problem)[0], abs=1e-7)
        assert problem.feasible(found.bits)[0]


@pytest.mark.parametrize("name", PROVEN)
def test_ties_are_proven_too(name):
    labels = [f"v{k}" for k in range(8)]
    bqm = dimod.BinaryQuadraticModel(dict.fromkeys(labels, -1.0), {}, "BINARY")
    solution = run(load_backend(name), Problem(bqm, 3))
    assert solution.status is Status.OPTIMAL
    assert solution.samples.first.energy == -3


@pytest.mark.parametrize(
    ("name", "n"), [("exhaustive", 30), ("gurobi", 100), ("branch-and-bound", 100)]
)
def test_a_time_limit_is_kept_and_says_what_is_held(name, n):
    problem = random_problem(n, 3, ones=n // 2)
    with spends(20.0):
        solution = run(load_backend(name), problem, time_limit=0.3)
    if solution.stopped is Stopped.TIME_LIMIT:
        assert solution.status in (Status.FEASIBLE, Status.NONE)
    else:
        assert solution.status is Status.OPTIMAL
    if solution.bound is not None and len(solution.samples):
        assert solution.bound <= solution.samples.first.energy + 1e-6


def test_exhaustive_says_its_limit():
    backend = load_backend("exhaustive")
    most = backend.capabilities.max_variables
    with pytest.raises(
        BackendUnsuitable, match=rf"{most + 1} variables .*that is {most} variables"
    ):
        run(backend, random_problem(most + 1, 0))


def test_exhaustive_takes_no_seed():
    with pytest.raises(BackendOptionError, match="takes no seed"):
        run(load_backend("exhaustive"), random_problem(3, 0), seed=1)


@pytest.mark.parametrize("quadratic", [True, False])
def test_the_restricted_gurobi_licence_ends_where_it_says(quadratic, monkeypatch, tmp_path):
    """The licence that comes with pip: 200 variables with a quadratic objective, 2000 without."""
    for name in ("GRB_LICENSE_FILE", "GRB_WLSACCESSID", "GRB_WLSSECRET", "GRB_LICENSEID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    most = 200 if quadratic else 2000
    backend = load_backend("gurobi")

    def chain(n):
        pairs = {(k, k + 1): 0.5 for k in range(n - 1)} if quadratic else {}
        return Problem(dimod.BinaryQuadraticModel(dict.fromkeys(range(n), -1.0), pairs, "BINARY"))

    assert run(backend, chain(most)).status is Status.OPTIMAL
    with pytest.raises(BackendUnsuitable, match=str(most)) as error:
        run(backend, chain(most + 1))
    assert str(most + 1) in str(error.value)
    assert "scip" in str(error.value).lower() or "annealing" in str(error.value)


def test_a_gap_is_not_called_optimal():
    problem = random_problem(40, 2, ones=20)
    solution = run(load_backend("gurobi"), problem, {"gap": 0.9, "time_limit": 20.0})
    best = solution.samples.first.energy
    assert solution.bound is not None
    if best - solution.bound > 1e-3:
        assert solution.status is Status.FEASIBLE


def test_gurobi_begins_at_the_start():
    free = random_problem(60, 9)
    rng = np.random.default_rng(0)
    start = np.zeros((1, 60), dtype=np.int8)
    start[0, rng.permutation(60)[:30]] = 1
    problem = Problem(free.bqm, 30, start=start)
    solution = run(load_backend("gurobi"), problem, {"time_limit": 0.0})
    assert solution.samples.first.energy <= problem.energies(start)[0] + 1e-9
