"""Repair makes the fewest and cheapest flips that keep every demand, against enumeration."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.problem import Problem, at_most, count, multiple_of
from secateur.problem.moves import Moves
from tests.random_problems import CARDINALITIES, feasible_rows, model, problems


@settings(max_examples=150, deadline=None)
@given(problems(most=9, kinds=CARDINALITIES, demands=4), st.integers(0, 511))
def test_repair_finds_a_way_where_there_is_one(problem, number):
    bits = np.array([number >> i & 1 for i in range(problem.n)], dtype=np.int8)
    given_ = bits.copy()
    repaired = Moves(problem).repair(bits)
    possible = feasible_rows(problem)
    assert np.array_equal(bits, given_)
    if len(possible) == 0:
        assert repaired is None
    else:
        assert repaired is not None
        assert repaired.tolist() in possible.tolist()
        assert np.abs(repaired.astype(int) - bits).sum() in few_flips(problem, bits, possible)


def few_flips(problem, bits, possible) -> set[int]:
    """How many flips the cheapest ways take, a flip at twice the dearest change besides its own."""
    changes = possible.astype(int) - bits
    flips = np.abs(changes).sum(axis=1)
    field = problem.field(bits)
    if Moves(problem).cells.shares is None:  # sets that cross: as few as can be
        return {int(flips.min())}
    costs = 2 * np.abs(field).max() * flips + changes @ field
    return set(flips[costs <= costs.min() + 1e-9].tolist())


def test_two_flips_that_gain_go_before_one_that_loses():
    """All three or none of them: the third costs more than the two bring."""
    for dear, wanted in ((2.4, [0, 0, 0]), (-2.0, [1, 1, 1])):
        problem = Problem(model(np.diag([2.0, 2.0, dear])), multiple_of(3, ["v0", "v1", "v2"]))
        assert Moves(problem).repair(np.array([1, 1, 0], np.int8)).tolist() == wanted


@settings(max_examples=100, deadline=None)
@given(problems(most=8, demands=3), st.integers(0, 255))
def test_repair_under_sums_is_feasible_or_nothing(problem, number):
    bits = np.array([number >> i & 1 for i in range(problem.n)], dtype=np.int8)
    repaired = Moves(problem).repair(bits)
    possible = feasible_rows(problem)
    if len(possible) == 0:
        assert repaired is None
    elif repaired is None:  # only a quadratic demand is closed by trying
        assert "quadratic" in problem.kinds
    else:
        assert repaired.tolist() in possible.tolist()


def test_repair_takes_the_cheap_flips_of_the_fewest():
    problem = Problem(model(np.diag([5.0, 1.0, 3.0, 2.0])), 2)
    moves = Moves(problem)
    assert moves.repair(np.zeros(4, np.int8)).tolist() == [0, 1, 0, 1]
    assert moves.repair(np.ones(4, np.int8)).tolist() == [0, 1, 0, 1]
    assert moves.repair(np.array([1, 1, 1, 0], np.int8)).tolist() == [0, 1, 1, 0]
    cheap = np.array([0.0, 9.0, 9.0, 1.0])
    assert moves.repair(np.zeros(4, np.int8), linear=cheap).tolist() == [1, 0, 0, 1]


def test_repair_leaves_where_leaving_is_cheapest():
    """One too many in all, over two sets: the dearest one goes, whichever set holds it."""
    labels = [f"v{i}" for i in range(6)]
    sets = [at_most(3, labels[:3], name="a"), at_most(2, labels[3:], name="b"), count(4)]
    problem = Problem(model(np.diag([1.0, 2.0, 7.0, 3.0, 4.0, 0.0])), sets)
    moves = Moves(problem)
    assert moves.repair(np.array([1, 1, 1, 1, 1, 0], np.int8)).tolist() == [1, 1, 0, 1, 1, 0]
    other = problem.with_linear(np.array([5.0, 2.0, 1.0, 3.0, 8.0, 0.0]))
    assert Moves(other).repair(np.array([1, 1, 1, 1, 1, 0], np.int8)).tolist() == [1, 1, 1, 1, 0, 0]
    added = Moves(problem).repair(np.array([0, 1, 1, 1, 0, 0], np.int8))
    assert added.tolist() == [0, 1, 1, 1, 0, 1]


def test_repair_looks_at_couplings_after_every_flip():
    upper = np.diag([1.0, 1.1, 2.0])
    upper[0, 1] = 5.0
    assert Moves(Problem(model(upper), 2)).repair(np.zeros(3, np.int8)).tolist() == [1, 0, 1]


@pytest.mark.parametrize("coupled", [False, True])
def test_very_many_flips_are_made_together(coupled):
    rng = np.random.default_rng(3)
    n = 6000
    row = np.arange(n - 1) if coupled else np.zeros(0, int)
    problem = Problem.from_arrays(
        range(n),
        rng.normal(size=n),
        (row, row + 1, 0.01 * rng.normal(size=len(row))),
        0.0,
        [count(1500), at_most(300, range(1000), name="few")],
    )
    moves = Moves(problem)
    repaired = moves.repair(rng.integers(0, 2, n))
    assert problem.feasible(repaired)[0]
    if not coupled:
        # what was one and is cheap stays, what has to go is what is dearest
        start = np.ones(n, dtype=np.int8)
        best = moves.repair(start)
        few = np.concatenate([[0.0], np.cumsum(np.sort(problem.linear[:1000]))])
        others = np.concatenate([[0.0], np.cumsum(np.sort(problem.linear[1000:]))])
        cheapest = min(few[k] + others[1500 - k] for k in range(301))
        assert problem.energies(best)[0] == pytest.approx(cheapest)
    state = moves.state(repaired)
    state.flip_all(rng.permutation(n)[:500])
    assert state.field == pytest.approx(problem.field(state.bits))
    assert (state.ones == moves.cells.ones(state.bits)).all()
