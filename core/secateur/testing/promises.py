"""A backend's declared capabilities, each tested in both directions: kept, and not understated."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import dimod
import numpy as np
import pytest
from numpy.typing import NDArray

from secateur.backends.base import Backend, Solution, Status, Stopped
from secateur.backends.call import resolve_options, run
from secateur.errors import BackendOptionError, BackendUnsuitable
from secateur.problem import Problem, at_most, count
from secateur.testing.problems import balanced_problem, brute_force, random_problem


class Promises:
    """The part of ``BackendConformance`` that depends on ``Backend.capabilities``."""

    options: ClassVar[dict[str, Any]] = {}
    variables: ClassVar[int] = 6
    large: ClassVar[int] = 60
    time_limit: ClassVar[float] = 0.5

    def solve(self, solver: Backend, problem: Problem, **more: Any) -> Solution:
        """One verified call with the class's ``options`` and ``more``."""
        return run(solver, problem, {**self.options, **more}, charge=True)

    def best(self, problem: Problem, solution: Solution) -> float:
        """The lowest energy among the samples that have the wanted count."""
        assert len(solution.samples), f"no sample: {solution.status}, {solution.stopped}"
        bits = np.asarray(solution.samples.record.sample)
        energies = problem.energies(bits)
        return float(energies[problem.feasible(bits)].min(initial=np.inf))

    def _answers(self, solver: Backend, problem: Problem, **more: Any) -> bytes:
        solution = self.solve(solver, problem, **more)
        return np.asarray(solution.samples.record.sample, dtype=np.int8).tobytes()

    def _chance(self, solver: Backend) -> Problem:
        most = solver.capabilities.max_variables
        return balanced_problem(min(12, most or 12) // 2 * 2)

    def _has(self, solver: Backend, option: str) -> bool:
        return option in {field.name for field in dataclasses.fields(solver.Options)}

    def test_seed(self, solver: Backend) -> None:
        does, problem = solver.capabilities, self._chance(solver)
        if not does.takes_seed:
            assert not self._has(solver, "seed"), "an option `seed`: declare takes_seed"
            with pytest.raises(BackendOptionError, match="seed"):
                run(solver, problem, self.options, seed=1, charge=True)
            if not does.stochastic:
                assert self._answers(solver, problem) == self._answers(solver, problem), (
                    "two runs differ, and it does not declare itself stochastic"
                )
            return
        assert self.solve(solver, problem, seed=3).seed == 3, "Solution.seed is not what was given"
        for seed in (0, 1):
            assert self._answers(solver, problem, seed=seed) == self._answers(
                solver, problem, seed=seed
            ), f"two runs with the seed {seed} differ"
        if does.stochastic:
            answers = {self._answers(solver, problem, seed=seed) for seed in range(8)}
            assert len(answers) > 1, "eight seeds give one answer: the seed is not used"

    def _unasked(self, solver: Backend, problem: Problem) -> NDArray[np.bool_]:
        """Which rows keep demands that it does not declare; the library would not hand it any."""
        samples = solver.solve(problem, resolve_options(solver, self.options)).samples
        columns = [samples.variables.index(label) for label in problem.variables]
        return problem.feasible(np.asarray(samples.record.sample)[:, columns])

    def test_count(self, solver: Backend) -> None:
        does = solver.capabilities
        wanted = (0, 1, self.variables // 2, self.variables - 1, self.variables)
        kept = []
        for ones in wanted:
            problem = random_problem(self.variables, 5, ones=ones)
            if "count" not in does.native:
                kept.append(bool(self._unasked(solver, problem).all()))
                continue
            solution = self.solve(solver, problem)
            counts = np.asarray(solution.samples.record.sample).sum(axis=1)
            kept.append(bool((counts == ones).all()))
            assert kept[-1], f"{counts.tolist()} ones, and exactly {ones} were asked for"
            if does.exact:
                assert solution.status is Status.OPTIMAL
                optimum = brute_force(problem)[0]
                assert self.best(problem, solution) == pytest.approx(optimum, rel=1e-6, abs=1e-6)
        if "count" not in does.native:
            assert not all(kept), 'it keeps the count: declare native={"count"}'

    def test_limits(self, solver: Backend) -> None:
        does, half = solver.capabilities, self.variables // 2
        free = random_problem(self.variables, 6)
        labels = free.variables
        bqm = dimod.BinaryQuadraticModel(dict.fromkeys(labels, -1.0), {}, "BINARY")
        limits = [at_most(1, labels[:half], name="first"), at_most(0, labels[half:], name="second")]
        problem = Problem(bqm, [count(1), *limits] if "count" in does.native else limits)
        if "limit" in does.native:
            solution = self.solve(solver, problem)
            feasible = problem.feasible(np.asarray(solution.samples.record.sample))
            assert feasible.all(), "it declares limits native and breaks one"
            assert self.best(problem, solution) == pytest.approx(-1.0)
        elif "count" not in does.native:
            feasible = self._unasked(solver, problem)
            assert not feasible.all(), 'it keeps limits: declare native={"limit"}'

    def test_proof(self, solver: Backend) -> None:
        for seed in range(5):
            problem = random_problem(self.variables, 10 + seed, offset=-2.0)
            solution = self.solve(solver, problem)
            if not solver.capabilities.exact:
                assert solution.status is not Status.OPTIMAL
                continue
            assert solution.status is Status.OPTIMAL, f"exact, and says {solution.status}"
            assert solution.stopped is Stopped.COMPLETED
            assert solution.bound is not None, "exact, and gives no bound"
            optimum = brute_force(problem)[0]
            assert solution.bound == pytest.approx(optimum, rel=1e-6, abs=1e-6)
            assert self.best(problem, solution) == pytest.approx(optimum, rel=1e-6, abs=1e-6)

    def test_time_limit(self, solver: Backend) -> None:
        does = solver.capabilities
        size = min(self.large, does.max_variables or self.large)
        problem = random_problem(size, 7, ones=size // 2 if "count" in does.native else None)
        if not does.takes_time_limit:
            assert not self._has(solver, "time_limit"), "`time_limit`: declare takes_time_limit"
            with pytest.raises(BackendOptionError, match="time_limit"):
                run(solver, problem, self.options, time_limit=1.0)
            return
        limited = resolve_options(solver, {**self.options, "time_limit": self.time_limit})
        while not (suits := solver.applicability(problem, limited)).applicable:
            # it may refuse what it knows it cannot do in time
            assert suits.reason, f"{size} variables are refused without a reason"
            assert size > 2, f"refuses 2 variables: {suits.reason}"
            size //= 2
            ones = size // 2 if "count" in does.native else None
            problem = random_problem(size, 7, ones=ones)
        # a backend that hangs is told by the library, which waits for twice the limit and 10 s
        solution = self.solve(solver, problem, time_limit=self.time_limit)
        if solution.stopped is Stopped.TIME_LIMIT:
            assert solution.status is not Status.OPTIMAL
        with pytest.raises(BackendOptionError, match="time_limit"):
            self.solve(solver, problem, time_limit=-1.0)

    def test_start(self, solver: Backend) -> None:
        free = random_problem(self.variables, 8)
        ones = self.variables // 2 if "count" in solver.capabilities.native else None
        wanted = Problem(free.bqm, () if ones is None else ones)
        optimum, bits = brute_force(wanted)
        problem = wanted.with_start(bits[None, :])
        best = self.best(problem, self.solve(solver, problem))
        if solver.capabilities.takes_start:
            assert best <= optimum + 1e-6 * max(1.0, abs(optimum)), (
                f"started from {optimum} and answered {best}"
            )

    def test_size(self, solver: Backend) -> None:
        most = solver.capabilities.max_variables
        if most is None:
            size = 300
            labels = [f"v{k}" for k in range(size)]
            bqm = dimod.BinaryQuadraticModel(dict.fromkeys(labels, -1.0), {}, "BINARY")
            suits = solver.applicability(Problem(bqm), resolve_options(solver, self.options))
            assert suits.applicable or (suits.reason and suits.remedy), "refused without a reason"
            return
        bqm = dimod.BinaryQuadraticModel(dict.fromkeys(range(most + 1), -1.0), {}, "BINARY")
        problem = Problem(bqm)
        suits = solver.applicability(problem, resolve_options(solver, self.options))
        assert not suits.applicable, f"takes {most + 1} variables and declares at most {most}"
        assert suits.reason
        assert suits.remedy
        assert str(most) in suits.reason.replace(" ", "").replace(",", ""), "the limit is not named"
        with pytest.raises(BackendUnsuitable):
            self.solve(solver, problem)
