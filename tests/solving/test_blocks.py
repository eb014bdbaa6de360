"""A problem by its blocks: exact where it closes, a bound everywhere, loose demands priced."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.problem import Problem, at_most, count, linear, quadratic
from secateur.problem import parts as parts_room
from secateur.solving.blocks import by_blocks
from secateur.solving.control import Control
from tests.random_problems import (
    energies,
    feasible_rows,
    matrix,
    model,
    optimum,
    problems,
    random_problem,
)


def check(problem: Problem, **options: object) -> None:
    best = optimum(problem)
    made = by_blocks(problem, **options)
    near = 1e-9 * problem.scale
    if best == np.inf:
        assert made.bits is None
        assert made.energy == np.inf
    else:
        assert not made.infeasible
        assert made.bound <= best + near
        if made.bits is not None:
            assert problem.feasible(made.bits)[0]
            assert made.energy == problem.energies(made.bits)[0]
            assert made.energy >= best - near
        if made.closed:
            assert made.energy == pytest.approx(
                best, rel=0, abs=1e-7 * abs(best - problem.offset) + near
            )
    return made, best


@settings(max_examples=120, deadline=None)
@given(problems(most=9, demands=3, scales=(1.0, 1e-12, 1e12)))
def test_without_loose_demands_it_closes_or_knows_that_there_is_none(problem):
    made, best = check(problem)
    assert not made.late
    if problem.parts.loose:  # widths in steps that a block mixes
        assert all(demand.kind == "staircase" for demand in problem.parts.loose)
        return
    assert made.infeasible == (best == np.inf)
    assert made.closed == (best < np.inf)
    assert made.prices is None


@settings(max_examples=100, deadline=None)
@given(problems(most=9, demands=4, families=("none", "block")), st.integers(1, 4))
def test_loose_demands_are_priced_and_the_bound_holds(problem, widest):
    before, parts_room.MERGED = parts_room.MERGED, widest
    try:
        made, best = check(problem)
        loose = bool(problem.parts.loose)
    finally:
        parts_room.MERGED = before
    if made.infeasible:
        assert best == np.inf
    if not loose:
        assert made.closed == (best < np.inf)
    elif best < np.inf and not problem.sums:
        assert made.bits is not None


def test_the_price_of_a_loose_demand_gives_more_than_no_price(monkeypatch):
    """A budget over blocks: the bound at its price is far above the one without the budget."""
    monkeypatch.setattr(parts_room, "MERGED", 2)
    rng = np.random.default_rng(0)
    upper = np.kron(np.eye(5), np.triu(rng.normal(size=(2, 2)))) - np.diag(np.arange(1.0, 11.0))
    labels = [f"v{i}" for i in range(10)]
    budget = linear({v: float(2 + i % 3) for i, v in enumerate(labels)}, upper=12.0, name="budget")
    problem = Problem(model(upper), [budget])
    assert problem.parts.loose
    made, best = check(problem)
    free = optimum(Problem(problem.bqm))
    assert made.bound > free + 0.8 * (best - free)
    assert made.prices.multipliers()[0]["constraint"] == "budget"
    assert made.prices.multipliers()[0]["side"] == "upper"
    assert made.energy == pytest.approx(best)


def test_a_loose_demand_that_does_not_bind_closes(monkeypatch):
    monkeypatch.setattr(parts_room, "MERGED", 1)
    form = quadratic({}, {("v0", "v2"): 1.0}, upper=1.0, lower=-1.0, name="form")
    line = linear({"v0": 1.0, "v2": 1.0}, upper=2.0, name="line")
    problem = Problem(model(matrix("none", 4, np.random.default_rng(0))), [form, line, count(2)])
    assert problem.parts.loose
    made, _ = check(problem)
    assert made.closed


def test_known_vectors_are_incumbents_from_the_start():
    problem = random_problem(12, 5, 0)
    rows = feasible_rows(problem)
    best = rows[np.argmin(energies(problem, rows))]
    made = by_blocks(problem, known=[best, np.ones(12, np.int8)], control=Control(1e-9))
    assert np.array_equal(made.bits, best)
    assert made.bound <= made.energy
    assert made.late


def test_stopped_at_once_it_still_bounds():
    problem = random_problem(150, 60, 0)
    made = by_blocks(problem, control=Control(0.3))
    assert made.late
    assert not made.closed
    assert np.isfinite(made.bound)
    assert made.bound < made.energy
    assert made.bits.sum() == 60
    assert made.nodes >= 1


def test_the_answer_does_not_depend_on_the_number_of_workers():
    rng = np.random.default_rng(0)
    upper = np.kron(np.eye(6), np.triu(rng.normal(size=(12, 12))))
    problem = Problem(model(upper), [count(30), at_most(8, [f"v{i}" for i in range(24)])])
    one, two = (by_blocks(problem, workers=workers) for workers in (1, 2))
    assert one.closed
    assert two.closed
    assert np.array_equal(one.bits, two.bits)
    assert one.bound == two.bound
    assert one.nodes == two.nodes


def test_an_offset_is_in_the_energy_and_in_the_bound():
    problem = Problem(model(np.diag([1.0, -2.0, 3.0]), 0.1), 1)
    made = by_blocks(problem)
    assert made.energy == pytest.approx(-1.9)
    assert made.bound <= made.energy
    assert made.bound == pytest.approx(-1.9, rel=1e-12)


def test_blocks_count_their_nodes_and_seconds():
    made = by_blocks(random_problem(20, 8, 0))
    assert made.closed
    assert made.nodes > 1
    assert set(made.seconds) == {"curves", "proof"}
    assert all(v > 0 for v in made.seconds.values())
    times, values = np.array(made.incumbents).T
    assert (np.diff(times) >= 0).all()
    assert values[-1] == made.energy
