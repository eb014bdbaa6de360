"""The backends dwave-hybrid and dwave-hybrid-tempering: D-Wave's hybrid workflows without a QPU."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from secateur.backends import (
    Applicability,
    Availability,
    Backend,
    BackendOptions,
    Capabilities,
    Solution,
    Stopped,
    option,
)
from secateur.problem import Problem

LARGEST_SEED = 2**31 - 1
SETTING_UP = 4e-6
"""Seconds for one coupling in one iteration: its decomposers are written in Python. Measured."""
WORK = 4e-9
"""Seconds for one coupling in one sweep of a replica."""
OVERRUN, GRACE = 1.2, 1.0
"""An iteration estimated longer than so many times the limit and seconds more is refused."""
HELD = "every read is held in memory"


@dataclass(frozen=True)
class LoopOptions(BackendOptions):
    """What all workflows have: a loop of iterations."""

    reads: int = option(1, "independent runs of the workflow", least=1, most=100_000, why=HELD)
    iterations: int = option(
        20, "most iterations of a run", least=1, most=1_000_000, why="a run would take days"
    )
    convergence: int = option(
        3,
        "end a run after so many iterations without a better energy",
        least=1,
        most=1_000_000,
        why="a run would take days",
    )
    time_limit: float | None = option(None, "begin no iteration after this", least=0, unit="s")


@dataclass(frozen=True)
class DWaveHybridOptions(LoopOptions):
    """Options of the races."""

    workflow: str = option(
        "race",
        "race: tabu search against subproblems; qbsolv: SimplifiedQbsolv; kerberos: Kerberos, with "
        "annealing of the whole problem besides; all with a local subsolver in place of the QPU",
        choices=("race", "qbsolv", "kerberos"),
    )
    subsolver: str = option("annealing", "what solves a subproblem", choices=("annealing", "tabu"))
    subproblem: int = option(
        50, "variables of a subproblem", least=1, most=10_000, why="a subproblem is held densely"
    )
    traversal: str = option(
        "energy",
        "how they are chosen: by energy, or in the graph by breadth or by priority",
        choices=("energy", "bfs", "pfs"),
    )
    sweeps: int = option(1000, "of annealing", least=1, most=10_000_000, why="the schedule is held")
    tabu_timeout: int = option(
        100, "of one tabu search", least=1, most=3_600_000, unit="ms", why="it cannot be cut short"
    )


@dataclass(frozen=True)
class TemperingOptions(LoopOptions):
    """Options of parallel tempering."""

    replicas: int = option(
        10, "temperatures, each with a state of its own", least=2, most=10_000, why=HELD
    )
    sweeps: int = option(
        500, "in an iteration, at each temperature", least=1, most=10_000_000, why="of the time"
    )
    seed: int | None = option(None, "random seed", least=0, most=LARGEST_SEED)


class _Workflow(Backend):
    """What both backends do."""

    citation: ClassVar[str] = """
@misc{dwavehybrid,
  author = {{D-Wave Systems Inc.}},
  title  = {dwave-hybrid: A general, minimal {Python} framework for building hybrid
            asynchronous decomposition samplers},
  url    = {https://github.com/dwavesystems/dwave-hybrid}
}
"""

    @classmethod
    def availability(cls) -> Availability:
        """Whether dwave-hybrid is installed; no token is needed."""
        try:
            return Availability(True, detail=f"dwave-hybrid {version('dwave-hybrid')}")
        except PackageNotFoundError:
            return Availability(
                False, detail="dwave-hybrid is missing", remedy="pip install dwave-hybrid"
            )

    def iteration_seconds(self, problem: Problem, options: BackendOptions) -> float:
        """About how long one iteration takes."""
        raise NotImplementedError

    def applicability(
        self, problem: Problem, options: BackendOptions | None = None
    ) -> Applicability:
        """Refuses what takes longer than the time limit before its first iteration ends."""
        given = options if isinstance(options, LoopOptions) else self.Options()
        least = self.iteration_seconds(problem, given)
        limit = given.time_limit
        if limit is None or least <= OVERRUN * limit + GRACE:
            return Applicability(True)
        return Applicability(
            False,
            reason=f"{problem.n} variables with {len(problem.quadratic[2])} couplings: one "
            f"iteration takes about {least:.2g} s, and the time limit of a call is {limit:.2g} s",
            remedy=f"give it more time, or use decompose:{self.name}",
            seconds=least,
        )

    def _answer(
        self, problem: Problem, options: LoopOptions, seed: int | None, shown: bool
    ) -> Solution:
        """Runs until the reads or the time are over; the starts are in the answer."""
        started = time.monotonic()
        rng = np.random.default_rng(seed)
        deadline = None if options.time_limit is None else started + options.time_limit
        rows = [] if problem.start is None else list(problem.start)
        stopped = Stopped.COMPLETED
        for number in range(options.reads):
            first = rng.integers(0, 2, problem.n)
            if problem.start is not None and number < len(problem.start):
                first = problem.start[number]
            if not (problem.linear.any() or problem.quadratic[2].any()):  # nothing to improve
                rows.append(first)
                continue
            if number and deadline is not None and time.monotonic() >= deadline:
                stopped = Stopped.TIME_LIMIT
                break
            from secateur_dwave_hybrid.workflows import run_workflow

            found, ended = run_workflow(problem, options, first, rng, deadline)
            rows += list(found)
            stopped = stopped if ended else Stopped.TIME_LIMIT
        bits: NDArray[np.int8] = np.array(rows, dtype=np.int8).reshape(len(rows), problem.n)
        order = np.argsort(problem.energies(bits), kind="stable")
        return Solution.from_bits(
            problem,
            bits[order],
            options,
            time.monotonic() - started,
            stopped=stopped,
            seed=seed if shown else None,
            versions={
                "dwave-hybrid": version("dwave-hybrid"),
                "dwave-samplers": version("dwave-samplers"),
            },
        )


class DWaveHybrid(_Workflow):
    """Tabu search raced against subproblems; who is first ends an iteration: no seed repeats it."""

    name = "dwave-hybrid"
    capabilities = Capabilities(stochastic=True, takes_time_limit=True, takes_start=True)
    Options = DWaveHybridOptions

    def iteration_seconds(self, problem: Problem, options: BackendOptions) -> float:
        """The decomposer's, which no time limit cuts short."""
        return SETTING_UP * len(problem.quadratic[2])

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        """Run the workflow."""
        assert isinstance(options, DWaveHybridOptions)
        return self._answer(problem, options, secrets.randbelow(LARGEST_SEED), shown=False)


class DWaveHybridTempering(_Workflow):
    """Parallel tempering: replicas at fixed temperatures that are exchanged; a seed repeats it."""

    name = "dwave-hybrid-tempering"
    capabilities = Capabilities(
        stochastic=True, takes_seed=True, takes_time_limit=True, takes_start=True
    )
    Options = TemperingOptions

    def iteration_seconds(self, problem: Problem, options: BackendOptions) -> float:
        """The sweeps' of all replicas."""
        assert isinstance(options, TemperingOptions)
        couplings = len(problem.quadratic[2]) + problem.n
        return WORK * couplings * options.sweeps * options.replicas

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        """Run the workflow."""
        assert isinstance(options, TemperingOptions)
        seed = secrets.randbelow(LARGEST_SEED) if options.seed is None else options.seed
        return self._answer(problem, options, seed, shown=True)
