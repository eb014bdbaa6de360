"""Swaps that the QUBO proposes, and how far down its order they reach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secateur.problem.model import Bits, Problem
from secateur.refine.search import Candidate

REACH = 0.005
"""The share of all swaps that a law has in play at first."""
AT_LEAST = 100
"""Swaps in play, where there are so many."""
DRY = 20
"""Rounds without a new proposal, all swaps in play, after which a search is over."""
SAME = 1e-6
"""Two values of a metric that differ by so small a part are the same: rounding."""


def swap_proposals(
    problem: Problem,
    bits: Bits,
    count: int,
    rng: np.random.Generator,
    *,
    reach: float | None,
    more_swaps: float = 0.3,
) -> list[Bits]:
    """Neighbours of a mask by one swap or a few.

    Arguments:
        problem: its QUBO gives the energy of a swap.
        bits: exactly K ones.
        count: how many proposals; repeats are possible.
        rng: the seed.
        reach: the share of all swaps that are in play, the cheapest by the QUBO first, by a
            Boltzmann law; None or 1 for uniform swaps.
        more_swaps: the probability of each further swap in a proposal.
    """
    leaving, entering = np.flatnonzero(bits == 1), np.flatnonzero(bits == 0)
    if len(leaving) == 0 or len(entering) == 0:
        return []
    weights = None
    if reach is not None and reach < 1:
        field_ = problem.field(bits)
        coupled = problem.couplings[leaving][:, entering].toarray()
        gain = (field_[entering][None, :] - field_[leaving][:, None] - coupled).reshape(-1)
        weights = in_play(gain, max(reach * len(gain), AT_LEAST))
        weights /= weights.sum()
    pairs = len(leaving) * len(entering)
    proposals = []
    for _ in range(count):
        proposal = bits.copy()
        swaps = int(rng.geometric(1.0 - more_swaps))
        for pair in rng.choice(pairs, size=swaps, p=weights):
            out, new = leaving[pair // len(entering)], entering[pair % len(entering)]
            if proposal[out] == 1 and proposal[new] == 0:
                proposal[out], proposal[new] = 0, 1
        proposals.append(proposal)
    return proposals


def in_play(cost: NDArray[np.float64], wanted: float) -> NDArray[np.float64]:
    """A Boltzmann law that has so many in play: the sum of its weights, of which the largest is 1.

    The temperature follows from that number, and so does not depend on the unit of the costs, nor
    on how many decades they span. Those that cost the same as the cheapest count half of what is in
    play at most: a law of nothing but channels that cost nothing would propose nothing.

    Arguments:
        cost: at least one.
        wanted: the number in play; of all or more the law is uniform.
    """
    excess = cost - cost.min()
    costly = excess > 1e-9 * excess.mean()
    wanted = max(wanted, 2.0 * (len(cost) - int(costly.sum())))
    if wanted >= len(cost):
        return np.ones(len(cost))
    dear = excess[costly]
    low, high = np.log(dear.min()) - 8.0, np.log(dear.max()) + 30.0
    for _ in range(80):  # the number in play grows with the temperature
        middle = 0.5 * (low + high)
        if np.exp(-excess / np.exp(middle)).sum() < wanted:
            low = middle
        else:
            high = middle
    weights: NDArray[np.float64] = np.exp(-excess / np.exp(high))
    return weights


@dataclass
class Reach:
    """How far a search looks: wider when its proposals run dry, back when they do not.

    Arguments:
        first: the share in play, at first and at least.
        most: up to which it is widened where proposals change nothing; where there are no new ones
            it is widened up to all.

    Attributes:
        share: in play now.
    """

    first: float
    most: float = 0.25
    share: float = 0.0

    def __post_init__(self) -> None:
        self.share = self.first

    def learn(self, asked: int, raced: list[Candidate], base: float) -> None:
        """What a round has shown.

        Arguments:
            asked: how many proposals were asked for.
            raced: those of them that were new, after the race.
            base: the incumbent's metric in that race.
        """
        changed = [one for one in raced if abs(one.quick - base) > SAME * abs(base)]
        if 2 * len(raced) < asked:
            self.share = min(1.0, 2.0 * self.share)
        elif 2 * len(changed) < len(raced):
            self.share = max(self.share, min(self.most, 2.0 * self.share))
        else:
            self.share = max(self.first, 0.9 * self.share)
