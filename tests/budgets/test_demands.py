"""Budgets and widths as constraints: what they allow, and what is refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import secateur
from secateur.budgets import budget_constraints
from secateur.errors import AmountError, ConstraintError
from secateur.problem import Problem
from tests.budgets.nets import chain, residual


def problem_of(channels, demands, seed=0, coupled=False):
    rng = np.random.default_rng(seed)
    n = len(channels)
    row, col = np.triu_indices(n, 1)
    layer = np.concatenate([np.full(g.size, i) for i, g in enumerate(channels.groups)])
    inside = layer[row] == layer[col]
    row, col = (row[inside], col[inside]) if coupled else (row[:0], col[:0])
    bias = rng.uniform(0, 0.4, len(row))
    return Problem.from_arrays(channels.labels, rng.lognormal(size=n), (row, col, bias), 0, demands)


def everything(n):
    return (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(np.int8)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.floats(0.2, 0.95),
    st.sampled_from(["params", "macs", "both"]),
    st.booleans(),
)
def test_the_best_under_a_budget_is_found_proven_and_within_it(seed, share, kind, coupled):
    channels, costs = (chain(4, 5, 3), residual(4, 3, 2))[seed % 2]
    asked = {"params": share, "macs": share} if kind == "both" else {kind: share}
    try:
        demands = budget_constraints(channels, costs, asked)
    except AmountError:  # less than every layer's last channel
        return
    problem = problem_of(channels, demands, seed, coupled)
    found = secateur.solve(problem)
    rows = everything(len(channels))
    dense = costs.count(rows[0])
    counted = [costs.count(row) for row in rows]
    good = np.array([all(c[k] <= share * dense[k] + 1e-6 for k in asked) for c in counted])
    for group in channels.groups:
        good &= rows[:, group.slice].sum(axis=1) < group.size
    assert found.energy == pytest.approx(problem.energies(rows[good]).min())
    assert found.proof == "proven"
    assert all(costs.count(found.bits)[k] <= share * dense[k] for k in asked)


@pytest.mark.parametrize("backend", ["annealing", "greedy", "branch-and-bound", "blocks:annealing"])
@pytest.mark.parametrize("multiple", [None, 8])
def test_every_way_of_solving_keeps_budget_and_widths(backend, multiple):
    channels, costs = chain(32, 40, 24)
    demands = budget_constraints(channels, costs, {"macs": "40%"}, multiple=multiple)
    problem = problem_of(channels, demands, 1, coupled=True)
    found = secateur.solve(problem, backend=backend, time_limit=10, proof=False)
    count = costs.count(found.bits)["macs"]
    assert count <= 0.4 * costs.count(np.zeros(len(channels)))["macs"]
    for group in channels.groups:
        kept = group.size - int(found.bits[group.slice].sum())
        assert kept > 0
        assert multiple is None or kept % multiple == 0 or kept == group.size
    best = secateur.solve(problem, backend="branch-and-bound", time_limit=10).bound
    assert best <= found.energy <= 1.1 * best


def test_widths_that_no_budget_binds_are_proven_by_trying_all_counts():
    """Sorted costs: a width is all that is chosen, so every triple of widths can be tried."""
    channels, costs = chain(64, 48, 32)
    demands = budget_constraints(channels, costs, {"macs": 0.5, "params": 0.6}, multiple=16)
    problem = problem_of(channels, demands, 2)
    found = secateur.solve(problem, backend="branch-and-bound")
    best = np.inf
    dense = costs.count(np.zeros(len(channels)))
    for kept in itertools.product((16, 32, 48, 64), (16, 32, 48), (16, 32)):
        z = np.zeros(len(channels))
        for group, width in zip(channels.groups, kept, strict=True):
            cheapest = np.argsort(problem.linear[group.slice])[: group.size - width]
            z[group.start + cheapest] = 1
        count = costs.count(z)
        if count["macs"] <= 0.5 * dense["macs"] and count["params"] <= 0.6 * dense["params"]:
            best = min(best, float(problem.linear @ z))
    assert found.energy == pytest.approx(best)
    assert found.proof == "proven"


def kept_widths(channels, demands):
    """The numbers that may stay of each group."""
    return {
        group.name: [group.size - k for k in np.flatnonzero(one.allowed(group.size))][::-1]
        for group, one in zip(channels.groups, demands, strict=False)
    }


def test_widths_are_multiples_or_whole():
    channels, costs = chain(64, 40, 24, 16, 8)
    widths = kept_widths(channels, budget_constraints(channels, costs, {}, multiple=16))
    assert widths["c0"] == [16, 32, 48, 64]
    assert widths["c1"] == [16, 32, 40]
    assert widths["c2"] == [16, 24]
    assert widths["c3"] == [16]
    assert widths["c4"] == [8]


def test_layers_have_a_least_and_a_largest_width():
    channels, costs = chain(10, 10, 10, 10)
    demands = budget_constraints(
        channels, costs, {}, minimum={"c*": 3, "c1": "45%"}, maximum={"c2": 0.59, "c3": 4}
    )
    widths = kept_widths(channels, demands)
    assert widths["c0"] == list(range(3, 11))
    assert widths["c1"] == list(range(5, 11))
    assert widths["c2"] == [3, 4, 5]
    assert widths["c3"] == [3, 4]
    plain = kept_widths(channels, budget_constraints(channels, costs, {}))
    assert plain["c0"] == list(range(1, 11))


@pytest.mark.parametrize(
    ("amount", "upper"),
    [(0.5, 0.5), ("50%", 0.5), ("0.5", 0.5), (" 12.5 % ", 0.125)],
)
def test_a_share_is_of_the_dense_network(amount, upper):
    channels, costs = chain(16, 16)
    dense = costs.count(np.zeros(len(channels)))["params"]
    (made,) = budget_constraints(channels, costs, {"params": amount})[2:]
    assert made.upper == upper * dense
    assert made.name == "params"


@pytest.mark.parametrize("amount", [2000, "2000", "2_000", "2e3"])
def test_a_whole_number_is_what_may_stay(amount):
    channels, costs = chain(16, 16)
    (made,) = budget_constraints(channels, costs, {"params": amount})[2:]
    assert made.upper == 2000.0


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ({"params": 0.0}, "0 of the dense network"),
        ({"params": 1.5}, "1.5 of the dense network"),
        ({"params": "150%"}, "1.5 of the dense network"),
        ({"params": float("nan")}, "is nan"),
        ({"params": True}, "is True"),
        ({"params": "half"}, "is 'half'"),
        ({"params": "-5"}, "is '-5'"),
        ({"params": 0}, "= 0"),
        ({"params": 9}, "10 of 4218 stays however much is pruned"),
        ({"params": 100}, "138 stays where every layer keeps as little"),
    ],
)
def test_a_budget_that_cannot_be_met_or_understood_is_told(budget, said):
    channels, costs = chain(16, 16)
    with pytest.raises(AmountError, match=said):
        budget_constraints(channels, costs, budget)


def test_a_minimum_that_leaves_no_room_is_told():
    channels, costs = chain(16, 16)
    with pytest.raises(AmountError, match="as little as it may"):
        budget_constraints(channels, costs, {"macs": 0.3}, minimum={"*": 12})


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"budget": {"mac": 0.5}}, ConstraintError, "did you mean 'macs'"),
        ({"budget": {"time": 0.5}}, ConstraintError, "needs a prediction"),
        ({"minimum": {"c9": 3}}, ConstraintError, "names the layer 'c9'"),
        ({"minimum": {"c0": 17}}, AmountError, "17 of 16"),
        ({"minimum": {"c0": 0}}, AmountError, "0 of 16"),
        ({"minimum": {"c0": 9}, "maximum": {"c0": 8}}, AmountError, "at least 9 and at most 8"),
        ({"multiple": 0}, AmountError, "multiples of 0"),
        ({"multiple": 2.5}, AmountError, "multiples of 2.5"),
        ({"multiple": 8, "minimum": {"c0": 9}, "maximum": {"c0": 15}}, AmountError, "no multiple"),
    ],
)
def test_wrong_demands_are_told(arguments, error, said):
    channels, costs = chain(16, 16)
    given = {"budget": {}} | arguments
    with pytest.raises(error, match=said):
        budget_constraints(channels, costs, given.pop("budget"), **given)
