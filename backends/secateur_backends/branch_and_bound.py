"""Branch and bound of our own: exact, without a licence, the demands as constraints.

The problem falls into blocks; each has one best-first tree whose nodes bound all numbers of ones at
once, and min-plus over the blocks says where to work. See ``secateur.solving.prove``.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import ClassVar

import numpy as np

from secateur.backends import (
    Applicability,
    Backend,
    BackendOptions,
    Capabilities,
    Solution,
    Status,
    Stopped,
    Timings,
    option,
)
from secateur.problem import Problem

WIDEST = 4096
"""A wider block is written out as a matrix only if it is dense anyway."""

CITATION = """
@misc{secateur-branch-and-bound,
  title = {secateur: the backend branch-and-bound (lower curves of blocks under min-plus)},
  note  = {Part of the software secateur}
}
@article{helmberg1996interior,
  author  = {Helmberg, Christoph and Rendl, Franz and Vanderbei, Robert J. and Wolkowicz, Henry},
  title   = {An Interior-Point Method for Semidefinite Programming},
  journal = {SIAM Journal on Optimization}, volume = {6}, number = {2}, pages = {342--361},
  year    = {1996}, doi = {10.1137/0806020}
}
"""


@dataclass(frozen=True)
class BranchAndBoundOptions(BackendOptions):
    """Options of branch and bound."""

    time_limit: float | None = option(
        None, "stop after this with the best found and its bound", least=0, unit="s"
    )
    gap: float = option(
        1e-7, "stop at this gap between energy and bound, relative to the energy", least=0, most=1
    )
    workers: int = option(
        1, "processes for the upper curves; the answer does not depend on it", least=1, most=64
    )


class BranchAndBound(Backend):
    """Proves optimality block by block; every kind of demand is taken natively."""

    name: ClassVar[str] = "branch-and-bound"
    capabilities: ClassVar[Capabilities] = Capabilities(
        native=frozenset(
            {"count", "limit", "multiple", "numbers", "linear", "quadratic", "budget", "staircase"}
        ),
        exact=True,
        takes_time_limit=True,
        takes_start=True,
    )
    Options: ClassVar[type[BackendOptions]] = BranchAndBoundOptions
    citation: ClassVar[str] = CITATION

    def applicability(
        self, problem: Problem, options: BackendOptions | None = None
    ) -> Applicability:
        """Any problem; how wide its coupled blocks are decides how good the bound is."""
        dense = [b.size**2 for b in problem.parts.blocks if b.couplings is not None]
        return Applicability(True, memory_bytes=200 * min(max(dense, default=0), WIDEST**2))

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        """Bound and branch until energy and bound meet, or the time is up."""
        from secateur.solving.blocks import by_blocks
        from secateur.solving.control import Control

        assert isinstance(options, BranchAndBoundOptions)
        started = time.monotonic()
        made = by_blocks(
            problem,
            control=Control(options.time_limit),
            known=() if problem.start is None else tuple(problem.start),
            tolerance=options.gap,
            workers=options.workers,
            record=False,
        )
        rows = np.zeros((0, problem.n), dtype=np.int8) if made.bits is None else made.bits[None]
        took = time.monotonic() - started
        if made.bits is None:
            status = Status.INFEASIBLE if made.infeasible else Status.NONE
        else:
            # with a gap allowed, what is closed is only near
            near = made.energy - made.bound <= problem.tolerance(made.bits)
            status = Status.OPTIMAL if made.closed and near else Status.FEASIBLE
        proof = made.proof
        return Solution.from_bits(
            problem,
            rows,
            options,
            took,
            status=status,
            stopped=Stopped.TIME_LIMIT if made.late and not made.closed else Stopped.COMPLETED,
            bound=min(made.bound, made.energy) if math.isfinite(made.bound) else None,
            timings=Timings(total=took, solve=took),
            versions={"secateur": version("secateur"), "numpy": np.__version__},
            raw={
                "nodes": made.nodes,
                "rounds": 0 if proof is None else proof.rounds,
                "blocks": 0 if made.parts is None else len(made.parts.blocks),
                "seconds": made.seconds,
                "incumbents": [list(pair) for pair in made.incumbents],
            },
            incumbents=tuple(
                (seconds, bits)
                for (seconds, _), bits in zip(made.incumbents, made.choices, strict=True)
            ),
        )
