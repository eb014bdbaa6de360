"""``decompose:NAME``: sizes, time limits, Ctrl-C, money, options of the inner backend."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import dimod
import numpy as np
import pytest

from secateur.backends import (
    Applicability,
    BackendOptions,
    Capabilities,
    Solution,
    Status,
    Stopped,
    Timings,
    option,
)
from secateur.backends.call import run
from secateur.backends.registry import load_backend
from secateur.errors import BackendError, BackendOptionError, BackendUnsuitable
from secateur.problem import Problem
from secateur.solving import load_solver
from secateur.solving.decomposition import decompose
from secateur.testing import random_problem
from tests.clocks import spends
from tests.solving.toys import PaidToy, Toy, best, blocks, optimum


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    Toy.forget()
    yield
    Toy.forget()


class TestLimitsOfTheSearch:
    def test_a_size_larger_than_the_inner_backend_takes_is_refused(self) -> None:
        problem, _ = blocks(30, 10, seed=0, pruning=False)
        with pytest.raises(BackendUnsuitable, match="at most 9"):
            run(decompose(Toy), problem, {"size": 10})

    def test_a_given_size_is_kept_to(self) -> None:
        problem, _ = blocks(30, 10, seed=0, pruning=False)
        problem = Problem(problem.bqm, 10)
        solution = run(decompose(Toy), problem, {"size": 5, "seed": 0, "patience": 30})
        assert {part.n for part in Toy.asked} == {5}
        assert solution.raw["sizes"] == [5] * len(Toy.asked)
        assert solution.raw["calls"] == len(Toy.asked)

    def test_the_size_shrinks_until_the_inner_backend_takes_it_in_good_time(self) -> None:
        class Picky(Toy):
            name: ClassVar[str] = "picky"
            capabilities: ClassVar[Capabilities] = Capabilities(
                native=frozenset({"count"}), exact=True
            )

            def applicability(
                self, problem: Problem, options: BackendOptions | None = None
            ) -> Applicability:
                if problem.n > 20:
                    return Applicability(False, reason="a licence for 20 variables")
                return Applicability(True, seconds=1.0 if problem.n < 9 else 60.0)

        problem, _ = blocks(300, 10, seed=0, pruning=False)
        chosen, suits = decompose(Picky)()._fit(problem, decompose(Picky).Options())
        assert chosen < 9
        assert suits.applicable

    def test_a_time_limit_is_kept(self) -> None:
        Toy.pause = 0.1
        problem, _ = blocks(100, 10, seed=0, pruning=False)
        with spends(3.0):
            options = {"time_limit": 0.5, "patience": 1000, "seed": 0}
            solution = run(decompose(Toy), problem, options)
        assert solution.stopped is Stopped.TIME_LIMIT
        assert len(Toy.asked) < 30  # each has paused for a tenth of a second
        assert len(solution.samples)

    def test_ctrl_c_is_prompt(self) -> None:
        import _thread

        Toy.pause = 0.05
        problem, _ = blocks(100, 10, seed=0, pruning=False)
        threading.Timer(0.4, _thread.interrupt_main).start()
        with spends(3.0), pytest.raises(KeyboardInterrupt):
            run(decompose(Toy), problem, {"patience": 1000, "rounds": 1000})
        assert len(Toy.asked) < 60  # each has paused for a twentieth of a second

    def test_calls_that_cost_money_are_bounded(self) -> None:
        problem, _ = blocks(100, 10, seed=0, pruning=False)
        assert decompose(PaidToy).capabilities.metered
        assert not decompose(Toy).capabilities.metered
        for options, most in (({}, 5), ({"max_calls": 2}, 2), ({"max_calls": 7}, 7)):
            Toy.asked.clear()
            solution = run(decompose(PaidToy), problem, {"seed": 0, **options}, charge=True)
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
        options = decompose(Toy).make_options({"inner.token": "abc123"})
        assert "abc123" not in f"{solution} {solution.options} {solution.raw} {options!r}"

    def test_the_name_in_the_registry(self) -> None:
        backend = load_solver("decompose:qaoa")
        assert backend is decompose(load_backend("qaoa"))
        assert backend.name == "decompose:qaoa"
        assert "Farhi" in backend.cite()
        assert "Booth" in backend.cite()


def test_qaoa_solves_a_problem_larger_than_its_parts() -> None:
    from secateur_backends.qaoa import QAOA

    unlimited, parts = blocks(40, 8, seed=2, pruning=True)
    problem = Problem(unlimited.bqm, 15)
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
