from __future__ import annotations

import time

import numpy as np
import pytest

from secateur.backends import Stopped
from secateur_backends.qaoa_optimize import OPTIMIZERS, cvar, minimise


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.37, 0.5, 1.0])
def test_cvar_is_the_mean_of_the_best_share(alpha: float) -> None:
    random = np.random.default_rng(1)
    energies = np.sort(random.normal(size=40))
    counts = random.integers(0, 30, size=40)
    drawn = np.repeat(energies, counts)
    whole, part = divmod(alpha * len(drawn), 1)
    best = drawn[: int(whole)].sum()
    if part:
        best += part * drawn[int(whole)]
    assert cvar(energies, counts, alpha) == pytest.approx(best / (alpha * len(drawn)))
    # probabilities are weights like counts
    assert cvar(energies, counts / counts.sum(), alpha) == pytest.approx(
        cvar(energies, counts, alpha)
    )


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_finds_a_valley_within_its_evaluations(optimizer: str) -> None:
    seen = []

    def valley(angles: np.ndarray) -> float:
        seen.append(angles)
        return float(((angles - [0.5, -0.4]) ** 2).sum())

    run = minimise(
        valley,
        np.zeros(2),
        optimizer=optimizer,
        iterations=60,
        deadline=None,
        random=np.random.default_rng(0),
    )
    assert len(seen) == len(run.values) <= 60
    assert run.value == min(run.values) < 0.02
    assert run.stopped is Stopped.COMPLETED


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("iterations", [1, 2, 5])
def test_few_evaluations_are_kept_to(optimizer: str, iterations: int) -> None:
    run = minimise(
        lambda angles: float((angles**2).sum()),
        np.ones(4),
        optimizer=optimizer,
        iterations=iterations,
        deadline=None,
        random=np.random.default_rng(0),
    )
    assert len(run.values) == iterations


def test_a_deadline_that_has_passed_leaves_one_evaluation() -> None:
    run = minimise(
        lambda angles: 0.0,
        np.ones(2),
        optimizer="cobyla",
        iterations=9,
        deadline=time.monotonic(),
        random=np.random.default_rng(0),
    )
    assert len(run.values) == 1
    assert run.stopped is Stopped.TIME_LIMIT
