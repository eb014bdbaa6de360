"""A bound on how cheap a share of the ones under budgets can be.

The Lagrangian ``Σ curves + prices·(cost - budget)`` is a sum over parts and pairs of parts, whose
least is below every share that keeps the budgets, whatever the prices. It is found by elimination,
each part's numbers of ones being looked at singly near the best and in longer and longer intervals
away from it, over which every term is replaced by its least. The prices come from cutting planes
(Kelley, 1960).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secateur.problem.counting import Counting
from secateur.problem.elimination import Elimination, Pair, order_of

Floats = NDArray[np.float64]
Counts = NDArray[np.intp]

CELLS = 1_000_000
"""Entries of the largest table of an elimination."""
MOST = 128
"""Intervals of a part."""
LEAST = 12
"""With fewer intervals than this, products are left out of the elimination instead."""
PLANES = 64
"""Cutting planes that are kept."""
FIRST = 24
"""Prices that are tried at the first call, and then at each further one."""
AGAIN = 2
_UNIT = 2.0**-53


@dataclass(frozen=True, eq=False)
class Below:
    """A bound and what it says of each part.

    Attributes:
        value: below every share; infinity if there is certainly none.
        counts: where the bound is attained, about: what to look at next, shape ``(N,)``.
        others: for each part and number of ones, below what the other parts cost then.
    """

    value: float
    counts: Counts
    others: list[Floats]


class Dual:
    """Bounds on one counting problem, for curves that change little from call to call.

    Arguments:
        counting: with budgets.
    """

    def __init__(self, counting: Counting) -> None:
        self.counting = counting
        self._rows: list[Counts] = []
        self._prices: Floats | None = None
        self._centre: Counts | None = None
        self._known: tuple[list[Counts], Counts] | None = None
        many = len(counting.sizes)
        products = np.zeros((many, many))
        for budget in counting.budgets:
            products += budget.products
        self._pairs, self._left_out, self._order, self._intervals = _graph(products, counting.sizes)

    def below(self, curves: Sequence[Floats]) -> Below:
        """A bound for these curves.

        Arguments:
            curves: lower curves of the parts; infinity where there is certainly no choice.
        """
        counting = self.counting
        choices = counting.choices(curves)
        if not counting.possible(curves):
            nothing = [np.full(len(curve), np.inf) for curve in curves]
            return Below(math.inf, np.zeros(len(curves), dtype=np.intp), nothing)
        if counting.few(choices):
            return self._by_trying(curves, choices)
        return self._by_prices(curves, choices)

    def within(self, curves: Sequence[Floats], choices: list[Counts]) -> Below:
        """The bound over some of the numbers of ones of each part, at the prices found last."""
        counting = self.counting
        last = np.array([[some[-1] for some in choices]], dtype=np.intp)
        if any(budget.cost(last)[0] > budget.upper for budget in counting.budgets):
            nothing = [np.full(len(curve), np.inf) for curve in curves]
            return Below(math.inf, last[0], nothing)
        if counting.few(choices):
            return self._tried(curves, choices, counting.everything(choices))
        assert self._prices is not None
        before = self._centre
        made = self._at(curves, choices, self._prices)
        self._centre = before
        return made

    def _by_trying(self, curves: Sequence[Floats], choices: list[Counts]) -> Below:
        if self._known is None or any(
            not np.array_equal(a, b) for a, b in zip(self._known[0], choices, strict=True)
        ):
            self._known = (choices, self.counting.everything(choices))
        return self._tried(curves, choices, self._known[1])

    def _tried(self, curves: Sequence[Floats], choices: list[Counts], rows: Counts) -> Below:
        if not len(rows):
            nothing = [np.full(len(curve), np.inf) for curve in curves]
            return Below(math.inf, np.zeros(len(curves), dtype=np.intp), nothing)
        energies = self.counting.energies(curves, rows)
        _, counts, certain = self.counting.lowest(curves, rows)
        size = sum(float(np.abs(c[some]).max()) for c, some in zip(curves, choices, strict=True))
        safe = 4 * (len(curves) + 2) * _UNIT * size
        others = []
        for part, curve in enumerate(curves):
            least = np.full(len(curve), np.inf)
            np.minimum.at(least, rows[:, part], energies)
            finite = np.isfinite(least)
            least[finite] -= curve[finite] + safe
            others.append(least)
        return Below(certain, counts, others)

    # -- prices --------------------------------------------------------------------------------

    def _by_prices(self, curves: Sequence[Floats], choices: list[Counts]) -> Below:
        finite = [curve[some] for curve, some in zip(curves, choices, strict=True)]
        size = sum(float(v.max() - v.min()) for v in finite) or 1.0
        ends = [np.array([some[at] for some in choices], dtype=np.intp) for at in (0, -1)]
        if not self._rows:
            self._rows = ends
        best: Below | None = None
        tries = FIRST if self._prices is None else AGAIN
        prices = self._prices
        planned: Floats | None = None
        for number in range(tries):
            if prices is None or number:
                prices, ceiling = self._planes(curves, size)
                close = planned is not None and np.allclose(prices, planned, rtol=1e-9, atol=0)
                if close or (best is not None and ceiling - best.value <= 1e-9 * size):
                    break
                planned = prices
            made = self._at(curves, choices, prices)
            self._note(made.counts)
            if best is None or made.value > best.value:
                best, self._prices = made, prices
        assert best is not None
        return best

    def _note(self, row: Counts) -> None:
        if not any(np.array_equal(row, known) for known in self._rows):
            self._rows.append(row)
            if len(self._rows) > PLANES:
                del self._rows[2]

    def _planes(self, curves: Sequence[Floats], size: float) -> tuple[Floats, float]:
        """Prices at which the planes so far allow the most, and how much that is."""
        from scipy.optimize import linprog

        counting = self.counting
        rows = np.array(self._rows)
        energies = counting.energies(curves, rows)
        rows, energies = rows[np.isfinite(energies)], energies[np.isfinite(energies)]
        columns, units, signs = [], [], []
        for budget in counting.budgets:
            over = budget.cost(rows) - budget.upper
            units.append(float(np.abs(over).max()) or 1.0)
            columns.append(over / units[-1])
            signs.append(1)
        for side, inside in zip(counting.sides, counting.inside, strict=True):
            allowed, ones = np.flatnonzero(side.allowed), rows @ inside
            for sign, bound in ((1, allowed[-1]), (-1, allowed[0])):
                units.append(float(max(len(side.allowed) - 1, 1)))
                columns.append(sign * (ones - bound) / units[-1])
                signs.append(sign)
        slopes = np.stack(columns, axis=1)
        many = slopes.shape[1]
        found = linprog(
            np.append(np.zeros(many), -1.0),
            A_ub=np.concatenate([-slopes, np.ones((len(rows), 1))], axis=1),
            b_ub=energies / size,
            bounds=[(0, 1e4)] * many + [(None, None)],
        )
        if found.x is None:
            return np.zeros(many), math.inf
        return found.x[:-1] * size / np.array(units), float(found.x[-1]) * size

    def _at(self, curves: Sequence[Floats], choices: list[Counts], prices: Floats) -> Below:
        """The bound at some prices, looked at more closely near where it is attained."""
        best: Below | None = None
        centre = self._rows[-1] if self._centre is None else self._centre
        for _ in range(2):
            made = self._around(curves, choices, prices, centre)
            if best is None or made.value > best.value:
                best = made
            if np.array_equal(made.counts, centre):
                break
            centre = made.counts
        assert best is not None
        self._centre = best.counts
        return best

    def _around(
        self, curves: Sequence[Floats], choices: list[Counts], prices: Floats, centre: Counts
    ) -> Below:
        budgets = self.counting.budgets
        starts = [
            _intervals(some, int(at), self._intervals)
            for some, at in zip(choices, centre, strict=True)
        ]
        ends = [np.append(s[1:], len(some)) - 1 for s, some in zip(starts, choices, strict=True)]
        # per number of ones: the terms of a part, the products at the centre
        own = [np.zeros(len(some)) for some in choices]
        constant, size = 0.0, 0.0
        pairs: dict[Pair, Floats] = {
            (i, j): np.zeros((len(starts[i]), len(starts[j]))) for i, j in self._pairs
        }
        for budget, price in zip(budgets, prices, strict=False):
            if price == 0.0:
                continue
            v = budget.widths(centre[None])[0]
            off = budget.products - np.diag(np.diagonal(budget.products))
            slope = budget.linear + 2 * (off @ v)
            square = np.diagonal(budget.products)
            constant += price * (budget.fixed - budget.upper - float(v @ off @ v))
            size += price * (budget.fixed + budget.upper + float(v @ off @ v))
            away: list[tuple[Floats, Floats]] = []
            for part, some in enumerate(choices):
                table = budget.tables[part][some]
                own[part] = own[part] + price * table * (slope[part] + square[part] * table)
                # widths fall with the number of ones
                away.append((table[ends[part]] - v[part], table[starts[part]] - v[part]))
            for i, j in self._pairs:
                if off[i, j]:
                    pairs[i, j] += 2 * price * off[i, j] * _least_product(away[i], away[j])
            for i, j in self._left_out:
                if off[i, j]:
                    least = float(_least_product(away[i], away[j]).min())
                    constant += 2 * price * off[i, j] * least
                    size -= 2 * price * off[i, j] * least
        at = len(budgets)
        for side, inside in zip(self.counting.sides, self.counting.inside, strict=True):
            allowed = np.flatnonzero(side.allowed)
            change = float(prices[at] - prices[at + 1])
            bound = float(prices[at] * allowed[-1] - prices[at + 1] * allowed[0])
            constant -= bound
            size += abs(bound)
            for part in np.flatnonzero(inside).tolist():
                own[part] = own[part] + change * choices[part]
            at += 2
        whole = [curve[some] + mine for curve, some, mine in zip(curves, choices, own, strict=True)]
        alone = [np.minimum.reduceat(w, s) for w, s in zip(whole, starts, strict=True)]
        made = Elimination(alone, pairs, self._order)
        size += sum(float(np.abs(values).max()) for values in whole)
        size += sum(float(np.abs(table).max(initial=0.0)) for table in pairs.values())
        safe = 16 * (len(curves) + len(pairs) + 4) * _UNIT * size
        counts = np.zeros(len(curves), dtype=np.intp)
        others: list[Floats] = []
        for part, (rest, some) in enumerate(zip(made.others(), choices, strict=True)):
            first, last = starts[part][made.choice[part]], ends[part][made.choice[part]]
            counts[part] = some[first + int(np.argmin(whole[part][first : last + 1]))]
            lengths = ends[part] - starts[part] + 1
            bounds = np.full(len(curves[part]), np.inf)
            bounds[some] = np.repeat(rest, lengths) + own[part] + constant - safe
            others.append(bounds)
        return Below(made.value + constant - safe, counts, others)


def _intervals(some: Counts, centre: int, most: int) -> Counts:
    """Where intervals begin: single numbers near the centre, longer ones away from it."""
    size = len(some)
    if size <= most:
        return np.arange(size)
    middle = int(np.argmin(np.abs(some - centre)))
    half = most // 2
    singly = half // 2
    starts = {0, middle}
    for direction, room in ((1, size - 1 - middle), (-1, middle)):
        steps = np.arange(1, singly + 1)
        if room > singly:
            further = np.geomspace(singly + 1, room + 1, half - singly)
            steps = np.concatenate([steps, np.unique(np.rint(further).astype(np.intp))])
        places = middle + direction * steps
        starts |= {int(p) for p in places if 0 <= p < size}
    return np.array(sorted(starts), dtype=np.intp)


def _least_product(one: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> Floats:
    """The least of x·y for x and y in intervals, for all pairs of intervals."""
    corners = [x[:, None] * y[None, :] for x in one for y in other]
    return np.asarray(np.minimum.reduce(corners))


def _graph(products: Floats, sizes: Counts) -> tuple[list[Pair], list[Pair], list[int], int]:
    """Which products the elimination takes, which it leaves out, its order, and how fine it is."""
    row, col = np.nonzero(np.triu(products, 1))
    weight = products[row, col] * sizes[row] * sizes[col]
    strongest = np.argsort(-weight, kind="stable")
    pairs = [(int(row[i]), int(col[i])) for i in strongest]
    left_out: list[Pair] = []
    while True:
        order, widest = order_of(len(sizes), pairs)
        fine = int(CELLS ** (1 / (widest + 1)))
        if fine >= min(LEAST, int(sizes.max(initial=0)) + 1) or not pairs:
            return pairs, left_out, order, max(2, min(fine, MOST))
        many = max(1, len(pairs) // 16)
        left_out += pairs[-many:]
        del pairs[-many:]
