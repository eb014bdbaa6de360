"""One to three biases of 1e6 to 1e14: no false optimum, no bound above the optimum."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import secateur
from secateur.backends.call import run
from secateur.backends.registry import load_backend
from secateur.problem import Problem, count
from secateur.testing import random_problem

EXACT = ("gurobi", "exhaustive", "branch-and-bound")


def planted(seed: int, size: float, counted: bool) -> Problem:
    random = np.random.default_rng(seed)
    n = int(random.integers(3, 11))
    row, col = np.triu_indices(n, 1)
    kept = random.random(len(row)) < random.choice([0.3, 1.0])
    row, col = row[kept], col[kept]
    linear, bias = random.normal(size=n), random.normal(size=len(row))
    for _ in range(int(random.integers(1, 4))):
        value = size * random.uniform(0.5, 2) * random.choice([-1, 1])
        if len(bias) and random.random() < 0.5:
            bias[random.integers(len(bias))] = value
        else:
            linear[random.integers(n)] = value
    demands = (count(int(random.integers(0, n + 1))),) if counted else ()
    return Problem.from_arrays(range(n), linear, (row, col, bias), 0.0, demands)


def exact(problem: Problem, bits: np.ndarray) -> Fraction:
    row, col, bias = problem.quadratic
    on = bits == 1
    terms = [*problem.linear[on], *bias[on[row] & on[col]], problem.offset]
    return sum((Fraction(float(term)) for term in terms), Fraction(0))


def optimum(problem: Problem) -> Fraction:
    n = problem.n
    rows = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(np.int8)
    rows = rows[problem.feasible(rows)]
    energies = problem.energies(rows)
    return min(exact(problem, z) for z in rows[energies <= energies.min() + 1e-12 * problem.scale])


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("size", [1e6, 1e8, 1e10, 1e12, 1e14])
@pytest.mark.parametrize("counted", [False, True])
def test_no_optimum_is_false(name, size, counted):
    proven = 0
    for seed in range(12):
        problem = planted(seed, size, counted)
        best = optimum(problem)
        solution = run(load_backend(name), problem)
        rounding = 1e-15 * problem.n * abs(float(best))
        bits = np.asarray(solution.samples.record.sample[0])
        if solution.status == "optimal":
            proven += 1
            assert float(exact(problem, bits) - best) <= rounding + 1e-6
        assert solution.bound is None or float(Fraction(solution.bound) - best) <= rounding
        if name == "gurobi" and solution.status != "optimal":
            assert "biases range" in solution.raw["reason"]
    assert proven >= 5


def test_the_reason_is_in_the_provenance():
    row, col = np.triu_indices(6, 1)
    bias = np.random.default_rng(1).normal(size=len(row))
    bias[3] = 1e10
    problem = Problem.from_arrays(range(6), -np.ones(6), (row, col, bias))
    found = secateur.solve(problem, backend="gurobi", proof=False)
    assert found.status == "feasible"
    assert "biases range" in found.provenance["reason"]


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("ones", [None, 4])
def test_scaling_all_biases_changes_nothing(name, ones):
    for seed in range(4):
        same = []
        for scale in (1e-12, 1.0, 1e12):
            problem = random_problem(10, seed, ones=ones, scale=scale)
            solution = run(load_backend(name), problem)
            assert solution.status == "optimal"
            assert solution.bound is not None
            same.append(solution.samples.record.sample[0].tolist())
        assert same[0] == same[1] == same[2]
