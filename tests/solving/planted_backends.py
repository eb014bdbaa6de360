"""Backends whose behaviour is known: exact, native, noisy, lying, metered, interrupted."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar

import dimod
import numpy as np

from secateur.backends import (
    Backend,
    BackendOptions,
    Capabilities,
    Solution,
    Status,
    Stopped,
    Timings,
    option,
)
from secateur.errors import BackendBudgetSpent
from secateur.problem import Problem
from tests.random_problems import everything


def solution(problem: Problem, bits: Any, *, exact: bool = False, **more: Any) -> Solution:
    rows = np.atleast_2d(bits)
    energies = problem.energies(rows)
    often = more.pop("num_occurrences", None)
    extra = {} if often is None else {"num_occurrences": often}
    samples = dimod.SampleSet.from_samples(
        (rows, list(problem.variables)), vartype="BINARY", energy=energies, **extra
    )
    return Solution(
        samples,
        Status.OPTIMAL if exact else Status.FEASIBLE,
        more.pop("stopped", Stopped.COMPLETED),
        Timings(0.0),
        bound=more.pop("bound", float(energies.min()) if exact and len(rows) else None),
        **more,
    )


class Proven(Backend):
    """Exact by enumeration; takes no demand."""

    name = "proven"
    capabilities = Capabilities(max_variables=14, exact=True)
    calls: ClassVar[int] = 0

    def solve(self, problem, options):
        type(self).calls += 1
        assert problem.kinds <= self.capabilities.native
        rows = everything(problem.n)
        rows = rows[problem.feasible(rows)]
        if len(rows) == 0:
            return Solution(
                dimod.SampleSet.from_samples(
                    (np.zeros((0, problem.n)), list(problem.variables)), "BINARY", energy=[]
                ),
                Status.INFEASIBLE,
                Stopped.COMPLETED,
                Timings(0.0),
            )
        return solution(problem, rows[[np.argmin(problem.energies(rows))]], exact=True)


class Native(Proven):
    """Exact, takes the count alone."""

    name = "native"
    capabilities = Capabilities(max_variables=14, exact=True, native=frozenset({"count"}))


class Everything(Proven):
    """Exact, takes every demand."""

    name = "everything"
    capabilities = Capabilities(
        max_variables=14,
        exact=True,
        native=frozenset({"count", "limit", "multiple", "linear", "quadratic"}),
    )


@dataclass(frozen=True)
class NoisyOptions(BackendOptions):
    seed: int | None = option(None, "random seed", least=0)
    rows: int = option(3, "reads", least=1)


class Noisy(Backend):
    """Random answers, as a bad heuristic gives."""

    name = "noisy"
    capabilities = Capabilities(stochastic=True, takes_seed=True)
    Options = NoisyOptions

    def solve(self, problem, options):
        rng = np.random.default_rng(options.seed)
        bits = rng.integers(0, 2, size=(options.rows, problem.n)).astype(np.int8)
        return solution(problem, bits, seed=options.seed, num_occurrences=[2] * options.rows)


class Rubbish(Backend):
    """Always the worst that it can think of."""

    name = "rubbish"

    def solve(self, problem, options):
        rows = everything(min(problem.n, 12))
        rows = np.pad(rows, ((0, 0), (0, problem.n - rows.shape[1])))
        return solution(problem, rows[[np.argmax(problem.energies(rows))]])


class OffByOne(Native):
    """One more than it was told."""

    name = "off-by-one"

    def solve(self, problem, options):
        bits = np.zeros((1, problem.n), dtype=np.int8)
        bits[0, : problem.count + 1] = 1
        return solution(problem, bits)


class Empty(Backend):
    """Finds nothing."""

    name = "empty"

    def solve(self, problem, options):
        return Solution(
            dimod.SampleSet.from_samples(
                (np.zeros((0, problem.n)), list(problem.variables)), "BINARY", energy=[]
            ),
            Status.NONE,
            Stopped.COMPLETED,
            Timings(0.0),
        )


class Spent(Noisy):
    """A metered one whose budget allows two calls."""

    name = "spent"
    capabilities = Capabilities(stochastic=True, takes_seed=True, metered=True)
    default_budget_s = 2.0
    allowed: ClassVar[int] = 2
    calls: ClassVar[int] = 0

    def solve(self, problem, options):
        if type(self).calls == type(self).allowed:
            raise BackendBudgetSpent("the budget is spent", backend=self.name)
        type(self).calls += 1
        return super().solve(problem, options)


class MeteredNative(Native):
    """Metered, takes the count and no limits."""

    name = "metered-native"
    capabilities = Capabilities(exact=True, native=frozenset({"count"}), metered=True)


class Interrupted(Proven):
    """Ctrl-C while it runs."""

    name = "interrupted"

    def solve(self, problem, options):
        raise KeyboardInterrupt


class Halfway(Noisy):
    """Ctrl-C, told in the answer."""

    name = "halfway"

    def solve(self, problem, options):
        return solution(problem, np.zeros(problem.n, np.int8), stopped=Stopped.INTERRUPTED)


@dataclass(frozen=True)
class SlowOptions(BackendOptions):
    time_limit: float | None = option(None, "stop after so long", least=0.0, unit="s")


class Slow(Backend):
    """Uses all the time it is given, and notes how much that was."""

    name = "slow"
    capabilities = Capabilities(takes_time_limit=True)
    Options = SlowOptions
    limits: ClassVar[list[float]] = []

    def solve(self, problem, options):
        type(self).limits.append(options.time_limit)
        time.sleep(min(options.time_limit or 0.0, 5.0))
        return solution(problem, np.zeros(problem.n, np.int8), stopped=Stopped.TIME_LIMIT)


class Meddler(Proven):
    """Makes the problem it was handed another one, and solves that exactly."""

    name = "meddler"
    how: ClassVar[str] = "bqm"

    def solve(self, problem, options):
        if self.how == "bqm":
            problem.bqm.scale(0.0)
        elif self.how == "arrays":
            problem.linear = problem.linear * 0.0
            problem.quadratic = (*problem.quadratic[:2], problem.quadratic[2] * 0.0)
            problem.offset = 0.0
        else:
            problem.linear *= 0.0
        return solution(problem, np.zeros((1, problem.n), np.int8), exact=True)
