"""The conditioned tensor train against enumeration."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from secateur.refine.model import ExactCountTrain, warm_cores


def random_cores(n: int, rank: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, 2, rank, rank, generator=generator, dtype=torch.float64) + 0.05


def every(n: int, count: int) -> np.ndarray:
    rows = [[int(i in ones) for i in range(n)] for ones in itertools.combinations(range(n), count)]
    return np.array(rows, dtype=np.int8)


def weight(cores: torch.Tensor, bits: np.ndarray) -> float:
    state = np.full(cores.shape[-1], 1.0 / cores.shape[-1])
    for core, bit in zip(cores.numpy(), bits, strict=True):
        state = state @ core[bit]
    return float(state.sum())


@pytest.mark.parametrize(("n", "count", "rank"), [(6, 3, 2), (7, 0, 3), (7, 7, 3), (8, 2, 1)])
def test_the_law_is_the_conditioned_product(n, count, rank):
    cores = random_cores(n, rank)
    rows = every(n, count)
    weights = np.array([weight(cores, row) for row in rows])
    likelihood = ExactCountTrain(cores, count).log_likelihood(rows).exp().numpy()
    np.testing.assert_allclose(likelihood, weights / weights.sum(), rtol=1e-10)


def test_samples_follow_the_law_and_have_the_count():
    cores = random_cores(6, 3)
    train = ExactCountTrain(cores, 3)
    drawn = train.sample(20_000, np.random.default_rng(0))
    assert np.all(drawn.sum(1) == 3)
    rows = every(6, 3)
    expected = train.log_likelihood(rows).exp().numpy() * len(drawn)
    keys = {row.tobytes(): k for k, row in enumerate(rows)}
    counts = np.bincount([keys[row.tobytes()] for row in drawn], minlength=len(rows))
    chi2 = float(((counts - expected) ** 2 / expected).sum())
    assert chi2 < 43.8  # 0.1 % of chi² with 19 degrees of freedom


def test_the_gradient_is_that_of_finite_differences():
    logs = random_cores(5, 2).log().requires_grad_()
    bits = every(5, 2)[[0, 3, 7]]
    assert torch.autograd.gradcheck(
        lambda x: ExactCountTrain(x.exp(), 2).log_likelihood(bits).sum(), (logs,)
    )


def test_the_warm_start_sits_at_its_centre():
    bits = np.array([1, 0, 0, 1, 0, 1, 0, 0], dtype=np.int8)
    odds = np.full(8, 0.05)
    odds[[0, 1]] = 0.6
    cores = warm_cores(odds, bits, 3, np.random.default_rng(0)).exp()
    drawn = ExactCountTrain(cores, 3).sample(2000, np.random.default_rng(1))
    changed = (drawn != bits).mean(axis=0)
    assert (drawn == bits).all(axis=1).mean() > 0.4
    assert changed[[0, 1]].min() > 2 * changed[2:].max()


def fitted(rank: int, rows: np.ndarray) -> float:
    """The best log-likelihood that a train of a rank reaches on rows."""
    logs = (0.1 * random_cores(8, rank, 3)).requires_grad_()
    adam = torch.optim.Adam([logs], lr=0.1)
    for _ in range(150):
        loss = -ExactCountTrain(logs.exp(), 4).log_likelihood(rows).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    return -float(loss.detach())


def test_rank_two_represents_what_rank_one_cannot():
    """Two masks that have nothing in common: a product law gives weight to all mixtures."""
    rows = np.array([[1, 0, 1, 0, 1, 0, 1, 0], [0, 1, 0, 1, 0, 1, 0, 1]], dtype=np.int8)
    one, two = fitted(1, rows), fitted(2, rows)
    assert one == pytest.approx(-np.log(70), abs=0.3)
    assert two > one + 2.0
    assert two > -1.0


def test_long_trains_neither_overflow_nor_underflow():
    rng = np.random.default_rng(0)
    bits = np.zeros(500, dtype=np.int8)
    bits[rng.permutation(500)[:180]] = 1
    cores = warm_cores(np.full(500, 1e-4), bits, 4, rng).exp() * 1e3
    train = ExactCountTrain(cores, 180)
    assert torch.isfinite(train.log_total)
    drawn = train.sample(20, rng)
    assert np.all(drawn.sum(1, dtype=np.int64) == 180)
    assert np.isfinite(train.log_likelihood(drawn).numpy()).all()
