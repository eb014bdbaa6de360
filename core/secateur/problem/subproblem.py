"""A part of a problem as a problem of its own, the rest held fixed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from secateur.problem.budgeted import Budgeted
from secateur.problem.budgets import Budget
from secateur.problem.constraints import Cardinality, Constraint, Linear, Quadratic
from secateur.problem.demands import Demand, Summed
from secateur.problem.model import Bits, Problem

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]


def subproblem(problem: Problem, bits: Bits, positions: Positions) -> Problem:
    """The problem over some variables, with the others as in ``bits``.

    Its energies are those of the whole problem. Its demands are what the fixed variables leave of
    the whole ones, so a feasible answer put back is feasible.

    Arguments:
        problem: the whole.
        bits: keep every demand, shape ``(n,)``.
        positions: of the free variables, each once.
    """
    n = problem.n
    place = np.full(n, -1, dtype=np.intp)
    place[positions] = np.arange(len(positions))
    rest = np.array(bits, dtype=np.int8)
    rest[positions] = 0
    row, col, bias = problem.quadratic
    inside = (place[row] >= 0) & (place[col] >= 0)
    linear = problem.linear[positions].copy()
    for one, other in ((row, col), (col, row)):
        crossing = (place[one] >= 0) & (rest[other] == 1)
        np.add.at(linear, place[one[crossing]], bias[crossing])
    part = np.asarray(bits)[positions].astype(np.int8)
    made = Problem.from_arrays(
        [problem.variables[i] for i in positions],
        linear,
        (place[row[inside]], place[col[inside]], bias[inside]),
        float(problem.energies(rest)[0]),
        start=part[None],
    )
    left = [_left_of(problem, demand, rest, place) for demand in problem.demands]
    return made.with_constraints([constraint for constraint in left if constraint is not None])


def _left_of(problem: Problem, demand: Demand, rest: Bits, place: Positions) -> Constraint | None:
    """What a demand leaves to ask of the free variables; None: nothing."""
    free = demand.members[place[demand.members] >= 0]
    if isinstance(demand, Summed):
        return _left_of_sum(problem, demand, rest, place) if len(free) else None
    if isinstance(demand, Budgeted):
        return _left_of_budget(problem, demand, rest, place) if len(free) else None
    used = int(demand.ones(rest[None])[0])
    possible = np.flatnonzero(demand.allowed[used:][: len(free) + 1])
    if len(free) == 0 or len(possible) == 0:
        return None
    everything = len(free) == int((place >= 0).sum())
    if demand.kind == "numbers":
        labels = None if everything else tuple(problem.variables[i] for i in free)
        return Cardinality(demand.name, labels, numbers=tuple(possible.tolist()))
    return Cardinality(
        demand.name,
        None if everything else tuple(problem.variables[i] for i in free),
        int(possible[0]),
        int(possible[-1]),
        demand.step,
    )


def _left_of_budget(problem: Problem, demand: Budgeted, rest: Bits, place: Positions) -> Budget:
    """The same over the free variables; what stays in any case is in the tables of widths."""
    free = place >= 0
    fixed = np.flatnonzero((demand.of >= 0) & ~free & (rest == 0))
    base = np.bincount(demand.of[fixed], minlength=len(demand.sizes))
    groups = [np.flatnonzero((demand.of == g) & free) for g in range(len(demand.sizes))]
    left = [g for g, members in enumerate(groups) if len(members)]
    gone = [g for g, members in enumerate(groups) if not len(members)]
    held = np.zeros(len(base))  # the widths of groups without a free variable
    held[gone] = [demand.tables[g][base[g]] for g in gone]
    slope = demand.linear + 2.0 * (demand.products @ held)
    constant = demand.fixed + float(demand.linear @ held + held @ demand.products @ held)
    pairs: dict[tuple[int, int], float] = {}
    for i, g in enumerate(left):
        for j, h in enumerate(left[i:], start=i):
            if demand.products[g, h]:
                pairs[i, j] = float(demand.products[g, h]) * (1.0 if i == j else 2.0)
    return Budget(
        demand.name,
        tuple(tuple(problem.variables[i] for i in groups[g]) for g in left),
        tuple(slope[left].tolist()),
        pairs,
        constant,
        demand.upper,
        {
            i: tuple(demand.tables[g][base[g] : base[g] + len(groups[g]) + 1].tolist())
            for i, g in enumerate(left)
        },
    )


def _left_of_sum(
    problem: Problem, demand: Summed, rest: Bits, place: Positions
) -> Linear | Quadratic:
    names = problem.variables
    terms = {
        int(i): float(a)
        for i, a in zip(demand.members, demand.linear, strict=True)
        if place[i] >= 0
    }
    pairs: dict[tuple[object, object], float] = {}
    for i, j, b in zip(*(values.tolist() for values in demand.pairs), strict=True):
        if place[i] >= 0 and place[j] >= 0:
            pairs[names[i], names[j]] = b
        elif place[i] >= 0 and rest[j]:
            terms[i] = terms.get(i, 0.0) + b
        elif place[j] >= 0 and rest[i]:
            terms[j] = terms.get(j, 0.0) + b
    constant = float(demand.values(rest[None])[0])
    linear = {names[i]: value for i, value in terms.items()}
    lower, upper = demand.lower - constant, demand.upper - constant
    if pairs:
        return Quadratic(demand.name, linear, pairs, 0.0, lower, upper)
    if math.isinf(lower) and math.isinf(upper):
        upper = float(np.finfo(float).max)
    return Linear(demand.name, linear, lower, upper)
