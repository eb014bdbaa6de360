"""``decompose:NAME``: large problems in parts, exactly the count, never worse than the start."""

from __future__ import annotations

from collections.abc import Iterator

import dimod
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.backends import Backend
from secateur.backends.call import run
from secateur.problem import Problem, at_most, count
from secateur.problem.moves import Moves
from secateur.solving.decomposition import decompose
from tests.solving.toys import PlainToy, Toy, all_bits, best, blocks, optimum, rows_of

# after the last improvement; the default of 600 parts would only find nothing for longer
PATIENCE = 40


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    Toy.forget()
    yield
    Toy.forget()


@pytest.mark.parametrize("n", [60, 200])
@pytest.mark.parametrize("inner", [Toy, PlainToy])
def test_the_optimum_of_a_large_problem_is_found_in_parts(n: int, inner: type[Backend]) -> None:
    problem, parts = blocks(n, 10, seed=n, pruning=False)
    solution = run(decompose(inner), problem, {"seed": 1, "patience": PATIENCE})
    assert best(solution) == pytest.approx(optimum(problem, parts))
    assert Toy.asked
    assert max(part.n for part in Toy.asked) <= 9


@pytest.mark.parametrize("n", [60, 200])
@pytest.mark.parametrize("inner", [Toy, PlainToy])
@pytest.mark.parametrize("pruning", [True, False])
def test_exactly_k_ones(n: int, inner: type[Backend], pruning: bool) -> None:
    unlimited, parts = blocks(n, 10, seed=n + 1, pruning=pruning)
    problem = Problem(unlimited.bqm, n // 3)
    least = optimum(problem, parts)
    # a heuristic: a seed may end in a local optimum (at n = 60, seed 1 does); one of three must not
    for seed in (1, 2, 3):
        solution = run(decompose(inner), problem, {"seed": seed, "patience": PATIENCE})
        assert (solution.samples.record.sample.sum(axis=1, dtype=np.int64) == n // 3).all()
        assert best(solution) >= least - 1e-6
        if best(solution) <= least + 1e-6:
            break
    else:
        pytest.fail("no seed of three found the optimum")
    assert max(part.n for part in Toy.asked) <= 9


@pytest.mark.parametrize("inner", [Toy, PlainToy])
@pytest.mark.parametrize("ones", [None, 20])
def test_limits_are_kept_and_bind(inner: type[Backend], ones: int | None) -> None:
    unlimited, parts = blocks(60, 10, seed=3, pruning=False)
    names = [tuple(unlimited.variables[i] for i in part) for part in parts]
    limits = [at_most(2 + k, names[k], name=f"block {k}") for k in range(4)]
    number = [] if ones is None else [count(ones)]
    problem = Problem(unlimited.bqm, [*limits, *number])
    patience = 3 * PATIENCE if ones is None else 300  # by less, the seed ends in a local optimum
    solution = run(decompose(inner), problem, {"seed": 1, "patience": patience})
    assert problem.feasible(rows_of(problem, solution)).all()
    assert best(solution) == pytest.approx(optimum(problem, parts))
    free = Problem(unlimited.bqm, number)
    assert optimum(free, parts) < optimum(problem, parts) - 0.1


@pytest.mark.parametrize("ones", [None, 8])
def test_a_dense_problem_against_brute_force(ones: int | None) -> None:
    random = np.random.default_rng(5)
    bqm = dimod.BinaryQuadraticModel(np.triu(random.normal(size=(18, 18))), "BINARY")
    problem = Problem(bqm, () if ones is None else ones)
    bits = all_bits(18)
    least = problem.energies(bits[problem.feasible(bits)]).min()
    solution = run(decompose(Toy), problem, {"seed": 0, "patience": PATIENCE})
    assert best(solution) == pytest.approx(least)


def test_what_the_inner_backend_finds_is_what_improves_it() -> None:
    """Pairs of pairs: no flip and no swap leads out, a part of the four variables does."""
    linear = dict.fromkeys(range(40), 2.0) | dict.fromkeys(range(40, 48), -0.1)
    quadratic = {}
    for first in range(0, 40, 4):
        group = range(first, first + 4)
        quadratic |= {(i, j): -1.5 for i in group for j in group if i < j}
    problem = Problem(dimod.BinaryQuadraticModel(linear, quadratic, 0.0, "BINARY"))
    start = np.zeros((1, 48), dtype=np.int8)
    assert Moves(problem).descend(start[0])[:40].sum() == 0
    options = {"seed": 0, "size": 8, "patience": PATIENCE}
    solution = run(decompose(Toy), Problem(problem.bqm, start=start), options)
    assert best(solution) == pytest.approx(10 * (8 - 9) - 0.8)
    assert solution.raw["improvements"] > 0
    assert solution.raw["fixed"] == 8


@pytest.mark.parametrize("ones", [None, 25])
def test_it_is_never_worse_than_its_start(ones: int | None) -> None:
    unlimited, _ = blocks(60, 10, seed=7, pruning=True)
    random = np.random.default_rng(0)
    number = () if ones is None else ones
    options = {"seed": 5, "patience": PATIENCE}
    first = run(decompose(Toy), Problem(unlimited.bqm, number), options)
    start = np.array([first.samples.first.sample[v] for v in unlimited.variables], dtype=np.int8)
    rows = np.stack([random.integers(0, 2, 60).astype(np.int8), start])
    problem = Problem(unlimited.bqm, number, start=rows)
    again = run(decompose(Toy), problem, {"seed": 6, "rounds": 1, "incumbents": 1, "size": 2})
    assert best(again) <= best(first) + 1e-9


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.data())
def test_any_small_problem_keeps_its_constraints(seed: int, n: int, data: st.DataObject) -> None:
    random = np.random.default_rng(seed)
    bqm = dimod.BinaryQuadraticModel(np.triu(random.normal(size=(n, n))), "BINARY")
    half = tuple(range(n // 2))
    room = data.draw(st.integers(0, n // 2))
    demands = [at_most(room, half, name="half")] if half else []
    ones = data.draw(st.none() | st.integers(0, n - len(half) + room))
    demands += [] if ones is None else [count(ones)]
    start = random.integers(0, 2, size=(2, n)).astype(np.int8)
    problem = Problem(bqm, demands, start=start)
    options = {"seed": seed, "size": data.draw(st.integers(2, 5)), "rounds": 4}
    for inner in (Toy, PlainToy):
        solution = run(decompose(inner), problem, options)
        assert problem.feasible(rows_of(problem, solution)).all()
        fitting = start[problem.feasible(start)]
        if len(fitting):
            assert best(solution) <= problem.energies(fitting).min() + 1e-9


def test_one_seed_one_answer() -> None:
    problem, _ = blocks(60, 10, seed=11, pruning=False)
    problem = Problem(problem.bqm, 20)
    first, again, other = (
        run(decompose(Toy), problem, {"seed": seed, "patience": PATIENCE}) for seed in (1, 1, 2)
    )
    assert first.samples == again.samples
    assert first.raw == again.raw
    assert first.raw != other.raw
    assert first.seed == 1


def test_a_problem_that_is_certain_as_a_whole_needs_no_call() -> None:
    bqm = dimod.BinaryQuadraticModel(dict.fromkeys(range(30), 1.0), {}, 2.0, "BINARY")
    solution = run(decompose(Toy), Problem(bqm), {"seed": 0})
    assert best(solution) == 2.0
    assert solution.raw["fixed"] == 30
    assert not Toy.asked


def test_counts_above_127_do_not_overflow() -> None:
    problem, _ = blocks(300, 10, seed=0, pruning=True)
    problem = Problem(problem.bqm, 250)
    solution = run(decompose(Toy), problem, {"seed": 0, "rounds": 3})
    assert (solution.samples.record.sample.sum(axis=1, dtype=np.int64) == 250).all()


@pytest.mark.parametrize("ones", [None, 20])
def test_it_never_gets_worse_with_more_time(ones: int | None) -> None:
    """One seed walks one way: more rounds only go on from there."""
    problem, _ = blocks(80, 20, seed=4, pruning=False)
    problem = Problem(problem.bqm, () if ones is None else ones)
    options = {"seed": 3, "size": 6, "incumbents": 2, "patience": 1000}
    found = [
        best(run(decompose(Toy), problem, {**options, "rounds": rounds}))
        for rounds in (1, 5, 20, 80)
    ]
    assert found == sorted(found, reverse=True)
    assert found[-1] < found[0]
