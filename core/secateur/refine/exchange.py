"""Control 3: exchange search on the true metric, at the same cost as the tensor train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from secateur.errors import OptionError
from secateur.refine.search import Search, swap_proposals


@dataclass(frozen=True)
class Exchange:
    """Swaps that improve the metric are taken.

    Arguments:
        evaluations: budget, in evaluations of the whole selection split.
        guide: "qubo" proposes swaps by a Boltzmann law on the QUBO's energy; "random" uniformly.
        temperature: of that law, in units of the spread of the cheapest hundred swaps.
        batch: proposals raced together.
        confirm: at most so many of them are evaluated fully.
    """

    short_name: ClassVar[str] = "exchange"
    evaluations: int = 500
    guide: Literal["qubo", "random"] = "qubo"
    temperature: float = 0.5
    batch: int = 12
    confirm: int = 2

    def __post_init__(self) -> None:
        if self.evaluations < 1 or self.batch < 1 or self.confirm < 1 or not self.temperature > 0:
            raise OptionError(
                f"{self}", remedy="evaluations, batch, confirm and temperature are positive"
            )
        if self.guide not in ("qubo", "random"):
            raise OptionError(f"guide is {self.guide!r}", remedy='use "qubo" or "random"')

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
