"""Simulated annealing and its siblings, from dwave-samplers (the successor of dwave-neal).

The samplers are called on integer labels, because with others their answers would depend on the
labels, and in a thread of their own, so that Ctrl-C and a time limit are obeyed: the C code looks
up only between two reads.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar

import numpy as np

from secateur.backends import (
    Applicability,
    Availability,
    Backend,
    BackendOptions,
    Capabilities,
    Solution,
    Status,
    Stopped,
    Timings,
)
from secateur.backends.incumbents import improving_rows
from secateur.lazy import dimod
from secateur.limits import MOST_CELLS
from secateur.problem import Problem
from secateur.seeds import LARGEST_SEED
from secateur_backends.annealing_chunks import (
    LOOK,
    Cost,
    annealed,
    as_samples,
    beta_range,
    betas,
    descended,
    memory_here,
)
from secateur_backends.annealing_options import (
    AnnealingOptions,
    DescentOptions,
    PathIntegralOptions,
    TabuOptions,
)
from secateur_backends.annealing_thread import empty, interruptible, plain, timed

Call = Callable[["dimod.BinaryQuadraticModel", Callable[[], bool], int], "dimod.SampleSet"]
"""Model, whether to stop, and seed."""
OVERRUN, GRACE = 1.2, 1.0
"""A call that is estimated longer than so many times its limit and seconds more is refused."""
MODEL_EACH = 3e-7
"""Seconds to make the sampler's model of one coupling."""


@cache
def _version() -> str:
    """Of the sampler's package, which is read from its files."""
    return version("dwave-samplers")


class _Sampled(Backend):
    """What the samplers of dwave-samplers have in common."""

    sampler_name: ClassVar[str]
    cost: ClassVar[Cost]

    def applicability(
        self, problem: Problem, options: BackendOptions | None = None
    ) -> Applicability:
        """Refuses reads that do not fit into memory, and what cannot be done in the time limit."""
        given: Any = self.Options() if options is None else options
        limit = given.time_limit
        n, couplings = problem.n, len(problem.quadratic[2])
        memory = 100 * (n + couplings) + 8 * given.reads * n  # handed over, and sorted
        memory += self.cost.cell * n * n
        if given.reads * n > MOST_CELLS:
            return Applicability(
                False,
                reason=f"{given.reads} reads of {n} variables are {given.reads * n / 2**30:.2g} "
                f"GiB, and at most {MOST_CELLS / 2**30:.2g} are held",
                remedy=f"take at most {MOST_CELLS // n} reads",
                memory_bytes=memory,
            )
        here = memory_here()
        if here is not None and memory > here:
            return Applicability(
                False,
                reason=f"{n} variables with {couplings} couplings take {memory / 2**30:.2g} GiB, "
                f"and this machine has {here / 2**30:.2g}",
                remedy=f"use decompose:{self.name}"
                + (", or annealing, which makes no matrix" if self.cost.cell else ""),
                memory_bytes=memory,
            )
        least = self.cost.handing(n, couplings) + self.cost.unit(n, couplings)
        least += MODEL_EACH * couplings
        if limit is None or least <= OVERRUN * limit + GRACE:
            return Applicability(True, memory_bytes=memory)
        return Applicability(
            False,
            reason=f"{n} variables with {couplings} couplings: one run takes {least:.2g} s at "
            f"least, and the time limit of a call is {limit:.2g} s",
            remedy=f"give it {least / OVERRUN:.2g} s or more, or use decompose:{self.name}",
            seconds=least,
            memory_bytes=memory,
        )

    @classmethod
    def availability(cls) -> Availability:
        """Whether dwave-samplers is installed."""
        try:
            return Availability(True, detail=f"dwave-samplers {_version()}")
        except PackageNotFoundError:
            return Availability(
                False, detail="dwave-samplers is missing", remedy="pip install dwave-samplers"
            )

    def _finish(
        self,
        problem: Problem,
        options: Any,
        call: Call,
        until: float | None = None,
        raw: dict[str, Any] | None = None,
        ends: Sequence[float] = (),
    ) -> Solution:
        """Relabel, call in a thread, and put the answer into the contract's words.

        ``ends`` are the moments at which the first reads ended, filled by ``call``.
        """
        started = time.monotonic()
        # without a seed the vendor would take one from numpy's global state; this one is reported
        seed = secrets.randbelow(LARGEST_SEED - 1) if options.seed is None else options.seed
        if problem.n == 0:
            samples, stopped = empty(problem), Stopped.COMPLETED
        else:
            bqm = dimod.BinaryQuadraticModel.from_numpy_vectors(
                problem.linear, problem.quadratic, problem.offset, dimod.BINARY
            )
            samples, stopped = interruptible(bqm, lambda b, s: call(b, s, seed), until)
            samples = samples.relabel_variables(dict(enumerate(problem.variables)), inplace=False)
        rows = samples.record.sample[:, _places(samples, problem)] if ends else ()
        times = [end - started for end in ends[: len(rows)]]
        took = time.monotonic() - started
        if any(done < getattr(options, name) for name, done in (raw or {}).items()):
            stopped = Stopped.TIME_LIMIT  # fewer, so that they fit
        return Solution(
            samples=samples,
            status=Status.FEASIBLE,
            stopped=stopped,
            timings=Timings(total=took, solve=took),
            versions={"dwave-samplers": _version(), "dimod": dimod.__version__},
            options=options.public(),
            seed=seed,
            raw=raw or {},
            incumbents=improving_rows(problem, times, np.asarray(rows)),
        )

    def _sampler(self) -> Any:
        import dwave.samplers

        return getattr(dwave.samplers, self.sampler_name)()


class Annealing(_Sampled):
    """Simulated annealing (Kirkpatrick et al. 1983); warm-started from ``Problem.start``."""

    name = "annealing"
    sampler_name = "SimulatedAnnealingSampler"
    capabilities = Capabilities(
        stochastic=True, takes_seed=True, takes_time_limit=True, takes_start=True
    )
    Options = AnnealingOptions
    cost = Cost(each=4e-7, work=1.3e-9)
    citation = """
@article{kirkpatrick1983optimization,
  title={Optimization by Simulated Annealing},
  author={Kirkpatrick, S. and Gelatt, C. D. and Vecchi, M. P.},
  journal={Science}, volume={220}, number={4598}, pages={671--680}, year={1983},
  doi={10.1126/science.220.4598.671}
}
"""

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        """Anneal; the rows of ``Problem.start`` begin the first runs and are in the answer."""
        assert isinstance(options, AnnealingOptions)
        hot, cold = beta_range(problem)
        heat = [
            hot if options.beta_hot is None else options.beta_hot,
            cold if options.beta_cold is None else options.beta_cold,
        ]
        limit = options.time_limit
        until = None if limit is None else time.monotonic() + limit
        couplings = len(problem.quadratic[2])
        read = options.sweeps * self.cost.unit(problem.n, couplings)
        read += self.cost.handing(problem.n, couplings)
        raw: dict[str, Any] = {}
        ends: list[float] = []
        start = None if problem.start is None else problem.start[: options.reads]

        def call(
            bqm: dimod.BinaryQuadraticModel, stop: Callable[[], bool], seed: int
        ) -> dimod.SampleSet:
            if until is not None and read > LOOK:
                draw = np.random.default_rng(seed).integers
                states = draw(0, 2, size=(options.reads, problem.n), dtype=np.int8)
                if start is not None:
                    states[: len(start)] = start
                rows, raw["sweeps"] = annealed(
                    self._sampler().sample,
                    bqm,
                    betas(heat[0], heat[1], options.sweeps, options.schedule),
                    states,
                    cost=self.cost,
                    deadline=until,
                    seed=seed,
                    stop=stop,
                    ends=ends,
                )
                raw["reads"] = len(rows)
                return as_samples(rows if start is None else np.vstack([rows, start]), bqm)
            more: dict[str, Any] = {}
            if start is not None:
                more = {
                    "initial_states": (start, list(range(problem.n))),
                    "initial_states_generator": "random",
                }
            samples = self._sampler().sample(
                bqm,
                num_reads=options.reads,
                num_sweeps=options.sweeps,
                beta_range=heat,
                beta_schedule_type=options.schedule,
                seed=seed,
                interrupt_function=timed(stop, ends),
                **more,
            )
            if start is None:
                return samples
            # a run may leave a good start; what was known is not lost
            known = dimod.SampleSet.from_samples_bqm((start, list(range(problem.n))), bqm)
            return dimod.concatenate([plain(samples), plain(known)])

        return self._finish(problem, options, call, until, raw, ends)


class Tabu(_Sampled):
    """Multi-start tabu search (Palubeckis 2004); runs for its time limit."""

    name = "tabu"
    sampler_name = "TabuSampler"
    capabilities = Capabilities(
        stochastic=True, takes_seed=True, takes_time_limit=True, takes_start=True
    )
    Options = TabuOptions
    # a dense matrix, coupled or not, which every run copies again, outside of its own clock
    cost = Cost(each=2e-7, work=0.0, base=0.0, dense=4.5e-8, square=3.5e-8, cell=48)
    citation = """
@article{palubeckis2004multistart,
  title={Multistart Tabu Search Strategies for the Unconstrained Binary Quadratic Optimization
         Problem},
  author={Palubeckis, Gintaras},
  journal={Annals of Operations Research}, volume={131}, pages={259--282}, year={2004},
  doi={10.1023/B:ANOR.0000039522.58036.68}
}
"""

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        """Search; ``reads`` runs share what setting up leaves of the time limit."""
        assert isinstance(options, TabuOptions)
        until = time.monotonic() + options.time_limit
        size = problem.n, len(problem.quadratic[2])
        setting_up, each = 1000.0 * self.cost.handing(*size), 1000.0 * self.cost.unit(*size)
        start = None if problem.start is None else problem.start[: options.reads]
        raw: dict[str, Any] = {}

        def call(
            bqm: dimod.BinaryQuadraticModel, stop: Callable[[], bool], seed: int
        ) -> dimod.SampleSet:
            left = 1000.0 * (until - time.monotonic()) - setting_up
            # each is set up for itself, and takes a millisecond at least
            reads = raw["reads"] = max(1, min(options.reads, int(left / (1.0 + each))))
            more: dict[str, Any] = {}
            if start is not None:
                more = {
                    "initial_states": (start[:reads], list(range(problem.n))),
                    "initial_states_generator": "random",
                }
            if options.tenure is not None:
                more["tenure"] = min(options.tenure, problem.n - 1)
            return self._sampler().sample(
                bqm,
                num_reads=reads,
                timeout=max(1, round(left / reads - each)),
                num_restarts=options.restarts,
                seed=seed,
                **more,
            )

        return self._finish(problem, options, call, raw=raw)


class SteepestDescent(_Sampled):
    """Steepest descent from random starts: the plainest of all."""

    name = "steepest-descent"
    sampler_name = "SteepestDescentSampler"
    capabilities = Capabilities(
        stochastic=True, takes_seed=True, takes_time_limit=True, takes_start=True
    )
    Options = DescentOptions
    cost = Cost(each=4e-7, work=2.5e-8, base=1e-6, square=7e-10)  # each step looks at all

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        """Descend from ``reads`` starts, those of ``Problem.start`` first."""
        assert isinstance(options, DescentOptions)
        limit = options.time_limit
        until = None if limit is None else time.monotonic() + limit
        raw: dict[str, Any] = {}
        ends: list[float] = []

        def call(
            bqm: dimod.BinaryQuadraticModel, stop: Callable[[], bool], seed: int
        ) -> dimod.SampleSet:
            draw = np.random.default_rng(seed).integers
            starts = draw(0, 2, size=(options.reads, problem.n), dtype=np.int8)
            if problem.start is not None:
                given = problem.start[: options.reads]
                starts[: len(given)] = given
            if until is not None:
                sample = self._sampler().sample
                rows = descended(
                    sample, bqm, starts, cost=self.cost, deadline=until, stop=stop, ends=ends
                )
                raw["reads"] = len(rows)
                return as_samples(rows, bqm)
            return self._sampler().sample(bqm, initial_states=(starts, list(range(problem.n))))

        return self._finish(problem, options, call, until, raw, ends)


class PathIntegral(_Sampled):
    """Path-integral Monte Carlo, a classical simulation of a quantum annealer."""

    name = "path-integral"
    sampler_name = "PathIntegralAnnealingSampler"
    capabilities = Capabilities(stochastic=True, takes_seed=True, takes_time_limit=True)
    Options = PathIntegralOptions
    cost = Cost(each=3e-6, work=3e-7, base=1e-6)
    citation = """
@article{santoro2002theory,
  title={Theory of Quantum Annealing of an Ising Spin Glass},
  author={Santoro, Giuseppe E. and Martonak, Roman and Tosatti, Erio and Car, Roberto},
  journal={Science}, volume={295}, pages={2427--2430}, year={2002},
  doi={10.1126/science.1068774}
}
"""

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        """Anneal quantum-mechanically, on a classical computer."""
        assert isinstance(options, PathIntegralOptions)
        any_bias = bool(problem.linear.any() or problem.quadratic[2].any())
        limit = options.time_limit
        until = None if limit is None else time.monotonic() + limit
        couplings = len(problem.quadratic[2])
        reads, sweeps = options.reads, options.sweeps
        if limit is not None:  # it hears of the limit only after a read: fewer sweeps, then reads
            free = limit - self.cost.handing(problem.n, couplings) - MODEL_EACH * couplings
            fitting = max(1, int(free / self.cost.unit(problem.n, couplings)))
            reads = max(1, min(reads, fitting // sweeps))
            sweeps = min(sweeps, fitting)
        ends: list[float] = []

        def call(
            bqm: dimod.BinaryQuadraticModel, stop: Callable[[], bool], seed: int
        ) -> dimod.SampleSet:
            return self._sampler().sample(
                bqm,
                num_reads=reads,
                num_sweeps=sweeps,
                seed=seed + 1,  # a seed of 0 counts as none, and two runs differ
                interrupt_function=timed(stop, ends),
                **({} if any_bias else {"beta_range": [0.1, 1.0]}),
            )

        raw = {"reads": reads, "sweeps": sweeps}
        return self._finish(problem, options, call, until, raw, ends)


def _places(samples: dimod.SampleSet, problem: Problem) -> list[int]:
    """Where each of the problem's variables is among the samples' columns."""
    column = {label: place for place, label in enumerate(samples.variables)}
    return [column[label] for label in problem.variables]
