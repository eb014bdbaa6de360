"""The walk over all states of a small problem.

The variables are split in two. The energies of all patterns of the *low* part are computed once,
and so is what each variable of the *high* part adds to them; then the subsets of the high part are
walked as a tree, each node adding one variable to its parent's vector of energies. A state costs
one addition and one comparison, no energy is a long sum of differences (nothing drifts), and no
BLAS is called, whose threads fight when several runs share a machine.

A wanted count and limits are met by construction: the low patterns are sorted by their number of
ones, so those that fit a node are one contiguous slice, and branches that break a limit are not
entered.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from math import comb, inf

import numpy as np
from numpy.typing import NDArray

from secateur.problem import Problem
from secateur.problem.model import Bits

LOW_PATTERNS = 2**15
"""So many vectors of energies fit a core's cache."""
TABLE = 2**23
"""Numbers in the table of what the high variables add (64 MiB)."""
BLOCK = 2**17
"""States looked at in one step at least; time limit and Ctrl-C are heard in between."""
PLAIN_BLOCK = 2**15


def walked(problem: Problem) -> int:
    """The ones that are placed: of the wanted count, or of its complement if that is smaller."""
    assert problem.count is not None
    return min(problem.count, problem.n - problem.count) if not problem.limits else problem.count


def walkable(problem: Problem) -> bool:
    """Whether the quick walk keeps its demands: a count, and upper limits on disjoint sets."""
    members = [limit.members for limit in problem.limits]
    seen = np.concatenate([*members, np.zeros(0, dtype=np.intp)])
    return (
        problem.kinds <= {"count", "limit"}
        and all(limit.least == 0 for limit in problem.limits)
        and len(np.unique(seen)) == len(seen)
    )


class Plain:
    """Every vector, a block of them at a time: for demands that the walk does not know.

    Attributes:
        seen: states whose energy was computed.
        improved: each better state, and when it was seen by the monotonic clock.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.seen = 0
        self.improved: list[tuple[float, Bits]] = []

    def run(self, until: float) -> tuple[Bits, bool]:
        """The best feasible state, shape ``(1, n)`` or ``(0, n)``, and whether all were seen."""
        n = self.problem.n
        best, found = inf, np.zeros((0, n), dtype=np.int8)
        for first in range(0, 2**n, PLAIN_BLOCK):
            if time.monotonic() > until:
                return found, False
            numbers = np.arange(first, min(first + PLAIN_BLOCK, 2**n))
            rows = ((numbers[:, None] >> np.arange(n)) & 1).astype(np.int8)
            rows = rows[self.problem.feasible(rows)]
            self.seen += len(numbers)
            if len(rows) == 0:
                continue
            energies = self.problem.energies(rows)
            k = int(np.argmin(energies))
            if energies[k] < best:
                best, found = float(energies[k]), rows[k : k + 1]
                self.improved.append((time.monotonic(), rows[k].copy()))
        return found, True


class Enumeration:
    """One enumeration of one problem.

    Attributes:
        seen: states whose energy was computed.
        improved: each better state, and when it was seen by the monotonic clock.
    """

    def __init__(self, problem: Problem) -> None:
        self.seen = 0
        self.n = problem.n
        self.ones = problem.count
        self.flipped = False
        # variables of one limit side by side: the border between the parts cuts one limit at most
        limited = [limit.members for limit in problem.limits]
        rest = np.setdiff1d(np.arange(self.n), np.concatenate([*limited, []]))
        self.order = np.concatenate([*limited, rest]).astype(np.intp)
        self.linear = problem.linear[self.order]
        self.couplings = problem.couplings.toarray()[np.ix_(self.order, self.order)]
        if self.ones is not None and walked(problem) != self.ones:
            # in 1 - z: the energy up to a constant, with fewer ones to place
            self.flipped = True
            self.ones = self.n - self.ones
            self.linear = -(self.linear + self.couplings.sum(axis=1))
        self.size = self._low_size()
        # the limit of every variable, and how many ones each still allows; the last is no limit
        self.owner = np.full(self.n, len(limited), dtype=np.intp)
        first = 0
        for number, positions in enumerate(limited):
            self.owner[first : first + len(positions)] = number
            first += len(positions)
        self.most = np.array([limit.most for limit in problem.limits] + [self.n])
        self.shared = int(self.owner[self.size - 1]) if 0 < self.size < self.n else len(limited)
        if self.shared < len(limited) and self.owner[self.size] != self.shared:
            self.shared = len(limited)  # the border cuts no limit
        self.improved: list[tuple[float, Bits]] = []
        self.best, self.best_low = inf, 0
        self.best_high = np.zeros(0, dtype=np.intp)

    def _low_size(self) -> int:
        """The most low variables whose patterns, and the table over them, stay small."""
        most = self.n if self.ones is None else self.ones
        size = 0
        for candidate in range(1, self.n + 1):
            patterns = sum(comb(candidate, k) for k in range(most + 1))
            if patterns > LOW_PATTERNS:
                break
            if patterns * (self.n - candidate) <= TABLE:
                size = candidate
        return size

    def run(self, until: float) -> tuple[Bits, bool]:
        """The best state, shape ``(1, n)``, and whether all were seen."""
        low = self._low_patterns()
        count = low.sum(axis=1, dtype=np.int64)
        key = np.zeros_like(count) if self.ones is None else count
        used = low[:, self.owner[: self.size] == self.shared].sum(axis=1, dtype=np.int64)
        if self.shared == len(self.most) - 1:
            used[:] = 0  # no limit is shared
        order = np.lexsort((used, key))
        low, self.key, self.used = low[order], key[order], used[order]
        z = low.astype(np.float64)
        own = z @ self.linear[: self.size] + 0.5 * np.einsum(
            "ri,ri->r", z @ self.couplings[: self.size, : self.size], z
        )
        self.table = self.couplings[self.size :, : self.size] @ z.T
        self.inner = self.couplings[self.size :, self.size :]
        self.until, self.low = until, low
        try:
            root = _Nodes(
                chosen=np.zeros((1, 0), dtype=np.intp),
                energies=own[None, :],
                own=np.zeros(1),
                fields=self.linear[None, self.size :],
                room=self.most[None, :],
            )
            self._look(root)
            self._walk(root)
            complete = True
        except _TimeIsUp:
            complete = False
        return self._state()[None], complete

    def _state(self) -> Bits:
        """The best state so far, shape ``(n,)``."""
        state = np.zeros(self.n, dtype=np.int8)
        state[self.order[: self.size]] = self.low[self.best_low]
        state[self.order[self.size :][self.best_high]] = 1
        return 1 - state if self.flipped else state

    def _low_patterns(self) -> Bits:
        most = self.size if self.ones is None else min(self.ones, self.size)
        bits = np.concatenate([_patterns(self.size, ones) for ones in range(most + 1)])
        for number, allowed in enumerate(self.most[:-1]):
            columns = self.owner[: self.size] == number
            bits = bits[bits[:, columns].sum(axis=1, dtype=np.int64) <= allowed]
        return bits

    def _fitting(self, placed: int, room: int) -> tuple[int, int]:
        """The slice of the low patterns that complete a node to a state."""
        wanted = 0 if self.ones is None else self.ones - placed
        first = int(np.searchsorted(self.key, wanted, side="left"))
        last = int(np.searchsorted(self.key, wanted, side="right"))
        return first, first + int(np.searchsorted(self.used[first:last], room, side="right"))

    def _needed(self, placed: int) -> int:
        """How many low patterns a node and all below it can still use: a prefix."""
        wanted = 0 if self.ones is None else self.ones - placed
        return int(np.searchsorted(self.key, wanted, side="right"))

    def _walk(self, nodes: _Nodes) -> None:
        """Look at all states below some nodes."""
        placed = nodes.chosen.shape[1] + 1
        if self.ones is not None and placed > self.ones:
            return
        high = self.n - self.size
        owner = self.owner[self.size :]
        last = nodes.chosen[:, -1:] if placed > 1 else np.full((1, 1), -1)
        parents, added = np.nonzero((np.arange(high) > last) & (nodes.room[:, owner] > 0))
        needed = self._needed(placed)
        deeper = self.ones is None or placed < self.ones
        step = max(1, BLOCK // max(needed, high if deeper else 1, 1))
        for start in range(0, len(added), step):
            parent, new = parents[start : start + step], added[start : start + step]
            room = nodes.room[parent]
            room[np.arange(len(new)), owner[new]] -= 1
            children = _Nodes(
                chosen=np.column_stack([nodes.chosen[parent], new]),
                energies=_sums(nodes.energies, parent, self.table, new, needed),
                own=nodes.own[parent] + nodes.fields[parent, new],
                fields=nodes.fields[parent] + self.inner[new] if deeper else nodes.fields[:0],
                room=room,
            )
            self._look(children)
            self._walk(children)

    def _look(self, nodes: _Nodes) -> None:
        """Keep the best of the states that the low patterns complete some nodes to."""
        rooms = nodes.room[:, self.shared]
        for room in set(rooms.tolist()):
            first, last = self._fitting(nodes.chosen.shape[1], room)
            if first == last:
                continue
            these = np.flatnonzero(rooms == room)
            part = nodes.energies[:, first:last]
            if len(these) < len(rooms):
                part = part[these]
            self.seen += part.size
            lows = part.argmin(axis=1)
            totals = part[np.arange(len(these)), lows] + nodes.own[these]
            row = int(totals.argmin())
            if totals[row] < self.best:
                self.best = float(totals[row])
                self.best_low = first + int(lows[row])
                self.best_high = nodes.chosen[these[row]]
                self.improved.append((time.monotonic(), self._state()))
        # asked after looking: even without any time there is a state to return
        if self.best < inf and time.monotonic() >= self.until:
            raise _TimeIsUp


@dataclass
class _Nodes:
    """Sets of chosen high variables, equally many in each; one a row.

    Attributes:
        chosen: ascending.
        energies: of the low patterns beside the chosen ones, without ``own``.
        own: energy of the chosen ones among themselves.
        fields: what one more would add to ``own``.
        room: how many ones each limit still allows.
    """

    chosen: NDArray[np.intp]
    energies: NDArray[np.float64]
    own: NDArray[np.float64]
    fields: NDArray[np.float64]
    room: NDArray[np.int64]


def _sums(
    left: NDArray[np.float64],
    rows: NDArray[np.intp],
    right: NDArray[np.float64],
    others: NDArray[np.intp],
    width: int,
) -> NDArray[np.float64]:
    """``left[rows, :width] + right[others, :width]``, without copies where rows are long."""
    if width < 512:
        return left[rows, :width] + right[others, :width]
    out = np.empty((len(rows), width))
    for k, (i, j) in enumerate(zip(rows.tolist(), others.tolist(), strict=True)):
        np.add(left[i, :width], right[j, :width], out=out[k])
    return out


class _TimeIsUp(Exception):
    """Leaves the walk, however deep."""


def _patterns(size: int, ones: int) -> Bits:
    """All patterns with so many ones, shape ``(rows, size)``."""
    rows = comb(size, ones)
    chosen = itertools.chain.from_iterable(itertools.combinations(range(size), ones))
    bits = np.zeros((rows, size), dtype=np.int8)
    bits[np.repeat(np.arange(rows), ones), np.fromiter(chosen, dtype=np.intp)] = 1
    return bits
