"""The convex form is the same energy, convex, and its minimum a bound."""

from __future__ import annotations

import numpy as np
import pytest

from secateur.problem import Problem, count
from secateur.problem.reduction import reduce, too_wide
from secateur.solving.control import Control
from secateur.solving.exact_form import exact_form, warm_start
from secateur.testing import brute_force, random_problem


def matrix_of(form, n):
    made = np.diag(form.diagonal)
    row, col, bias = form.quadratic
    made[row, col] += bias
    made[col, row] += bias
    return made


@pytest.mark.parametrize("ones", [None, 4])
@pytest.mark.parametrize("seconds", [None, 0.0])
def test_the_convex_form_is_the_same_energy(ones, seconds):
    problem = random_problem(12, 3, ones=ones)
    form = exact_form(problem, convexify="yes", control=Control(seconds))
    square = matrix_of(form, 12)
    assert form.convex
    assert np.linalg.eigvalsh(square)[0] > 0
    rows = np.random.default_rng(0).integers(0, 2, size=(200, 12))
    own = (0.5 * np.einsum("ri,ij,rj->r", rows, square, rows) + rows @ form.linear) / form.factor
    assert own == pytest.approx(problem.energies(rows), abs=1e-9)
    row, col, bias = form.matrix
    again = (rows[:, row] * rows[:, col]) @ bias + rows @ form.linear
    assert again / form.factor == pytest.approx(problem.energies(rows), abs=1e-9)


def test_the_relaxation_is_a_bound():
    problem = random_problem(12, 5)
    form = exact_form(problem, convexify="yes")
    lowest = np.linalg.solve(matrix_of(form, 12), -form.linear)
    assert 0.5 * form.linear @ lowest / form.factor <= brute_force(problem)[0]


def test_auto_convexifies_dense_couplings_only():
    chain = Problem.from_arrays(
        range(40), np.ones(40), (np.arange(39), np.arange(1, 40), -2.0 * np.ones(39))
    )
    assert not exact_form(chain, convexify="auto").convex
    assert not exact_form(chain, convexify="auto").diagonal.any()
    assert exact_form(random_problem(30, 0), convexify="auto").convex
    assert not exact_form(random_problem(30, 0), convexify="no").convex


@pytest.mark.parametrize("ones", [None, 3])
def test_what_is_certain_is_fixed_and_the_rest_is_on_its_own_scale(ones):
    free = random_problem(9, 2)
    linear = np.array(free.linear)
    linear[4] = -1e12
    demands = () if ones is None else (count(ones),)
    problem = Problem.from_arrays(free.variables, linear, free.quadratic, 0.5, demands)
    core = reduce(problem)
    assert core.fixed >= 1
    assert core.values[4] == 1
    assert np.abs(core.problem.linear).max(initial=0.0) < 1e3
    _, bits = brute_force(core.problem)
    whole = core.expand(bits[None])
    assert problem.feasible(whole)[0]
    assert problem.energies(whole)[0] == pytest.approx(brute_force(problem)[0], rel=1e-15)
    assert core.below(core.problem.energies(bits)[0]) <= problem.energies(whole)[0]


def test_a_bias_out_of_line_is_told_and_a_wide_spread_is_not():
    row, col = np.triu_indices(10, 1)
    bias = np.random.default_rng(0).normal(size=len(row))
    ordinary = Problem.from_arrays(range(10), np.ones(10), (row, col, bias))
    bits = np.ones(10)
    assert too_wide(ordinary, bits, 1e-9) is None
    wide = bias.copy()
    wide[7] = 1e9
    reason = too_wide(Problem.from_arrays(range(10), np.ones(10), (row, col, wide)), bits, 1e-9)
    assert reason is not None
    assert "1e+09" in reason
    spread = Problem.from_arrays(range(10), np.ones(10), (row, col, np.geomspace(1e-6, 1.0, 45)))
    assert too_wide(spread, bits, 1e-9) is None


def test_a_warm_start_is_no_worse_than_what_is_known():
    problem = random_problem(30, 1, ones=10)
    bits = np.zeros((1, 30), dtype=np.int8)
    bits[0, :10] = 1
    known = problem.with_start(bits)
    rows = warm_start(known, Control())
    assert all(problem.feasible(row)[0] for row in rows)
    assert problem.energies(rows[0])[0] <= problem.energies(bits)[0]
