"""The backend teneva: a tensor train of the Boltzmann weight, and its largest values."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

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
SWEEP = 8
"""Evaluations for a variable in one sweep over a train of rank 2, which is where it begins."""
MOST_BYTES = 2**31
SMALLEST = 4
"""Problems of fewer variables are a table: there is no train to look for."""


@dataclass(frozen=True)
class TenevaOptions(BackendOptions):
    """Options of teneva."""

    reads: int = option(
        3,
        "independent runs, each over another order of the variables",
        least=1,
        most=10_000,
        why="the rows of each are held in memory",
    )
    trains: int = option(
        8,
        "trains in a run, each colder than the last and around the best row so far",
        least=1,
        most=10_000,
        why="a run would take days",
    )
    evaluations: int = option(
        10_000,
        "energies computed for each train",
        least=100,
        most=100_000_000,
        why="a train would take days",
    )
    rank: int = option(
        8, "a train is cut to this rank", least=1, most=256, why="cores grow with its square"
    )
    hot: float = option(
        0.1,
        "temperature of a run's first train, in units of the spread of random energies",
        above=0,
        most=1000,
    )
    cold: float = option(0.03, "temperature of its last train, in that unit", above=0, most=1000)
    beam: int = option(
        100,
        "vectors kept in the search for the largest values",
        least=1,
        most=100_000,
        why="every one is held in memory",
    )
    seed: int | None = option(None, "random seed", least=0, most=LARGEST_SEED)
    time_limit: float | None = option(
        None, "compute no more energies after this", least=0, unit="s"
    )


class Teneva(Backend):
    """Cross approximation of ``exp(-energy / T)``, and beam search for its largest values.

    With a count, the train is multiplied by the indicator of exactly K ones: every row has K.
    """

    name = "teneva"
    capabilities = Capabilities(
        native=frozenset({"count"}),
        stochastic=True,
        takes_seed=True,
        takes_time_limit=True,
        takes_start=True,
    )
    Options = TenevaOptions
    citation = """
@article{chertkov2023optimization,
  author  = {Chertkov, Andrei and Ryzhakov, Gleb and Novikov, Georgii and Oseledets, Ivan},
  title   = {Tensor Extrema Estimation Via Sampling: A New Approach for Determining
             Minimum/Maximum Elements},
  journal = {Computing in Science \\& Engineering}, year = {2023}
}
@article{oseledets2010ttcross,
  author  = {Oseledets, Ivan and Tyrtyshnikov, Eugene},
  title   = {{TT}-cross approximation for multidimensional arrays},
  journal = {Linear Algebra and its Applications}, volume = {432}, number = {1}, pages = {70--88},
  year    = {2010}, doi = {10.1016/j.laa.2009.07.024}
}
"""

    @classmethod
    def availability(cls) -> Availability:
        """Whether teneva is installed."""
        try:
            return Availability(True, detail=f"teneva {version('teneva')}")
        except PackageNotFoundError:
            return Availability(False, detail="teneva is missing", remedy="pip install teneva")

    def applicability(
        self, problem: Problem, options: BackendOptions | None = None
    ) -> Applicability:
        """Refuses what its evaluations do not go round, and what does not fit into the memory."""
        given = options if isinstance(options, TenevaOptions) else TenevaOptions()
        least = 2 * SWEEP * problem.n
        if problem.n >= SMALLEST and given.evaluations < least:
            return Applicability(
                False,
                reason=f"{problem.n} variables need {least} evaluations for two sweeps, and "
                f"evaluations is {given.evaluations}",
                remedy=f"use evaluations={least} or more, or decompose:{self.name}",
            )
        blocks = 1 if problem.count is None else min(problem.count, problem.n - problem.count) + 1
        memory = 8 * problem.n * blocks * given.rank**2
        if memory > MOST_BYTES:
            return Applicability(
                False,
                reason=f"exactly {problem.count} of {problem.n} with rank {given.rank} need "
                f"{memory / 2**30:.1f} GiB, and {MOST_BYTES / 2**30:.0f} are taken at most",
                remedy=f"use a smaller rank, or decompose:{self.name}",
                memory_bytes=memory,
            )
        return Applicability(True, memory_bytes=memory)

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        """A few trains, and the best rows of all; what was known at the start is in the answer."""
        assert isinstance(options, TenevaOptions)
        from secateur_teneva.trains import Trains

        started = time.monotonic()
        seed = secrets.randbelow(LARGEST_SEED) if options.seed is None else options.seed
        rng = np.random.default_rng(seed)
        deadline = None if options.time_limit is None else started + options.time_limit
        rows = [random_rows(problem, 1, rng)]
        if problem.start is not None:
            rows.append(_counted(problem, problem.start))
        stopped, ranks, evaluations = Stopped.COMPLETED, [], 0
        if problem.n < SMALLEST:
            every = np.arange(2**problem.n)[:, None] >> np.arange(problem.n)[None] & 1
            rows.append(_counted(problem, every))
        elif problem.linear.any() or problem.quadratic[2].any():
            trains = Trains(problem, options, deadline)
            for _ in range(options.reads):
                rows.append(trains.read(rows[1] if problem.start is not None else None, rng))
            ranks, evaluations = trains.ranks, trains.evaluations
            stopped = Stopped.TIME_LIMIT if trains.late() else stopped
        bits = np.unique(np.vstack(rows), axis=0)
        order = np.argsort(problem.energies(bits), kind="stable")[: options.beam]
        return Solution.from_bits(
            problem,
            bits[order],
            options,
            time.monotonic() - started,
            stopped=stopped,
            seed=seed,
            versions={"teneva": version("teneva"), "numpy": np.__version__},
            raw={"ranks": ranks, "evaluations": evaluations},
        )


def random_rows(problem: Problem, rows: int, rng: np.random.Generator) -> NDArray[np.int8]:
    """Random vectors, with the wanted count if there is one."""
    if problem.count is None:
        return rng.integers(0, 2, (rows, problem.n), dtype=np.int8)
    first = np.arange(problem.n) < problem.count
    return rng.permuted(np.tile(first, (rows, 1)), axis=1).astype(np.int8)


def _counted(problem: Problem, rows: NDArray[np.generic]) -> NDArray[np.int8]:
    """Those with the wanted count."""
    bits = np.asarray(rows, dtype=np.int8)
    if problem.count is None:
        return bits
    return bits[bits.sum(axis=1, dtype=np.int64) == problem.count]
