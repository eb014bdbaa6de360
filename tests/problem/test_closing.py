"""The nearest vector under sums, against enumeration."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.problem import Problem, count, linear, multiple_of, quadratic
from secateur.problem.closing import close, flip_changes, pair_values
from tests.random_problems import feasible_rows, model, problems

SUMS = ("linear", "quadratic")


@settings(max_examples=80, deadline=None)
@given(problems(most=8, kinds=SUMS, demands=2), st.integers(0, 255))
def test_what_a_flip_and_a_swap_add_to_a_sum(problem, number):
    bits = np.array([number >> i & 1 for i in range(problem.n)], dtype=np.int8)
    everyone = np.arange(problem.n)
    for demand in problem.sums:
        low, high, value, steps = flip_changes(demand, bits)
        assert (low, high) == (demand.lower, demand.upper)
        assert value == pytest.approx(demand.values(bits[None])[0])
        pairs = pair_values(demand, everyone, everyone)
        for i in everyone:
            other = bits.copy()
            other[i] = 1 - other[i]
            assert demand.values(other[None])[0] == pytest.approx(value + steps[i])
        for i in np.flatnonzero(bits == 1):
            for j in np.flatnonzero(bits == 0):
                other = bits.copy()
                other[i], other[j] = 0, 1
                after = value + steps[i] + steps[j] - pairs[i, j]
                assert demand.values(other[None])[0] == pytest.approx(after)


@settings(max_examples=100, deadline=None)
@given(
    problems(most=8, kinds=("limit", "multiple", "linear", "keep", "floor"), demands=4),
    st.integers(0, 255),
)
def test_the_nearest_is_found_and_among_these_the_cheapest(problem, number):
    bits = np.array([number >> i & 1 for i in range(problem.n)], dtype=np.int8)
    field = problem.field(bits)
    found = close(problem, bits, field)
    possible = feasible_rows(problem)
    if len(possible) == 0:
        assert found is None
        return
    assert found is not None
    assert found.tolist() in possible.tolist()
    far = np.abs(possible.astype(int) - bits).sum(axis=1)
    assert np.abs(found.astype(int) - bits).sum() == far.min()
    cost = (possible[far == far.min()] @ field).min()
    assert found @ field == pytest.approx(cost, abs=1e-3 * (1e-9 + np.abs(field).max()))


@settings(max_examples=60, deadline=None)
@given(problems(most=8, kinds=("quadratic", "limit"), demands=2), st.integers(0, 255))
def test_a_quadratic_demand_is_kept_or_nothing_is_said(problem, number):
    bits = np.array([number >> i & 1 for i in range(problem.n)], dtype=np.int8)
    found = close(problem, bits, problem.field(bits))
    possible = feasible_rows(problem)
    assert found is None or found.tolist() in possible.tolist()


def test_a_budget_in_products_is_met():
    """Parameters of two layers: what is kept of one times what is kept of the other."""
    names = [f"v{i}" for i in range(12)]
    kept = dict.fromkeys(names, -6.0)
    products = {(a, b): 1.0 for a in names[:6] for b in names[6:]}
    for most in range(37):
        budget = quadratic(kept, products, offset=36.0, upper=float(most))
        problem = Problem(model(np.diag(np.linspace(1, 2, 12))), [budget])
        found = close(problem, np.zeros(12, np.int8), problem.linear)
        first, second = 6 - found[:6].sum(), 6 - found[6:].sum()
        assert first * second <= most


def test_steps_and_counts_go_into_the_program():
    problem = Problem(
        model(np.diag([1.0, 2.0, 3.0, 4.0, 5.0])),
        [count(3), multiple_of(2, ["v0", "v1", "v2"]), linear({"v3": 1.0, "v4": 2.0}, upper=2.0)],
    )
    found = close(problem, np.zeros(5, np.int8), problem.linear)
    assert found.tolist() == [1, 1, 0, 1, 0]


def test_nothing_to_keep_changes_nothing_and_nothing_possible_is_none():
    free = Problem(model(np.eye(3)))
    assert close(free, np.array([1, 0, 1], np.int8), free.linear).tolist() == [1, 0, 1]
    torn = Problem(
        model(np.eye(3)),
        [
            linear({"v0": 1.0, "v1": 1.0}, lower=2.0, name="both"),
            linear({"v1": 1.0, "v2": 1.0}, upper=0.0, name="neither"),
        ],
    )
    assert close(torn, np.zeros(3, np.int8), torn.linear) is None


@settings(max_examples=200, deadline=None)
@given(problems(most=8, kinds=("quadratic", "limit"), demands=2), st.integers(0, 255))
def test_quadratic_demands_are_kept_where_they_can_be(problem, number):
    bits = np.array([number >> i & 1 for i in range(problem.n)], dtype=np.int8)
    found = close(problem, bits, problem.field(bits))
    if len(feasible_rows(problem)):
        assert found is not None
        assert problem.feasible(found)[0]
    else:
        assert found is None
