"""What is certain holds in some optimum, by enumeration; and enough is certain."""

from __future__ import annotations

import dimod
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from secateur.problem import Problem, at_most
from secateur.problem.persistency import persistent
from tests.random_problems import energies, feasible_rows, model, problems


def holds(problem: Problem) -> np.ndarray:
    """All that is certain is true in one optimum; returns which."""
    values, known = persistent(problem)
    assert values.shape == known.shape == (problem.n,)
    assert not values[~known].any()
    rows = feasible_rows(problem)
    energy = energies(problem, rows)
    agree = (rows[:, known] == values[known]).all(axis=1)
    assert agree.any()
    assert energy[agree].min() == pytest.approx(energy.min(), abs=1e-12 * problem.scale, rel=0)
    return known


@settings(max_examples=300, deadline=None)
@given(problems(most=9, demands=0, scales=(1.0, 1e-12, 1e12)))
def test_certain_values_hold_in_some_optimum(problem):
    holds(problem)


@settings(max_examples=200, deadline=None)
@given(
    problems(most=8, demands=0, families=("signed", "ties", "none", "block")),
    st.lists(st.sampled_from([1e8, -1e8, 1e12, -1e12, 0.0, 3.0]), min_size=8, max_size=8),
    st.integers(0, 255),
)
def test_huge_biases_are_settled_truly(problem, huge, where):
    linear = problem.linear.copy()
    for i in range(problem.n):
        if where >> i & 1:
            linear[i] = huge[i]
    holds(problem.with_linear(linear))


def test_one_huge_bias_is_fixed():
    for bias, value in ((1e12, 0), (-1e12, 1)):
        upper = np.triu(np.random.default_rng(0).normal(size=(8, 8)))
        upper[3, 3] = bias
        values, known = persistent(Problem(model(upper)))
        assert known[3]
        assert values[3] == value
        for wanted in range(9):
            problem = Problem(model(upper), wanted)
            assert holds(problem)[3]
            values, _ = persistent(problem)
            assert values[3] == (0 if wanted == 0 else 1 if wanted == 8 else value)


@pytest.mark.parametrize("wanted", range(7))
def test_without_couplings_all_is_certain(wanted):
    for diagonal in ([3.0, -1.0, 2.0, 2.0, 0.0, -1.0], [1.0] * 6, [0.0] * 6):
        problem = Problem(model(np.diag(diagonal)), wanted)
        values, known = persistent(problem)
        assert known.all()
        assert values.sum() == wanted
        assert values @ problem.linear == sum(sorted(diagonal)[:wanted])


def test_without_a_count_the_sign_decides_and_one_leads_to_another():
    values, known = persistent(Problem(model(np.diag([1.0, -1.0, 0.0]))))
    assert known.all()
    assert values.tolist() == [0, 1, 0]
    # v0 is zero whatever happens; then v1 is one, and then v2 is zero
    bqm = dimod.BinaryQuadraticModel(
        {"v0": 5.0, "v1": -1.0, "v2": 0.5},
        {("v0", "v1"): 3.0, ("v1", "v2"): 0.5, ("v0", "v2"): -4.0},
        "BINARY",
    )
    values, known = persistent(Problem(bqm))
    assert known.all()
    assert values[Problem(bqm).positions(["v0", "v1", "v2"])].tolist() == [0, 1, 0]


def test_what_is_nearly_certain_is_not():
    upper = np.array([[-0.3, 0.1 + 0.2], [0.0, -5.0]])
    assert upper[0, 0] + upper[0, 1] > 0
    values, known = persistent(Problem(model(upper)))
    assert known[1]
    assert values[1] == 1
    assert holds(Problem(model(upper))).shape == (2,)
    even = Problem(model(np.array([[1.0, -1.0], [0.0, 1.0]])))
    assert not persistent(even)[1].any()


def test_under_other_demands_nothing_is_said():
    problem = Problem(model(np.diag([1.0, -5.0])), [at_most(1, ["v0"])])
    assert not persistent(problem)[1].any()
    empty = Problem(model(np.zeros((0, 0))))
    assert persistent(empty)[0].shape == (0,)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
@example(0)
def test_a_dominated_set_under_a_count_is_settled(seed):
    """Three that are cheaper than all others whatever happens are in every choice of three up."""
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.uniform(-0.1, 0.1, (9, 9)), 1)
    upper += np.diag([-50.0] * 3 + list(rng.uniform(0, 1, 3)) + [50.0] * 3)
    for wanted in range(10):
        known = holds(Problem(model(upper), wanted))
        assert known[:3].all() or 0 < wanted < 3
        assert known[6:].all() or 6 < wanted < 9
