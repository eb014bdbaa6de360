"""Control 3: exchange search on the true metric, at the same cost as the tensor train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from secateur.options import option
from secateur.refine.base import Refiner
from secateur.refine.search import Search
from secateur.refine.swaps import DRY, REACH, Reach, swap_proposals


@dataclass(frozen=True)
class Exchange(Refiner):
    """Swaps that improve the metric are taken: the control of the tensor train."""

    name: ClassVar[str] = "exchange"

    guide: Literal["qubo", "random"] = option(
        "qubo", "swaps by a Boltzmann law on the QUBO's energy, or uniform ones"
    )
    reach: float = option(
        REACH,
        "the share of all swaps that this law has in play at first, the cheapest before the "
        "others (at least a hundred); it is widened while proposals change nothing or run dry",
        above=0,
        most=1,
    )
    batch: int = option(
        12, "proposals raced together", least=1, most=10_000, why="every one is held in memory"
    )
    confirm: int = option(
        2,
        "at most so many of them are evaluated fully",
        least=1,
        most=10_000,
        why="every one is held in memory",
    )

    def search(self, state: Search, seed: int) -> None:
        """Spend the budget."""
        rng = np.random.default_rng(seed)
        reach, dry = Reach(self.reach), 0
        while state.affords(state.metric.quick_cost) and dry < DRY:
            share = reach.share if self.guide == "qubo" else None
            rows = swap_proposals(state.problem, state.bits, self.batch, rng, reach=share)
            fresh = state.fresh((row, self.guide) for row in rows)
            dry = 0 if fresh or (share is not None and share < 1) else dry + 1
            reach.learn(self.batch, state.race(fresh, self.confirm), state.base)
