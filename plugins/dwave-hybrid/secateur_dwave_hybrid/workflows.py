"""The workflows, built of dwave-hybrid's parts, and one run of one."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import TimeoutError as Late
from contextlib import contextmanager
from typing import Any

import dimod
import hybrid
import numpy as np
from hybrid.reference.pt import FixedTemperatureSampler, SwapReplicasDownsweep
from numpy.typing import NDArray
from secateur.problem import Problem
from secateur_dwave_hybrid import DWaveHybridOptions, LoopOptions, TemperingOptions

Bits = NDArray[np.int8]


def run_workflow(
    problem: Problem,
    options: LoopOptions,
    first: NDArray[np.generic],
    rng: np.random.Generator,
    deadline: float | None,
) -> tuple[Bits, bool]:
    """One run from one state.

    Arguments:
        problem: with at least one bias.
        options: of either backend.
        first: the state to begin with.
        rng: of everything random that is ours to seed.
        deadline: of the monotonic clock, or None.

    Returns:
        rows, and whether the run came to its own end.
    """
    row, col, bias = problem.quadratic
    largest = max(np.abs(problem.linear).max(initial=0.0), np.abs(bias).max(initial=0.0))
    # numbers for labels, in order; the samplers' temperatures are made for biases of about 1
    bqm = dimod.BinaryQuadraticModel.from_numpy_vectors(
        problem.linear / largest, (row, col, bias / largest), 0.0, "BINARY"
    )
    left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
    begin = hybrid.State.from_sample(dict(enumerate(first.tolist())), bqm)
    if isinstance(options, TemperingOptions):
        workflow, state = _tempering(problem, options, begin, largest, left, rng)
    else:
        assert isinstance(options, DWaveHybridOptions)
        workflow, state = _race(problem.n, options, left), begin
    with _random_states_kept():
        future = workflow.run(state)
        try:
            final, ended = future.result(left), True
        except Late:
            workflow.stop()  # after the iteration that it is in
            final, ended = future.result(), False
        except BaseException:
            workflow.stop()
            raise
    samples = final.samples
    columns = [list(samples.variables).index(k) for k in range(problem.n)]
    late = deadline is not None and time.monotonic() >= deadline
    return np.asarray(samples.record.sample, dtype=np.int8)[:, columns], ended and not late


def _race(n: int, options: DWaveHybridOptions, left: float | None) -> Any:
    """Tabu search that is ended by whoever solves a subproblem first."""
    timeout = options.tabu_timeout
    if left is not None:  # a search is not cut short
        timeout = max(1, min(timeout, int(1000 * left / 5)))
    if options.subsolver == "tabu":
        solver = hybrid.TabuSubproblemSampler(timeout=timeout)
    else:
        solver = hybrid.SimulatedAnnealingSubproblemSampler(num_sweeps=options.sweeps)
    history = {"race": 1.0, "qbsolv": 0.15, "kerberos": 0.3}[options.workflow]
    decomposer = hybrid.EnergyImpactDecomposer(
        size=min(options.subproblem, n),
        rolling=True,
        # less of the problem than one subproblem is none
        rolling_history=min(1.0, max(history, options.subproblem / n)),
        traversal=options.traversal,
    )
    branches = [
        hybrid.InterruptableTabuSampler(timeout=timeout),
        decomposer | solver | hybrid.SplatComposer(),
    ]
    if options.workflow == "kerberos":
        whole = hybrid.InterruptableSimulatedAnnealingProblemSampler(
            num_reads=1, num_sweeps=options.sweeps
        )
        branches = [hybrid.BlockingIdentity(), branches[0], whole, branches[1]]
    return hybrid.Loop(
        hybrid.Race(*branches) | hybrid.ArgMin() | hybrid.TrackMin(output=True),
        max_iter=options.iterations,
        max_time=left,
        convergence=options.convergence,
    )


class _Replicas(hybrid.traits.MIMO, hybrid.Runnable):  # type: ignore[misc]
    """One step of all replicas in turn, each with a seed of its own."""

    def __init__(self, sweeps: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.sweeps, self.rng = sweeps, rng

    def next(self, states: Any, **_: Any) -> Any:
        """The replicas after their sweeps."""
        after = []
        for state in states:
            seed = int(self.rng.integers(2**31))
            step = FixedTemperatureSampler(num_sweeps=self.sweeps, seed=seed)
            after.append(step.run(state, executor=hybrid.immediate_executor).result())
        return hybrid.States(*after)


def _tempering(
    problem: Problem,
    options: TemperingOptions,
    begin: Any,
    largest: float,
    left: float | None,
    rng: np.random.Generator,
) -> tuple[Any, Any]:
    """Parallel tempering, as in ``hybrid.reference.pt`` but with seeds, and its replicas."""
    states = hybrid.States(*(begin.updated(beta=b) for b in _betas(problem, options, largest)))
    swap = SwapReplicasDownsweep(seed=int(rng.integers(2**31)))
    loop = hybrid.Loop(
        _Replicas(options.sweeps, rng) | swap,
        max_iter=options.iterations,
        max_time=left,
        convergence=options.convergence,
        key=lambda replicas: min(state.samples.first.energy for state in replicas),
    )
    return loop | hybrid.MergeSamples(aggregate=True), states


def _betas(problem: Problem, options: TemperingOptions, largest: float) -> list[float]:
    """From where half of the largest steps up are taken to where hardly any of the smallest is.

    The law of ``default_beta_range`` of dwave-samplers, which takes minutes for what is large.
    """
    row, col, bias = problem.quadratic
    size = np.abs(bias) / largest
    single = np.abs(problem.linear) / largest
    step, finest = single.copy(), np.where(single > 0, single, np.inf)
    for side in (row, col):
        np.add.at(step, side, size)
        np.minimum.at(finest, side, np.where(size > 0, size, np.inf))
    smallest = max(float(np.median(finest[np.isfinite(finest)])), 1e-9)
    hot, cold = np.log(2.0) / float(step.max()), np.log(100.0) / smallest
    return [float(b) for b in np.geomspace(hot, max(cold, 2 * hot), options.replicas)]


@contextmanager
def _random_states_kept() -> Iterator[None]:
    """The samplers and decomposers draw from the global random states."""
    theirs, ours = np.random.get_state(), random.getstate()
    try:
        yield
    finally:
        np.random.set_state(theirs)
        random.setstate(ours)
