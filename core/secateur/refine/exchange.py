"""Control 3: exchange search on the true metric, at the same cost as the tensor train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from secateur.options import option
from secateur.refine.base import Refiner
from secateur.refine.search import Search, swap_proposals


@dataclass(frozen=True)
class Exchange(Refiner):
    """Swaps that improve the metric are taken: the control of the tensor train."""

    name: ClassVar[str] = "exchange"

    guide: Literal["qubo", "random"] = option(
        "qubo", "swaps by a Boltzmann law on the QUBO's energy, or uniform ones"
    )
    temperature: float = option(
        0.5, "of that law, in units of the spread of the cheapest hundred swaps", above=0
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
        temperature = self.temperature if self.guide == "qubo" else None
        fruitless = 0
        while state.affords(state.metric.quick_cost) and fruitless < 20:
            rows = swap_proposals(
                state.problem, state.bits, self.batch, rng, temperature=temperature
            )
            fresh = state.fresh((row, self.guide) for row in rows)
            fruitless = 0 if fresh else fruitless + 1
            state.race(fresh, self.confirm)
