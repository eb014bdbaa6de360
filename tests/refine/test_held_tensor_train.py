"""What the tensor train looks at, and how far it is from its centre at first."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.refine.model import ExactCountTrain, warm_cores
from secateur.refine.search import Candidate
from secateur.refine.swaps import in_play
from secateur.refine.tensor_train import TensorTrain, _best, _odds
from tests.random_problems import random_problem


@settings(max_examples=60, deadline=None)
@given(
    cost=st.lists(st.floats(-1, 1).map(lambda x: round(x, 6)), min_size=1, max_size=12),
    expected=st.floats(0.05, 20),
    reach=st.floats(0.05, 1),
)
def test_odds_are_boltzmann_with_the_flips_that_are_expected(cost, expected, reach):
    cost = np.array(cost) * 0.01
    odds = _odds(cost, expected, reach)
    inside = (odds > 1e-6) & (odds < 1e3)
    if inside.all():
        chances = odds / (1 + odds)
        assert chances.sum() == pytest.approx(min(expected, 0.5 * len(cost)), rel=1e-6)
    law = in_play(cost, reach * len(cost))
    inside &= law > 1e-200
    logs = np.log(odds[inside]) - np.log(law[inside])
    np.testing.assert_allclose(logs, logs[:1].repeat(len(logs)), atol=1e-6, rtol=1e-6)
    assert odds.min() >= 1e-6
    assert odds.max() <= 1e3


def test_no_bits_have_no_odds():
    assert len(_odds(np.zeros(0), 1.5, 0.5)) == 0


@pytest.mark.parametrize(
    ("n", "ones", "window"), [(12, 5, 6), (12, 5, 7), (12, 2, 8), (9, 9, 4), (9, 0, 4)]
)
def test_the_window_holds_the_bits_nearest_to_flipping(n, ones, window):
    problem = random_problem(n, ones, 4)
    bits = np.zeros(n, dtype=np.int8)
    bits[np.random.default_rng(2).permutation(n)[:ones]] = 1
    start = float(problem.energies(bits)[0])
    cost = np.array(
        [float(problem.energies(np.where(np.arange(n) == k, 1 - bits, bits))[0]) for k in range(n)]
    )
    cost -= start  # of a flip: of a one that goes, of a zero that comes
    wanted = set()
    for side in (0, 1):
        own = np.flatnonzero(bits == side)
        most = (window + side) // 2
        wanted |= set(own[np.argsort(cost[own], kind="stable")][:most].tolist())
    method = TensorTrain(window=window)
    found, odds = method._window(problem, bits, method.reach)
    assert found.tolist() == sorted(wanted)
    for side in (0, 1):
        own = bits[found] == side
        by_cost = np.argsort(cost[found][own], kind="stable")
        assert (np.diff(odds[own][by_cost]) <= 1e-9).all()
        chances = odds[own] / (1 + odds[own])
        if own.any():
            assert chances.sum() == pytest.approx(min(1.5, 0.5 * own.sum()), rel=1e-4)


def test_the_elite_are_the_best_of_the_races():
    candidates = [Candidate(np.zeros(1, np.int8), quick, "") for quick in (1.0, 4.0, 2.0, 3.0)]
    assert [one.quick for one in _best(candidates, 3)] == [4.0, 3.0, 2.0]


def fitted(elite: list[list[int]], window: list[int], count: int, steps: int = 30):
    method = TensorTrain(rank=2, fit_steps=steps)
    learned = torch.zeros(5, 2, 2, 2, dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([learned], lr=0.1)
    where = np.array(window)
    base = warm_cores(np.full(len(where), 0.5), np.zeros(len(where)), 2, np.random.default_rng(0))
    archive = [Candidate(np.array(bits, dtype=np.int8), 0.0, "") for bits in elite]
    method._fit(learned, adam, base, where, count, archive)
    return learned.detach(), base, where


def test_the_fit_makes_the_elite_likelier():
    elite = [[1, 0, 1, 0, 1], [1, 0, 1, 0, 0]]
    learned, base, where = fitted(elite, [0, 1, 2, 3], 2)
    rows = np.array([[1, 0, 1, 0]], dtype=np.int8)
    before = ExactCountTrain(base.exp(), 2).log_likelihood(rows).exp()
    after = ExactCountTrain((base + learned[where]).exp(), 2).log_likelihood(rows).exp()
    assert float(before) < 0.3
    assert float(after) > 0.8
    assert not learned[4].any()  # outside of the window


def test_what_the_window_cannot_represent_teaches_nothing():
    learned, _, _ = fitted([[1, 1, 1, 0, 0]], [0, 1, 2, 3], 2)
    assert not learned.any()


def test_what_is_learned_and_said_no_more_is_forgotten():
    """The pull to zero is a hundredth of the square: its gradient alone moves a far number."""
    method = TensorTrain(rank=1, fit_steps=1)
    learned = torch.full((2, 2, 1, 1), 3.0, dtype=torch.float64, requires_grad=True)
    sgd = torch.optim.SGD([learned], lr=1.0)
    base = torch.zeros(2, 2, 1, 1, dtype=torch.float64)
    both = [Candidate(np.array(bits, dtype=np.int8), 0.0, "") for bits in ([0, 1], [1, 0])]
    method._fit(learned, sgd, base, np.arange(2), 1, both)  # the law is the elite's already
    np.testing.assert_allclose(learned.detach().numpy(), 3.0 * (1 - 0.02), rtol=1e-12)
