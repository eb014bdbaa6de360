"""A problem by its blocks: upper curves, their best split, and the proof from lower curves.

Nothing is asked of a backend here: this is the first-party exact search, and what proves or bounds
the answers of all the others.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from secateur.problem.budgeted import Budgeted
from secateur.problem.minplus import best_split
from secateur.problem.model import Bits, Problem
from secateur.problem.moves import Moves
from secateur.problem.parts import Parts
from secateur.progress import Step, track
from secateur.solving.control import Control
from secateur.solving.curve import Curve
from secateur.solving.curves import feed, upper_curves
from secateur.solving.prices import Prices
from secateur.solving.prove import Progress, Proof, prove
from secateur.solving.thin import is_thin, written_out

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("secateur")

PRICED_ROUNDS = 12
"""Prices that are tried for demands which fit in no junction."""
FEW_SUMMED = 24
"""Where a linear or quadratic demand holds in a wider block, it gets a price besides."""
PLAIN_SHARE = 0.25
"""Of the time goes into a first proof without prices, where prices may follow."""
FIRST_SHARE = 0.35
"""Of the time goes into upper curves, at most, where a proof follows."""


@dataclass
class ByBlocks:
    """What the search by blocks found.

    Attributes:
        bits: the best choice, shape ``(n,)``; None if none was found.
        energy: of ``bits``, the offset included; infinity without.
        bound: below the energy of every choice that keeps the demands; minus infinity if none.
        closed: energy and bound agree.
        infeasible: there is certainly no choice.
        late: the time ran out.
        proof: of the relaxed problem at ``prices``, or None.
        parts: that the proof is about.
        prices: of the demands that fit in no junction.
        incumbents: (seconds since the search's start, energy) of every improvement.
        choices: the choice of every improvement.
        seconds: in curves and in the proof.
    """

    bits: Bits | None = None
    energy: float = math.inf
    bound: float = -math.inf
    closed: bool = False
    infeasible: bool = False
    late: bool = False
    proof: Proof | None = None
    parts: Parts | None = None
    prices: Prices | None = None
    incumbents: list[tuple[float, float]] = field(default_factory=list)
    choices: list[Bits] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def nodes(self) -> int:
        """Of all trees."""
        return 0 if self.proof is None else self.proof.nodes


def by_blocks(
    problem: Problem,
    *,
    control: Control | None = None,
    known: Sequence[Bits] = (),
    tolerance: float = 1e-7,
    workers: int = 1,
    record: bool = True,
) -> ByBlocks:
    """The best choice by blocks, and the best bound that the time allows.

    Arguments:
        problem: with its demands.
        control: the clock; no limit unless given.
        known: good vectors, feasible or not: their parts improve the curves.
        tolerance: closed when energy - bound is at most this share of the energy.
        workers: processes for the curves; the result does not depend on it.
        record: keep what a certificate needs.
    """
    control = control or Control()
    search = _Search(problem, control, known, tolerance, workers, record)
    parts = problem.parts
    hard = any(block.sums and block.size > FEW_SUMMED for block in parts.blocks)
    with track("bounding") as step:
        if not parts.loose:
            search.plain(step, control.part(PLAIN_SHARE) if hard else control)
        if (parts.loose or hard) and not (search.made.closed or search.made.infeasible):
            search.priced(step)
    return search.made


class _Search:
    def __init__(
        self,
        problem: Problem,
        control: Control,
        known: Sequence[Bits],
        tolerance: float,
        workers: int,
        record: bool,
    ) -> None:
        self.problem, self.control, self.known = problem, control, known
        self.tolerance, self.workers, self.record = tolerance, workers, record
        self.made = ByBlocks(seconds={"curves": 0.0, "proof": 0.0})
        if any(is_thin(block) for block in problem.parts.blocks):
            # a block that stays sparse has no search of its own
            start = Moves(problem).greedy()
            if start is not None:
                found = Moves(problem).descend(start, late=control.part(FIRST_SHARE).is_late)
                self.known = [*known, found]
        for row in self.known:
            if problem.feasible(row)[0]:
                self._offer(row)

    def plain(self, step: Step, control: Control) -> None:
        """All demands fit in blocks and junctions, and are kept there."""
        parts = _written_out(self.problem.parts)
        curves = self._curves(parts, control.part(FIRST_SHARE))
        self._choose(parts, curves)
        proof = self._prove(parts, curves, step, 0.0, control)
        if proof.counts:
            self._offer(_together(parts, proof.curves, proof.counts, self.problem.n))
        closed = False
        if self.made.bits is not None:
            # the value was added up in another order
            room = self.problem.tolerance(self.made.bits)
            closed = proof.closed and (self.made.energy <= proof.value + self.problem.offset + room)
        self._settle(proof, parts, None, _below(proof.bound, Fraction(self.problem.offset)), closed)

    def priced(self, step: Step) -> None:
        """Sums, and what fits in no junction, get a price; the answer is closed by moves.

        What can be kept within a block is kept there besides: a price alone leaves a gap.
        """
        loose = self.problem.parts.loose
        names = {demand.name for demand in loose}
        within = [demand for demand in self.problem.sums if demand.name not in names]
        prices = Prices(self.problem, [*loose, *within], self.made.bits)
        self._look_for(prices)
        if self.made.bits is None and not self.control.late:
            start = Moves(self.problem).incumbent()
            if start is not None:
                self._offer(start)
        for price in prices.list:
            if isinstance(price.demand, Budgeted):
                price.value = 0.0  # a tangent bounds nothing
        relaxed = prices.relaxed()
        if within:
            kept = [demand.constraint for demand in within]
            relaxed = relaxed.with_constraints([*relaxed.constraints, *kept])
        parts = _written_out(relaxed.parts)
        curves = self._curves(parts, self.control.part(FIRST_SHARE))
        proof = self._prove(parts, curves, step, prices.slack(), self.control)
        if proof.counts:
            self._close(_together(parts, proof.curves, proof.counts, self.problem.n))
        bound = _below(proof.bound, Fraction(relaxed.offset) - prices.credit())
        made = self.made
        closed = made.bits is not None and (
            made.energy - bound <= self.problem.nearly(made.energy, self.tolerance)
        )
        self._settle(proof, parts, prices, bound, closed)

    def _look_for(self, prices: Prices) -> None:
        """Leave the prices where the sum of the upper curves, as far as known, is highest."""
        best: tuple[float, list[float]] = (-math.inf, [p.value for p in prices.list])
        clock = self.control.part(0.5)
        for _ in range(PRICED_ROUNDS):
            relaxed = prices.relaxed()
            parts = _written_out(relaxed.parts)
            curves = self._curves(parts, clock)
            split = best_split(parts.shares, [curve.energy for curve in curves])
            if not math.isfinite(split.value):
                break
            dual = split.value + relaxed.offset - float(prices.credit())
            if dual > best[0]:
                best = (dual, [p.value for p in prices.list])
            row = _together(parts, curves, split.counts, self.problem.n)
            self._close(row)
            if prices.kept(row) or clock.late:
                break
            prices.learn(row)
            if prices.closed:
                break
        for price, value in zip(prices.list, best[1], strict=True):
            price.value = value

    def _close(self, row: Bits) -> None:
        """Bring a choice to the demands, improve it, and keep it if it is the best."""
        moves = Moves(self.problem)
        closed = moves.repair(row)
        if closed is not None:
            self._offer(moves.descend(closed, late=self.control.is_late))

    def _settle(
        self, proof: Proof, parts: Parts, prices: Prices | None, bound: float, closed: bool
    ) -> None:
        """Keep the better of two bounds, with what it rests on."""
        made = self.made
        made.infeasible = made.infeasible or proof.infeasible
        made.late = proof.stopped != "completed"
        if made.proof is None or closed or bound > made.bound:
            made.proof, made.parts, made.prices = proof, parts, prices
            made.bound, made.closed = bound, closed

    def _curves(self, parts: Parts, control: Control) -> list[Curve]:
        began = self.control.elapsed()
        curves = upper_curves(parts.blocks, parts.shares, control=control, workers=self.workers)
        if len(self.known):
            rows = np.array(self.known, dtype=np.int8)
            for curve, block in zip(curves, parts.blocks, strict=True):
                if self.control.late:
                    break
                feed(curve, block, rows[:, block.positions])
        self.made.seconds["curves"] += self.control.elapsed() - began
        return curves

    def _choose(self, parts: Parts, curves: Sequence[Curve]) -> None:
        """The best split of the upper curves is an incumbent."""
        split = best_split(parts.shares, [curve.energy for curve in curves])
        if math.isfinite(split.value):
            self._offer(_together(parts, curves, split.counts, self.problem.n))

    def _prove(
        self, parts: Parts, curves: list[Curve], step: Step, slack: float, control: Control
    ) -> Proof:
        began = self.control.elapsed()
        proof = prove(
            parts.blocks,
            parts.shares,
            curves,
            control=control,
            tolerance=self.tolerance,
            slack=[slack] * len(parts.blocks) if slack else None,
            record=self.record,
            progress=_tell(step, self.problem.offset),
            improved=lambda curves, counts: self._offer(
                _together(parts, curves, counts, self.problem.n)
            ),
        )
        self.made.seconds["proof"] += self.control.elapsed() - began
        return proof

    def _offer(self, bits: Bits) -> None:
        made = self.made
        if not self.problem.feasible(bits)[0]:
            return
        energy = float(self.problem.energies(bits)[0])
        if energy < made.energy:
            made.bits, made.energy = np.asarray(bits, dtype=np.int8), energy
            made.incumbents.append((self.control.since_origin(), energy))
            made.choices.append(made.bits)


def _written_out(parts: Parts) -> Parts:
    """Blocks that are held sparsely as dense ones, as far as they are narrow enough."""
    if not any(is_thin(block) for block in parts.blocks):
        return parts
    return replace(parts, blocks=tuple(written_out(block) for block in parts.blocks))


def _together(
    parts: Parts, curves: Sequence[Curve], counts: Sequence[int] | np.ndarray, n: int
) -> Bits:
    """The vector whose blocks are the curves' choices with so many ones."""
    bits = np.zeros(n, dtype=np.int8)
    for block, curve, k in zip(parts.blocks, curves, counts, strict=True):
        bits[block.positions] = curve.choice(int(k))
    return bits


def _below(bound: float, constant: Fraction) -> float:
    """The sum, rounded down."""
    if not math.isfinite(bound):
        return bound
    exact = Fraction(bound) + constant
    total = float(exact)
    return total if Fraction(total) <= exact else float(np.nextafter(total, -math.inf))


def _tell(step: Step, offset: float) -> Callable[[Progress], None]:
    def tell(progress: Progress) -> None:
        energy, bound = progress.value + offset, progress.bound + offset
        size = abs(energy) or abs(bound)
        if size and math.isfinite(size) and math.isfinite(bound):
            step.advance(note=f"gap {100 * max(0.0, energy - bound) / size:.2g} %")
        else:
            step.advance()

    return tell


def better_of(first: ByBlocks, second: ByBlocks) -> ByBlocks:
    """The second search knows the first one's choice; its bound may still be the weaker one."""
    for name, value in first.seconds.items():
        second.seconds[name] = second.seconds.get(name, 0.0) + value
    second.incumbents = first.incumbents + second.incumbents
    second.choices = first.choices + second.choices
    if second.closed or second.bound >= first.bound:
        return second
    first.bits, first.energy = second.bits, second.energy
    first.seconds, first.incumbents = second.seconds, second.incumbents
    first.choices = second.choices
    first.late = second.late
    return first
