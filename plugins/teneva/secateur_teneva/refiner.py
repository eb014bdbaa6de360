"""The refiner teneva: a tensor train of the races so far, and what it holds for the best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from secateur.options import option
from secateur.refine import Candidate, Reach, Refiner, Search, swap_proposals

Bits = NDArray[np.int8]
FEWEST = 4
"""Bits that have been both ways in the races, before there is anything to learn."""


@dataclass(frozen=True)
class TenevaRefiner(Refiner):
    """Masks that a tensor train holds for the best, fitted to the races so far.

    Each round races neighbours that the QUBO proposes together with masks from a train over the
    bits that were both ways in the races: ANOVA of ``exp(metric / T)``, and alternating least
    squares from there if ``sweeps`` asks for it. Beam search finds its largest values among the
    masks with the wanted count.
    """

    name: ClassVar[str] = "teneva"
    citation: ClassVar[str] = """
@article{chertkov2023blackbox,
  author  = {Chertkov, Andrei and Ryzhakov, Gleb and Oseledets, Ivan},
  title   = {Black Box Approximation in the Tensor Train Format Initialized by {ANOVA}
             Decomposition},
  journal = {SIAM Journal on Scientific Computing}, volume = {45}, number = {4},
  pages   = {A2101--A2118}, year = {2023}, doi = {10.1137/22M1514088}
}
"""

    rank: int = option(2, "of the train", least=2, most=32, why="each step solves for its square")
    window: int = option(
        64,
        "bits under the train, those with the largest effects",
        least=4,
        most=1024,
        why="a fit takes its product with the races",
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
    archive: int = option(
        200,
        "races that the train is fitted to, the latest",
        least=8,
        most=100_000,
        why="each has a row at every step of the fit",
    )
    sharpness: float = option(1.0, "1/T, in units of the spread of those races", above=0, most=20)
    reach: float = option(
        0.005,
        "the share of all swaps that the QUBO has in play at first (at least a hundred); it is "
        "widened while they change nothing or run dry",
        above=0,
        most=1,
    )
    sweeps: int = option(
        0,
        "of alternating least squares after ANOVA; with as few races as a refinement has it fits "
        "their noise",
        least=0,
        most=1000,
        why="a round would take minutes",
    )
    ridge: float = option(0.1, "pull of the fit to zero", least=1e-9, most=1e9)

    def search(self, state: Search, seed: int) -> None:
        """Spend the budget."""
        rng = np.random.default_rng(seed)
        raced: list[Candidate] = []
        wanted = round(self.neighbours * self.batch)
        reach, fruitless = Reach(self.reach), 0
        while state.affords(state.metric.quick_cost) and fruitless < 20:
            drawn = self._from_train(state, raced, int(rng.integers(2**31)))
            near = swap_proposals(state.problem, state.bits, 2 * self.batch, rng, reach=reach.share)
            fresh = _first(state, drawn, "train", self.batch - wanted)
            fresh += _first(state, near, "neighbour", self.batch - len(fresh))
            fruitless = 0 if fresh or reach.share < 1 else fruitless + 1
            new = state.race(fresh, self.confirm)
            own = [one for one in new if one.source == "neighbour"]
            reach.learn(max(1, self.batch - len(new) + len(own)), own, state.base)
            raced = (raced + new)[-self.archive :]

    def _from_train(self, state: Search, raced: list[Candidate], seed: int) -> list[Bits]:
        """Masks that the train holds for the best, best first."""
        if not raced or self.neighbours == 1:
            return []
        rows = np.array([one.bits for one in raced])
        metric = np.array([one.quick for one in raced])
        spread = float(metric.std())
        ones = rows.sum(axis=0, dtype=np.int64)
        both = np.flatnonzero((ones > 0) & (ones < len(rows)))
        if len(both) < FEWEST or not spread > 0:
            return []
        window = _largest_effects(rows, metric, both, self.window)
        count = int(state.bits[window].sum(dtype=np.int64))
        weight = np.exp(self.sharpness * (metric - metric.max()) / spread)
        train = self._fit(rows[:, window].astype(int), weight, seed)
        from secateur_teneva.count import best_rows

        found = best_rows(train, count, 4 * self.batch)
        import teneva

        order = np.argsort(-teneva.get_many(train, found.astype(int)), kind="stable")
        masks = np.repeat(state.bits[None], len(found), axis=0)
        masks[:, window] = found[order]
        return list(masks)

    def _fit(
        self, rows: NDArray[np.int64], weight: NDArray[np.float64], seed: int
    ) -> list[NDArray[np.float64]]:
        import teneva

        train = teneva.anova(rows, weight, r=self.rank, order=1, noise=1e-3, seed=seed)
        if self.sweeps:
            train = teneva.als(
                rows,
                weight,
                train,
                nswp=self.sweeps,
                lamb=self.ridge,
                info={},
                allow_skip_cores=True,
            )
        return train


def _largest_effects(
    rows: Bits, metric: NDArray[np.float64], both: NDArray[np.intp], most: int
) -> NDArray[np.intp]:
    """The bits whose two values differ most in the metric, by their standard errors, in order."""
    if len(both) <= most:
        return both
    bits = rows[:, both].astype(np.float64)
    ones = bits.sum(axis=0)
    zeros = len(rows) - ones
    with_it = metric @ bits / ones
    without = metric @ (1.0 - bits) / zeros
    effect = np.abs(with_it - without) / np.sqrt(1.0 / ones + 1.0 / zeros)
    return np.sort(both[np.argsort(-effect, kind="stable")[:most]])


def _first(state: Search, rows: list[Bits], source: str, most: int) -> list[tuple[Bits, str]]:
    """The first so many that were not tried yet; those behind them may be tried another time."""
    found: list[tuple[Bits, str]] = []
    for row in rows:
        if len(found) >= most:
            break
        found += state.fresh([(row, source)])
    return found
