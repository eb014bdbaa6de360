"""Moves that keep every demand, against enumeration of all moves."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.problem import Problem, at_most, count, exactly, linear, multiple_of
from secateur.problem import parts as parts_room
from secateur.problem import state as moves_room
from secateur.problem.moves import Moves
from tests.random_problems import (
    CARDINALITIES,
    energies,
    feasible_rows,
    matrix,
    model,
    optimum,
    problems,
    random_problem,
)

SCALES = (1.0, 1e-12, 1e12)


def neighbours(bits: np.ndarray) -> np.ndarray:
    """All vectors one flip or one swap away."""
    rows = [bits]
    for i in range(len(bits)):
        row = bits.copy()
        row[i] = 1 - row[i]
        rows.append(row)
    for i, j in itertools.product(np.flatnonzero(bits == 1), np.flatnonzero(bits == 0)):
        row = bits.copy()
        row[i], row[j] = 0, 1
        rows.append(row)
    return np.array(rows)


def nothing_improves(problem: Problem, bits: np.ndarray) -> bool:
    """No feasible flip or swap has less energy, by dimod's and by the whole field."""
    rows = neighbours(bits)
    rows = rows[problem.feasible(rows)]
    room = 1e-11 * max(
        np.abs(problem.linear).max(initial=0), np.abs(problem.quadratic[2]).max(initial=0)
    )
    return bool((energies(problem, rows) >= energies(problem, bits[None])[0] - room).all())


@settings(max_examples=100, deadline=None)
@given(problems(most=10, demands=2), st.lists(st.integers(0, 9), max_size=25), st.integers(0, 1023))
def test_the_field_is_kept_and_is_what_it_would_be_afresh(problem, flips, start):
    moves = Moves(problem)
    state = moves.state(np.array([start >> i & 1 for i in range(problem.n)]))
    for i in flips:
        state.flip(i % problem.n)
    assert state.field == pytest.approx(problem.field(state.bits), abs=1e-9)
    for number, demand in enumerate(moves.cells.demands):
        assert state.ones[number] == demand.ones(state.bits[None])[0]


def test_the_field_is_kept_in_sparse_and_in_dense_blocks():
    n = 700
    row = np.arange(n - 1)
    rng = np.random.default_rng(0)
    sparse = Problem.from_arrays(
        range(n), rng.normal(size=n), (row, row + 1, rng.normal(size=n - 1))
    )
    assert not isinstance(sparse.parts.blocks[0].couplings, np.ndarray)
    small = Problem.from_arrays(range(9), rng.normal(size=9), (row[:7], row[:7] + 2, np.ones(7)))
    for problem in (sparse, small):
        state = Moves(problem).state(rng.integers(0, 2, problem.n))
        for i in rng.integers(0, problem.n, 200):
            state.flip(int(i))
        assert state.field == pytest.approx(problem.field(state.bits), abs=1e-9)


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
        fewest = np.abs(possible.astype(int) - bits).sum(axis=1).min()
        assert np.abs(repaired.astype(int) - bits).sum() == fewest


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


@settings(max_examples=80, deadline=None)
@given(
    problems(
        most=10,
        families=("none", "zeros"),
        kinds=("limit", "keep"),
        demands=1,
        counted=True,
        scales=SCALES,
    )
)
def test_greedy_is_optimal_without_couplings(problem):
    found = Moves(problem).greedy()
    best = optimum(problem)
    if found is None:
        assert best == np.inf
    else:
        assert problem.energies(found)[0] == pytest.approx(best, rel=1e-9, abs=0)


def test_greedy_takes_the_first_of_equals_and_heeds_limits():
    assert Moves(Problem(model(np.eye(6)), 3)).greedy().tolist() == [1, 1, 1, 0, 0, 0]
    bqm = model(np.diag([3.0, 1.0, 2.0, 0.0]))
    assert Moves(Problem(bqm, 2)).greedy().tolist() == [0, 1, 0, 1]
    tight = Problem(bqm, [count(2), at_most(1, ["v1", "v3"])])
    assert Moves(tight).greedy().tolist() == [0, 0, 1, 1]
    blurred = np.array([0.0, 5.0, 1.0, 5.0])
    assert Moves(tight).greedy(linear=blurred).tolist() == [1, 0, 1, 0]
    upper = np.diag([1.0, 1.1, 2.0])
    upper[0, 1] = 5.0  # fields are updated after the first
    assert Moves(Problem(model(upper), 2)).greedy().tolist() == [1, 0, 1]
    assert Moves(Problem(bqm)).greedy().tolist() == [0, 0, 0, 0]


def test_greedy_closes_what_filling_up_cannot_reach():
    bqm = model(np.diag([0.0, 1.0, 2.0, 3.0]))
    even = Problem(bqm, [count(2), multiple_of(2, ["v0", "v2"]), exactly(0, ["v3"])])
    assert Moves(even).greedy().tolist() in ([1, 0, 1, 0],)
    heavy = Problem(bqm, [count(2), linear({"v0": 2.0, "v1": 2.0, "v2": 1.0}, upper=2.0)])
    found = Moves(heavy).greedy()
    assert heavy.feasible(found)[0]


@settings(max_examples=200, deadline=None)
@given(problems(most=9, demands=2, scales=SCALES), st.integers(0, 2**32 - 1))
def test_descent_ends_where_no_move_helps_and_is_never_worse(problem, seed):
    possible = feasible_rows(problem)
    if len(possible) == 0:
        return
    start = possible[seed % len(possible)]
    before = start.copy()
    found = Moves(problem).descend(start)
    assert np.array_equal(start, before)
    assert found.tolist() in possible.tolist()
    assert (
        energies(problem, found[None])[0]
        <= energies(problem, start[None])[0] + 1e-12 * problem.scale
    )
    assert nothing_improves(problem, found)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["signed", "block", "dense", "concave", "trap"]))
def test_the_path_of_candidates_ends_at_the_same_kind_of_place(seed, family):
    """Wide blocks pair the best of each side first: with tiny windows here, the end is the same."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(10, 16))
    problem = Problem(model(matrix(family, n, rng)), int(rng.integers(2, n - 2)))
    start = Moves(problem).repair(rng.integers(0, 2, n))
    full, candidates = moves_room._FULL, moves_room._CANDIDATES
    moves_room._FULL, moves_room._CANDIDATES = 4, 2
    try:
        found = Moves(problem).descend(start)
        again = Moves(problem).descend(start)
    finally:
        moves_room._FULL, moves_room._CANDIDATES = full, candidates
    assert np.array_equal(found, again)
    assert nothing_improves(problem, found)


@pytest.mark.parametrize("thin", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_wide_blocks_end_where_no_swap_helps(seed, thin):
    n = 1060  # more than 250 000 pairs
    rng = np.random.default_rng(seed)
    row, col = np.triu_indices(n, 1)
    some = rng.random(len(row)) < (0.02 if thin else 1.0)
    row, col = row[some], col[some]
    bias = rng.normal(0, 1.0 / np.sqrt(n), len(row))
    problem = Problem.from_arrays(range(n), rng.normal(size=n), (row, col, bias), 0.0, n // 2)
    moves = Moves(problem)
    start = moves.greedy()
    found = moves.descend(start)
    assert problem.energies(found)[0] <= problem.energies(start)[0]
    assert found.sum() == n // 2
    field = problem.linear + problem.couplings @ found
    out, new = np.flatnonzero(found == 1), np.flatnonzero(found == 0)
    gain = field[new][None, :] - field[out][:, None] - problem.couplings.toarray()[np.ix_(out, new)]
    assert gain.min() >= -1e-9


def test_sparse_blocks_with_limits_end_where_no_move_helps(monkeypatch):
    monkeypatch.setattr(parts_room, "DENSE", 4)
    monkeypatch.setattr(moves_room, "_FULL", 4)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        n = 12
        upper = matrix("signed", n, rng) * (rng.random((n, n)) < 0.2)
        upper[np.arange(n - 1), np.arange(1, n)] = 0.5  # one component
        labels = [f"v{i}" for i in range(n)]
        for demands in ([count(5)], [count(5), at_most(2, labels[:6])], [at_most(4, labels[3:])]):
            problem = Problem(model(upper), demands)
            found = Moves(problem).incumbent()
            assert problem.feasible(found)[0]
            assert nothing_improves(problem, found)


def test_a_swap_over_two_blocks_is_found_beside_better_ones_within():
    """Two variables of one block are the best of their cells, and coupled: the pair is skipped."""
    upper = np.zeros((4, 4))
    upper[0, 1] = 10.0
    upper[np.arange(4), np.arange(4)] = [2.0, -9.0, 1.0, 0.5]
    upper[2, 3] = 0.1
    problem = Problem(model(upper), 1)
    assert Moves(problem).descend(np.array([1, 0, 0, 0])).tolist() == [0, 1, 0, 0]


@settings(max_examples=60, deadline=None)
@given(problems(most=9, demands=2, scales=(1.0,)), st.sampled_from([2.0**-40, 2.0**40]))
def test_the_answer_does_not_depend_on_the_scale(problem, factor):
    row, col, bias = problem.quadratic
    scaled = Problem.from_arrays(
        problem.variables,
        problem.linear * factor,
        (row, col, bias * factor),
        constraints=problem.constraints,
    )
    one, other = Moves(problem).incumbent(), Moves(scaled).incumbent()
    assert (one is None) == (other is None)
    assert one is None or np.array_equal(one, other)


@settings(max_examples=50, deadline=None)
@given(problems(most=9, demands=2), st.integers(0, 1000))
def test_incumbents_and_kicks_are_feasible_and_repeatable(problem, seed):
    moves = Moves(problem)

    def run() -> list[Any]:
        rng = np.random.default_rng(seed)
        first = moves.incumbent(rng)
        return [first, None if first is None else moves.kick(first, rng)]

    for one, same in zip(run(), run(), strict=True):
        assert (one is None) == (same is None)
        if one is not None:
            assert np.array_equal(one, same)
            assert problem.feasible(one)[0]
            assert nothing_improves(problem, one)


def test_random_incumbents_differ():
    problem = random_problem(30, 12, 0, family="ties")
    moves = Moves(problem)
    rng = np.random.default_rng(0)
    assert len({tuple(moves.incumbent(rng)) for _ in range(8)}) > 1
    best = moves.incumbent()
    assert len({tuple(moves.kick(best, rng)) for _ in range(12)}) > 1
    free = Moves(random_problem(30, None, 0))
    assert len({tuple(free.incumbent(rng)) for _ in range(8)}) >= 1


def test_a_descent_can_be_cut_short():
    problem = random_problem(20, 8, 1)
    moves = Moves(problem)
    start = (np.arange(20) < 8).astype(np.int8)
    assert np.array_equal(moves.descend(start, late=lambda: True), start)
    assert np.array_equal(moves.descend(start, most=0), start)
    asked: list[int] = []

    def after_two() -> bool:
        asked.append(1)
        return len(asked) > 2

    two = moves.descend(start, late=after_two)
    assert np.array_equal(two, moves.descend(start, most=2))
    assert np.abs(two - start).sum() <= 4
    one = moves.descend(start, most=1)
    assert problem.energies(two)[0] < problem.energies(one)[0] < problem.energies(start)[0]


def test_under_sums_the_best_of_each_side_are_asked(monkeypatch):
    """A window of three of each side: the best swap that a slack demand allows is within it."""
    monkeypatch.setattr(moves_room, "_SUMMED", 3)
    rng = np.random.default_rng(0)
    values = rng.permutation(30).astype(float)
    slack = linear({f"v{i}": 1.0 for i in range(30)}, upper=29.5)
    problem = Problem(model(np.diag(values)), [count(12), slack])
    start = np.zeros(30, np.int8)
    start[np.argsort(values)[-12:]] = 1
    one = Moves(problem).descend(start, most=1)
    assert problem.energies(one)[0] == problem.energies(start)[0] - 29.0
    assert problem.energies(Moves(problem).descend(start))[0] == sum(range(12))


def test_what_is_asked_again_after_a_move_is_little():
    """The best swap of a block that was not touched is remembered."""
    upper = np.kron(np.eye(5), matrix("signed", 8, np.random.default_rng(0)))
    problem = Problem(model(upper), 15)
    state = Moves(problem).state((np.arange(40) < 15).astype(np.int8))
    asked = []
    inside = state._inside
    state._inside = lambda block, allowed: asked.append(block) or inside(block, allowed)
    moved = 0
    while state.improve():
        moved += 1
    assert moved > 3
    assert len(asked) <= 5 + 2 * moved + 2
    assert nothing_improves(problem, state.bits)


def test_the_best_move_is_made_first():
    problem = random_problem(9, 4, 5)
    bits = feasible_rows(problem)[17]
    rows = neighbours(bits)
    rows = rows[problem.feasible(rows)]
    one = Moves(problem).descend(bits, most=1)
    assert energies(problem, one[None])[0] == pytest.approx(energies(problem, rows).min())


def test_counts_above_127_do_not_overflow():
    """Samples are int8; a sum in int8 would wrap."""
    for family in ("signed", "none"):
        problem = random_problem(300, 200, 0, family=family)
        bits = Moves(problem).greedy()
        assert bits.sum(dtype=np.int64) == 200
        assert problem.feasible(bits)[0]


def test_greedy_with_swaps_is_optimal_where_couplings_are_not_negative():
    """Science: on such QUBOs greedy and swaps hit the optimum in 95 to 100 % of small cases."""
    hits = 0
    for seed in range(20):
        problem = random_problem(12, 5, seed, family="dense")
        hits += bool(problem.energies(Moves(problem).incumbent())[0] <= optimum(problem) + 1e-9)
    assert hits >= 19


def test_nothing_and_one_variable():
    empty = Problem(model(np.zeros((0, 0))), 0)
    assert Moves(empty).incumbent().shape == (0,)
    assert Moves(empty).repair(np.zeros(0, np.int8)).shape == (0,)
    assert Moves(empty).incumbent(np.random.default_rng(0)).shape == (0,)
    one = Problem(model(np.array([[-1.0]])))
    assert Moves(one).incumbent().tolist() == [1]
    assert Moves(Problem(model(np.array([[-1.0]])), 0)).incumbent().tolist() == [0]
    assert Moves(Problem(model(np.array([[1.0]])), 1)).incumbent().tolist() == [1]


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
