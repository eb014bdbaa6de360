"""How far searches reach: the unit of the law, and what happens where proposals change nothing."""

from __future__ import annotations

import dimod
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.problem import Problem, count
from secateur.refine import Exchange, TensorTrain, refine
from secateur.refine.search import Candidate
from secateur.refine.swaps import Reach, in_play


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(2, 60),
    decades=st.floats(0.5, 7),
    share=st.floats(0.01, 1.2),
    scale=st.sampled_from([1e-30, 1e-12, 1.0, 1e12]),
    seed=st.integers(0, 1000),
)
def test_so_many_are_in_play_whatever_the_unit(n, decades, share, scale, seed):
    cost = 10.0 ** (decades * np.random.default_rng(seed).random(n)) - 3.0
    law = in_play(cost * scale, share * n)
    assert law.max() == 1.0
    assert law.sum() == pytest.approx(min(n, max(share * n, 2.0)), rel=1e-6)
    assert (np.diff(law[np.argsort(cost)]) <= 0).all()
    np.testing.assert_allclose(law, in_play(cost, share * n), rtol=1e-4, atol=1e-12)


def test_what_costs_nothing_takes_half_of_the_law_at_most():
    """Hundreds of channels that are worth nothing, and others of many decades."""
    dear = np.geomspace(1e-3, 1e3, 1000)
    cost = np.concatenate([np.full(300, -1.0) + 1e-17 * np.arange(300), dear])
    law = in_play(cost, 100)
    assert law[:300].sum() == pytest.approx(300)
    assert law[300:].sum() == pytest.approx(300, rel=1e-6)


def candidate(quick):
    return Candidate(np.zeros(1, np.int8), quick, "")


def test_it_widens_where_proposals_change_nothing_and_comes_back():
    reach = Reach(0.01, most=0.04)
    reach.learn(4, [candidate(28.0)] * 3 + [candidate(28.1)], 28.0)
    assert reach.share == 0.02
    for _ in range(4):
        reach.learn(4, [candidate(28.0 * (1 + 1e-8))] * 4, 28.0)
    assert reach.share == 0.04  # no further: the metric may be too coarse to tell
    reach.learn(4, [candidate(27.0)], 28.0)
    assert reach.share == 0.08  # most were not new: up to all
    for _ in range(10):
        reach.learn(4, [], 28.0)
    assert reach.share == 1.0
    for _ in range(60):
        reach.learn(4, [candidate(27.0)] * 4, 28.0)
    assert reach.share == 0.01


class Free:
    """A network of which two thirds of the channels do nothing; every look is written down."""

    quick_cost = 0.25

    def __init__(self, worth: np.ndarray) -> None:
        self.worth, self.spent = worth, 0.0
        self.quicks: dict[bytes, float] = {}
        self.fulls: set[bytes] = set()

    def quick(self, bits):
        key = bits.tobytes()
        if key not in self.quicks:
            self.spent += self.quick_cost
            self.quicks[key] = 30.0 - float(self.worth @ bits)
        return self.quicks[key]

    def full(self, bits):
        value = self.quick(bits)
        if bits.tobytes() not in self.fulls:
            self.fulls.add(bits.tobytes())
            self.spent += 1.0 - self.quick_cost
        return value


LAWS = [Exchange(30), TensorTrain(30), TensorTrain(30, neighbours=0.0)]


@pytest.mark.parametrize(
    ("method", "ones"), [(LAWS[0], 30), *((law, ones) for law in LAWS for ones in (70, 102))]
)
def test_the_budget_is_spent_on_masks_that_differ(method, ones):
    """The QUBO says of 80 of 120 channels that they cost as good as nothing, and is wrong of the
    others by a factor: the cheapest hundred swaps change nothing at all, at any amount."""
    rng = np.random.default_rng(0)
    worth = np.concatenate([np.zeros(80), rng.uniform(0.1, 1.0, 40)])
    guess = np.where(worth > 0, worth * rng.uniform(0.3, 3.0, 120), 1e-15 * rng.random(120))
    bqm = dimod.BinaryQuadraticModel(dict(enumerate(guess)), {}, 0.0, "BINARY")
    problem = Problem(bqm, [count(ones)])
    start = np.zeros(120, dtype=np.int8)
    start[np.argsort(guess)[:ones]] = 1
    metric = Free(worth)
    found = refine(metric, problem, start, method, seed=1)
    assert found.evaluations >= 29
    values = np.array(list(metric.quicks.values()))
    changed = np.abs(values - found.start) > 1e-9
    assert changed[len(changed) // 2 :].mean() > 0.4
    if ones > 80:
        assert found.value > found.start + 0.1
