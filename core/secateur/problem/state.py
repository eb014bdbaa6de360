"""A vector under change: its field, and the best move from it.

The field (what each variable costs if it becomes one) is updated with every move and never
rebuilt; the best swap of a block is looked for again only when the block was touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from secateur.problem.cells import Cells
from secateur.problem.model import Bits
from secateur.problem.parts import Block

if TYPE_CHECKING:
    from secateur.problem.moves import Moves

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]
Swap = tuple[float, int, int]
"""The change of energy, the one that leaves, the zero that enters (over positions)."""


_CANDIDATES = 64
"""Of a wide block so many of the best of each side are paired first, then what could beat them."""
_FULL = 250_000
"""Pairs up to which all of them are looked at together."""
_SUMMED = 384
"""Where linear or quadratic demands must be asked for each pair, so many of each side are."""
_SINGLY = 1024
_BATCHES = 64
"""More flips than the first are made in so many batches; the last ones singly."""
_NONE: Swap = (np.inf, -1, -1)


class State:
    """A vector under change; see ``Moves.state``.

    Attributes:
        bits: shape ``(n,)``.
        field: what each variable costs if it becomes one, shape ``(n,)``.
        counts: ones of each cell.
    """

    def __init__(self, moves: Moves, bits: Bits) -> None:
        self.moves = moves
        self.bits = bits
        self.field = _field(moves, bits)
        self.counts = moves.cells.counts(bits)
        self._best: list[Swap | None] = [None] * len(moves.parts.blocks)

    @property
    def ones(self) -> NDArray[np.int64]:
        """How many ones each demand sees."""
        return self.moves.cells.seen(self.counts)

    def flip(self, i: int) -> None:
        """Change one variable."""
        number = int(self.moves.parts.owner[i])
        block = self.moves.parts.blocks[number]
        sign = 1 - 2 * int(self.bits[i])
        if block.couplings is not None:
            self._add(block, int(np.searchsorted(block.positions, i)), float(sign))
        self.bits[i] = 1 - self.bits[i]
        self.counts[self.moves.cells.of[i]] += sign
        self._best[number] = None

    def _add(self, block: Block, local: int, sign: float) -> None:
        matrix = block.couplings
        if isinstance(matrix, np.ndarray):
            self.field[block.positions] += sign * matrix[local]
            return
        assert matrix is not None
        part = slice(matrix.indptr[local], matrix.indptr[local + 1])
        self.field[block.positions[matrix.indices[part]]] += sign * matrix.data[part]

    def steer(self, targets: NDArray[np.intp]) -> None:
        """Flip the cheapest variables until every cell has its number of ones.

        One at a time, with updated fields; where very many are to be flipped, and where no coupling
        can change a field, many at a time.
        """
        cells = self.moves.cells
        have = np.bincount(cells.of, weights=self.bits, minlength=len(targets)).astype(np.intp)
        need = targets - have
        coupled = len(self.moves.problem.quadratic[2]) > 0
        while remaining := int(np.abs(need).sum()):
            wants = need[cells.of]
            cost = np.where(self.bits == 0, self.field, -self.field)
            cost[~np.where(self.bits == 0, wants > 0, wants < 0)] = np.inf
            if not coupled:
                many = remaining
            else:
                many = 1 if remaining <= _SINGLY else remaining // _BATCHES
            if many == 1:
                chosen = np.array([int(np.argmin(cost))])
            else:
                order = np.argsort(cost, kind="stable")
                chosen = _first_of_each(order[np.isfinite(cost[order])], cells.of, need)[:many]
            need[:] -= np.bincount(
                cells.of[chosen], 1.0 - 2.0 * self.bits[chosen], minlength=len(need)
            ).astype(np.intp)
            self.flip_all(chosen)

    def flip_all(self, chosen: Positions) -> None:
        """Change some variables, each once."""
        blocks, owner = self.moves.parts.blocks, self.moves.parts.owner
        free = np.array([blocks[number].couplings is None for number in owner[chosen]], dtype=bool)
        loose = chosen[free]
        if len(loose) > 1:
            self.bits[loose] ^= 1
            self.counts = self.moves.cells.counts(self.bits)
        for i in chosen[~free] if len(loose) > 1 else chosen:
            self.flip(int(i))

    def fill(self, wanted: int) -> None:
        """Add the cheapest ones that the demands allow, until there are ``wanted``."""
        cells, uncoupled = self.moves.cells, not len(self.moves.problem.quadratic[2])
        order = np.argsort(self.field, kind="stable") if uncoupled else None
        room = _Room(self.moves.cells, self.ones)
        for step in range(int(wanted - self.bits.sum(dtype=np.int64))):
            if order is not None and room.none:  # nothing binds: all that are left at once
                left = order[self.bits[order] == 0][: wanted - step]
                self.bits[left] = 1
                self.counts = cells.counts(self.bits)
                return
            cost = np.where((self.bits == 0) & room.cells[cells.of], self.field, np.inf)
            i = int(np.argmin(cost)) if len(cost) else -1
            if i < 0 or not np.isfinite(cost[i]):
                return
            self.flip(i)
            room.used(int(cells.of[i]))

    def improve(self) -> bool:
        """Make the best move, if one lowers the energy."""
        up, down = self.moves.cells.flips(self.counts)
        change, flipped = self._best_flip(up, down)
        swap = self._best_swap()
        if min(change, swap[0]) >= -self.moves.tolerance:
            return False
        if change <= swap[0]:
            self.flip(flipped)
        else:
            self.flip(swap[1])
            self.flip(swap[2])
        return True

    def _best_flip(self, up: NDArray[np.bool_], down: NDArray[np.bool_]) -> tuple[float, int]:
        if not (up.any() or down.any()):
            return np.inf, -1
        of, zero = self.moves.cells.of, self.bits == 0
        change = np.where(zero, self.field, -self.field)
        change[~np.where(zero, up[of], down[of])] = np.inf
        for demand in self.moves.problem.sums:
            self._without_broken(demand, change)
        i = int(np.argmin(change))
        return float(change[i]), i

    def _without_broken(self, demand: object, change: Floats) -> None:
        from secateur.problem.closing import flip_changes

        low, high, value, steps = flip_changes(demand, self.bits)
        change[(value + steps < low) | (value + steps > high)] = np.inf

    def _best_swap(self) -> Swap:
        if self.moves.problem.n < 2:
            return _NONE
        allowed = self.moves.cells.swaps(self.counts)
        if self.moves.problem.sums:
            return self._summed_swap(allowed)
        best = self._between(allowed)
        of = self.moves.cells.of
        for number, block in enumerate(self.moves.parts.blocks):
            if block.couplings is None:
                continue
            cells = of[block.positions]
            one_cell = bool((cells == cells[0]).all())
            known = self._best[number] if one_cell else None
            if known is None:
                known = self._inside(block, None if one_cell else allowed[np.ix_(cells, cells)])
                self._best[number] = known
            if known[0] < best[0]:
                best = known
        return best

    def _inside(self, block: Block, allowed: NDArray[np.bool_] | None) -> Swap:
        """The best swap within a coupled block."""
        bits, field = self.bits[block.positions], self.field[block.positions]
        matrix = block.couplings
        assert matrix is not None
        leaving, entering = np.flatnonzero(bits == 1), np.flatnonzero(bits == 0)
        if len(leaving) == 0 or len(entering) == 0:
            return _NONE

        def best_of(out: Positions, new: Positions) -> Swap:
            pairs = matrix[np.ix_(out, new)]
            if not isinstance(pairs, np.ndarray):
                pairs = pairs.toarray()
            gain = field[new][None, :] - field[out][:, None] - pairs
            if allowed is not None:
                gain[~allowed[np.ix_(out, new)]] = np.inf
            a, b = np.unravel_index(int(np.argmin(gain)), gain.shape)
            change = float(gain[a, b])
            if not np.isfinite(change):
                return _NONE
            return change, int(block.positions[out[a]]), int(block.positions[new[b]])

        if len(leaving) * len(entering) <= _FULL or allowed is not None:
            return best_of(leaving, entering)
        leaving = leaving[np.argsort(-field[leaving], kind="stable")]
        entering = entering[np.argsort(field[entering], kind="stable")]
        first = best_of(leaving[:_CANDIDATES], entering[:_CANDIDATES])
        # a pair gains at most the strongest coupling over the difference of its fields
        values = matrix if isinstance(matrix, np.ndarray) else matrix.data
        bar = min(first[0], -self.moves.tolerance) + max(float(values.max(initial=0.0)), 0.0)
        leaving = leaving[field[entering[0]] - field[leaving] < bar]
        entering = entering[field[entering] - (field[leaving[0]] if len(leaving) else 0.0) < bar]
        if len(leaving) == 0 or len(entering) == 0:
            return first
        again = best_of(leaving, entering)
        return again if again[0] < first[0] else first

    def _between(self, allowed: NDArray[np.bool_]) -> Swap:
        """The best swap of two variables that no coupling can join: of two blocks, or of one
        without couplings."""
        moves = self.moves
        cells, owner = moves.cells.of, moves.parts.owner
        cost_in = np.where(self.bits == 0, self.field, np.inf)
        gain_out = np.where(self.bits == 1, self.field, -np.inf)
        entering = _two_best(cost_in, cells, owner, len(allowed))
        leaving = _two_best(-gain_out, cells, owner, len(allowed))
        coupled = np.array([b.couplings is not None for b in moves.parts.blocks])
        out, new = leaving[leaving >= 0], entering[entering >= 0]
        if len(out) == 0 or len(new) == 0:
            return _NONE
        gain = self.field[new][None, :] - self.field[out][:, None]
        same = (owner[out][:, None] == owner[new][None, :]) & coupled[owner[out]][:, None]
        gain[same | ~allowed[np.ix_(cells[out], cells[new])]] = np.inf
        a, b = np.unravel_index(int(np.argmin(gain)), gain.shape)
        change = float(gain[a, b])
        return (change, int(out[a]), int(new[b])) if np.isfinite(change) else _NONE

    def _summed_swap(self, allowed: NDArray[np.bool_]) -> Swap:
        """The best swap where linear or quadratic demands must be asked for each pair."""
        from secateur.problem.closing import flip_changes, pair_values

        of = self.moves.cells.of
        leaving, entering = np.flatnonzero(self.bits == 1), np.flatnonzero(self.bits == 0)
        leaving = leaving[np.argsort(-self.field[leaving], kind="stable")][:_SUMMED]
        entering = entering[np.argsort(self.field[entering], kind="stable")][:_SUMMED]
        if len(leaving) == 0 or len(entering) == 0:
            return _NONE
        pairs = self.moves.problem.couplings[leaving][:, entering].toarray()
        gain = self.field[entering][None, :] - self.field[leaving][:, None] - pairs
        gain[~allowed[np.ix_(of[leaving], of[entering])]] = np.inf
        for demand in self.moves.problem.sums:
            low, high, value, steps = flip_changes(demand, self.bits)
            after = value + steps[leaving][:, None] + steps[entering][None, :]
            after = after - pair_values(demand, leaving, entering)
            gain[(after < low) | (after > high)] = np.inf
        a, b = np.unravel_index(int(np.argmin(gain)), gain.shape)
        change = float(gain[a, b])
        return (change, int(leaving[a]), int(entering[b])) if np.isfinite(change) else _NONE


class _Room:
    """Into which cells a further one fits, while greedy fills up."""

    def __init__(self, cells: Cells, ones: NDArray[np.int64]) -> None:
        self._cells = cells
        most = [d.most for d in cells.demands]
        self._left = np.array(most, dtype=np.int64) - ones
        binding = [d.kind != "count" for d in cells.demands]
        self._inside = cells.inside[:, binding]
        self._left = self._left[binding]
        self.cells = np.asarray((~self._inside | (self._left > 0)).all(axis=1))

    @property
    def none(self) -> bool:
        """No demand but the count limits anything."""
        return not self._inside.any()

    def used(self, cell: int) -> None:
        """A one was added in a cell."""
        touched = self._inside[cell]
        if not touched.any():
            return
        self._left[touched] -= 1
        if (self._left[touched] <= 0).any():
            self.cells = np.asarray((~self._inside | (self._left > 0)).all(axis=1))


def _field(moves: Moves, bits: Bits) -> Floats:
    """The field from the blocks, so that a large problem needs no second matrix."""
    field = np.array(moves.problem.linear)
    for block in moves.parts.blocks:
        if block.couplings is not None:
            z = bits[block.positions].astype(np.float64)
            field[block.positions] += np.asarray(block.couplings @ z)
    return field


def _first_of_each(order: Positions, cells: Positions, need: NDArray[np.intp]) -> Positions:
    """Of the variables in this order those that come first in their cell, as many as it needs."""
    own = cells[order]
    by_cell = np.argsort(own, kind="stable")
    starts = np.searchsorted(own[by_cell], np.arange(len(need)))
    rank = np.empty(len(order), dtype=np.intp)
    rank[by_cell] = np.arange(len(order)) - starts[own[by_cell]]
    return order[rank < np.abs(need[own])]


def _two_best(cost: Floats, cells: Positions, owner: Positions, many: int) -> Positions:
    """For every cell its cheapest variable, and its cheapest one of another block; -1 for none.

    Shape ``(2 · many,)``: with two of them a partner in the first one's block can be avoided.
    """
    found = np.full(2 * many, -1, dtype=np.intp)
    order = np.argsort(cost, kind="stable")
    order = order[np.isfinite(cost[order])]
    if len(order) == 0:
        return found
    uniq, first = np.unique(cells[order], return_index=True)
    found[uniq] = order[first]
    best_owner = np.full(many, -1, dtype=np.intp)
    best_owner[uniq] = owner[order[first]]
    others = order[owner[order] != best_owner[cells[order]]]
    if len(others):
        uniq, first = np.unique(cells[others], return_index=True)
        found[many + uniq] = others[first]
    return found
