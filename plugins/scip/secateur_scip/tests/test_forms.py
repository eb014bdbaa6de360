"""Both forms, every kind of demand, wide ranges: as brute force and exact arithmetic have it."""

from fractions import Fraction

import numpy as np
import pytest
from secateur.backends.call import run
from secateur.problem import (
    Problem,
    at_least,
    at_most,
    count,
    linear,
    multiple_of,
    quadratic,
    tied,
)
from secateur.testing import brute_force, random_problem
from secateur_scip import SCIP

N = 9


def demands(seed):
    random = np.random.default_rng(seed)
    names = random_problem(N, seed).variables
    cost = {v: float(a) for v, a in zip(names, random.uniform(0.1, 2, N), strict=True)}
    pairs = {(names[i], names[i + 1]): float(random.normal()) for i in range(N - 1)}
    return {
        "none": [],
        "count": [count(3)],
        "limits": [count(4), at_least(2, names[:4]), at_most(1, names[3:6])],
        "multiple": [multiple_of(3, names[:7]), tied(names[7], names[8])],
        "linear": [linear(cost, lower=2.0, upper=4.0)],
        "quadratic": [quadratic(cost, pairs, offset=0.5, lower=1.0, upper=3.0)],
        "all": [multiple_of(2, names[:6]), linear(cost, upper=6.0), quadratic({}, pairs, lower=-1)],
    }


@pytest.mark.parametrize("convexify", ["yes", "no"])
@pytest.mark.parametrize("kind", list(demands(0)))
def test_every_kind_of_demand(kind, convexify):
    for seed in range(6):
        problem = Problem(random_problem(N, seed).bqm, demands(seed)[kind])
        solution = run(SCIP(), problem, {"convexify": convexify})
        best = brute_force(problem)[0]
        assert solution.status == "optimal"
        assert solution.samples.first.energy == pytest.approx(best, abs=1e-9)
        assert solution.bound <= best + 1e-12


@pytest.mark.parametrize("size", [1e6, 1e10, 1e14])
@pytest.mark.parametrize("counted", [False, True])
def test_no_optimum_is_false_beside_a_huge_bias(size, counted):
    for seed in range(8):
        random = np.random.default_rng(seed)
        n = int(random.integers(4, 9))
        row, col = np.triu_indices(n, 1)
        values, bias = random.normal(size=n), random.normal(size=len(row))
        values[0] = size * random.choice([-1, 1])
        bias[random.integers(len(bias))] = size * random.choice([-1, 1])
        wanted = (count(int(random.integers(0, n + 1))),) if counted else ()
        problem = Problem.from_arrays(range(n), values, (row, col, bias), 0.0, wanted)

        def exact(bits, problem=problem):
            i, j, b = problem.quadratic
            on = bits == 1
            terms = [*problem.linear[on], *b[on[i] & on[j]]]
            return sum((Fraction(float(term)) for term in terms), Fraction(0))

        rows = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(np.int8)
        rows = rows[problem.feasible(rows)]
        best = min(exact(bits) for bits in rows)
        solution = run(SCIP(), problem)
        rounding = 1e-15 * n * abs(float(best))
        if solution.status == "optimal":
            bits = np.asarray(solution.samples.record.sample[0])
            assert float(exact(bits) - best) <= rounding + 1e-6
        else:
            assert "biases range" in solution.raw["reason"]
        assert float(Fraction(solution.bound) - best) <= rounding


def test_a_large_dense_problem_has_a_useful_bound_and_a_good_start():
    problem = random_problem(120, 0, ones=40)
    convex = run(SCIP(), problem, {"time_limit": 3.0})
    products = run(SCIP(), problem, {"time_limit": 3.0, "convexify": "no"})
    assert convex.raw["convexified"]
    energy = convex.samples.first.energy
    assert energy - convex.bound < 0.5 * (energy - products.bound)
    assert abs(products.samples.first.energy - energy) < 0.05 * abs(energy)
