"""One time limit for the whole search, whatever the backend."""

from __future__ import annotations

import time

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import secateur
from secateur.errors import BackendUnsuitable
from secateur.problem import Problem, at_most, count
from tests.clocks import FOREVER, spends

LIMIT = 2.0
ALLOWED = 1.2 * LIMIT + 1.0


def dense(n: int) -> Problem:
    rng = np.random.default_rng(0)
    row, col = np.triu_indices(n, 1)
    bias = rng.normal(size=len(row))
    demands = [count(n // 3), at_most(n // 4, range(n // 2), name="half")]
    return Problem.from_arrays(range(n), rng.normal(size=n), (row, col, bias), 0.0, demands)


PROBLEM = dense(300)


@pytest.fixture(autouse=True)
def one_thread():
    """The processor's clock counts every thread, and the linear algebra would take them all."""
    with threadpool_limits(1):
        yield


@pytest.mark.parametrize(
    "backend",
    [
        "annealing",
        "tabu",
        "path-integral",
        "steepest-descent",
        "branch-and-bound",
        "decompose:annealing",
        "decompose:exhaustive",
        "auto",
        "greedy",
    ],
)
def test_the_whole_search_ends_in_time(backend):
    began = time.monotonic()
    with spends(ALLOWED):
        found = secateur.solve(PROBLEM, backend=backend, time_limit=LIMIT)
        _ = found.samples
    wall = time.monotonic() - began
    assert PROBLEM.feasible(found.bits)[0]
    assert found.provenance["time_limit"] == LIMIT
    assert wall <= FOREVER  # it waits for nothing else; how long it stood in line, load decides
    assert found.seconds <= wall


@pytest.mark.parametrize("backend", ["annealing", "tabu", "path-integral"])
def test_a_proof_that_is_asked_for_is_within_the_same_limit(backend):
    with spends(ALLOWED):
        found = secateur.solve(PROBLEM, backend=backend, time_limit=LIMIT, proof=True)
    assert found.bound is not None
    assert found.bound < found.energy


def test_what_does_not_fit_is_told_at_once():
    with spends(1.0), pytest.raises(BackendUnsuitable, match="300 variables"):
        secateur.solve(PROBLEM, backend="exhaustive", time_limit=LIMIT)


def test_taking_the_problem_apart_is_within_the_limit(monkeypatch):
    from secateur.solving import api

    check = api.check_possible

    def slow(problem: Problem) -> None:
        time.sleep(0.3)
        check(problem)

    monkeypatch.setattr(api, "check_possible", slow)
    found = secateur.solve(dense(12), time_limit=5.0)
    assert found.timings["total"] >= 0.3
