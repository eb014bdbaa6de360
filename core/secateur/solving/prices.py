"""Multipliers: a price for every demand that a backend cannot take itself.

Minimising ``E(z) + λ·form(z)`` leaves the couplings as they are, where a penalty ``P(Σz - K)²``
would drown them; between calls one array changes. For the count, λ is an offset of all linear
biases, and reaches only the counts on the lower convex hull of ``φ(k) = min_{|z|=k} E(z)``; with a
heuristic backend the count is not even monotone in λ. So every answer is closed by moves, and the
best of all is kept. If the backend proves its answers, the dual value is a bound for every λ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from secateur.problem.budgeted import Budgeted
from secateur.problem.demands import Counted, Demand, Summed
from secateur.problem.model import Bits, Problem

Floats = NDArray[np.float64]


@dataclass
class Price:
    """The price of one demand, and where it is still looked for.

    Arguments:
        demand: that is priced.
        least: of its form.
        most: of its form.
        step: of the price, while both sides were not yet seen.
        value: λ; positive makes the form smaller.
        low: prices up to this leave the form too large.
        high: prices from this make it too small.
        saves: what a one in each group of a budget saves, about; None for other demands.
    """

    demand: Demand
    least: float
    most: float
    step: float
    value: float = 0.0
    low: float | None = None
    high: float | None = None
    closed: bool = False
    saves: Floats | None = None

    def form(self, bits: NDArray[np.generic]) -> float:
        """The demand's form for one vector."""
        row = np.asarray(bits)[None]
        if isinstance(self.demand, Counted):
            return float(self.demand.ones(row)[0])
        return float(self.demand.values(row)[0])

    def kept(self, bits: NDArray[np.generic]) -> bool:
        """The vector keeps the demand, and the price has no reason to be lower."""
        if not bool(self.demand.kept(np.asarray(bits)[None])[0]):
            return False
        if self.value == 0.0 or self.closed or self.least == self.most:
            return True
        # a price that is paid for nothing is not too high
        return self.form(bits) == (self.most if self.value > 0 else self.least)

    def learn(self, bits: NDArray[np.generic]) -> None:
        """Move the price by what an answer at it shows."""
        form = self.form(bits)
        over = form > self.most or (form > self.least and self.value < 0)
        under = form < self.least or (form < self.most and self.value > 0)
        if not over and not under:
            return
        before = self.value
        if over:
            self.low = self.value
        else:
            self.high = self.value
        if self.low is not None and self.high is not None:
            self.value = 0.5 * (self.low + self.high)
            wide = abs(self.low) + abs(self.high)
            self.closed = self.high - self.low <= 1e-9 * wide
        else:
            self.value += self.step if over else -self.step
            self.step *= 3.0
        if self.least <= form <= self.most and before * self.value < 0:
            self.value = 0.0  # an inequality pays on the side that is broken only


class Prices:
    """Prices for some demands of a problem.

    Arguments:
        problem: the whole.
        priced: the demands that get one.
        incumbent: a good vector, from which the first price of a count and the tangents of budgets
            are read; or None.
    """

    def __init__(
        self, problem: Problem, priced: Sequence[Demand], incumbent: Bits | None = None
    ) -> None:
        self.problem = problem
        names = {demand.name for demand in priced}
        self._others = [c for c in problem.constraints if c.name not in names]
        row, col, bias = problem.quadratic
        strength = np.abs(bias)
        around = np.abs(problem.linear)
        around = around + np.bincount(row, strength, problem.n)
        around = around + np.bincount(col, strength, problem.n)
        size = float(around.max(initial=0.0))
        self.list: list[Price] = []
        for demand in priced:
            if len(demand.members) == 0:
                continue
            if isinstance(demand, Counted):
                price = Price(demand, demand.least, demand.most, 0.02 * size)
                if demand.kind == "count" and incumbent is not None:
                    price.value = _first(problem, incumbent)
            elif isinstance(demand, Budgeted):
                price = _tangent(problem, demand, 0.02 * size, incumbent)
            else:
                price = Price(demand, demand.lower, demand.upper, 0.02 * size / demand.unit)
            self.list.append(price)

    def relaxed(self) -> Problem:
        """The problem at the prices, with the demands that need none."""
        linear = np.array(self.problem.linear)
        pairs = [self.problem.quadratic]
        for price in self.list:
            if price.value == 0.0:
                continue
            demand = price.demand
            if isinstance(demand, Summed):
                linear[demand.members] += price.value * demand.linear
                row, col, bias = demand.pairs
                if len(bias):
                    pairs.append((row.astype(np.int32), col.astype(np.int32), price.value * bias))
            elif isinstance(demand, Budgeted):
                assert price.saves is not None
                linear[demand.members] -= price.value * price.saves[demand.of[demand.members]]
            else:
                linear[demand.members] += price.value
        if len(pairs) == 1:
            asked = self.problem.with_linear(linear)
            if len(self._others) == len(self.problem.constraints):
                return asked
            return asked.with_constraints(self._others)
        made = Problem.from_arrays(
            self.problem.variables,
            linear,
            _together(self.problem.n, pairs),
            self.problem.offset,
            start=self.problem.start,
        )
        return made.with_constraints(self._others)

    @property
    def bounding(self) -> bool:
        """A bound at the prices says something of the problem: the tangent of a budget is none."""
        return not any(p.value and isinstance(p.demand, Budgeted) for p in self.list)

    def credit(self) -> Fraction:
        """What the demands' right-hand sides take off a bound of the relaxed problem, exactly."""
        total = Fraction(0)
        for price in self.list:
            if price.value == 0.0:
                continue
            constant = price.demand.offset if isinstance(price.demand, Summed) else 0.0
            side = price.most if price.value > 0 else price.least
            total += Fraction(price.value) * (Fraction(side) - Fraction(constant))
        return total

    def slack(self) -> float:
        """What the rounding of the priced terms may add to an energy."""
        size = 0.0
        for price in self.list:
            demand = price.demand
            terms = (
                float(np.abs(demand.linear).sum() + np.abs(demand.pairs[2]).sum())
                if isinstance(demand, Summed)
                else float(len(demand.members))
            )
            size += abs(price.value) * terms
        return 4.0 * float(np.finfo(float).eps) * (size + self.problem.scale if size else 0.0)

    def multipliers(self) -> list[dict[str, object]]:
        """The prices as a certificate states them."""
        return [
            {
                "constraint": price.demand.name,
                "side": "upper" if price.value > 0 else "lower",
                "value": abs(price.value),
            }
            for price in self.list
            if price.value
        ]

    def kept(self, bits: Bits) -> bool:
        """One answer keeps every priced demand at prices that need not change."""
        return all(price.kept(bits) for price in self.list)

    @property
    def closed(self) -> bool:
        """No price is still looked for."""
        return all(price.closed or price.value == 0.0 for price in self.list)

    def learn(self, bits: Bits) -> None:
        """Move every price by what an answer shows."""
        for price in self.list:
            price.learn(bits)


def _first(problem: Problem, bits: Bits) -> float:
    """Between what the dearest one of a good answer costs and what the next would."""
    field = problem.field(bits)
    sides = [field[bits == 1].max(initial=-np.inf), field[bits == 0].min(initial=np.inf)]
    finite = [float(side) for side in sides if np.isfinite(side)]
    return -sum(finite) / len(finite) if finite else 0.0


def _tangent(problem: Problem, demand: Budgeted, step: float, bits: Bits | None) -> Price:
    """The price of a budget whose cost is held to its tangent at a good vector.

    Written out its price would couple all variables of neighbouring groups with each other.
    """
    z = np.zeros(problem.n, dtype=np.int8) if bits is None else bits
    staying = demand.staying(z[None])[0]
    _, more, less = demand.flips(staying)
    saves = np.where(staying > 0, -less, more)
    # where widths go in steps, the slope over the whole group
    whole = demand.widths(demand.sizes[None])[0]
    slope = (demand.linear + 2.0 * demand.products @ demand.widths(staying[None])[0]) * whole
    saves = np.where(saves > 0, saves, slope / np.maximum(demand.sizes, 1))
    unit = float(saves.max(initial=0.0)) or 1.0
    price = Price(demand, -np.inf, demand.upper, step / unit, saves=saves)
    if bits is not None:
        field = problem.field(bits)[demand.members]
        each = saves[demand.of[demand.members]]
        ratio = np.divide(field, each, out=np.zeros_like(field), where=each > 0)
        ones = bits[demand.members] == 1
        sides = [ratio[ones].max(initial=-np.inf), ratio[~ones].min(initial=np.inf)]
        finite = [float(side) for side in sides if np.isfinite(side)]
        price.value = max(0.0, sum(finite) / len(finite)) if finite else 0.0
    return price


def _together(
    n: int, pairs: list[tuple[NDArray[np.int32], NDArray[np.int32], Floats]]
) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Coordinate lists added up, each pair once."""
    row = np.concatenate([p[0] for p in pairs]).astype(np.int64)
    col = np.concatenate([p[1] for p in pairs]).astype(np.int64)
    bias = np.concatenate([p[2] for p in pairs])
    key, inverse = np.unique(row * n + col, return_inverse=True)
    summed = np.bincount(inverse, bias, minlength=len(key)).astype(np.float64)
    return key // n, key % n, summed
