from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from itertools import product
from typing import Any, ClassVar

import dimod
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from secateur.solving.decomposition import decompose
from secateur.backends.descent import Descent
from secateur.backends.subproblem import persistent, subproblem
from secateur.backends.call import run

from secateur.backends import (
    Applicability,
    Backend,
    BackendOptions,
    Capabilities,
    Limit,
    Problem,
    Solution,
    Status,
    Stopped,
    Timings,
    option,
)
from secateur.backends.registry import load_backend
from secateur.errors import BackendError, BackendOptionError, BackendUnsuitable
from secateur.testing import random_problem


def all_bits(n: int) -> np.ndarray:
    return np.array(list(product((0, 1), repeat=n)), dtype=np.int8).reshape(-1, n)


@dataclass(frozen=True)
class ToyOptions(BackendOptions):
    effort: int = option(1, "ignored", least=1, most=9)
    token: str | None = option(None, "never shown", secret=True)


class Toy(Backend):
    """Looks at every vector of at most nine variables, and remembers what it was asked."""

    name: ClassVar[str] = "toy"
    capabilities: ClassVar[Capabilities] = Capabilities(
        max_variables=9, native_cardinality=True, native_limits=True, exact=True
    )
    Options: ClassVar[type[BackendOptions]] = ToyOptions
    asked: ClassVar[list[Problem]] = []
    options: ClassVar[list[Any]] = []
    pause: ClassVar[float] = 0.0

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        Toy.asked.append(problem)
        Toy.options.append(options)
        time.sleep(Toy.pause)
        most = self.capabilities.max_variables
        assert most is not None
        assert problem.n <= most
        bits = all_bits(problem.n)
        can = self.capabilities
        relevant = Problem(
            problem.bqm,
            problem.ones if can.native_cardinality else None,
            problem.limits if can.native_limits else (),
        )
        bits = bits[relevant.feasible(bits)]
        energies = problem.energies(bits)
        best = [int(np.argmin(energies))]
        samples = dimod.SampleSet.from_samples(
            (bits[best], list(problem.variables)), "BINARY", energy=energies[best]
        )
        return Solution(
            samples, Status.OPTIMAL, Stopped.COMPLETED, Timings(0.0), bound=energies.min()
        )


class PlainToy(Toy):
    """The same without constraints."""

    name: ClassVar[str] = "plain-toy"
    capabilities: ClassVar[Capabilities] = Capabilities(max_variables=9, exact=True)


class PaidToy(Toy):
    """The same for money."""

    name: ClassVar[str] = "paid-toy"
    capabilities: ClassVar[Capabilities] = Capabilities(
        max_variables=9, native_cardinality=True, native_limits=True, exact=True, metered=True
    )


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    Toy.asked.clear()
    Toy.options.clear()
    Toy.pause = 0.0
    yield
    Toy.pause = 0.0


def blocks(n: int, size: int, seed: int, *, pruning: bool) -> tuple[Problem, list[np.ndarray]]:
    """A problem that falls into blocks, with its variables shuffled, and the blocks' positions.

    So its optimum is known at any n: block by block, by brute force.
    """
    random = np.random.default_rng(seed)
    matrix = np.zeros((n, n))
    order = random.permutation(n)
    parts = [order[i : i + size] for i in range(0, n, size)]
    for part in parts:
        block = random.normal(size=(len(part), len(part)))
        if pruning:  # importance, and a little redundancy
            block = 0.2 * np.abs(block) + np.diag(random.lognormal(size=len(part)))
        matrix[np.ix_(part, part)] = block
    bqm = dimod.BinaryQuadraticModel(matrix, "BINARY")
    labels = {i: f"layer.{i % 7}:{i}" for i in range(n)}
    return Problem(bqm.relabel_variables(labels, inplace=False)), parts


def optimum(problem: Problem, parts: list[np.ndarray]) -> float:
    """Per block and count by brute force; counts combined by dynamic programming."""
    curves = []
    for part in parts:
        bits = np.zeros((2 ** len(part), problem.n), dtype=np.int8)
        bits[:, part] = all_bits(len(part))
        energies, counts = problem.energies(bits), bits.sum(axis=1, dtype=np.int64)
        names = {problem.variables[i] for i in part}
        for limit in problem.limits:
            if set(limit.variables) <= names:
                energies[~Problem(problem.bqm, limits=(limit,)).feasible(bits)] = np.inf
        curves.append([energies[counts == k].min() for k in range(len(part) + 1)])

    def combine(left: list[float], right: list[float]) -> list[float]:
        total = np.full(len(left) + len(right) - 1, np.inf)
        for i, value in enumerate(left):
            total[i : i + len(right)] = np.minimum(
                total[i : i + len(right)], value + np.array(right)
            )
        return list(total)

    curve = reduce(combine, curves)
    return float(min(curve) if problem.ones is None else curve[problem.ones])


def rows_of(problem: Problem, solution: Solution) -> np.ndarray:
    samples = solution.samples
    columns = [samples.variables.index(variable) for variable in problem.variables]
    return np.asarray(samples.record.sample)[:, columns]


def best(solution: Solution) -> float:
    return float(solution.samples.first.energy)


@pytest.mark.parametrize("n", [60, 120, 200])
@pytest.mark.parametrize("inner", [Toy, PlainToy])
def test_the_optimum_of_a_large_problem_is_found_in_parts(n: int, inner: type[Backend]) -> None:
    problem, parts = blocks(n, 10, seed=n, pruning=False)
    solution = run(decompose(inner), problem, {"seed": 1})
    assert best(solution) == pytest.approx(optimum(problem, parts))
    assert Toy.asked
    assert max(part.n for part in Toy.asked) <= 9


@pytest.mark.parametrize("n", [60, 120, 200])
@pytest.mark.parametrize("inner", [Toy, PlainToy])
@pytest.mark.parametrize("pruning", [True, False])
def test_exactly_k_ones(n: int, inner: type[Backend], pruning: bool) -> None:
    unlimited, parts = blocks(n, 10, seed=n + 1, pruning=pruning)
    problem = Problem(unlimited.bqm, ones=n // 3)
    # a heuristic: one seed of three may end in a local optimum (at n = 60, seed 1 does)
    solutions = [run(decompose(inner), problem, {"seed": seed}) for seed in (1, 2, 3)]
    solution = min(solutions, key=best)
    assert best(solution) == pytest.approx(optimum(problem, parts), abs=1e-6)
    assert (solution.samples.record.sample.sum(axis=1, dtype=np.int64) == n // 3).all()
    assert max(part.n for part in Toy.asked) <= 9


@pytest.mark.parametrize("inner", [Toy, PlainToy])
@pytest.mark.parametrize("ones", [None, 20])
def test_limits_are_kept_and_bind(inner: type[Backend], ones: int | None) -> None:
    unlimited, parts = blocks(60, 10, seed=3, pruning=False)
    names = [tuple(unlimited.variables[i] for i in part) for part in parts]
    limits = tuple(Limit(f"block {k}", names[k], 2 + k) for k in range(4))
    problem = Problem(unlimited.bqm, ones=ones, limits=limits)
    solution = run(decompose(inner), problem, {"seed": 1})
    assert problem.feasible(rows_of(problem, solution)).all()
    assert best(solution) == pytest.approx(optimum(problem, parts))
    free = Problem(unlimited.bqm, ones=ones)
    assert optimum(free, parts) < optimum(problem, parts) - 0.1


@pytest.mark.parametrize("ones", [None, 8])
def test_a_dense_problem_against_brute_force(ones: int | None) -> None:
    random = np.random.default_rng(5)
    bqm = dimod.BinaryQuadraticModel(np.triu(random.normal(size=(18, 18))), "BINARY")
    problem = Problem(bqm, ones=ones)
    bits = all_bits(18)
    least = problem.energies(bits[problem.feasible(bits)]).min()
    assert best(run(decompose(Toy), problem, {"seed": 0})) == pytest.approx(least)


def test_what_the_inner_backend_finds_is_what_improves_it() -> None:
    """Pairs of pairs: no flip and no swap leads out, a part of the four variables does."""
    linear = dict.fromkeys(range(40), 2.0) | dict.fromkeys(range(40, 48), -0.1)
    quadratic = {}
    for first in range(0, 40, 4):
        group = range(first, first + 4)
        quadratic |= {(i, j): -1.5 for i in group for j in group if i < j}
    problem = Problem(dimod.BinaryQuadraticModel(linear, quadratic, 0.0, "BINARY"))
    start = np.zeros((1, 48), dtype=np.int8)
    assert Descent(problem).descend(start[0])[:40].sum() == 0
    solution = run(decompose(Toy), Problem(problem.bqm, start=start), {"seed": 0, "size": 8})
    assert best(solution) == pytest.approx(10 * (8 - 9) - 0.8)
    assert solution.raw["improvements"] > 0
    assert solution.raw["fixed"] == 8


@pytest.mark.parametrize("ones", [None, 25])
def test_it_is_never_worse_than_its_start(ones: int | None) -> None:
    unlimited, _ = blocks(60, 10, seed=7, pruning=True)
    random = np.random.default_rng(0)
    first = run(decompose(Toy), Problem(unlimited.bqm, ones=ones), {"seed": 5})
    start = np.array([first.samples.first.sample[v] for v in unlimited.variables], dtype=np.int8)
    rows = np.stack([random.integers(0, 2, 60).astype(np.int8), start])
    problem = Problem(unlimited.bqm, ones=ones, start=rows)
    again = run(decompose(Toy), problem, {"seed": 6, "rounds": 1, "incumbents": 1, "size": 2})
    assert best(again) <= best(first) + 1e-9


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.data())
def test_any_small_problem_keeps_its_constraints(seed: int, n: int, data: st.DataObject) -> None:
    random = np.random.default_rng(seed)
    bqm = dimod.BinaryQuadraticModel(np.triu(random.normal(size=(n, n))), "BINARY")
    half = tuple(range(n // 2))
    limits = (Limit("half", half, data.draw(st.integers(0, n // 2))),) if half else ()
    most = Problem(bqm, limits=limits).most_ones
    ones = data.draw(st.none() | st.integers(0, most))
    start = random.integers(0, 2, size=(2, n)).astype(np.int8)
    problem = Problem(bqm, ones, limits, start)
    options = {"seed": seed, "size": data.draw(st.integers(2, 5)), "rounds": 4}
    for inner in (Toy, PlainToy):
        solution = run(decompose(inner), problem, options)
        assert problem.feasible(rows_of(problem, solution)).all()
        fitting = start[problem.feasible(start)]
        if len(fitting):
            assert best(solution) <= problem.energies(fitting).min() + 1e-9


def test_one_seed_one_answer() -> None:
    problem, _ = blocks(60, 10, seed=11, pruning=False)
    problem = Problem(problem.bqm, ones=20)
    first, again, other = (run(decompose(Toy), problem, {"seed": s}) for s in (1, 1, 2))
    assert first.samples == again.samples
    assert first.raw == again.raw
    assert first.raw != other.raw
    assert first.seed == 1


class TestPersistency:
    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 10_000), st.integers(1, 10), st.booleans())
    def test_some_optimum_has_the_certain_values(self, seed: int, n: int, limited: bool) -> None:
        random = np.random.default_rng(seed)
        matrix = np.triu(random.normal(size=(n, n)) * (random.random((n, n)) < 0.4), 1)
        bqm = dimod.BinaryQuadraticModel(matrix + np.diag(random.normal(size=n)), "BINARY")
        limits = (Limit("some", tuple(range((n + 1) // 2)), 1),) if limited else ()
        problem = Problem(bqm, limits=limits)
        values, known = persistent(problem)
        bits = all_bits(n)
        bits = bits[problem.feasible(bits)]
        agreeing = bits[(bits[:, known] == values[known]).all(axis=1)]
        assert len(agreeing)
        assert problem.energies(agreeing).min() == pytest.approx(problem.energies(bits).min())

    def test_it_fixes_what_is_certain_one_after_the_other(self) -> None:
        # c costs something; then b saves something; then a is not worth its coupling to b
        bqm = dimod.BinaryQuadraticModel(
            {"a": -1.0, "b": -3.0, "c": 5.0}, {"ab": 2.0, "bc": -4.0}, 0.0, "BINARY"
        )
        values, known = persistent(Problem(bqm))
        assert known.all()
        assert list(values) == [0, 1, 0]

    def test_nothing_is_certain_under_a_count(self) -> None:
        bqm = dimod.BinaryQuadraticModel({"a": 1.0, "b": 2.0, "c": -1.0}, {}, 0.0, "BINARY")
        assert persistent(Problem(bqm))[1].all()
        assert not persistent(Problem(bqm, ones=2))[1].any()
        solution = run(decompose(Toy), Problem(bqm, ones=2), {"seed": 0})
        assert solution.samples.first.sample == {"a": 1, "b": 0, "c": 1}

    def test_a_problem_that_is_certain_as_a_whole_needs_no_call(self) -> None:
        bqm = dimod.BinaryQuadraticModel(dict.fromkeys(range(30), 1.0), {}, 2.0, "BINARY")
        solution = run(decompose(Toy), Problem(bqm), {"seed": 0})
        assert best(solution) == 2.0
        assert solution.raw["fixed"] == 30
        assert not Toy.asked


class TestSubproblem:
    def test_its_energies_are_the_whole_problems(self) -> None:
        problem, _ = blocks(12, 6, seed=0, pruning=False)
        bits = np.random.default_rng(1).integers(0, 2, 12).astype(np.int8)
        positions = np.array([7, 2, 9, 4])
        part = subproblem(problem, bits, positions)
        assert part.variables == tuple(problem.variables[i] for i in positions)
        whole = np.repeat(bits[None], 16, axis=0)
        whole[:, positions] = all_bits(4)
        np.testing.assert_allclose(part.energies(all_bits(4)), problem.energies(whole))

    def test_count_and_limits_are_what_the_fixed_ones_leave(self) -> None:
        problem, _ = blocks(6, 6, seed=0, pruning=False)
        names = problem.variables
        problem = Problem(problem.bqm, 3, (Limit("l", names[:4], 2), Limit("m", names[4:5], 1)))
        bits = np.array([1, 0, 1, 0, 0, 1], dtype=np.int8)
        part = subproblem(problem, bits, np.array([1, 2, 5]))
        assert part.ones == 2
        assert part.limits == (Limit("l", (names[1], names[2]), 1),)

    def test_counts_above_127_do_not_overflow(self) -> None:
        problem, _ = blocks(300, 10, seed=0, pruning=True)
        problem = Problem(problem.bqm, ones=250)
        solution = run(decompose(Toy), problem, {"seed": 0, "rounds": 3})
        assert (solution.samples.record.sample.sum(axis=1, dtype=np.int64) == 250).all()


class TestLimitsOfTheSearch:
    def test_a_size_larger_than_the_inner_backend_takes_is_refused(self) -> None:
        problem, _ = blocks(30, 10, seed=0, pruning=False)
        with pytest.raises(BackendUnsuitable, match="at most 9"):
            run(decompose(Toy), problem, {"size": 10})

    def test_a_given_size_is_kept_to(self) -> None:
        problem, _ = blocks(30, 10, seed=0, pruning=False)
        problem = Problem(problem.bqm, ones=10)
        solution = run(decompose(Toy), problem, {"size": 5, "seed": 0})
        assert {part.n for part in Toy.asked} == {5}
        assert solution.raw["sizes"] == [5] * len(Toy.asked)
        assert solution.raw["calls"] == len(Toy.asked)

    def test_the_size_shrinks_until_the_inner_backend_takes_it_in_good_time(self) -> None:
        class Picky(Toy):
            name: ClassVar[str] = "picky"
            capabilities: ClassVar[Capabilities] = Capabilities(native_cardinality=True, exact=True)

            def applicability(
                self, problem: Problem, options: BackendOptions | None = None
            ) -> Applicability:
                if problem.n > 20:
                    return Applicability(False, reason="a licence for 20 variables")
                return Applicability(True, seconds=1.0 if problem.n < 9 else 60.0)

        problem, _ = blocks(300, 10, seed=0, pruning=False)
        chosen, suits = decompose(Picky)()._fit(problem, decompose(Picky).Options())  # type: ignore[attr-defined]
        assert chosen < 9
        assert suits.applicable

    def test_a_time_limit_is_kept(self) -> None:
        Toy.pause = 0.1
        problem, _ = blocks(100, 10, seed=0, pruning=False)
        started = time.monotonic()
        solution = run(decompose(Toy), problem, {"time_limit": 0.5, "patience": 1000, "seed": 0})
        assert solution.stopped is Stopped.TIME_LIMIT
        assert time.monotonic() - started < 3
        assert len(solution.samples)

    def test_ctrl_c_is_prompt(self) -> None:
        import _thread

        Toy.pause = 0.05
        problem, _ = blocks(100, 10, seed=0, pruning=False)
        threading.Timer(0.4, _thread.interrupt_main).start()
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            run(decompose(Toy), problem, {"patience": 1000, "rounds": 1000})
        assert time.monotonic() - started < 3

    def test_calls_that_cost_money_are_bounded(self) -> None:
        problem, _ = blocks(100, 10, seed=0, pruning=False)
        assert decompose(PaidToy).capabilities.metered
        assert not decompose(Toy).capabilities.metered
        for options, most in (({}, 5), ({"max_calls": 2}, 2), ({"max_calls": 7}, 7)):
            Toy.asked.clear()
            solution = run(decompose(PaidToy), problem, {"seed": 0, **options})
            assert len(Toy.asked) == most
            assert solution.stopped is Stopped.BUDGET

    def test_an_interrupted_inner_backend_ends_it(self) -> None:
        class Interrupted(Toy):
            name: ClassVar[str] = "interrupted"

            def solve(self, problem: Problem, options: BackendOptions) -> Solution:
                Toy.asked.append(problem)
                empty = dimod.SampleSet.from_samples(
                    (np.zeros((0, problem.n), np.int8), list(problem.variables)),
                    "BINARY",
                    energy=[],
                )
                return Solution(empty, Status.NONE, Stopped.INTERRUPTED, Timings(0.0))

        problem, _ = blocks(40, 10, seed=0, pruning=False)
        solution = run(decompose(Interrupted), problem, {"seed": 0})
        assert solution.stopped is Stopped.INTERRUPTED
        assert len(Toy.asked) == 1
        assert len(solution.samples)

    def test_a_lie_of_the_inner_backend_is_told_with_its_name(self) -> None:
        class Liar(Toy):
            name: ClassVar[str] = "liar"

            def solve(self, problem: Problem, options: BackendOptions) -> Solution:
                honest = super().solve(problem, options)
                honest.samples.record.energy[:] -= 1
                return honest

        problem, _ = blocks(40, 10, seed=0, pruning=False)
        with pytest.raises(BackendError, match="liar"):
            run(decompose(Liar), problem, {"seed": 0})


class TestOptions:
    def test_the_inner_backends_options_are_passed_through_and_checked(self) -> None:
        problem, _ = blocks(30, 10, seed=0, pruning=False)
        solution = run(decompose(Toy), problem, {"inner.effort": "3", "rounds": 2, "seed": 0})
        assert {options.effort for options in Toy.options} == {3}
        assert solution.options["inner.effort"] == 3
        with pytest.raises(BackendOptionError, match="effort"):
            run(decompose(Toy), problem, {"inner.efort": 3})
        with pytest.raises(BackendOptionError, match="out of range"):
            run(decompose(Toy), problem, {"inner.effort": 10})
        with pytest.raises(BackendOptionError, match="no option"):
            run(decompose(Toy), problem, {"effort": 3})

    def test_secrets_are_passed_on_and_never_shown(self) -> None:
        problem, _ = blocks(30, 10, seed=0, pruning=False)
        solution = run(decompose(Toy), problem, {"inner.token": "abc123", "rounds": 1, "seed": 0})
        assert Toy.options[0].token == "abc123"
        options = decompose(Toy).make_options({"inner.token": "abc123"})  # type: ignore[attr-defined]
        assert "abc123" not in f"{solution} {solution.options} {solution.raw} {options!r}"

    def test_the_name_in_the_registry(self) -> None:
        backend = load_backend("decompose:qaoa")
        assert backend is decompose(load_backend("qaoa"))
        assert backend.name == "decompose:qaoa"
        assert "Farhi" in backend.cite()
        assert "Booth" in backend.cite()


def test_qaoa_solves_a_problem_larger_than_its_parts() -> None:
    from secateur_backends.qaoa import QAOA

    unlimited, parts = blocks(40, 8, seed=2, pruning=True)
    problem = Problem(unlimited.bqm, ones=15)
    options = {"size": 8, "seed": 0, "inner.iterations": 20, "rounds": 30}
    solution = run(decompose(QAOA), problem, options)
    assert best(solution) == pytest.approx(optimum(problem, parts))
    assert max(solution.raw["sizes"]) <= 8
    again = run(decompose(QAOA), problem, options)
    assert again.samples == solution.samples


def test_the_seeds_of_the_calls_are_in_the_range_of_the_inner_backend():
    """Gurobi's ends before that of the decomposition."""

    @dataclass(frozen=True)
    class Small(BackendOptions):
        seed: int | None = option(None, "random seed", least=0, most=3)

    class Picky(load_backend("exhaustive")):
        name = "picky"
        capabilities = replace(load_backend("exhaustive").capabilities, takes_seed=True)
        Options = Small

        def solve(self, problem, options):
            exhaustive = load_backend("exhaustive")
            return exhaustive().solve(problem, exhaustive.Options())

    problem = random_problem(20, 1, ones=8)
    solution = run(decompose(Picky), problem, {"size": 6, "rounds": 20}, seed=1)
    assert problem.feasible(solution.samples.record.sample).all()
