"""Tensor-train refinement: a learned law over masks, guided by the QUBO, exact in the count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from secateur.errors import OptionError
from secateur.problem.model import Bits, Problem
from secateur.refine.model import ExactCountTrain, warm_cores
from secateur.refine.search import Candidate, Search, swap_proposals


@dataclass(frozen=True)
class TensorTrain:
    """Masks drawn from a tensor train around the incumbent, fitted to the best of them.

    Each round races masks from the train together with neighbours that the QUBO proposes, fits the
    train to the elite by gradient steps on their likelihood, and moves its centre to the incumbent.
    The train is over a window of the bits that the QUBO is least sure of; the others stay as they
    are in the incumbent, for this round.

    Arguments:
        evaluations: budget, in evaluations of the whole selection split.
        rank: of the train; above 1 it can represent which bits flip together.
        window: bits under the train in each round.
        batch: masks raced in a round.
        neighbours: the fraction of them that are swaps proposed by the QUBO.
        confirm: at most so many of them are evaluated fully.
        elite: masks that the train is fitted to, the best of the races so far.
        swaps: expected swaps from the centre, before any fit.
        temperature: of the QUBO's guidance; see ``Exchange``.
        learning_rate: of Adam, on the logarithms of the cores.
        fit_steps: gradient steps in a round.
    """

    short_name: ClassVar[str] = "tt"
    evaluations: int = 500
    rank: int = 4
    window: int = 96
    batch: int = 12
    neighbours: float = 0.5
    confirm: int = 2
    elite: int = 8
    swaps: float = 1.5
    temperature: float = 0.5
    learning_rate: float = 0.1
    fit_steps: int = 2

    def __post_init__(self) -> None:
        whole = ("evaluations", "rank", "batch", "confirm", "elite", "fit_steps")
        for name in whole:
            if getattr(self, name) < 1:
                raise OptionError(f"{name} is {getattr(self, name)}", remedy="use at least 1")
        if self.window < 2 or not 0.0 <= self.neighbours <= 1.0:
            raise OptionError(
                f"window is {self.window} and neighbours is {self.neighbours}",
                remedy="use a window of at least 2 and a fraction from 0 to 1",
            )
        if not min(self.swaps, self.temperature, self.learning_rate) > 0:
            raise OptionError(
                f"swaps is {self.swaps}, temperature {self.temperature}, learning_rate "
                f"{self.learning_rate}",
                remedy="use positive numbers",
            )

    def search(self, state: Search, seed: int) -> None:
        """Spend the budget."""
        rng = np.random.default_rng(seed)
        n = state.problem.n
        learned = torch.zeros(n, 2, self.rank, self.rank, dtype=torch.float64)
        learned.requires_grad_()
        adam = torch.optim.Adam([learned], lr=self.learning_rate)
        archive: list[Candidate] = []
        noise_seed = int(rng.integers(2**31))
        fruitless = 0
        while state.affords(state.metric.quick_cost) and fruitless < 20:
            window, odds = self._window(state.problem, state.bits)
            base = warm_cores(
                odds, state.bits[window], self.rank, np.random.default_rng(noise_seed)
            )
            count = int(state.bits[window].sum(dtype=np.int64))
            if archive:
                self._fit(learned, adam, base, window, count, archive)
            with torch.no_grad():
                train = ExactCountTrain((base + learned[window]).exp(), count)
            drawn = np.repeat(state.bits[None], self.batch, axis=0)
            drawn[:, window] = train.sample(self.batch, rng)
            near = swap_proposals(
                state.problem, state.bits, self.batch, rng, temperature=self.temperature
            )
            wanted = round(self.neighbours * self.batch)
            fresh_near = state.fresh((row, "neighbour") for row in near[:wanted])
            fresh = fresh_near + state.fresh((row, "train") for row in drawn)
            fresh = fresh[: self.batch]
            fruitless = 0 if fresh else fruitless + 1
            archive = _best(archive + state.race(fresh, self.confirm), self.elite)

    def _window(self, problem: Problem, bits: Bits) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """The bits nearest to flipping by the QUBO, and their odds of it."""
        marginal = problem.field(bits)
        ones, zeros = np.flatnonzero(bits == 1), np.flatnonzero(bits == 0)
        half = self.window // 2
        window, odds = [], []
        # the dearest ones are the first to stay, the cheapest zeros the first to go
        for side, cost in ((ones, -marginal[ones]), (zeros, marginal[zeros])):
            order = np.argsort(cost, kind="stable")[:half]
            window.append(side[order])
            odds.append(_odds(cost[order], self.swaps, self.temperature))
        where, chance = np.concatenate(window), np.concatenate(odds)
        order = np.argsort(where, kind="stable")
        return where[order], chance[order]

    def _fit(
        self,
        learned: torch.Tensor,
        adam: torch.optim.Optimizer,
        base: torch.Tensor,
        window: NDArray[np.intp],
        count: int,
        archive: list[Candidate],
    ) -> None:
        """Gradient steps on the likelihood of the elite, where the window can represent it."""
        rows = [
            candidate.bits[window]
            for candidate in archive
            if int(candidate.bits[window].sum(dtype=np.int64)) == count
        ]
        if not rows:
            return
        elite = np.stack(rows)
        for _ in range(self.fit_steps):
            train = ExactCountTrain((base + learned[window]).exp(), count)
            # a pull to zero forgets what the elite no longer says
            loss = -train.log_likelihood(elite).mean() + 0.01 * learned.square().sum()
            adam.zero_grad()
            loss.backward()
            adam.step()


def _odds(cost: NDArray[np.float64], expected: float, temperature: float) -> NDArray[np.float64]:
    """Odds of flipping, Boltzmann in the cost, with the expected number of flips."""
    if len(cost) == 0:
        return cost
    excess = cost - cost.min()
    scale = temperature * max(float(np.median(excess)), 1e-12)
    boltzmann = np.exp(-excess / scale)
    wanted = min(expected, 0.5 * len(cost))
    low, high = -30.0, 30.0
    for _ in range(60):  # the expected number of flips grows with the factor
        middle = 0.5 * (low + high)
        odds = np.exp(middle) * boltzmann
        if (odds / (1.0 + odds)).sum() < wanted:
            low = middle
        else:
            high = middle
    return np.clip(np.exp(high) * boltzmann, 1e-6, 1e3)


def _best(candidates: list[Candidate], count: int) -> list[Candidate]:
    return sorted(candidates, key=lambda candidate: -candidate.quick)[:count]
