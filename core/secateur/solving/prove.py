"""The proof: lower curves of all blocks, refined only where the split of ones asks for it.

Every block has an upper curve (the best choice known for every number of ones) and a lower curve
(a bound for every number of ones). Min-plus over the upper curves is the best selection; min-plus
over the lower curves is a bound, and its split says at which number of ones the tree of each block
has to work. A node of a tree dies when it cannot undercut what its block would have to undercut
for the sum to beat the best selection.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from secateur.problem.exact_sums import CANCELLED
from secateur.problem.junction import Junction
from secateur.problem.minplus import Split, best_split
from secateur.problem.parts import Block, Floats
from secateur.problem.shares import Shares
from secateur.solving.control import Control
from secateur.solving.convexify import convexify, seconds, slope_at
from secateur.solving.curve import Curve
from secateur.solving.demands import Demands
from secateur.solving.exactly_summed import FEW_TERMS, least_below
from secateur.solving.node_bounds import UNIT, add_exactly
from secateur.solving.record import Record
from secateur.solving.scale import bounded, guessed, power
from secateur.solving.small import (
    FEW,
    enumerated,
    enumerated_record,
    scaled,
    uncoupled,
    uncoupled_record,
)
from secateur.solving.thin import is_thin, thin_lower, thin_record
from secateur.solving.tree import Tree

START_SHARE = 0.8
"""Of its time goes into the starts of trees, at most: a bad start is never made good."""
NOTHING = 2.0**-57
"""A gap of so much of the problem's largest number is none: the optimum is zero, to rounding."""

RECORD_BYTES = 2**28
"""A record that would be larger is given up: the search goes on, without a certificate."""
SETTLED = 100
"""Rounds in which shares under budgets are settled, at most."""
OPEN_BYTES = 2**30
"""The search stops when its open nodes take so much memory."""


Improved = Callable[[Sequence[Curve], Sequence[int]], None]


@dataclass(frozen=True)
class Progress:
    """Where a proof stands.

    Attributes:
        round: of the search.
        value: of the best selection, without the problem's offset.
        bound: below every selection.
        nodes: bounded so far.
        seconds: since the start of the control.
    """

    round: int
    value: float
    bound: float
    nodes: int
    seconds: float


@dataclass(eq=False)
class Proof:
    """The best selection, a bound, and what the bound rests on.

    Attributes:
        curves: upper curves, one a block.
        lower: lower curves, one a block, shape ``(w + 1,)``; infinity: no such choice exists.
        value: the least sum of upper curves, without the problem's offset; infinity if none.
        bound: the least sum of lower curves, certainly below it.
        counts: ones of each block in the best selection; empty if there is none.
        closed: value and bound agree to the tolerance.
        infeasible: there is certainly no selection.
        nodes: bounded, over all trees.
        rounds: of the search.
        stopped: "completed", "time limit" or "memory limit".
        incumbents: seconds since the start and value, each time it improved.
        records: of each block, what a certificate needs; empty unless asked for, and where it
            would be larger than ``RECORD_BYTES``.
    """

    curves: list[Curve]
    lower: list[Floats]
    value: float
    bound: float
    counts: tuple[int, ...]
    closed: bool
    infeasible: bool
    nodes: int
    rounds: int
    stopped: str
    incumbents: list[tuple[float, float]] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)


def prove(
    blocks: Sequence[Block],
    root: Junction | Shares,
    curves: Sequence[Curve],
    *,
    control: Control,
    tolerance: float = 1e-7,
    slack: Sequence[float] | None = None,
    record: bool = True,
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
    improved: Improved | None = None,
) -> Proof:
    """Find the best selection and prove it, or bound it as well as the time allows.

    Arguments:
        blocks: of the problem; those that hold couplings sparsely are bounded, not searched.
        root: how their numbers of ones may add up; with budgets, the bound is a Lagrangian's.
        curves: upper curves to start from, one a block; infinity where nothing is known. They are
            not changed.
        control: the clock.
        tolerance: closed when value - bound is at most this share of the value.
        slack: of each block, subtracted from its bounds; none by default.
        record: keep what a certificate needs.
        seed: nothing is random yet; the same seed gives the same proof.
        progress: called once a round.
        improved: called with the upper curves and the numbers of ones of each better selection.

    Raises:
        KeyboardInterrupt: as it comes.
    """
    search = _Search(blocks, root, curves, slack, control, record, improved)
    search.start(tolerance)
    search.run(tolerance, progress)
    return search.proof(tolerance)


class _Search:
    """All blocks on one scale: the largest number is about 1, and nothing is rounded."""

    def __init__(
        self,
        blocks: Sequence[Block],
        root: Junction | Shares,
        curves: Sequence[Curve],
        slack: Sequence[float] | None,
        control: Control,
        record: bool,
        improved: Improved | None = None,
    ) -> None:
        self.root, self.control, self.recording = root, control, record
        self.factor = factor = power(blocks)
        self.blocks = [scaled(block, factor) for block in blocks]
        self.slack = [factor * x for x in (slack or [0.0] * len(blocks))]
        self.demands = [Demands(block) for block in self.blocks]
        self.curves: list[Curve] = []
        self.lower: list[Floats] = []
        self.trees: dict[int, Tree] = {}
        for i, (block, curve) in enumerate(zip(self.blocks, curves, strict=True)):
            few = block.size <= FEW
            plain = block.couplings is None and not self.demands[i]
            own = curve.scaled(factor)
            own.energy[~block.allowed] = np.inf
            self.curves.append(own)
            if is_thin(block):
                self.lower.append(thin_lower(block, self.slack[i]))
            elif plain:
                self.lower.append(uncoupled(block, self.curves[i], self.slack[i]))
            elif few:
                self.lower.append(enumerated(block, self.demands[i], self.curves[i], self.slack[i]))
            else:
                tree = Tree(
                    block, self.demands[i], self.curves[i], slack=self.slack[i], record=record
                )
                self.trees[i] = tree
                self.lower.append(tree.lower)
        self.rounds = 0
        self.stopped = "completed"
        self.incumbents: list[tuple[float, float]] = []
        self.improved = improved
        self._upper: Split | None = None
        self._split()

    def _split(self) -> None:
        """Both splits, and the bound that is certainly below."""
        if self._upper is None or any(tree.improved for tree in self.trees.values()):
            self._upper = best_split(self.root, [curve.energy for curve in self.curves])
            for tree in self.trees.values():
                tree.improved = False
        self.below, self.others = bounded(self.root, self.lower)
        value = self.upper.value
        if math.isfinite(value) and (not self.incumbents or value < self.incumbents[-1][1]):
            self.incumbents.append((self.control.elapsed(), value))
            if self.improved is not None:
                self.improved(self.curves, self.upper.counts.tolist())
        self.bound = self._safe(self.below.value)

    def _safe(self, value: float) -> float:
        """Below every sum of lower curves, which min-plus adds up with rounding errors."""
        if not math.isfinite(value) or isinstance(self.root, Shares):
            return value
        unit = 2 * (len(self.lower) + 2) * UNIT
        least = sum(-min(0.0, float(lower.min(initial=0.0))) for lower in self.lower)
        near = value + 2 * unit * (abs(value) + 2 * least)
        # only counts that come near to the least sum can be below it but for rounding
        pairs = zip(self.lower, self.others, strict=True)
        terms = [lower[lower + other <= near] for lower, other in pairs]
        if add_exactly(terms):
            return value
        size = sum(float(np.abs(x).max(initial=0.0)) for x in terms)
        if abs(value) <= CANCELLED * size and sum(len(x) for x in terms) <= FEW_TERMS:
            return least_below(self.root, self.lower, self.others, near)
        return value - unit * size

    @property
    def upper(self) -> Split:
        """The best selection known."""
        assert self._upper is not None
        return self._upper

    @property
    def nodes(self) -> int:
        return sum(tree.nodes for tree in self.trees.values())

    def closed(self, tolerance: float) -> bool:
        """Value and bound agree."""
        value = self.upper.value
        return math.isfinite(value) and value - self.bound <= max(tolerance * abs(value), NOTHING)

    def start(self, tolerance: float) -> None:
        """Diagonals and roots of all trees."""
        if not self.trees or self.closed(tolerance):
            return
        value = self.upper.value
        known = math.isfinite(value)
        uppers = [
            curve.energy if known else guessed(block)
            for curve, block in zip(self.curves, self.blocks, strict=True)
        ]
        split = self.upper if known else best_split(self.root, uppers)
        if not math.isfinite(split.value):
            split = self.below
        if not math.isfinite(split.value):
            return
        others = bounded(self.root, uppers)[1]
        size = sum(float(np.abs(block.linear).sum()) for block in self.blocks)
        gap = max(1e-3 * abs(split.value) / len(self.trees), 1e-13 * size)
        import scipy.linalg  # noqa: F401  (it takes a while: not out of the first block's share)

        # decided by the limit, not by what is left of it: the same every time
        limit = math.inf if self.control.seconds is None else self.control.seconds
        thorough = sum(seconds(tree.block.size) for tree in self.trees.values()) <= 0.6 * limit
        # the narrow ones first: what they leave of their time goes to the wide ones
        order = sorted(self.trees.items(), key=lambda item: item[1].block.size)
        costs = [tree.block.size**1.5 for _, tree in order]  # as measured
        for done, (i, tree) in enumerate(order):
            if self.control.late:
                break
            k = int(split.counts[i])
            slope = slope_at(uppers[i], others[i], k)
            part = self.control.part(START_SHARE * costs[done] / sum(costs[done:]))
            diagonal, points = convexify(self.blocks[i], k, slope, gap, part, thorough=thorough)
            tree.start(diagonal, points, k)
            self.lower[i] = tree.lower

    def run(self, tolerance: float, progress: Callable[[Progress], None] | None) -> None:
        """Rounds, until value and bound agree, nothing helps any more, or the time is up."""
        while True:
            self._split()
            if progress is not None:
                value, bound = self.upper.value / self.factor, self.bound / self.factor
                progress(Progress(self.rounds, value, bound, self.nodes, self.control.elapsed()))
            if math.isinf(self.below.value) or self.closed(tolerance):
                return
            if self.control.late:
                self.stopped = "time limit"
                return
            if self._full():
                self.stopped = "memory limit"
                return
            before = (self.upper.value, self.below.value)
            worked = self._round(tolerance)
            for i, tree in self.trees.items():
                self.lower[i] = tree.refresh()
            if not worked:
                self._split()
                if (self.upper.value, self.below.value) == before:
                    self._settle(tolerance)
                    return

    def _settle(self, tolerance: float) -> None:
        """Close the gap that prices on budgets leave, where the trees have done their part."""
        if not isinstance(self.root, Shares) or not math.isfinite(self.below.value):
            return
        late = self.control.is_late
        for _ in range(SETTLED):
            energies = [curve.energy for curve in self.curves]
            split, bound = self.root.settled(energies, late)
            if split.value < self.upper.value:
                self._upper = split
            if all(np.array_equal(a, b) for a, b in zip(energies, self.lower, strict=True)):
                self.bound = max(self.bound, bound)
                return
            split, bound = self.root.settled(self.lower, late)
            self.bound = max(self.bound, bound)
            if self.control.late or self._full() or self.closed(tolerance):
                return
            # where the lower curves would be best, the trees may still have work
            self.below = Split(bound, split.counts)
            if not math.isfinite(split.value) or not self._round(tolerance):
                return
            for i, tree in self.trees.items():
                self.lower[i] = tree.refresh()

    def _round(self, tolerance: float) -> int:
        """Let every tree work where the split wants it; returns the number of new nodes."""
        value, below = self.upper.value, self.below.value
        allowance = NOTHING
        if math.isfinite(value) and value * below > 0:
            allowance = max(allowance, tolerance * min(abs(value), abs(below)))
        allowance /= 2 * max(1, len(self.trees))
        share = (value - below) / 3
        self.rounds += 1
        worked = 0
        for i, tree in self.trees.items():
            if not tree.open:
                continue
            with np.errstate(invalid="ignore"):
                target = value - self.others[i]
            # no total fits: nothing is asked of such a count
            target[np.isposinf(self.others[i])] = -np.inf
            target = np.minimum(target, self.curves[i].energy) - allowance
            k = int(self.below.counts[i])
            if tree.lower[k] >= target[k]:
                continue
            tree.aim(target)
            worked += tree.expand(k, target, _batch(tree), share)
            if self.control.late:
                break
        return worked

    def _full(self) -> bool:
        """No room is left for open nodes; a record that is too large is given up before."""
        trees = self.trees.values()
        if self.recording and sum(tree.record_bytes for tree in trees) > RECORD_BYTES:
            self.recording = False
            for tree in trees:
                tree.forget()
        return sum(tree.open_bytes for tree in trees) > OPEN_BYTES

    def proof(self, tolerance: float) -> Proof:
        """On the problem's own scale."""
        records: list[Record] = []
        for i, block in enumerate(self.blocks if self.recording else []):
            tree = self.trees.get(i)
            if tree is not None:
                assert tree.record is not None
                records.append(tree.record)
                if tree.record.diagonal is not None:
                    tree.record.diagonal = tree.record.diagonal / self.factor
            elif is_thin(block):
                records.append(thin_record())
            elif block.couplings is None and not self.demands[i]:
                records.append(uncoupled_record())
            else:
                records.append(enumerated_record(scaled(block, 1 / self.factor), self.demands[i]))
        return Proof(
            curves=[curve.scaled(1 / self.factor) for curve in self.curves],
            lower=[lower / self.factor for lower in self.lower],
            value=self.upper.value / self.factor,
            bound=self.bound / self.factor,
            counts=tuple(self.upper.counts.tolist()) if math.isfinite(self.upper.value) else (),
            closed=self.closed(tolerance),
            infeasible=math.isinf(self.below.value),
            nodes=self.nodes,
            rounds=self.rounds,
            stopped=self.stopped,
            incumbents=[(seconds, value / self.factor) for seconds, value in self.incumbents],
            records=records,
        )


def _batch(tree: Tree) -> int:
    """Nodes at once: wide blocks take fewer, so that a batch stays well under a second."""
    width = tree.block.size
    return int(min(128 if width < 96 else 256, max(16, 3e7 / width**2)))
