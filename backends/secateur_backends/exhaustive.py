"""Proof for small problems: every allowed bit vector is looked at."""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import comb, inf
from typing import ClassVar

import numpy as np

from secateur.backends import (
    Applicability,
    Backend,
    BackendOptions,
    Capabilities,
    Solution,
    Status,
    Stopped,
    Timings,
    option,
)
from secateur.errors import BackendUnsuitable
from secateur.lazy import dimod
from secateur.problem import Problem
from secateur_backends.exhaustive_walk import (
    BLOCK,
    LOW_PATTERNS,
    TABLE,
    Enumeration,
    Plain,
    walkable,
    walked,
)

MOST_STATES = 2**34
"""Half a minute to a minute on one core."""
MOST_VARIABLES = 34
"""Without a wanted count; with one, the number of combinations decides."""
RATE = 3e8
"""States in a second, measured on one core of 2023."""
MOST_PLAIN_STATES = 2**24
"""With demands that the quick walk does not know."""
PLAIN_RATE = 1e6

CITATION = """
@misc{secateur-exhaustive,
  title = {secateur: the backend exhaustive (enumeration of all states)},
  note  = {Part of the software secateur}
}
"""


@dataclass(frozen=True)
class ExhaustiveOptions(BackendOptions):
    """Options of the enumeration."""

    time_limit: float | None = option(
        None, "stop after this and keep the best state so far", least=0, unit="s"
    )


class Exhaustive(Backend):
    """Looks at every state: proven, with or without a count, within limits; small problems."""

    name: ClassVar[str] = "exhaustive"
    capabilities: ClassVar[Capabilities] = Capabilities(
        max_variables=MOST_VARIABLES,
        native=frozenset(
            {"count", "limit", "multiple", "numbers", "linear", "quadratic", "budget", "staircase"}
        ),
        exact=True,
        takes_time_limit=True,
    )
    Options: ClassVar[type[BackendOptions]] = ExhaustiveOptions
    citation: ClassVar[str] = CITATION

    def applicability(
        self, problem: Problem, options: BackendOptions | None = None
    ) -> Applicability:
        """By the number of states: a small count makes a large problem small."""
        states = count_states(problem)
        seconds = 0.05 + states / (RATE if walkable(problem) else PLAIN_RATE)
        memory = 8 * (TABLE + 2 * MOST_VARIABLES * max(LOW_PATTERNS, BLOCK))
        if states <= (MOST_STATES if walkable(problem) else MOST_PLAIN_STATES):
            return Applicability(True, seconds=seconds, memory_bytes=memory)
        wanted = "" if problem.count is None else f" with {problem.count} ones"
        return Applicability(
            False,
            reason=f"{problem.n} variables{wanted} have {states:.3g} states (about "
            f"{_duration(seconds)}), and it takes at most {MOST_STATES:.3g}; that is "
            f"{MOST_VARIABLES} variables without a count",
            remedy="use branch-and-bound, gurobi or scip, which also prove, or the wrapper "
            "decompose:exhaustive",
            seconds=seconds,
            memory_bytes=memory,
        )

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        """Enumerate; ``OPTIMAL`` unless the time ran out."""
        assert isinstance(options, ExhaustiveOptions)
        started = time.monotonic()
        suits = self.applicability(problem, options)
        if not suits.applicable:
            raise BackendUnsuitable(
                f"backend {self.name!r} cannot take this problem: {suits.reason}",
                backend=self.name,
                remedy=suits.remedy,
            )
        until = inf if options.time_limit is None else started + options.time_limit
        enumeration = Enumeration(problem) if walkable(problem) else Plain(problem)
        bits, complete = enumeration.run(until)
        bits = bits[problem.feasible(bits)]  # the walk of an impossible problem ends anywhere
        energies = problem.energies(bits)
        samples = dimod.SampleSet.from_samples(
            (bits, list(problem.variables)), vartype=dimod.BINARY, energy=energies
        )
        took = time.monotonic() - started
        return Solution(
            samples=samples,
            status=_held(complete, len(bits)),
            stopped=Stopped.COMPLETED if complete else Stopped.TIME_LIMIT,
            timings=Timings(total=took, solve=took),
            bound=float(energies[0]) if complete and len(bits) else None,
            versions={"numpy": np.__version__},
            options=options.public(),
            raw={"states": enumeration.seen},
            incumbents=tuple(
                (seconds - started, row)
                for seconds, row in enumeration.improved
                if problem.feasible(row)[0]
            ),
        )


def count_states(problem: Problem) -> int:
    """How many bit vectors are looked at, at most.

    With a count these are the vectors with at most so many ones: the walk passes through them.
    """
    if problem.count is None or not walkable(problem):
        return 2**problem.n
    return sum(comb(problem.n, k) for k in range(walked(problem) + 1))


def _held(complete: bool, rows: int) -> Status:
    if rows:
        return Status.OPTIMAL if complete else Status.FEASIBLE
    return Status.INFEASIBLE if complete else Status.NONE


def _duration(seconds: float) -> str:
    for unit, size in (("years", 3.15e7), ("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} seconds"
