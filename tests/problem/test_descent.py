"""A descent ends where no flip or swap that keeps every demand helps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.problem import Problem, at_most, count, linear
from secateur.problem import parts as parts_room
from secateur.problem import state as moves_room
from secateur.problem.moves import Moves
from tests.problem.improving import SCALES, neighbours, nothing_improves
from tests.random_problems import energies, feasible_rows, matrix, model, problems, random_problem


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
