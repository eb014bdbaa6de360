"""Tensor-train refinement: a learned law over masks, guided by the QUBO, exact in the count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from secateur.lazy import torch
from secateur.options import option
from secateur.problem.model import Bits, Problem
from secateur.refine.base import Refiner
from secateur.refine.model import ExactCountTrain, warm_cores
from secateur.refine.search import Candidate, Search, swap_proposals


@dataclass(frozen=True)
class TensorTrain(Refiner):
    """Masks drawn from a tensor train around the incumbent, fitted to the best of them.

    Each round races masks from the train together with neighbours that the QUBO proposes, fits the
    train to the elite by gradient steps on their likelihood, and moves its centre to the incumbent.
    The train is over a window of the bits that the QUBO is least sure of; the others stay as they
    are in the incumbent, for this round.
    """

    name: ClassVar[str] = "tt"
    citation: ClassVar[str] = """
@inproceedings{batsheva2023protes,
  author    = {Batsheva, Anastasia and Chertkov, Andrei and Ryzhakov, Gleb and Oseledets, Ivan},
  title     = {{PROTES}: Probabilistic Optimization with Tensor Sampling},
  booktitle = {Advances in Neural Information Processing Systems 36}, year = {2023}
}
"""

    rank: int = option(
        4,
        "of the train; above 1 it can represent which bits flip together",
        least=1,
        most=32,
        why="each bit has two matrices of rank × rank",
    )
    window: int = option(
        96,
        "bits under the train in each round",
        least=2,
        most=1024,
        why="the train holds its square times the rank",
    )
    batch: int = option(
        12, "masks raced in a round", least=1, most=10_000, why="every one is held in memory"
    )
    neighbours: float = option(
        0.5, "the fraction of them that are swaps proposed by the QUBO", least=0, most=1
    )
    confirm: int = option(
        2,
        "at most so many of them are evaluated fully",
        least=1,
        most=10_000,
        why="every one is held in memory",
    )
    elite: int = option(
        8,
        "masks that the train is fitted to, the best of the races so far",
        least=1,
        most=1000,
        why="each has a row at every step of the train",
    )
    swaps: float = option(1.5, "expected swaps from the centre, before any fit", above=0)
    temperature: float = option(
        0.5,
        "of the QUBO's guidance, in units of the spread of the cheapest hundred swaps",
        above=0,
    )
    learning_rate: float = option(0.1, "of Adam, on the logarithms of the cores", above=0)
    fit_steps: int = option(
        2, "gradient steps in a round", least=1, most=10_000, why="a round would take hours"
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
        for side, cost, most in (
            (ones, -marginal[ones], self.window - half),
            (zeros, marginal[zeros], half),
        ):
            order = np.argsort(cost, kind="stable")[:most]
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
