"""How many ones each part of a problem gets, under budgets on what stays.

The parts' curves say what k ones cost in each; the budgets are forms in the parts' widths. Few
numbers of ones are all tried. Otherwise: descents, part by part, of the energy plus a price on the
budgets (a Lagrangian), brought within the budgets, then exchanges of ones between two parts until
none helps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secateur.problem.count_moves import CountMoves
from secateur.problem.exact_sums import CANCELLED, nearest_and_below

Floats = NDArray[np.float64]
Counts = NDArray[np.intp]

FEW = 200_000
"""So many choices of counts are simply all tried."""
_ADDED = 20_000
"""So many terms are added up without rounding where they cancel."""
_SEARCHED = 24
"""Prices that are tried once both sides have been seen."""
_BEST = 3
"""So many of what the prices gave are improved by exchanges."""
_LAST = 3
"""Of all prices tried the last ones are mended: they are nearest to the budget."""
_SWEEPS = 60


@dataclass(frozen=True, eq=False)
class NodeBudget:
    """``fixed + linear·v + v'·products·v <= upper`` for the widths v of the parts.

    Arguments:
        fixed: of the cost.
        linear: shape ``(N,)``.
        products: symmetric, squares on the diagonal, shape ``(N, N)``.
        tables: of each part, its width for 0, 1, … *ones*: never rising.
        upper: of the cost.
    """

    fixed: float
    linear: Floats
    products: Floats
    tables: tuple[Floats, ...]
    upper: float

    def widths(self, counts: Counts) -> Floats:
        """Of rows of counts, shape ``(R, N)``."""
        out = np.empty(counts.shape)
        for part, table in enumerate(self.tables):
            out[:, part] = table[counts[:, part]]
        return out

    def cost(self, counts: Counts) -> Floats:
        """Of rows of counts, shape ``(R,)``."""
        v = self.widths(counts)
        return np.asarray(self.fixed + v @ self.linear + ((v @ self.products) * v).sum(axis=1))


@dataclass(frozen=True, eq=False)
class Side:
    """How many ones some parts may have together.

    Arguments:
        parts: their numbers.
        allowed: by the number of ones.
    """

    parts: Counts
    allowed: NDArray[np.bool_]


class Counting:
    """The choice of one count a part.

    Arguments:
        sizes: variables of each part, shape ``(N,)``.
        budgets: on their widths.
        sides: on their counts.
    """

    def __init__(
        self, sizes: Sequence[int], budgets: Sequence[NodeBudget], sides: Sequence[Side] = ()
    ) -> None:
        self.sizes = np.array(sizes, dtype=np.intp)
        self.budgets = list(budgets)
        self.sides = list(sides)
        self.inside = np.zeros((len(self.sides), len(self.sizes)), dtype=np.intp)
        for row, side in zip(self.inside, self.sides, strict=True):
            row[side.parts] = 1

    # -- what may be ---------------------------------------------------------------------------

    def feasible(self, counts: Counts) -> NDArray[np.bool_]:
        """Which rows of counts keep everything, shape ``(R,)``."""
        good = np.ones(len(counts), dtype=bool)
        for budget in self.budgets:
            good &= budget.cost(counts) <= budget.upper
        for side, row in zip(self.sides, self.inside, strict=True):
            good &= side.allowed[counts @ row]
        return good

    def energies(self, curves: Sequence[Floats], counts: Counts) -> Floats:
        """The sums of the curves for rows of counts, shape ``(R,)``."""
        total = np.zeros(len(counts))
        for part, curve in enumerate(curves):
            total = total + curve[counts[:, part]]
        return total

    def lowest(self, curves: Sequence[Floats], rows: Counts) -> tuple[float, Counts, float]:
        """The least sum among rows, its counts, and what no exact sum among them is below.

        Only rows near the least can be below it but for rounding, and only their terms count: a sum
        of nothing is exactly zero, and terms that cancel are added up without rounding.

        Arguments:
            curves: of the parts.
            rows: of counts, at least one.
        """
        energies = self.energies(curves, rows)
        best = int(np.argmin(energies))
        sizes = self.energies([np.abs(curve) for curve in curves], rows)
        unit = (len(curves) + 2) * 2.0**-53
        least = float(energies[best])
        near = energies - unit * sizes <= least + unit * sizes[best]
        size = float(sizes[near].max())
        if abs(least) <= CANCELLED * size and near.sum() * len(curves) <= _ADDED:
            terms = [curve[rows[near, part]] for part, curve in enumerate(curves)]
            exact = [nearest_and_below(row)[::-1] for row in np.transpose(terms).tolist()]
            first = min(range(len(exact)), key=exact.__getitem__)
            return exact[first][1], rows[near][first], exact[first][0]
        return least, rows[best], least - 2 * unit * size

    def choices(self, curves: Sequence[Floats]) -> list[Counts]:
        """The counts of each part at which its curve is finite."""
        return [np.flatnonzero(np.isfinite(curve)) for curve in curves]

    def few(self, choices: Sequence[Counts]) -> bool:
        """All choices together can be tried."""
        return math.prod(len(some) for some in choices) <= FEW

    def everything(self, choices: Sequence[Counts]) -> Counts:
        """Every row of counts that keeps all, shape ``(R, N)``."""
        number = np.arange(math.prod(len(some) for some in choices))
        rows = np.empty((len(number), len(choices)), dtype=np.intp)
        for part in reversed(range(len(choices))):
            number, digit = np.divmod(number, len(choices[part]))
            rows[:, part] = choices[part][digit]
        return np.asarray(rows[self.feasible(rows)])

    def possible(self, curves: Sequence[Floats]) -> bool:
        """False: certainly nothing keeps everything. The sides are looked at only if few."""
        choices = self.choices(curves)
        if any(len(some) == 0 for some in choices):
            return False
        if self.few(choices):
            return len(self.everything(choices)) > 0
        last = np.array([[some[-1] for some in choices]], dtype=np.intp)
        return all(bool(budget.cost(last)[0] <= budget.upper) for budget in self.budgets)

    # -- the best ------------------------------------------------------------------------------

    def least(
        self, curves: Sequence[Floats], starts: Sequence[Counts] = (), *, quick: bool = False
    ) -> tuple[float, Counts]:
        """The least sum of the curves that was found, and its counts.

        Arguments:
            curves: of each part, shape ``(w + 1,)``; infinity where impossible.
            starts: counts to improve besides; they need keep nothing.
            quick: leave out the exchanges, for what is improved afterwards.

        Returns:
            infinity and zeros where nothing that keeps everything was found. It is the very least
            where the choices are few, or where no budget binds.
        """
        choices = self.choices(curves)
        nothing = np.zeros(len(self.sizes), dtype=np.intp)
        if not self.possible(curves):
            return math.inf, nothing
        if self.few(choices):
            rows = self.everything(choices)
            return self.lowest(curves, rows)[:2]
        cheapest = np.array([int(np.argmin(curve)) for curve in curves], dtype=np.intp)
        if self.feasible(cheapest[None])[0]:
            return float(self.energies(curves, cheapest[None])[0]), cheapest
        search = _Search(self, curves, choices)
        others = (search.evenly(), *map(search.nearest, starts), *search.priced())
        begun = {tuple(row): row for row in others}
        found = [search.mend(row) for row in begun.values()]
        kept = {tuple(row): row for row in found if row is not None}
        if not kept:
            return math.inf, nothing
        mended = np.array(list(kept.values()))
        energies = self.energies(curves, mended)
        best_first = np.argsort(energies, kind="stable")[: 1 if quick else _BEST]
        improved = mended[best_first]
        if not quick:
            improved = np.array([search.exchange(row) for row in improved])
        energies = self.energies(curves, improved)
        best = int(np.argmin(energies))
        return float(energies[best]), improved[best]


class _Search:
    """One call of ``Counting.least``."""

    def __init__(
        self, counting: Counting, curves: Sequence[Floats], choices: Sequence[Counts]
    ) -> None:
        self.counting, self.curves, self.choices = counting, curves, choices
        self.budgets = counting.budgets
        last = np.array([[some[-1] for some in choices]], dtype=np.intp)
        first = np.array([[some[0] for some in choices]], dtype=np.intp)
        self.first, self.last = first[0], last[0]
        # what can be saved at all: the unit in which a budget is priced
        self.ranges = [float(b.cost(first)[0] - b.cost(last)[0]) or 1.0 for b in self.budgets]

    def nearest(self, counts: Counts) -> Counts:
        """The nearest counts at which the curves are finite."""
        row = np.array(counts).astype(np.intp)
        for part, some in enumerate(self.choices):
            row[part] = some[np.argmin(np.abs(some - row[part]))]
        return row

    def evenly(self) -> Counts:
        """The same share of every part: where prices lead to the ends, it is in the middle."""
        low, high = 0.0, 1.0
        for _ in range(12):
            middle = 0.5 * (low + high)
            if self._within(self.nearest(np.rint(middle * self.counting.sizes))):
                high = middle
            else:
                low = middle
        return self.nearest(np.rint(high * self.counting.sizes))

    def priced(self) -> list[Counts]:
        """What descents give at prices around that at which the budgets are just kept."""
        finite = [curve[some] for curve, some in zip(self.curves, self.choices, strict=True)]
        size = sum(float(values.max() - values.min()) for values in finite)
        mix = np.ones(len(self.budgets))
        rows: list[Counts] = []
        for _ in range(1 if len(self.budgets) == 1 else 4):
            row = self._bisect(size or 1.0, mix, rows)
            if len(self.budgets) > 1:  # dearer where it binds
                used = [float(b.cost(row[None])[0]) / (b.upper or 1.0) for b in self.budgets]
                mix = mix * np.array(used) ** 4
                mix = mix / (mix.max() or 1.0)
        return rows

    def _bisect(self, size: float, mix: Floats, rows: list[Counts]) -> Counts:
        """The row at the least price that keeps the budgets; it and its neighbours are noted."""
        low, high = 0.0, 0.0
        tried: list[Counts] = []
        price = size
        kept, over = self.last, self.first
        for _ in range(2 * _SEARCHED):
            prices = [price * m / r for m, r in zip(mix, self.ranges, strict=True)]
            made = min(
                (self._descend(prices, start) for start in (kept, over)), key=lambda one: one[0]
            )[1]
            tried.append(made)
            if self._within(made):
                kept, high = made, price
            else:
                over, low = made, price
            if low and high:
                if high / low < 1 + 1e-6:
                    break
                price = math.sqrt(low * high)
            elif high:
                price /= 8
                if price < 1e-12 * size:
                    break
            else:
                price *= 8
        rows += [*tried[-_LAST:], kept]
        return kept

    def _within(self, row: Counts) -> bool:
        return all(bool(b.cost(row[None])[0] <= b.upper) for b in self.budgets)

    def _descend(self, prices: Sequence[float], start: Counts) -> tuple[float, Counts]:
        """The Lagrangian's least in one part after the other, from a start, until none moves."""
        row = start.copy()
        widths = [budget.widths(row[None])[0] for budget in self.budgets]
        for _ in range(_SWEEPS):
            moved = False
            for part, some in enumerate(self.choices):
                value = self.curves[part][some]
                for budget, price, v in zip(self.budgets, prices, widths, strict=True):
                    square = budget.products[part, part]
                    slope = budget.linear[part] + 2 * (budget.products[part] @ v - square * v[part])
                    table = budget.tables[part][some]
                    value = value + price * table * (slope + square * table)
                best = int(some[np.argmin(value)])
                if best != row[part]:
                    moved = True
                    row[part] = best
                    for budget, v in zip(self.budgets, widths, strict=True):
                        v[part] = budget.tables[part][best]
            if not moved:
                break
        total = float(self.counting.energies(self.curves, row[None])[0])
        for budget, price in zip(self.budgets, prices, strict=True):
            total += price * (float(budget.cost(row[None])[0]) - budget.upper)
        return total, row

    # -- moves ---------------------------------------------------------------------------------

    def mend(self, row: Counts) -> Counts | None:
        """The row brought within everything, by what costs least for what it mends."""
        row = row.copy()
        for _ in range(4 * int(self.counting.sizes.sum()) + 16):
            table = CountMoves(self, row)
            if table.broken <= 0.0:
                return row
            better = table.breaks < table.broken * (1 - 1e-12)
            if not better.any():
                return None
            with np.errstate(divide="ignore", invalid="ignore"):
                score = np.where(better, table.gains / (table.broken - table.breaks), np.inf)
            self._make(row, table, int(np.argmin(score)))
        return None

    def exchange(self, row: Counts) -> Counts:
        """Moves of one part or two that keep everything, while they lower the energy."""
        row = row.copy()
        for _ in range(4 * int(self.counting.sizes.sum()) + 16):
            table = CountMoves(self, row)
            gains = np.where(table.breaks <= 0.0, table.gains, np.inf)
            best = int(np.argmin(gains))
            if not gains.flat[best] < -1e-12 * table.size:
                break
            before = row.copy()
            self._make(row, table, best)
            if not self.counting.feasible(row[None])[0]:  # it was within the rounding only
                return before
        return row

    @staticmethod
    def _make(row: Counts, table: CountMoves, number: int) -> None:
        for move in divmod(number, len(table.part)):
            if table.part[move] >= 0:
                row[table.part[move]] = table.to[move]
