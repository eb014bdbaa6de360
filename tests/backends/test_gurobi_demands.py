"""Gurobi takes every kind of demand itself, raw and convexified, as brute force has it."""

from __future__ import annotations

import numpy as np
import pytest

from secateur.backends.call import run
from secateur.backends.registry import load_backend
from secateur.problem import (
    Problem,
    at_least,
    at_most,
    budget,
    count,
    keep,
    linear,
    multiple_of,
    quadratic,
    tied,
)
from secateur.testing import brute_force, random_problem

N = 9


def demands(seed: int) -> dict[str, list]:
    random = np.random.default_rng(seed)
    names = random_problem(N, seed).variables
    cost = {v: float(a) for v, a in zip(names, random.uniform(0.1, 2, N), strict=True)}
    pairs = {(names[i], names[i + 1]): float(random.normal()) for i in range(N - 1)}
    return {
        "limits": [count(4), at_least(2, names[:4]), at_most(1, names[3:6])],
        "between": [at_least(3, names), at_most(5, names, name="most")],
        "multiple": [multiple_of(3, names[:7]), tied(names[7], names[8])],
        "zeros": [multiple_of(2, names[:5], of="zeros"), keep(names[2])],
        "linear": [linear(cost, lower=2.0, upper=4.0)],
        "tiny": [linear({v: 1e-9 * a for v, a in cost.items()}, upper=3e-9), count(3)],
        "budget": [
            budget(
                [names[:3], names[3:7]],
                25.0,
                linear=(1, 2),
                pairs={(0, 1): 2, (1, 1): 1},
                fixed=3,
                widths={0: (1, 3, 5, 7)},
            )
        ],
        "quadratic": [quadratic(cost, pairs, offset=0.5, lower=1.0, upper=3.0)],
        "all": [
            multiple_of(2, names[:6]),
            at_least(1, names[:3]),
            linear(cost, upper=6.0),
            quadratic({}, pairs, lower=-0.5),
        ],
    }


@pytest.mark.parametrize("convexify", ["yes", "no"])
@pytest.mark.parametrize("kind", list(demands(0)))
def test_every_kind_of_demand(kind, convexify):
    for seed in range(8):
        problem = Problem(random_problem(N, seed).bqm, demands(seed)[kind])
        solution = run(load_backend("gurobi"), problem, {"convexify": convexify})
        best = brute_force(problem)[0]
        assert solution.status == "optimal"
        assert solution.samples.first.energy == pytest.approx(best, abs=1e-9)
        assert solution.bound == pytest.approx(best, abs=1e-7)
        assert solution.bound <= best + 1e-12


def test_what_cannot_be_kept_is_proven_impossible():
    names = random_problem(6, 0).variables
    cost = dict.fromkeys(names, 1.0)
    problem = Problem(
        random_problem(6, 0).bqm, [linear(cost, lower=2.5, upper=2.75), at_most(5, names)]
    )
    solution = run(load_backend("gurobi"), problem)
    assert solution.status == "infeasible"
    assert len(solution.samples) == 0


@pytest.mark.parametrize("ones", [None, 16])
def test_the_convex_form_proves_what_the_raw_one_does_not(ones):
    problem = random_problem(48, 0, ones=ones)
    raw = run(load_backend("gurobi"), problem, {"convexify": "no", "node_limit": 1500})
    convex = run(load_backend("gurobi"), problem, {"node_limit": 10_000})
    assert convex.raw["convexified"]
    assert convex.status == "optimal"
    assert raw.status == "feasible"
    assert raw.bound is not None
    assert raw.bound <= convex.samples.first.energy
