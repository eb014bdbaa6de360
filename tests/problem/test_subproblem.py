"""A part of a problem, put back into the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.problem import Problem, at_most, count, linear, quadratic
from secateur.problem.subproblem import subproblem
from tests.random_problems import energies, everything, feasible_rows, model, problems


@settings(max_examples=150, deadline=None)
@given(problems(most=8, demands=4), st.integers(0, 2**32 - 1))
def test_answers_put_back_have_their_energy_and_keep_all(problem, seed):
    possible = feasible_rows(problem)
    if len(possible) == 0:
        return
    rng = np.random.default_rng(seed)
    bits = possible[seed % len(possible)]
    free = rng.permutation(problem.n)[: rng.integers(0, problem.n + 1)]
    part = subproblem(problem, bits, free)
    assert part.variables == tuple(problem.variables[i] for i in free)
    assert part.start.tolist() == [bits[free].tolist()]
    rows = everything(len(free))
    whole = np.tile(bits, (len(rows), 1))
    whole[:, free] = rows
    assert part.energies(rows) == pytest.approx(energies(problem, whole), abs=1e-9)
    good = {tuple(row) for row in possible.tolist()}
    assert part.feasible(rows).tolist() == [tuple(row) in good for row in whole.tolist()]


def test_a_count_over_all_that_is_free_stays_a_count():
    """So a backend that takes counts natively is handed one."""
    problem = Problem(model(np.eye(6)), [count(3), at_most(2, ["v0", "v1", "v2"], name="few")])
    part = subproblem(problem, np.array([1, 0, 0, 1, 0, 1], np.int8), np.array([4, 2, 0]))
    assert part.count == 1
    (few,) = part.limits
    assert few.name == "few"
    assert few.members.tolist() == [1, 2]
    assert few.allowed.tolist() == [True, True, True]


def test_what_is_settled_by_the_fixed_ones_is_not_asked_again():
    problem = Problem(
        model(np.eye(4)),
        [
            at_most(1, ["v0", "v1"], name="here"),
            linear({"v0": 1.0, "v1": 1.0}, upper=1.0, name="sum"),
            quadratic({"v2": 1.0}, {("v0", "v2"): 2.0}, offset=1.0, upper=4.0, name="form"),
        ],
    )
    part = subproblem(problem, np.array([1, 0, 0, 0], np.int8), np.array([2, 3]))
    assert [c.name for c in part.constraints] == ["form"]
    assert part.kinds == {"linear"}  # its product has one free factor
    assert part.sums[0].linear.tolist() == [3.0]
