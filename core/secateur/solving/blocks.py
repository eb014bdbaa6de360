"""A problem by its blocks: upper curves, their best split, and the proof from lower curves.

Nothing is asked of a backend here: this is the first-party exact search, and what proves or bounds
the answers of all the others.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

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

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("secateur")

PRICED_ROUNDS = 12
"""Prices that are tried for demands which fit in no junction."""
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
        incumbents: (seconds, energy) of every improvement.
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
    with track("bounding") as step:
        if problem.parts.loose:
            search.priced(step)
        else:
            search.plain(step)
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
        for row in known:
            if problem.feasible(row)[0]:
                self._offer(row)

    def plain(self, step: Step) -> None:
        """All demands fit in blocks and junctions."""
        parts = self.problem.parts
        curves = self._curves(parts, self.control.part(FIRST_SHARE))
        self._choose(parts, curves)
        proof = self._prove(parts, curves, step, 0.0)
        made = self.made
        if proof.counts:
            self._offer(_together(parts, proof.curves, proof.counts, self.problem.n))
        made.infeasible = proof.infeasible
        made.bound = _below(proof.bound, self.problem.offset)
        if made.bits is not None:
            # the value was added up in another order
            room = self.problem.tolerance(made.bits)
            made.closed = proof.closed and made.energy <= proof.value + self.problem.offset + room

    def priced(self, step: Step) -> None:
        """Some demands get a price; the answer is closed by moves."""
        moves = Moves(self.problem)
        loose = self.problem.parts.loose
        prices = Prices(self.problem, loose)
        best: tuple[float, list[float]] = (-math.inf, [p.value for p in prices.list])
        clock = self.control.part(0.5)
        for _ in range(PRICED_ROUNDS):
            relaxed = prices.relaxed()
            parts = relaxed.parts
            curves = self._curves(parts, clock)
            split = best_split(parts.root, [curve.energy for curve in curves])
            if not math.isfinite(split.value):
                break
            dual = split.value + relaxed.offset - prices.credit()
            if dual > best[0]:
                best = (dual, [p.value for p in prices.list])
            row = _together(parts, curves, split.counts, self.problem.n)
            closed = moves.repair(row)
            if closed is not None:
                self._offer(moves.descend(closed, late=lambda: self.control.late))
            if prices.kept(row) or clock.late:
                break
            prices.learn(row)
            if prices.closed:
                break
        if self.made.bits is None and not self.control.late:
            start = moves.incumbent()
            if start is not None:
                self._offer(start)
        for price, value in zip(prices.list, best[1], strict=True):
            price.value = value
        relaxed = prices.relaxed()
        curves = self._curves(relaxed.parts, self.control.part(FIRST_SHARE))
        proof = self._prove(relaxed.parts, curves, step, prices.slack())
        if proof.counts:
            row = _together(relaxed.parts, proof.curves, proof.counts, self.problem.n)
            closed = moves.repair(row)
            if closed is not None:
                self._offer(moves.descend(closed, late=lambda: self.control.late))
        made = self.made
        made.prices = prices
        made.infeasible = proof.infeasible
        made.bound = _below(proof.bound, relaxed.offset - prices.credit())
        if made.bits is not None:
            room = max(self.tolerance * abs(made.energy - self.problem.offset), 0.0)
            made.closed = made.energy - made.bound <= room

    def _curves(self, parts: Parts, control: Control) -> list[Curve]:
        began = self.control.elapsed()
        curves = upper_curves(parts.blocks, parts.root, control=control, workers=self.workers)
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
        split = best_split(parts.root, [curve.energy for curve in curves])
        if math.isfinite(split.value):
            self._offer(_together(parts, curves, split.counts, self.problem.n))

    def _prove(self, parts: Parts, curves: list[Curve], step: Step, slack: float) -> Proof:
        began = self.control.elapsed()
        proof = prove(
            parts.blocks,
            parts.root,
            curves,
            control=self.control,
            tolerance=self.tolerance,
            slack=[slack] * len(parts.blocks) if slack else None,
            record=self.record,
            progress=_tell(step, self.problem.offset),
        )
        made = self.made
        made.seconds["proof"] += self.control.elapsed() - began
        made.proof, made.parts = proof, parts
        made.late = proof.stopped != "completed"
        return proof

    def _offer(self, bits: Bits) -> None:
        made = self.made
        if not self.problem.feasible(bits)[0]:
            return
        energy = float(self.problem.energies(bits)[0])
        if energy < made.energy:
            made.bits, made.energy = np.asarray(bits, dtype=np.int8), energy
            made.incumbents.append((self.control.elapsed(), energy))


def _together(
    parts: Parts, curves: Sequence[Curve], counts: Sequence[int] | np.ndarray, n: int
) -> Bits:
    """The vector whose blocks are the curves' choices with so many ones."""
    bits = np.zeros(n, dtype=np.int8)
    for block, curve, k in zip(parts.blocks, curves, counts, strict=True):
        bits[block.positions] = curve.choice(int(k))
    return bits


def _below(bound: float, constant: float) -> float:
    """The sum, rounded down."""
    total = bound + constant
    if not math.isfinite(total) or Fraction(total) <= Fraction(bound) + Fraction(constant):
        return total
    return float(np.nextafter(total, -math.inf))


def _tell(step: Step, offset: float) -> Callable[[Progress], None]:
    def tell(progress: Progress) -> None:
        energy, bound = progress.value + offset, progress.bound + offset
        size = abs(energy) or abs(bound)
        if size and math.isfinite(size) and math.isfinite(bound):
            step.advance(note=f"gap {100 * max(0.0, energy - bound) / size:.2g} %")
        else:
            step.advance()

    return tell
