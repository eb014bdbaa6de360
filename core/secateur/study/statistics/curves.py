"""Shares that grow with the gap, the time, or a factor of the best; and the gap over time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from secateur.study.statistics.analysis import AnytimeCurve, Steps, TargetCurve
from secateur.study.statistics.gaps import NOTHING
from secateur.study.statistics.runs import Run, Runs

TARGETS = (0.1, 0.03, 0.01, 0.003, 0.001)
"""Relative gaps that have to be reached, besides the threshold of the study."""
TICK = 1e-3
"""Seconds below which two times are not told apart."""
MOMENTS = 60
"""Of an anytime curve."""
QUARTILES = (0.25, 0.5, 0.75)
_ROUNDED = 1e-9
Floats = NDArray[np.float64]


def gap_curve(runs: Runs, method: str) -> Steps:
    """The share of runs at or below a gap, at the end of each run (fixed time).

    Each instance weighs the same. A run without an answer is never counted, so that the curve ends
    below 1. Source: Hansen and others, *COCO: a platform for comparing continuous optimizers in a
    black-box setting*, Optimization Methods and Software 36 (2021).
    """
    at, share = _steps([(run.gap, weight) for weight, run in runs.all_of(method)])
    return Steps(method, at, share)


def target_curve(runs: Runs, method: str, targets: Sequence[float]) -> TargetCurve:
    """The share of (instance, target, run) that was reached by a time (fixed targets, COCO).

    Nothing is assumed of what a stopped run would have done: it may have reached its target right
    then (``most``), or never (``share``). A run that ended by itself, failed, or was not made never
    reaches it.
    """
    sure: list[tuple[float, float]] = []
    hoped: list[tuple[float, float]] = []
    stopped: list[float] = []
    for weight, run in runs.all_of(method):
        for target in targets:
            at = run.reached(target)
            sure.append((at, weight / len(targets)))
            if math.isinf(at) and run.stopped:
                at = run.end
                stopped.append(at)
            hoped.append((at, weight / len(targets)))
    at_sure, share = _steps(sure)
    at_hoped, most = _steps(hoped)
    times = tuple(sorted({*at_sure, *at_hoped}))
    return TargetCurve(
        method,
        tuple(targets),
        times,
        _held(at_sure, share, times),
        _held(at_hoped, most, times),
        min(stopped, default=None),
    )


def expected_time(runs: Sequence[Run], target: float) -> float:
    """The expected time to a target when runs are repeated until one reaches it (ERT).

    The time of all runs until they reach it or end, over the number of those that do; infinite if
    none does. Source: Hansen and others (2021), section 4.2.
    """
    spent = 0.0
    hits = 0
    for run in runs:
        at = run.reached(target)
        hits += math.isfinite(at)
        spent += min(at, run.end)
    return spent / hits if hits else math.inf


def profiles(
    expected: Mapping[tuple[str, str], float], methods: Sequence[str], instances: Sequence[str]
) -> tuple[Steps, ...]:
    """The share of instances on which a method needs at most so many times the least.

    Costs are expected times to the target; those below a millisecond count as one, for they are
    not told apart. An instance that nobody solves stays in the denominator. Source: Dolan and
    Moré, *Benchmarking optimization software with performance profiles*, Mathematical Programming
    91 (2002).

    Arguments:
        expected: seconds of each (method, instance); infinite: never.
        methods: in their order.
        instances: at least one.
    """
    cost = {key: max(seconds, TICK) for key, seconds in expected.items()}
    least = {name: min(cost[method, name] for method in methods) for name in instances}
    made = []
    for method in methods:
        ratios = [
            cost[method, name] / least[name] if math.isfinite(cost[method, name]) else math.inf
            for name in instances
        ]
        made.append(Steps(method, *_steps([(ratio, 1 / len(instances)) for ratio in ratios])))
    return tuple(made)


def moments(runs: Runs) -> tuple[float, ...]:
    """Times for anytime curves: even in the logarithm, from the first selection of any run (but
    not below a millisecond) to the last end; none where no time is told."""
    every = [run for of in runs.of.values() for run in of]
    first = [at for run in every for at, _ in run.path[:1] if math.isfinite(at)]
    last = [run.end for run in every if math.isfinite(run.end)]
    if not first or not last:
        return ()
    start = max(min(first), TICK)
    end = max(*last, start)
    return (start,) if end == start else tuple(np.geomspace(start, end, MOMENTS).tolist())


def anytime_curve(runs: Runs, method: str, at: Sequence[float]) -> AnytimeCurve:
    """Quartiles of the gap of the best selection so far; 1 where a run has none yet.

    Each instance weighs the same, and what a run held at its end it holds from there on. A quartile
    is the least gap that so many of the runs have or are below.
    """
    weighted = runs.all_of(method)
    weights = np.array([weight for weight, _ in weighted])
    # shape (runs, moments); infinite where nothing is held
    held = np.array([_held_at(run, at) for _, run in weighted])
    gaps = np.minimum(held, NOTHING)
    quartiles = [weighted_quantiles(column, weights, QUARTILES) for column in gaps.T]
    low, median, high = zip(*quartiles, strict=True) if quartiles else ((), (), ())
    share = _snapped(weights @ np.isfinite(held))
    return AnytimeCurve(method, tuple(at), low, median, high, tuple(share.tolist()))


def primal_integral(runs: Runs, method: str) -> float:
    """The mean gap from 0 to the last end of any run; 1 until there is a selection.

    From 0 to 1, less is better: it sees early and good selections alike. Where no run tells its
    time it is the mean gap. Source: Berthold (2013), see ``gaps``.
    """
    ends = [run.end for of in runs.of.values() for run in of if math.isfinite(run.end)]
    horizon = max(ends, default=0.0)
    return math.fsum(weight * _integral(run, horizon) for weight, run in runs.all_of(method))


def _integral(run: Run, horizon: float) -> float:
    if horizon == 0 or any(math.isinf(at) for at, _ in run.path):
        return min(run.gap, NOTHING)
    area, since, held = 0.0, 0.0, NOTHING
    for at, gap in run.path:
        area += held * (at - since)
        since, held = at, gap
    return (area + held * (horizon - since)) / horizon


def _held_at(run: Run, moments: Sequence[float]) -> Floats:
    """The gap of what a run holds at each moment; infinite before it has anything."""
    where = np.searchsorted([at for at, _ in run.path], moments, side="right")
    return np.array([math.inf, *(gap for _, gap in run.path)])[where]


def weighted_quantiles(
    values: Floats, weights: Floats, levels: Sequence[float]
) -> tuple[float, ...]:
    """For each level the least value such that so much of the weight lies at or below it.

    Arguments:
        values: at least one, shape ``(n,)``.
        weights: of each, above 0, shape ``(n,)``.
        levels: above 0, at most 1.
    """
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    # sums of weights such as 1/3 may miss a level by rounding
    where = np.searchsorted(reached, np.asarray(levels) * reached[-1] * (1 - _ROUNDED))
    return tuple(values[order[where]].tolist())


def _steps(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Positions and the weight at or below each; what is infinite never comes."""
    finite = sorted(point for point in points if math.isfinite(point[0]))
    if not finite:
        return (), ()
    positions, weights = np.array(finite).T
    at, last = np.unique(positions[::-1], return_index=True)
    share = _snapped(np.cumsum(weights))[len(positions) - 1 - last]
    return tuple(at.tolist()), tuple(share.tolist())


def _snapped(share: Floats) -> Floats:
    """What misses 1 by the rounding of a sum of weights is 1."""
    return np.where(share > 1 - _ROUNDED, 1.0, share)


def _held(at: Sequence[float], share: Sequence[float], times: Sequence[float]) -> tuple[float, ...]:
    """The share at other times."""
    where = np.searchsorted(at, times, side="right")
    return tuple(np.array([0.0, *share])[where].tolist())
