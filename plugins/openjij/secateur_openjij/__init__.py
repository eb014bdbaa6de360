"""The backends openjij and openjij-sqa: annealing, simulated and simulated quantum."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import ClassVar

import dimod
import numpy as np
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
WORK = 1.5e-9
"""Seconds for one coupling in one sweep, measured on one core of 2023."""
OVERRUN, GRACE = 1.2, 1.0
"""A run estimated longer than so many times the limit and seconds more is refused."""


@dataclass(frozen=True)
class OpenJijOptions(BackendOptions):
    """Options of both."""

    reads: int = option(20, "independent runs", least=1, most=1_000_000, why="every read is held")
    sweeps: int = option(
        1000,
        "sweeps over all variables in each run",
        least=1,
        most=10_000_000,
        why="the schedule is held",
    )
    seed: int | None = option(None, "random seed", least=0, most=LARGEST_SEED)
    time_limit: float | None = option(
        None, "start no run that would end after this", least=0, unit="s"
    )


@dataclass(frozen=True)
class OpenJijSQAOptions(OpenJijOptions):
    """Options of simulated quantum annealing.

    OpenJij's own defaults, an inverse temperature of 5 and 4 slices, are too hot to end in an
    optimum: see the README.
    """

    beta: float = option(
        1000.0,
        "inverse temperature of all slices together, for biases of at most 1",
        above=0,
        most=1e9,
    )
    gamma: float = option(1.0, "transverse field at the start", above=0, most=1e9)
    trotter: int = option(
        8, "slices of imaginary time", least=2, most=10_000, why="each holds the whole state"
    )


class OpenJij(Backend):
    """Simulated annealing."""

    name = "openjij"
    capabilities = Capabilities(
        stochastic=True, takes_seed=True, takes_time_limit=True, takes_start=True
    )
    Options = OpenJijOptions
    citation = """
@misc{openjij,
  author = {{Jij Inc.}},
  title  = {{OpenJij}: Framework for the {Ising} model and {QUBO}},
  url    = {https://github.com/Jij-Inc/OpenJij}
}
"""
    sampler: ClassVar[str] = "SASampler"
    setting_up: ClassVar[float] = 1.2e-5
    """Seconds for one coupling, before the first sweep of every run."""

    def applicability(
        self, problem: Problem, options: BackendOptions | None = None
    ) -> Applicability:
        """Refuses what takes longer to set up than the time limit."""
        given = options if isinstance(options, OpenJijOptions) else self.Options()
        couplings = len(problem.quadratic[2])
        least = (self.setting_up + WORK) * couplings
        if given.time_limit is None or least <= OVERRUN * given.time_limit + GRACE:
            return Applicability(True)
        return Applicability(
            False,
            reason=f"{problem.n} variables with {couplings} couplings: one run takes {least:.2g} s "
            f"at least, and the time limit of a call is {given.time_limit:.2g} s",
            remedy=f"give it more time, or use decompose:{self.name}",
            seconds=least,
        )

    @classmethod
    def availability(cls) -> Availability:
        """Whether OpenJij is installed."""
        try:
            return Availability(True, detail=f"openjij {version('openjij')}")
        except PackageNotFoundError:
            return Availability(False, detail="openjij is missing", remedy="pip install openjij")

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        """Anneal; what was known at the start is in the answer."""
        assert isinstance(options, OpenJijOptions)
        started = time.monotonic()
        seed = secrets.randbelow(LARGEST_SEED) if options.seed is None else options.seed
        # with one seed for a call all its reads are alike, so each read is a call
        seeds = np.random.default_rng(seed).integers(0, LARGEST_SEED, options.reads)
        rows = [] if problem.start is None else list(problem.start)
        stopped, last, sweeps = Stopped.COMPLETED, 0.0, options.sweeps
        if options.time_limit is not None:  # the first run fits, with fewer sweeps if need be
            couplings = max(len(problem.quadratic[2]), 1)
            fitting = (options.time_limit / couplings - self.setting_up) / WORK
            sweeps = max(1, min(sweeps, int(fitting)))
            stopped = Stopped.COMPLETED if sweeps == options.sweeps else Stopped.TIME_LIMIT
        for number, one in enumerate(seeds):
            began = time.monotonic()
            late = began + last - started
            if options.time_limit is not None and late > options.time_limit and number:
                stopped = Stopped.TIME_LIMIT
                break
            rows.append(self._read(problem, sweeps, int(one), self._schedule(options)))
            last = time.monotonic() - began
        return Solution.from_bits(
            problem,
            np.array(rows),
            options,
            time.monotonic() - started,
            stopped=stopped,
            seed=seed,
            versions={"openjij": version("openjij"), "dimod": dimod.__version__},
            raw={"sweeps": sweeps},
        )

    def _schedule(self, options: OpenJijOptions) -> dict[str, float]:
        """What the sampler is told besides."""
        return {}

    def _read(self, problem: Problem, sweeps: int, seed: int, more: dict[str, float]) -> np.ndarray:
        import openjij

        row, col, bias = problem.quadratic
        keep = bias != 0
        largest = max(np.abs(problem.linear).max(initial=0.0), np.abs(bias).max(initial=0.0))
        if largest == 0:  # nothing to anneal
            return np.random.default_rng(seed).integers(0, 2, problem.n)
        # its temperatures are made for biases of about 1
        linear = dict(enumerate((problem.linear / largest).tolist()))
        scaled = (bias[keep] / largest).tolist()
        pairs = zip(row[keep].tolist(), col[keep].tolist(), scaled, strict=True)
        quadratic = {(i, j): value for i, j, value in pairs}
        bqm = openjij.model.BinaryQuadraticModel(linear, quadratic, 0.0, "BINARY")
        sampler = getattr(openjij, self.sampler)()
        before = np.random.get_state()  # it draws from numpy's global state, seed or not
        try:
            np.random.seed(seed)
            answer = sampler.sample(bqm, num_reads=1, num_sweeps=sweeps, seed=seed, **more)
        finally:
            np.random.set_state(before)
        bits = np.zeros(problem.n, dtype=np.int8)
        bits[list(answer.variables)] = answer.record.sample[0]
        return bits


class OpenJijSQA(OpenJij):
    """Simulated quantum annealing: path-integral Monte Carlo in a falling transverse field."""

    name = "openjij-sqa"
    sampler = "SQASampler"
    setting_up = 1.4e-6
    Options = OpenJijSQAOptions

    def _schedule(self, options: OpenJijOptions) -> dict[str, float]:
        """Temperature, field and slices."""
        assert isinstance(options, OpenJijSQAOptions)
        return {"beta": options.beta, "gamma": options.gamma, "trotter": options.trotter}
