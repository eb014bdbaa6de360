"""Any backend on the blocks of a problem, one at a time: ``blocks:NAME``.

The QUBO of a network falls apart by layers. Upper curves give a first split of the ones among the
blocks; the inner backend then solves each block for its number of ones, its reads improve the
curve at every number of ones that they have, and min-plus splits again, until the split asks for
nothing that was not yet solved. A device sees problems of one layer's size, and the whole has
exactly what was asked.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from secateur.backends.base import (
    Applicability,
    Backend,
    BackendOptions,
    Solution,
    Status,
    Stopped,
    Timings,
)
from secateur.backends.call import resolve_options
from secateur.backends.guard import applicability_of, build
from secateur.errors import BackendBudgetSpent, ConstraintError
from secateur.limits import MOST_ROUNDS, ROUNDS_WHY
from secateur.options import option
from secateur.problem.constraints import count
from secateur.problem.minplus import Split, best_split
from secateur.problem.model import Bits, Problem
from secateur.problem.moves import Moves
from secateur.problem.parts import Block
from secateur.problem.subproblem import subproblem
from secateur.solving.control import Control
from secateur.solving.curves import feed, upper_curves
from secateur.solving.exactly import Search
from secateur.solving.names import BLOCKS
from secateur.solving.wrapping import Wrapper, WrapperOptions, wrap


@dataclass(frozen=True)
class BlockwiseOptions(WrapperOptions):
    """Options of the search by blocks; before those of the inner backend is ``inner.``."""

    rounds: int = option(
        4,
        "most splits after which blocks are solved again",
        least=1,
        most=MOST_ROUNDS,
        why=ROUNDS_WHY,
    )


@cache
def by_block(inner: type[Backend]) -> type[Backend]:
    """A backend that solves problems block by block with ``inner``; its name is ``blocks:`` and
    that of ``inner``."""
    return wrap(Blockwise, inner, BLOCKS, f"The backend {inner.name!r} on a problem's blocks.")


class Blockwise(Wrapper):
    """What ``by_block`` makes a subclass of."""

    Options = BlockwiseOptions

    def applicability(
        self, problem: Problem, options: BackendOptions | None = None
    ) -> Applicability:
        """Whether the inner backend takes the widest block."""
        given = options if isinstance(options, BlockwiseOptions) else self.Options()
        assert isinstance(given, BlockwiseOptions)
        coupled = [block for block in problem.parts.blocks if block.couplings is not None]
        if not coupled:
            return Applicability(True, seconds=0.0)
        widest = max(coupled, key=lambda block: block.size)
        inner = build(self.inner)
        part = _alone(problem, widest, widest.size // 2).only(inner.capabilities.native)
        suits = applicability_of(inner, part, resolve_options(inner, dict(given.inner or {})))
        if not suits.applicable:
            return replace(suits, reason=f"a block of {widest.size} variables: {suits.reason}")
        calls = self.most_calls(given) or len(coupled)
        charge = suits.charge_seconds
        return Applicability(
            True,
            seconds=None if suits.seconds is None else calls * suits.seconds,
            charge_seconds=None if charge is None else calls * charge,
            memory_bytes=suits.memory_bytes,
        )

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        """Split, solve the blocks for their numbers of ones, and split again."""
        assert isinstance(options, BlockwiseOptions)
        work = _Work(
            problem,
            build(self.inner),
            options,
            most=self.most_calls(options),
            seed=self.seed_of(problem, options),
            metered=self.charges(options),
        )
        work.go()
        bits = work.best()
        took = work.clock.elapsed()
        return Solution.from_bits(
            problem,
            bits[None],
            options,
            took,
            status=Status.FEASIBLE,
            stopped=work.stopped,
            timings=Timings(total=took, solve=work.inner_seconds),
            versions={"numpy": np.__version__, **work.versions},
            seed=work.seed,
            job_id=work.jobs[-1] if work.jobs else None,
            raw={"calls": work.calls, "solved": len(work.solved), "jobs": work.jobs},
            incumbents=tuple(work.improved),
        )


class _Work:
    """One search by blocks.

    Where calls are charged, what is asked does not depend on the clock: started again, the search
    asks for the same, which is paid for. Time then ends it between calls, and nowhere else.
    """

    def __init__(
        self,
        problem: Problem,
        inner: Backend,
        options: BlockwiseOptions,
        *,
        most: int | None,
        seed: int,
        metered: bool,
    ) -> None:
        self.problem, self.inner, self.most = problem, inner, most
        self.seed, self.metered = seed, metered
        self.given = dict(options.inner or {})
        self.rounds = options.rounds
        self.clock = Control(options.time_limit)
        self.parts = problem.parts
        self.curves = upper_curves(
            self.parts.blocks,
            self.parts.shares,
            control=Control() if metered else self.clock.part(0.3),
        )
        for row in () if problem.start is None else problem.start:
            for curve, block in zip(self.curves, self.parts.blocks, strict=True):
                feed(curve, block, row[block.positions])
        self.solved: set[tuple[int, int]] = set()
        self.calls = 0
        self.inner_seconds = 0.0
        self.jobs: list[str] = []
        self.versions: dict[str, str] = {}
        self.stopped = Stopped.COMPLETED
        self.improved: list[tuple[float, Bits]] = []

    def go(self) -> None:
        """Solve what the split asks for, until it asks for nothing new."""
        for _ in range(self.rounds):
            split = best_split(self.parts.shares, [curve.energy for curve in self.curves])
            self._remember(split)
            wanted = [
                (number, int(k))
                for number, k in enumerate(split.counts if np.isfinite(split.value) else ())
                if self.parts.blocks[number].couplings is not None
                and 0 < k < self.parts.blocks[number].size
                and (number, int(k)) not in self.solved
            ]
            if not wanted:
                return
            for place, (number, k) in enumerate(wanted):
                if self.stopped is not Stopped.COMPLETED:
                    return
                if self.clock.late:
                    self.stopped = Stopped.TIME_LIMIT
                    return
                if self.most is not None and self.calls >= self.most:
                    self.stopped = Stopped.BUDGET
                    return
                try:
                    self._solve(number, k, len(wanted), len(wanted) - place - 1)
                except BackendBudgetSpent:
                    if not self.calls:
                        raise
                    self.stopped = Stopped.BUDGET  # what was paid for is not thrown away
                    return

    def _remember(self, split: Split) -> None:
        """What a split puts together, before its blocks are solved for it."""
        if np.isfinite(split.value):
            bits = self._together(split)
            if self.problem.feasible(bits)[0]:
                self.improved.append((self.clock.elapsed(), bits))

    def _together(self, split: Split) -> Bits:
        bits = np.zeros(self.problem.n, dtype=np.int8)
        for block, curve, k in zip(self.parts.blocks, self.curves, split.counts, strict=True):
            bits[block.positions] = curve.choice(int(k))
        return bits

    def _solve(self, number: int, k: int, share: int, after: int) -> None:
        """Solve a block for its number of ones; one call is left for each block after it."""
        block, curve = self.parts.blocks[number], self.curves[number]
        start = curve.choice(k)
        part = _alone(self.problem, block, k).with_start(start[None])
        began = time.monotonic()
        left = self.clock.left()
        asked = self.clock.asked
        control = Control()
        if left != float("inf") and asked is not None:
            until = left if self.metered else left / share
            control = Control(until, nominal=asked / share)
        search = Search(
            part, self.inner, options=self.given, seed=self.seed + number, control=control
        )
        if self.most is not None:
            search.most_calls = min(search.most_calls, max(self.most - self.calls - after, 1))
        found = search.go()
        self.inner_seconds += time.monotonic() - began
        self.calls += found.calls
        if self.metered and found.stopped in (Stopped.TIME_LIMIT, Stopped.BUDGET):
            self.stopped = found.stopped  # further blocks would be others at the next start
        self.solved.add((number, k))
        if found.last is not None:
            self.versions.update(found.last.versions)
            if found.last.job_id is not None:
                self.jobs.append(found.last.job_id)
        rows = [reads for reads, _ in found.rows]
        if found.bits is not None:
            rows.append(found.bits[None])
        feed(curve, block, np.concatenate(rows))

    def best(self) -> Bits:
        """The choice of the best split, brought to the demands that fit in no junction.

        Raises:
            ConstraintError: no choice that keeps the demands was found.
        """
        split = best_split(self.parts.shares, [curve.energy for curve in self.curves])
        bits = np.zeros(self.problem.n, dtype=np.int8)
        if np.isfinite(split.value):
            bits = self._together(split)
            if self.problem.feasible(bits)[0]:
                return bits
        moves = Moves(self.problem)
        closed = moves.repair(bits)
        if closed is None:
            raise ConstraintError(
                "no choice was found that keeps all demands",
                remedy="relax one of them, or use branch-and-bound, which can prove that there "
                "is none",
            )
        return moves.descend(closed, late=lambda: self.clock.late)


def _alone(problem: Problem, block: Block, k: int) -> Problem:
    """A block as a problem with exactly k ones and the demands within it."""
    zeros = np.zeros(problem.n, dtype=np.int8)
    part = subproblem(problem.with_constraints(()), zeros, block.positions)
    names = {d.name for d in block.counts} | {d.name for d in block.sums}
    mine = set(part.variables)
    inner = [
        constraint
        for constraint in problem.constraints
        if constraint.name in names and mine.issuperset(constraint.labels())
    ]
    return part.with_constraints([count(k, name="ones of the block"), *inner])
