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
from secateur.refine.search import Candidate, Search
from secateur.refine.swaps import DRY, REACH, Reach, in_play, swap_proposals

MOST = 1024
"""Bits under a train."""


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
        1,
        "of the train; above 1 it can represent which bits flip together, which has not paid on "
        "compensated networks",
        least=1,
        most=32,
        why="each bit has two matrices of rank × rank",
    )
    window: int = option(
        96,
        "bits under the train in each round",
        least=2,
        most=MOST,
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
    reach: float = option(
        0.25,
        "the share of the window's bits that are in play at first, those that the QUBO is least "
        "sure of before the others; it is widened while masks change nothing or run dry",
        above=0,
        most=1,
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
        bit_reach, swap_reach, dry = Reach(self.reach, most=1.0), Reach(REACH), 0
        wanted = round(self.neighbours * self.batch)
        while state.affords(state.metric.quick_cost) and dry < DRY:
            window, odds = self._window(state.problem, state.bits, bit_reach.share)
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
                state.problem, state.bits, self.batch, rng, reach=swap_reach.share
            )
            beside = state.fresh((row, "neighbour") for row in near[:wanted])
            fresh = beside + state.fresh((row, "train") for row in drawn)
            dry = 0 if fresh or swap_reach.share < 1 else dry + 1
            raced = state.race(fresh[: self.batch], self.confirm)
            own = [one for one in raced if one.source == "train"]
            bit_reach.learn(self.batch - len(beside), own, state.base)
            # without neighbours nothing is learned of them, but that there is nothing new
            if wanted or not fresh:
                own = [one for one in raced if one.source == "neighbour"]
                swap_reach.learn(max(wanted, 1), own, state.base)
            archive = _best(archive + raced, self.elite)

    def _window(
        self, problem: Problem, bits: Bits, reach: float
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """The bits nearest to flipping by the QUBO, and their odds of it."""
        marginal = problem.field(bits)
        ones, zeros = np.flatnonzero(bits == 1), np.flatnonzero(bits == 0)
        # where masks change nothing, all of a window may be bits that are worth nothing
        size = min(round(self.window * max(1.0, reach / self.reach)), MOST)
        half = size // 2
        window, odds = [], []
        # the dearest ones are the first to stay, the cheapest zeros the first to go
        for side, cost, most in (
            (ones, -marginal[ones], size - half),
            (zeros, marginal[zeros], half),
        ):
            order = np.argsort(cost, kind="stable")[:most]
            window.append(side[order])
            odds.append(_odds(cost[order], self.swaps, reach))
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


def _odds(cost: NDArray[np.float64], expected: float, reach: float) -> NDArray[np.float64]:
    """Odds of flipping, Boltzmann in the cost, with the expected number of flips.

    Arguments:
        cost: of each flip.
        expected: number of flips.
        reach: the share that is in play.
    """
    if len(cost) == 0:
        return cost
    boltzmann = in_play(cost, reach * len(cost))
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
