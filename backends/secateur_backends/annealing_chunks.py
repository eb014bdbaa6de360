"""Runs of dwave-samplers cut into pieces, so that a time limit is kept.

The C code looks up only between two reads, and one read of a large problem takes longer than a
short limit. So an annealing read is a chain of short calls, each with the next part of the schedule
from the state before; and a read that would not fit takes every so-manieth temperature.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import dimod
import numpy as np
from numpy.typing import NDArray

from secateur.problem import Problem
from secateur.seeds import LARGEST_SEED

Floats = NDArray[np.float64]

LOOK = 0.1
"""Seconds between two looks at the clock, if handing over the problem takes no longer."""
FEWEST = 10
"""Sweeps of a read that is made to fit, at least."""


@dataclass(frozen=True)
class Cost:
    """Seconds that a sampler takes, measured on one core of 2023.

    Arguments:
        each: to hand over one coupling, at every call.
        work: for one coupling in one sweep, or in one start.
        base: for one variable in one sweep, or in one start.
        dense: for one cell of a matrix ``n × n`` that every call makes.
        square: for one pair of variables, coupled or not, in one start.
        cell: bytes for one cell of that matrix.
    """

    each: float
    work: float
    base: float = 2e-8
    dense: float = 0.0
    square: float = 0.0
    cell: int = 0

    def handing(self, n: int, couplings: int) -> float:
        """Of every call, before it begins."""
        return 1e-3 + 1e-6 * n + self.each * couplings + self.dense * n * n

    def unit(self, n: int, couplings: int) -> float:
        """Of one sweep, or one start."""
        return self.base * n + self.work * couplings + self.square * n * n


def memory_here() -> int | None:
    """Bytes that this machine has; None where it does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def betas(hot: float, cold: float, sweeps: int, schedule: str) -> Floats:
    """The inverse temperature of every sweep, as dwave-samplers makes it."""
    if sweeps == 1:
        return np.array([cold])
    made = np.geomspace if schedule == "geometric" and min(hot, cold) > 0 else np.linspace
    return np.asarray(made(hot, cold, sweeps), dtype=np.float64)


def beta_range(problem: Problem) -> tuple[float, float]:
    """Hot: the largest flip is accepted half of the time; cold: the smallest one in a hundred.

    dwave-samplers has the same idea in pure Python, which takes half a minute at n = 4096.
    """
    row, col, bias = problem.quadratic
    linear, strength = np.abs(problem.linear), np.abs(bias)
    around = linear + np.bincount(row, strength, problem.n) + np.bincount(col, strength, problem.n)
    largest = float(around.max(initial=0.0))
    values = np.concatenate([linear, strength])
    values = values[values > 1e-9 * max(largest, 1e-300)]
    if len(values) == 0 or largest == 0.0:
        return 0.1, 1.0
    smallest = float(values.min())
    hot = np.log(2.0) / largest
    return float(hot), float(max(np.log(100.0) / smallest, 2.0 * hot))


class Clock:
    """What is left of a limit, and how much slower than estimated this machine is.

    Arguments:
        deadline: of ``time.monotonic``.
    """

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.slow = 1.0

    @property
    def left(self) -> float:
        """Seconds."""
        return self.deadline - time.monotonic()

    def learn(self, took: float, estimated: float) -> None:
        """Take the slowest so far: a limit is kept on a busy machine too."""
        self.slow = max(self.slow, took / max(estimated, 1e-3))


def annealed(
    sample: Callable[..., dimod.SampleSet],
    bqm: dimod.BinaryQuadraticModel,
    schedule: Floats,
    starts: NDArray[np.int8],
    *,
    cost: Cost,
    deadline: float,
    seed: int,
    stop: Callable[[], bool],
    ends: list[float],
) -> tuple[NDArray[np.int8], int]:
    """Reads one after another, until the time is up.

    Arguments:
        sample: of the sampler.
        bqm: over 0 … n-1.
        schedule: an inverse temperature a sweep.
        starts: a read's first state each, shape ``(reads, n)``.
        cost: of a call.
        deadline: of ``time.monotonic``; a read that would not fit is not begun.
        seed: of the first call.
        stop: asked between calls.
        ends: when each read ended is put here.

    Returns:
        the last states of the reads, shape ``(done, n)``, at least one; the sweeps of the shortest.
    """
    n = len(bqm.variables)
    handing, unit = cost.handing(n, bqm.num_interactions), cost.unit(n, bqm.num_interactions)
    clock = Clock(deadline)
    spins = bqm.change_vartype(dimod.SPIN, inplace=False)
    random = np.random.default_rng(seed)
    rows: list[NDArray[np.int8]] = []
    fewest = len(schedule)
    for start in starts:
        plan = schedule
        fitting = int((clock.left / clock.slow - handing) / unit)
        if fitting < len(schedule):
            if rows:
                break
            pick = np.linspace(0, len(schedule) - 1, min(max(fitting, FEWEST), len(schedule)))
            plan = schedule[np.unique(np.rint(pick).astype(int))]
        piece = max(1, int(max(LOOK, handing) / (unit * clock.slow)))
        state = start
        for part in _pieces(plan, piece):
            began = time.monotonic()
            answer = sample(
                spins,
                num_reads=1,
                beta_schedule_type="custom",
                beta_schedule=part,
                num_sweeps=len(part),
                initial_states=(2 * state[None] - 1, list(range(n))),
                seed=int(random.integers(LARGEST_SEED)),
            )
            state = in_order(answer, n)[0]
            clock.learn(time.monotonic() - began, handing + unit * len(part))
            if stop():
                break
        rows.append(state)
        ends.append(time.monotonic())
        fewest = min(fewest, len(plan))
        if stop():
            break
    return np.array(rows, dtype=np.int8), fewest


def descended(
    sample: Callable[..., dimod.SampleSet],
    bqm: dimod.BinaryQuadraticModel,
    starts: NDArray[np.int8],
    *,
    cost: Cost,
    deadline: float,
    stop: Callable[[], bool],
    ends: list[float],
) -> NDArray[np.int8]:
    """Descents in batches, until the time is up; at least one batch. ``ends`` gets their times."""
    n = len(bqm.variables)
    handing, unit = cost.handing(n, bqm.num_interactions), cost.unit(n, bqm.num_interactions)
    clock = Clock(deadline)
    rows: list[NDArray[np.int8]] = []
    first = 0
    while first < len(starts):
        fitting = (clock.left / clock.slow - handing) / unit
        if rows and fitting < 1:
            break
        # half of what would fit: how long a descent is varies
        batch = max(1, int(min(max(LOOK, handing) / unit, 0.5 * fitting)))
        part = starts[first : first + batch]
        began = time.monotonic()
        rows.append(in_order(sample(bqm, initial_states=(part, list(range(n)))), n))
        ended = time.monotonic()
        ends += [ended] * len(part)
        clock.learn(ended - began, handing + unit * len(part))
        first += batch
        if stop():
            break
    return np.concatenate(rows)


def in_order(samples: dimod.SampleSet, n: int) -> NDArray[np.int8]:
    """0/1 rows in the order of the labels 0 … n-1."""
    rows = np.asarray(samples.record.sample)
    if samples.vartype is dimod.SPIN:
        rows = (rows + 1) // 2
    out = np.empty((len(rows), n), dtype=np.int8)
    out[:, np.asarray(list(samples.variables), dtype=np.intp)] = rows
    return out


def as_samples(rows: NDArray[np.int8], bqm: dimod.BinaryQuadraticModel) -> Any:
    """Rows with their energies."""
    return dimod.SampleSet.from_samples_bqm((rows, list(range(rows.shape[1]))), bqm)


def _pieces(values: Floats, size: int) -> Iterator[Floats]:
    for first in range(0, len(values), size):
        yield values[first : first + size]
