"""Shares of ones under budgets: found, bounded and settled, against enumeration."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.problem import boxes, counting
from secateur.problem.boxes import settle
from secateur.problem.counting import Counting, NodeBudget, Side
from secateur.problem.dual import Dual, _graph, _intervals
from secateur.problem.elimination import Elimination, order_of

seeds = st.integers(0, 2**32 - 1)


def random_counting(seed: int, parts: int = 4, most: int = 6, sides: bool = True):
    """A chain with some further products, one or two budgets, curves with gaps."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, most + 1, parts)
    budgets = []
    for _ in range(rng.integers(1, 3)):
        products = np.triu(rng.integers(0, 4, (parts, parts)) * (rng.random((parts, parts)) < 0.6))
        products = products + products.T + 0.0
        linear = rng.integers(0, 5, parts).astype(float)
        tables = []
        for size in sizes:
            width = np.arange(size, -1, -1.0)
            tables.append(np.ceil(width / 3) * 3 if rng.random() < 0.3 else width)
        whole = NodeBudget(1.0, linear, products, tuple(tables), 0.0)
        ends = whole.cost(np.array([np.zeros(parts, int), sizes]))
        upper = float(np.floor(ends[1] + rng.uniform(0, 1.05) * (ends[0] - ends[1])))
        budgets.append(NodeBudget(1.0, linear, products, tuple(tables), upper))
    curves = []
    for size in sizes:
        curve = np.cumsum(np.concatenate([[0.0], np.sort(rng.normal(0.5, 1.0, size))]))
        curve = curve + rng.normal(0, 0.2, size + 1)  # not convex
        if size > 2 and rng.random() < 0.4:
            curve[rng.integers(0, size)] = np.inf
        curves.append(curve)
    beside = []
    if sides and rng.random() < 0.4:
        some = np.sort(rng.choice(parts, 2, replace=False))
        total = int(sizes[some].sum())
        allowed = np.zeros(total + 1, bool)
        allowed[rng.integers(0, total + 1) :] = True
        beside.append(Side(some, allowed))
    return Counting(sizes.tolist(), budgets, beside), curves


def truth(problem: Counting, curves) -> tuple[float, np.ndarray, np.ndarray]:
    """The least sum by trying all, and all rows that keep everything with their energies."""
    rows = np.array(list(itertools.product(*[range(len(curve)) for curve in curves])))
    energies = np.sum([curve[rows[:, i]] for i, curve in enumerate(curves)], axis=0)
    good = np.isfinite(energies)
    for budget in problem.budgets:
        v = np.stack([table[rows[:, i]] for i, table in enumerate(budget.tables)], axis=1)
        cost = budget.fixed + v @ budget.linear
        cost = cost + np.einsum("ri,ij,rj->r", v, budget.products, v)
        good &= cost <= budget.upper
    for side in problem.sides:
        good &= side.allowed[rows[:, side.parts].sum(axis=1)]
    rows, energies = rows[good], energies[good]
    return float(energies.min(initial=np.inf)), rows, energies


@settings(max_examples=150, deadline=None)
@given(seeds, st.booleans())
def test_a_share_keeps_everything_and_is_the_best_of_few(seed, tried):
    problem, curves = random_counting(seed)
    best, rows, _ = truth(problem, curves)
    before, counting.FEW = counting.FEW, counting.FEW if tried else 0
    try:
        value, counts = problem.least(curves)
    finally:
        counting.FEW = before
    if np.isfinite(value):
        assert counts.tolist() in rows.tolist()
        assert value == pytest.approx(sum(c[k] for c, k in zip(curves, counts, strict=True)))
        assert value >= best - 1e-9
    if tried:
        assert value == pytest.approx(best) if np.isfinite(best) else value == best


def test_the_search_is_nearly_always_right_and_never_far(monkeypatch):
    """Where it may not try all; a number of fixed problems."""
    monkeypatch.setattr(counting, "FEW", 0)
    missed, far = 0, 0.0
    for seed in range(120):
        problem, curves = random_counting(seed, sides=False)
        best, _, _ = truth(problem, curves)
        value, _ = problem.least(curves)
        assert np.isfinite(value) == np.isfinite(best)
        if np.isfinite(best) and value > best + 1e-9:
            missed += 1
            far = max(far, (value - best) / sum(np.ptp(c[np.isfinite(c)]) for c in curves))
    assert missed <= 12
    assert far <= 0.15


@settings(max_examples=150, deadline=None)
@given(seeds, st.booleans())
def test_the_bound_is_below_every_share_and_says_so_of_each_part(seed, tried):
    problem, curves = random_counting(seed)
    best, rows, energies = truth(problem, curves)
    before, counting.FEW = counting.FEW, counting.FEW if tried else 0
    try:
        made = Dual(problem).below(curves)
    finally:
        counting.FEW = before
    assert made.value <= best + 1e-9
    for part, curve in enumerate(curves):
        for k in np.flatnonzero(np.isfinite(curve)):
            through = energies[rows[:, part] == k].min(initial=np.inf)
            assert curve[k] + made.others[part][k] <= through + 1e-9
    if tried and np.isfinite(best):
        assert made.value == pytest.approx(best)


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(2, 5))
def test_coarse_intervals_and_left_out_products_only_weaken_the_bound(seed, most):
    problem, curves = random_counting(seed, parts=4, most=9)
    best, rows, energies = truth(problem, curves)
    before, counting.FEW = counting.FEW, 0
    try:
        dual = Dual(problem)
        half = len(dual._pairs) // 2
        dual._left_out = dual._pairs[half:]
        dual._pairs = dual._pairs[:half]
        dual._order, _ = order_of(len(problem.sizes), dual._pairs)
        dual._intervals = most
        made = dual.below(curves)
    finally:
        counting.FEW = before
    assert made.value <= best + 1e-9
    for part, curve in enumerate(curves):
        for k in np.flatnonzero(np.isfinite(curve)):
            through = energies[rows[:, part] == k].min(initial=np.inf)
            assert curve[k] + made.others[part][k] <= through + 1e-9


@settings(max_examples=100, deadline=None)
@given(seeds)
def test_settled_is_the_very_best(seed):
    problem, curves = random_counting(seed, sides=False)
    best, rows, _ = truth(problem, curves)
    before, counting.FEW = counting.FEW, 12  # boxes must be split
    try:
        dual = Dual(problem)
        made = settle(problem, dual, curves, problem.least(curves))
    finally:
        counting.FEW = before
    if not np.isfinite(best):
        assert made.value == made.bound == np.inf
        return
    assert made.value == pytest.approx(best)
    assert made.counts.tolist() in rows.tolist()
    assert made.bound <= made.value
    assert made.bound == pytest.approx(best, abs=1e-9)


def test_settling_that_is_cut_short_still_bounds(monkeypatch):
    monkeypatch.setattr(counting, "FEW", 12)
    monkeypatch.setattr(boxes, "MOST", 1)
    weaker = 0
    for seed in range(30):
        problem, curves = random_counting(seed, sides=False)
        best, _, _ = truth(problem, curves)
        made = settle(problem, Dual(problem), curves, problem.least(curves))
        assert made.bound <= best + 1e-9
        assert made.value >= best - 1e-9
        weaker += made.bound < best - 1e-9
    assert weaker > 0


@settings(max_examples=80, deadline=None)
@given(seeds)
def test_elimination_is_the_least_sum_and_of_every_value(seed):
    rng = np.random.default_rng(seed)
    many = int(rng.integers(1, 6))
    values = rng.integers(1, 4, many)
    alone = [rng.normal(size=k) for k in values]
    pairs = {
        (i, j): rng.normal(size=(values[i], values[j]))
        for i in range(many)
        for j in range(i + 1, many)
        if rng.random() < 0.6
    }
    order, widest = order_of(many, list(pairs))
    assert sorted(order) == list(range(many))
    assert widest < many
    rows = np.array(list(itertools.product(*[range(k) for k in values])))
    total = np.sum([a[rows[:, i]] for i, a in enumerate(alone)], axis=0)
    for (i, j), table in pairs.items():
        total = total + table[rows[:, i], rows[:, j]]
    made = Elimination(alone, pairs, order)
    assert made.value == pytest.approx(total.min())
    assert made.choice.tolist() == rows[np.argmin(total)].tolist()
    for i, others in enumerate(made.others()):
        wanted = [total[rows[:, i] == k].min() - alone[i][k] for k in range(values[i])]
        assert others == pytest.approx(np.array(wanted))


def test_a_chain_and_a_clique_are_eliminated_as_finely_as_they_can_be():
    chain = np.diag(np.ones(19), 1)
    pairs, left_out, _, fine = _graph(chain + chain.T, np.full(20, 512))
    assert (len(pairs), left_out, fine) == (19, [], 128)
    clique = np.ones((12, 12))
    pairs, left_out, order, fine = _graph(clique, np.full(12, 512))
    assert len(pairs) + len(left_out) == 66
    assert left_out
    assert fine >= 12
    assert sorted(order) == list(range(12))


@given(st.integers(1, 300), st.integers(0, 299), st.integers(4, 40))
def test_intervals_are_single_near_the_centre_and_few(size, centre, most):
    some = np.arange(size)
    starts = _intervals(some, min(centre, size - 1), most)
    assert starts[0] == 0
    assert (np.diff(starts) > 0).all()
    assert min(centre, size - 1) in starts
    assert len(starts) <= 2 * most + 2


def test_a_large_problem_is_found_and_bounded_closely():
    """Forty coupled groups of 64 to 512: no two of the tools agree by chance."""
    rng = np.random.default_rng(1)
    sizes = rng.choice([64, 128, 256, 512], 40)
    products = np.diag(np.ones(39), 1) * 9.0
    products = products + products.T
    tables = tuple(np.arange(size, -1, -1.0) for size in sizes)
    whole = NodeBudget(0.0, np.full(40, 3.0), products, tables, 0.0)
    dense = float(whole.cost(np.zeros((1, 40), int))[0])
    budget = NodeBudget(0.0, np.full(40, 3.0), products, tables, 0.5 * dense)
    problem = Counting(sizes.tolist(), [budget])
    curves = [
        np.concatenate([[0.0], np.cumsum(np.sort(rng.lognormal(size=size)))]) for size in sizes
    ]
    value, counts = problem.least(curves)
    assert problem.feasible(counts[None])[0]
    bound = Dual(problem).below(curves).value
    assert bound <= value
    assert value - bound <= 1e-3 * value


@settings(max_examples=200, deadline=None)
@given(seeds, st.booleans())
def test_terms_that_cancel_are_added_up_exactly(seed, tried):
    rng = np.random.default_rng(seed)
    parts = int(rng.integers(2, 5))
    values = rng.choice([0.1, 0.2, 0.3, 1.0, 1e-3, 1 / 3], parts - 1) * rng.choice([1, -1])
    last = -math.fsum(values)
    energies = [*values.tolist(), last]
    curves = [np.array([np.inf, value]) for value in energies]  # every part has its one
    width = np.array([1.0, 0.0])
    costs = np.ones(parts)
    budget = NodeBudget(2.0, costs, np.zeros((parts, parts)), (width,) * parts, 2.0)
    problem = Counting([1] * parts, [budget])
    exact = float(sum(map(Fraction, energies)))  # of rounding `last`: 1e-17, not 1e-15
    before, counting.FEW = counting.FEW, counting.FEW if tried else 1
    try:
        found = settle(problem, Dual(problem), curves, problem.least(curves))
    finally:
        counting.FEW = before
    assert found.bound <= exact
    assert found.bound == pytest.approx(exact, rel=1e-12, abs=0)


def test_the_least_of_sums_that_cancel_is_the_exact_one():
    """To rounding the first sum is the smaller; exactly it is the larger."""
    larger, smaller = [0.7, -0.2, 0.8, -0.6, -0.7], [0.7, 0.4, 0.1, -0.5, -0.7]
    curves = [np.array(pair) for pair in zip(larger, smaller, strict=True)]
    sides = [Side(np.arange(5), np.array([True, False, False, False, False, True]))]
    problem = Counting([1] * 5, [], sides)
    rows = np.array([[0] * 5, [1] * 5])
    value, row, bound = problem.lowest(curves, rows)
    exact = sum(map(Fraction, smaller))
    assert exact < sum(map(Fraction, larger))
    assert row.tolist() == [1] * 5
    assert value == bound == float(exact)
    assert problem.least(curves)[1].tolist() == [1] * 5


def test_a_bound_is_rounded_down():
    curves = [np.array([one]) for one in (1.0, -1.0, 1e-20, -1e-40)]
    problem = Counting([0] * 4, [])
    value, _, bound = problem.lowest(curves, np.zeros((1, 4), dtype=np.intp))
    exact = Fraction(1e-20) + Fraction(-1e-40)
    assert Fraction(bound) <= exact
    assert bound == math.nextafter(1e-20, 0.0)
    assert value == 1e-20
