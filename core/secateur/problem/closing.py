"""Linear and quadratic demands closed: the nearest vector that keeps everything.

The nearest vector under linear demands is a small integer program, which HiGHS (in scipy) solves.
A quadratic demand is replaced by its tangent at the vector so far, a few times.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from secateur.problem.budgeted import Budgeted
from secateur.problem.demands import Counted, Summed
from secateur.problem.model import Bits, Problem

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]

_SECONDS = 10.0
"""The integer program is given up after this."""
_STARTS = 8
"""Random vectors from which flips begin where tangents lead nowhere."""
_TANGENTS = 12
"""So many tangents of a quadratic demand are tried, each with a margin larger than the last."""


def flip_changes(demand: Any, bits: NDArray[np.generic]) -> tuple[float, float, float, Floats]:
    """Bounds and value of a sum or budget, and what flipping each variable would add (``(n,)``)."""
    if isinstance(demand, Budgeted):
        cost, more, less = demand.flips(demand.staying(np.asarray(bits)[None])[0])
        of = demand.of  # -1, no group, is the zero at the end
        change = np.where(bits == 0, np.append(less, 0.0)[of], np.append(more, 0.0)[of])
        return -np.inf, demand.upper, cost, change
    assert isinstance(demand, Summed)
    z = np.asarray(bits, dtype=np.float64)
    slope = np.zeros(len(z))
    slope[demand.members] = demand.linear
    row, col, bias = demand.pairs
    np.add.at(slope, row, bias * z[col])
    np.add.at(slope, col, bias * z[row])
    value = float(demand.values(z[None])[0])
    return demand.lower, demand.upper, value, np.where(z == 0, slope, -slope)


def pair_values(demand: Any, leaving: Positions, entering: Positions) -> Floats:
    """The coefficient of each product of a leaving and an entering variable."""
    assert isinstance(demand, Summed)
    values = np.zeros((len(leaving), len(entering)))
    row, col, bias = demand.pairs
    if len(bias):
        at_out = {int(i): k for k, i in enumerate(leaving)}
        at_new = {int(i): k for k, i in enumerate(entering)}
        for i, j, b in zip(row.tolist(), col.tolist(), bias.tolist(), strict=True):
            for first, second in ((i, j), (j, i)):
                if first in at_out and second in at_new:
                    values[at_out[first], at_new[second]] += b
    return values


def close(problem: Problem, bits: Bits, field: Floats) -> Bits | None:
    """A vector near ``bits`` that keeps every demand; None if none was found.

    Arguments:
        problem: its demands count, its energy only decides between vectors that are equally near.
        bits: where to begin, shape ``(n,)``.
        field: what each variable costs, shape ``(n,)``.
    """
    found = _by_tangents(problem, bits, field)
    if found is None and (problem.budgets or any(len(d.pairs[2]) for d in problem.sums)):
        found = _by_flips(problem, bits)
    return found


def _priceable(problem: Problem) -> tuple[Summed | Budgeted, ...]:
    """The demands that have a tangent."""
    return (*problem.sums, *problem.budgets)


def _by_tangents(problem: Problem, bits: Bits, field: Floats) -> Bits | None:
    """The nearest vector under tangents of the quadratic demands, each tighter than the last."""
    z = np.array(bits, dtype=np.int8)
    margins = [0.0] * len(_priceable(problem))
    for _ in range(_TANGENTS):
        nearest = _nearest(problem, z, bits, field, margins)
        if nearest is None:
            return None
        if problem.feasible(nearest)[0]:
            return nearest
        for number, demand in enumerate(_priceable(problem)):
            low, high, value, _ = flip_changes(demand, nearest)
            over = max(value - high, low - value)
            if over > 0:
                margins[number] += over
        z = nearest
    return None


def _by_flips(problem: Problem, bits: Bits) -> Bits | None:
    """A feasible vector by flips that lower what is broken most, from a few starts."""
    random = np.random.default_rng(0)
    starts = [np.array(bits, np.int8), np.zeros(problem.n, np.int8), np.ones(problem.n, np.int8)]
    starts += [random.integers(0, 2, problem.n, dtype=np.int8) for _ in range(_STARTS)]
    for z in starts:
        for _ in range(4 * problem.n + 4):
            if problem.feasible(z)[0]:
                return z
            broken, after = _broken(problem, z)
            i = int(np.argmin(after))
            if after[i] >= broken:  # stuck: one flip at random, and on
                i = int(random.integers(problem.n))
            z[i] = 1 - z[i]
    return None


def _broken(problem: Problem, z: Bits) -> tuple[float, Floats]:
    """How far the demands are from being kept, each in its own unit, now and after each flip."""
    now, after = 0.0, np.zeros(problem.n)
    for demand in problem.demands:
        if isinstance(demand, Counted):
            right = np.flatnonzero(demand.allowed)
            ones = int(demand.ones(z[None])[0])
            away = [int(np.abs(right - ones - step).min()) for step in (-1, 0, 1)]
            now += away[1]
            after += away[1]
            after[demand.members] += np.where(z[demand.members] == 1, away[0], away[2]) - away[1]
            continue
        low, high, value, steps = flip_changes(demand, z)
        unit = demand.unit
        over = max(value - high, low - value, 0.0) / unit
        now += over
        reached = value + steps
        after += np.maximum(np.maximum(reached - high, low - reached), 0.0) / unit
    return now, after


def _nearest(
    problem: Problem, z: Bits, goal: Bits, field: Floats, margins: list[float]
) -> Bits | None:
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_array

    n = problem.n
    size = float(np.abs(field).max(initial=0.0)) or 1.0
    # one flip counts for more than all differences of cost together
    cost = np.where(goal == 0, 1.0, -1.0) + field / (4.0 * size * max(n, 1))
    rows: list[Positions] = []
    cols: list[Positions] = []
    values: list[Floats] = []
    low: list[float] = []
    high: list[float] = []
    extra = 0

    def add(members: Positions, weights: Floats, lower: float, upper: float) -> None:
        rows.append(np.full(len(members), len(low), dtype=np.intp))
        cols.append(np.asarray(members, dtype=np.intp))
        values.append(weights)
        low.append(lower)
        high.append(upper)

    most: list[float] = []
    for demand in problem.demands:
        if isinstance(demand, Counted):
            right = np.flatnonzero(demand.allowed)
            step = demand.constraint.step
            members, weights = demand.members, np.ones(len(demand.members))
            if demand.kind == "numbers":  # one of them is chosen
                places = n + extra + np.arange(len(right))
                values_ = np.concatenate([weights, -right.astype(np.float64)])
                add(np.concatenate([members, places]), values_, 0.0, 0.0)
                add(places, np.ones(len(right)), 1.0, 1.0)
                most += [1.0] * len(right)
                extra += len(right)
                continue
            if step == 1 or len(right) == 1:
                add(members, weights, float(right[0]), float(right[-1]))
                continue
            members = np.append(members, n + extra)
            add(members, np.append(weights, -float(step)), float(right[0]), float(right[0]))
            most.append(float(len(right) - 1))
            extra += 1
    for demand, margin in zip(_priceable(problem), margins, strict=True):
        lower, upper, value, steps = flip_changes(demand, z)
        weights = np.where(z == 0, steps, -steps)
        constant = value - float(weights @ z)
        some = np.flatnonzero(weights)
        add(
            some,
            weights[some],
            lower + margin - constant,
            upper - margin - constant,
        )
    if not low:
        return np.array(goal, dtype=np.int8)
    if any(a > b for a, b in zip(low, high, strict=True)):
        return None
    matrix = coo_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(cols))),
        shape=(len(low), n + extra),
    ).tocsr()
    found = milp(
        np.concatenate([cost, np.zeros(extra)]),
        integrality=np.ones(n + extra),
        bounds=Bounds(np.zeros(n + extra), np.concatenate([np.ones(n), most])),
        constraints=LinearConstraint(matrix, np.array(low), np.array(high)),
        options={"time_limit": _SECONDS},
    )
    if found.x is None:
        return None
    return np.rint(found.x[:n]).astype(np.int8)
