"""One best-first tree of a block: a lower curve that is refined where somebody asks.

Every node carries bounds for all numbers of ones. A node is dropped when it can undercut the
target at none of them; the lower curve is the least over open nodes and over what was dropped.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from secateur.problem.parts import Block, Floats
from secateur.solving.curve import Curve
from secateur.solving.demands import Bits, Demands, descend
from secateur.solving.node_bounds import UNIT, NodeBounds, Singles
from secateur.solving.pool import Batch, Pool
from secateur.solving.record import Node, Record, fixings
from secateur.solving.sdp import dominant_diagonal, linear_diagonal

_ITERATIONS = 20
_ROOT_ITERATIONS = 200
_LEAST_BATCH = 32
_WIDE = 128


class Tree:
    """The proof of one block.

    Arguments:
        block: scaled so that the problem's largest number is about 1.
        demands: of the block.
        curve: the best choices known; improved in place.
        slack: subtracted from every bound.
        record: keep what a certificate needs.
    """

    def __init__(
        self, block: Block, demands: Demands, curve: Curve, *, slack: float, record: bool
    ) -> None:
        self.block, self.demands, self.curve = block, demands, curve
        self.slack = slack
        self.record: Record | None = Record(None) if record else None
        self.lower = self._unstarted()
        # nothing was thrown away below this
        self.floor = curve.energy - slack
        self.nodes = 0
        self.improved = False
        self._open = np.zeros(0, dtype=np.intp)
        self._kept = 0
        self._pool = Pool(block.size)

    @property
    def open(self) -> int:
        """The number of open nodes."""
        return len(self._open)

    @property
    def open_bytes(self) -> int:
        """Memory for open nodes."""
        return self._pool.bytes

    @property
    def record_bytes(self) -> int:
        """Memory for the record, about."""
        if self.record is None:
            return 0
        return len(self.record.nodes) * (4 * self.block.size + 300)

    def forget(self) -> None:
        """Give the record up."""
        self.record = None

    def _unstarted(self) -> Floats:
        """A lower curve that costs next to nothing: linearised at zero, by a diagonal at hand."""
        block = self.block
        pairs = block.couplings
        diagonal = np.zeros(block.size) if pairs is None else dominant_diagonal(pairs)
        if pairs is not None and block.size > _WIDE:  # time may run out before it is started
            better = linear_diagonal(block.linear, pairs)
            diagonal = diagonal if better is None else better
        if self.record is not None:
            self.record = Record(None if pairs is None else diagonal, [Node()])
            zero = np.zeros((1, block.size), dtype=np.float32)
            self.record.nodes[0].points = tuple(self.record.add_points(zero))
        terms = block.linear - diagonal / 2
        terms -= 2 * (block.size + 8) * UNIT * (np.abs(block.linear) + diagonal)
        sums = np.concatenate([[0.0], np.cumsum(np.sort(terms))])
        return np.where(block.allowed, sums - self.slack, np.inf)

    def start(self, diagonal: Floats | None, points: Floats, wanted: int) -> None:
        """Bound the root.

        Arguments:
            diagonal: d for which ``J + diag(d)`` is certainly positive semidefinite; None where
                nothing is coupled.
            points: of linearisation beside the tree's own, shape ``(P, w)``.
            wanted: the number of ones to be tight at.
        """
        block = self.block
        self.lower = np.where(block.allowed, -np.inf, np.inf)
        self.bounds = NodeBounds(block, diagonal, self.slack)
        if self.record is not None:
            self.record = Record(None if block.couplings is None else self.bounds.diagonal)
        root = np.full((1, block.size), -1, dtype=np.int8)
        values = np.full((1, block.size), wanted / max(block.size, 1), dtype=np.float32)
        if block.couplings is not None:
            values *= self.bounds.height
        nothing = np.full((1, block.size + 1), -np.inf)
        target = np.full(block.size + 1, np.inf)
        batch = Batch(root, values, np.zeros_like(values), nothing, self._new(1))
        self._bound(batch, wanted, target, _ROOT_ITERATIONS, extra=points.astype(np.float32))
        self.refresh()

    def refresh(self) -> Floats:
        """The lower curve now. It never falls: every earlier one was a bound too."""
        least = self.floor
        if len(self._open):
            least = np.minimum(self._pool.lower.min(0), least)
        self.lower = np.maximum(self.lower, least)
        return self.lower

    def aim(self, target: Floats) -> None:
        """Say what is wanted, and drop the nodes that cannot undercut it.

        Arguments:
            target: what this block would have to undercut at each k, shape ``(w + 1,)``.
        """
        self.floor = np.minimum(self.floor, target)
        # a node that is kept too long is never branched on: it costs room only
        if len(self._open) > 1.25 * self._kept:
            keep = (self._pool.lower[self._open] < target).any(1)
            self._pool.free(self._open[~keep])
            self._open = self._open[keep]
            self._kept = len(self._open)

    def expand(self, k: int, target: Floats, many: int, share: float) -> int:
        """Branch on the nodes that are lowest at k ones; returns how many were bounded.

        Arguments:
            k: where the split wants this block to be.
            target: as given to ``aim``.
            many: nodes at once, at most.
            share: leave alone what is higher than the lowest by this.
        """
        pool = self._pool
        at = pool.lower[self._open, k]
        low = np.flatnonzero(at < target[k])
        if not len(low):
            return 0
        low = low[np.argsort(at[low], kind="stable")][:many]
        low = low[: max(_LEAST_BATCH, int((at[low] <= at[low[0]] + share).sum()))]
        rows = self._open[low]
        choices = pool.choices[rows]
        where = self._branch(choices, pool.values[rows], k)
        zero, one = choices.copy(), choices
        each = np.arange(len(rows))
        zero[each, where] = 0
        one[each, where] = 1
        ids = self._new(2 * len(rows))
        if self.record is not None:
            pairs = ids.reshape(2, -1).T.tolist()
            for node, j, pair in zip(pool.ids[rows].tolist(), where.tolist(), pairs, strict=True):
                parent = self.record.nodes[node]
                parent.branch, parent.children = j, (pair[0], pair[1])
        batch = Batch(
            np.concatenate([zero, one]),
            np.concatenate([pool.values[rows]] * 2),
            np.concatenate([pool.dual[rows]] * 2),
            np.concatenate([pool.lower[rows]] * 2),
            ids,
        )
        pool.free(rows)
        self._open = np.delete(self._open, low)
        self._bound(batch, k, target, _ITERATIONS)
        return 2 * len(rows)

    def _branch(self, choices: Bits, values: Singles, k: int) -> NDArray[np.intp]:
        """The free variable whose convexification loses most; first those of broken demands."""
        diagonal, free = self.bounds.diagonal, choices < 0
        score = np.full(choices.shape, 0.0)
        if self.block.couplings is not None:
            y = values / self.bounds.root
            score = diagonal * (y - y * y) + 1e-9 * diagonal
        if self.demands:
            trouble = self.demands.troubled(self._rounded(choices, values, k))
            score = score + np.where(trouble, score.max(1, initial=0.0)[:, None] + 1.0, 0.0)
        return np.where(free, score, -1.0).argmax(1)

    def _rounded(self, choices: Bits, values: NDArray[np.floating], k: int) -> Bits:
        """The largest k of each relaxed choice as ones, or as many as its fixings leave."""
        if self.block.couplings is None:
            values = np.broadcast_to(-self.block.linear, choices.shape)
        else:
            values = values / self.bounds.root
        key = np.where(choices == 1, np.inf, np.where(choices == 0, -np.inf, values))
        order = np.argsort(-key, axis=1, kind="stable")
        ones = (choices == 1).sum(1)
        wanted = np.clip(k, ones, ones + (choices < 0).sum(1))
        bits = np.zeros(choices.shape, dtype=np.int8)
        ranks = np.arange(self.block.size) < wanted[:, None]
        np.put_along_axis(bits, order, ranks.astype(np.int8), axis=1)
        return bits

    def _bound(
        self,
        batch: Batch,
        k: int,
        target: Floats,
        iterations: int,
        extra: Singles | None = None,
    ) -> None:
        """Bound new nodes, fix in them, drop what is above the target, keep the rest open."""
        bounds = self.bounds
        self.nodes += len(batch.ids)
        forced = batch.choices
        if self.demands:
            broken, values = self.demands.propagate(batch.choices)
            forced = np.where(values >= 0, values, batch.choices)
            self._infeasible(batch.ids, broken)
            batch, forced = batch.take(broken < 0), forced[broken < 0]
        entry = batch.choices
        if not len(entry):
            return
        points = self._points(batch, forced, k, iterations)
        slopes = bounds.slopes(points.astype(float))
        simple = bounds.sort(slopes, entry)
        lower = np.where(simple.possible, np.maximum(batch.lower, simple.lower), np.inf)
        if extra is not None and len(extra):
            added = bounds.sort(bounds.slopes(extra.astype(float)), np.repeat(entry, len(extra), 0))
            lower = np.maximum(lower, added.lower.max(0))
        if bounds.lawler:
            bounds.gilmore_lawler(entry, k, simple.possible, lower)
        at_entry = self._ends(entry, lower)
        margin = 2 * slopes.margin[:, None]
        alive = simple.possible & (at_entry + margin < target)
        with np.errstate(invalid="ignore"):
            # infinity less infinity, where a count is not alive
            lack = target - simple.lower + 8 * UNIT * (np.abs(target) + np.abs(simple.lower))
        fixed = bounds.fix(entry, simple, slopes, np.where(alive, lack, -np.inf))
        shut = (fixed != entry).any(1)
        if shut.any():
            # the other sides of what is fixed are leaves: bounded by this node where it is dead
            other = np.where(alive[shut], np.inf, at_entry[shut])
            self.floor = np.minimum(self.floor, other.min(0))
        done = np.where(forced != entry, forced, fixed)
        if (forced != entry).any():
            again = bounds.sort(slopes, forced)
            lower = np.where(again.possible, np.maximum(lower, again.lower), np.inf)
            at_exit = self._ends(forced, lower)
            alive = again.possible & (at_exit + margin < target)
        else:
            at_exit = at_entry
        live = np.asarray(alive.any(axis=1))
        if live.any():
            rounded = self._rounded(forced[live], batch.values[live], k)
            self._try(rounded, self.bounds.energies(rounded.astype(float)))
        self._settle(batch, done, at_exit, live)
        if self.record is not None:
            self._note(batch.ids, points, fixings(entry, done), extra)

    def _points(self, batch: Batch, forced: Bits, k: int, iterations: int) -> Singles:
        """Where to linearise: relaxed choices near k ones. The batch keeps the state."""
        if self.block.couplings is None:
            return np.zeros(forced.shape, dtype=np.float32)
        ones = (forced == 1).sum(1)
        wanted = np.clip(k, ones, ones + (forced < 0).sum(1))
        state = (batch.values, batch.dual)
        batch.values, batch.dual = self.bounds.relax(forced, wanted, state, iterations)
        return (batch.values * self.bounds.inverse_root).astype(np.float32)

    def _settle(self, batch: Batch, done: Bits, lower: Floats, live: NDArray[np.bool_]) -> None:
        """Keep what is alive open; what is not was a leaf."""
        ones, free = (done == 1).sum(1), (done < 0).sum(1)
        complete = free == 0
        if complete.any():
            # such a leaf has one completion, and that is exact
            only = np.arange(self.block.size + 1) == ones[:, None]
            exact = self._ends(done[complete], np.where(only, lower, np.inf)[complete])
            lower = lower.copy()
            lower[complete] = exact
        broken = np.full(len(done), -1, dtype=np.intp)
        if self.demands:
            broken = self.demands.propagate(done)[0]
            self._infeasible(batch.ids, broken)
        gone = (~live | complete) & (broken < 0)
        if gone.any():
            self.floor = np.minimum(self.floor, lower[gone].min(0))
        kept = live & ~complete & (broken < 0)
        if kept.any():
            rows = self._pool.add(
                done[kept], batch.values[kept], batch.dual[kept], lower[kept], batch.ids[kept]
            )
            self._open = np.concatenate([self._open, rows])

    def _ends(self, choices: Bits, lower: Floats) -> Floats:
        """Raise bounds where no free variable, or every one, is one: both are exact."""
        one = choices == 1
        bits = np.concatenate([one, choices != 0])
        chosen = bits.astype(float)
        energy = self.bounds.energies(chosen)
        exact = self.bounds.exact(chosen, energy)
        ones = bits.sum(1)
        rows = np.concatenate([np.arange(len(choices))] * 2)
        lower = lower.copy()
        known = lower[rows, ones] < np.inf
        np.maximum.at(lower, (rows[known], ones[known]), exact[known])
        self._try(bits.astype(np.int8), energy)
        return lower

    def _try(self, bits: Bits, energy: Floats) -> None:
        """Improve the upper curve by complete choices and what swaps make of them."""
        curve, block = self.curve, self.block
        ones = bits.sum(1)
        best = curve.energy[ones]
        with np.errstate(invalid="ignore"):
            better = energy < np.where(np.isfinite(best), best - 1e-12 * np.abs(best), best)
        for i in np.flatnonzero(better & block.allowed[ones]):
            k = int(ones[i])
            if energy[i] >= curve.energy[k] or (self.demands and not self.demands.keeps(bits[i])):
                continue
            choice = descend(block.linear, block.couplings, bits[i], self.demands)
            value = float(self.bounds.energies(choice[None].astype(float))[0])
            if value > energy[i]:
                choice, value = bits[i], float(energy[i])
            self.improved |= curve.offer(choice, value)

    def _new(self, count: int) -> NDArray[np.intp]:
        """Numbers for new nodes, recorded if they are."""
        if self.record is None:
            return np.zeros(count, dtype=np.intp)
        first = len(self.record.nodes)
        self.record.nodes.extend(Node() for _ in range(count))
        return np.arange(first, first + count)

    def _infeasible(self, ids: NDArray[np.intp], broken: NDArray[np.intp]) -> None:
        if self.record is not None:
            for i in np.flatnonzero(broken >= 0):
                self.record.nodes[ids[i]].infeasible = self.demands.names[broken[i]]

    def _note(
        self,
        ids: NDArray[np.intp],
        points: Singles,
        pairs: list[tuple[tuple[int, int], ...]],
        extra: Singles | None,
    ) -> None:
        """Record points and fixings of nodes."""
        assert self.record is not None
        numbers = self.record.add_points(points)
        for i, (node, fixed) in enumerate(zip(ids.tolist(), pairs, strict=True)):
            made = self.record.nodes[node]
            made.points, made.gl, made.fixed = (numbers[i],), self.bounds.lawler, fixed
        if extra is not None and len(extra):
            self.record.nodes[int(ids[0])].points += tuple(self.record.add_points(extra))
