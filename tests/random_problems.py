"""Small problems of every kind, and the truth about them by enumeration.

The truth is told from the constraints as a user gives them and from dimod's energies: nothing of
the library decides it.
"""

from __future__ import annotations

from typing import Any

import dimod
import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from secateur.errors import ConstraintError
from secateur.problem import (
    Budget,
    Cardinality,
    Constraint,
    Linear,
    Problem,
    Quadratic,
    among,
    at_least,
    at_most,
    budget,
    count,
    exactly,
    keep,
    linear,
    multiple_of,
    quadratic,
    remove,
    tied,
)

Bits = NDArray[np.int8]
Floats = NDArray[np.float64]

FAMILIES = ("signed", "dense", "block", "ties", "zeros", "concave", "trap", "none")
CARDINALITIES = ("limit", "floor", "multiple", "among", "tied", "keep", "remove", "exactly")
KINDS = (*CARDINALITIES, "linear", "quadratic", "budget", "staircase")
CERTIFIED = tuple(kind for kind in KINDS if kind not in ("among", "budget", "staircase"))
"""Kinds that a certificate can speak of; the price of a budget is no form in the variables."""


def everything(n: int) -> Bits:
    """All vectors, shape ``(2**n, n)``."""
    return ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(np.int8)


def matrix(family: str, n: int, rng: np.random.Generator) -> Floats:
    """An upper triangular QUBO; its diagonal are the linear biases."""
    upper = np.triu(rng.normal(size=(n, n)), 1)
    diagonal = rng.normal(size=n)
    if family == "dense":
        upper, diagonal = np.triu(rng.uniform(0, 0.4, (n, n)), 1), rng.lognormal(size=n)
    elif family == "block":
        groups = np.sort(rng.integers(0, 4, n))
        upper = upper * (groups[:, None] == groups[None, :])
    elif family == "ties":
        upper = np.triu(rng.integers(-1, 2, (n, n)), 1).astype(float)
        diagonal = rng.integers(-1, 2, n).astype(float)
    elif family == "zeros":
        upper, diagonal = upper * 0.0, diagonal * 0.0
    elif family == "concave":
        upper, diagonal = -np.abs(upper), np.abs(diagonal) + 0.5 * n
    elif family == "trap":  # the cheapest single ones are no part of the best pairs
        upper = np.triu(np.full((n, n), 0.3), 1)
        half = n // 2
        upper[half:, half:] = np.triu(np.full((n - half, n - half), -1.0), 1)
        diagonal = np.where(np.arange(n) < half, 0.1, 0.9) + rng.uniform(0, 0.01, n)
    elif family == "none":
        upper = upper * 0.0
    return np.asarray(upper + np.diag(diagonal))


def model(upper: Floats, offset: float = 0.0) -> dimod.BinaryQuadraticModel:
    """A BQM over the labels v0, v1, …."""
    n = len(upper)
    bqm = dimod.BinaryQuadraticModel("BINARY")
    bqm.add_linear_from({f"v{i}": float(upper[i, i]) for i in range(n)})
    for i, j in zip(*np.nonzero(np.triu(upper, 1)), strict=True):
        bqm.add_quadratic(f"v{i}", f"v{j}", float(upper[i, j]))
    bqm.offset = offset
    return bqm


def random_problem(
    n: int, ones: int | None, seed: int, *, limits: bool = False, family: str = "signed"
) -> Problem:
    """A problem with a count, or none, and two limits over halves if asked for."""
    rng = np.random.default_rng(seed)
    demands: list[Constraint] = []
    if limits:
        half = n // 2
        labels = [f"v{i}" for i in range(n)]
        demands = [at_most(half - 1, labels[:half]), at_most(n - half - 1, labels[half:])]
        ones = None if ones is None else min(ones, n - 2)
    if ones is not None:
        demands.insert(0, count(ones))
    return Problem(model(matrix(family, n, rng)), demands)


def demand(kind: str, n: int, rng: np.random.Generator, name: str) -> Constraint:
    """One constraint of a kind over some of v0 … ."""
    size = int(rng.integers(1, n + 1))
    chosen = [f"v{i}" for i in rng.choice(n, size, replace=False)]
    most = int(rng.integers(0, size + 1))
    if kind == "limit":
        return at_most(most, chosen, name=name)
    if kind == "floor":
        return at_least(most, chosen, name=name)
    if kind == "exactly":
        return exactly(most, chosen, name=name)
    if kind == "multiple":
        of = "zeros" if rng.random() < 0.5 else "ones"
        return multiple_of(int(rng.integers(2, 4)), chosen, of=of, name=name)
    if kind == "among":
        numbers = rng.choice(size + 1, int(rng.integers(1, size + 2)), replace=False)
        return among(numbers.tolist(), chosen, name=name)
    if kind in ("budget", "staircase"):
        return random_budget(chosen, rng, name, steps=kind == "staircase")
    if kind == "tied":
        return tied(*chosen[:3], name=name)
    if kind == "keep":
        return keep(*chosen[:2], name=name)
    if kind == "remove":
        return remove(*chosen[:2], name=name)
    weights = {v: float(rng.integers(-3, 6)) for v in chosen}
    low, high = sorted(float(x) for x in rng.integers(-2, 2 * size + 2, 2))
    bounds: dict[str, float] = {"lower": low, "upper": high}
    for side in ("lower", "upper"):
        if rng.random() < 0.4 and len(bounds) > 1:
            del bounds[side]
    if kind == "linear":
        return linear(weights, **bounds, name=name)
    pairs = {
        (a, b): float(rng.integers(-2, 4))
        for k, a in enumerate(chosen)
        for b in chosen[k + 1 :]
        if rng.random() < 0.4
    }
    return quadratic(weights, pairs, offset=1.0, **bounds, name=name)


def random_budget(
    labels: list[str], rng: np.random.Generator, name: str, *, steps: bool = False
) -> Budget:
    """A budget over up to three groups of these labels, between nothing and everything."""
    cuts = np.sort(rng.integers(0, len(labels) + 1, 2))
    groups = [part.tolist() for part in np.split(np.array(labels), cuts) if len(part)]
    many = len(groups)
    ones = rng.integers(0, 6, many).astype(float).tolist()
    pairs = {
        (g, h): float(rng.integers(0, 4))
        for g in range(many)
        for h in range(g, many)
        if rng.random() < 0.7
    }
    widths = {
        g: np.concatenate([[0.0], np.cumsum(rng.integers(0, 3, len(group)))]).tolist()
        for g, group in enumerate(groups)
        if steps
    }
    top = [widths[g][-1] if steps else len(group) for g, group in enumerate(groups)]
    whole = 2.0 + sum(a * w for a, w in zip(ones, top, strict=True))
    whole += sum(value * top[g] * top[h] for (g, h), value in pairs.items())
    upper = float(rng.integers(1, int(whole) + 2))
    return budget(groups, upper, linear=ones, pairs=pairs, fixed=2.0, widths=widths, name=name)


@st.composite
def problems(
    draw: Any,
    most: int = 12,
    kinds: tuple[str, ...] = KINDS,
    families: tuple[str, ...] = FAMILIES,
    least: int = 1,
    demands: int = 3,
    scales: tuple[float, ...] = (1.0,),
    counted: bool | None = None,
) -> Problem:
    """A random problem; not all of them have a choice that keeps all demands."""
    n = draw(st.integers(least, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = draw(st.sampled_from(scales))
    upper = matrix(draw(st.sampled_from(families)), n, rng) * scale
    bqm = model(upper, draw(st.sampled_from((0.0, 1.5, -2.0))) * scale)
    made: list[Constraint] = []
    if counted or (counted is None and draw(st.booleans())):
        made.append(count(draw(st.integers(0, n))))
    for number, kind in enumerate(draw(st.lists(st.sampled_from(kinds), max_size=demands))):
        one = demand(kind, n, rng, f"{kind} {number}")
        try:
            Problem(bqm, [one])
        except ConstraintError:  # impossible by itself, and refused at once: not what is tested
            continue
        made.append(one)
    return Problem(bqm, made)


def kept(constraint: Constraint, rows: Bits, labels: list[Any]) -> NDArray[np.bool_]:
    """Whether rows keep a constraint, by its definition."""
    at = {label: i for i, label in enumerate(labels)}
    z = rows.astype(np.int64)
    if isinstance(constraint, Cardinality):
        if constraint.variables is None:
            ones = z.sum(axis=1)
            high = z.shape[1]
        else:
            ones = z[:, [at[v] for v in constraint.variables]].sum(axis=1)
            high = len(constraint.variables)
        high = high if constraint.upper is None else constraint.upper
        if constraint.numbers is not None:
            return np.isin(ones, constraint.numbers)
        low, step = constraint.lower, constraint.step
        return (ones >= low) & (ones <= high) & ((ones - low) % step == 0)
    if isinstance(constraint, Budget):
        cost = np.full(len(z), constraint.fixed)
        widths = []
        for number, group in enumerate(constraint.groups):
            stays = (1 - z[:, [at[v] for v in group]]).sum(axis=1)
            table = constraint.widths.get(number, tuple(range(len(group) + 1)))
            widths.append(np.array(table, dtype=float)[stays])
            cost += constraint.linear[number] * widths[-1]
        for (g, h), b in constraint.pairs.items():
            cost += b * widths[g] * widths[h]
        return cost <= constraint.upper
    if isinstance(constraint, Linear):
        terms, pairs, offset = constraint.coefficients, {}, 0.0
    else:
        assert isinstance(constraint, Quadratic)
        terms, pairs, offset = constraint.linear, constraint.quadratic, constraint.offset
    value = np.full(len(z), offset)
    for v, a in terms.items():
        value += a * z[:, at[v]]
    for (v, w), b in pairs.items():
        value += b * z[:, at[v]] * z[:, at[w]]
    return (value >= constraint.lower) & (value <= constraint.upper)


def feasible_rows(problem: Problem) -> Bits:
    """All vectors that keep every constraint."""
    rows = everything(problem.n)
    good = np.ones(len(rows), dtype=bool)
    for constraint in problem.constraints:
        good &= kept(constraint, rows, list(problem.variables))
    return rows[good]


def energies(problem: Problem, rows: Bits) -> Floats:
    """dimod's energies of rows."""
    if problem.n == 0:
        return np.full(len(rows), problem.offset)
    return np.asarray(problem.bqm.energies((rows, list(problem.variables))), dtype=float)


def optimum(problem: Problem) -> float:
    """The least energy of all choices that keep every demand; infinity if there is none."""
    rows = feasible_rows(problem)
    return float(energies(problem, rows).min()) if len(rows) else float("inf")


def cancelled_under_a_budget() -> Problem:
    """-1 and 1, which the budget forces: an energy of nothing whose terms are not."""
    forced = Budget(
        name="forced",
        groups=(("v1",),),
        linear=(4.0,),
        fixed=2.0,
        upper=2.0,
        widths={0: (0.0, 1.0)},
    )
    return Problem.from_arrays(["v0", "v1"], [-1.0, 1.0], ([], [], []), 0.0, (forced,))
