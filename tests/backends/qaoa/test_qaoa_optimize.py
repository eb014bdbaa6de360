from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from secateur.backends import Stopped
from secateur.errors import BackendBudgetSpent
from secateur_backends.qaoa_ansatz import make_ansatz
from secateur_backends.qaoa_engine import ExactEngine
from secateur_backends.qaoa_optimize import OPTIMIZERS, Run, cvar, minimise
from secateur_backends.qaoa_watch import Watch

from .problems import random_problem


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
        watch=Watch(None),
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
        watch=Watch(None),
        random=np.random.default_rng(0),
    )
    assert len(run.values) == iterations


class Clock:
    """A clock that only moves when something takes time."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def run_slowly(
    limit: float, seconds: Iterable[float], optimizer: str = "spsa"
) -> tuple[Run, float]:
    """A search whose evaluations take these seconds; and when it ended."""
    clock, takes = Clock(), iter(seconds)

    def value(angles: np.ndarray) -> float:
        clock.now += next(takes)
        return float((angles**2).sum())

    watch = Watch(limit, now=clock)
    run = minimise(
        value,
        np.ones(2),
        optimizer=optimizer,
        iterations=99,
        watch=watch,
        random=np.random.default_rng(0),
    )
    return run, clock.now - 100.0


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_limit_that_is_over_leaves_one_evaluation(optimizer: str) -> None:
    run, _ = run_slowly(0.0, [0.0], optimizer)
    assert len(run.values) == 1
    assert run.stopped is Stopped.TIME_LIMIT


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    ("limit", "seconds", "evaluations"),
    [
        (10.0, [3.0] * 9, 3),  # a fourth would end at 12
        (10.0, [1.0, 1.0, 5.0, 1.0], 3),  # one as slow as the third would end at 12
        (10.0, [30.0], 1),  # the first is made in any case
        (12.5, [3.0] * 9, 4),
    ],
)
def test_an_evaluation_that_would_not_fit_is_not_begun(
    limit: float, seconds: list[float], evaluations: int, optimizer: str
) -> None:
    run, took = run_slowly(limit, seconds, optimizer)
    assert len(run.values) == evaluations
    assert took == sum(seconds[:evaluations])
    assert run.stopped is Stopped.TIME_LIMIT


def test_the_start_is_evaluated_once() -> None:
    for optimizer in OPTIMIZERS:
        seen: list[bytes] = []

        def value(angles: np.ndarray, seen: list[bytes] = seen) -> float:
            seen.append(angles.tobytes())
            return float((angles**2).sum())

        minimise(
            value,
            np.ones(3),
            optimizer=optimizer,
            iterations=6,
            watch=Watch(None),
            random=np.random.default_rng(0),
        )
        assert len(seen) == 6
        assert seen.count(np.ones(3).tobytes()) == 1


def test_the_exact_simulation_is_given_up_between_two_gates() -> None:
    """The second evaluation finds a machine that is a thousand times slower than the first."""
    clock = Clock()
    watch = Watch(10.0, now=clock)
    gates: list[float] = []

    def check() -> None:
        clock.now += 0.01 if not watch.slowest else 3.0
        gates.append(clock.now)
        watch.check()

    problem = random_problem(6, ones=3)
    ansatz = make_ansatz(problem, reps=2, mixer="xy", xy_pairs="ring", warm_start=False)
    engine = ExactEngine(ansatz, alpha=0.2, shots=50, random=np.random.default_rng(0), watch=watch)
    engine._simulation._check = check
    run = minimise(
        engine.value,
        ansatz.ramp(),
        optimizer="spsa",
        iterations=99,
        watch=watch,
        random=np.random.default_rng(0),
    )
    assert run.stopped is Stopped.TIME_LIMIT
    assert len(run.values) == 1
    assert clock.now - 100.0 < 10.0 + 3.0  # no more than a gate over it
    before = len(gates)
    answer = engine.answer(run.angles)
    assert len(gates) == before, "the answer evolves the state once more"
    assert answer.counts.sum() == 50
    assert (answer.bits.sum(axis=1, dtype=np.int64) == 3).all()


@pytest.mark.parametrize("ones", [None, 3])
def test_the_first_evaluation_too_stops_between_two_gates(ones: int | None) -> None:
    clock = Clock()
    watch = Watch(10.0, now=clock)

    def check() -> None:
        clock.now += 3.0
        watch.check()

    problem = random_problem(6, ones=ones)
    mixer = "x" if ones is None else "xy"
    ansatz = make_ansatz(problem, reps=2, mixer=mixer, xy_pairs="ring", warm_start=False)
    engine = ExactEngine(ansatz, alpha=0.2, shots=50, random=np.random.default_rng(0), watch=watch)
    engine._simulation._check = check
    run = minimise(
        engine.value,
        ansatz.ramp(),
        optimizer="cobyla",
        iterations=1,
        watch=watch,
        random=np.random.default_rng(0),
    )
    assert clock.now - 100.0 < 10.0 + 3.0
    assert run.stopped is Stopped.TIME_LIMIT
    assert len(run.values) == 1
    answer = engine.answer(run.angles)
    assert answer.about["cut"]
    assert answer.counts.sum() == 50
    if ones is not None:
        assert (answer.bits.sum(axis=1, dtype=np.int64) == ones).all()


def test_a_budget_that_is_spent_ends_the_run_with_what_it_has() -> None:
    for after, stopped in ((0, None), (3, Stopped.BUDGET)):
        seen: list[float] = []

        def value(angles: np.ndarray, seen: list[float] = seen, after: int = after) -> float:
            if len(seen) == after:
                raise BackendBudgetSpent("spent", backend="qaoa-device")
            seen.append(float((angles**2).sum()))
            return seen[-1]

        def search(value: Callable[[np.ndarray], float] = value) -> Run:
            return minimise(
                value,
                np.ones(2),
                optimizer="cobyla",
                iterations=9,
                watch=Watch(None),
                random=np.random.default_rng(0),
            )

        if stopped is None:
            with pytest.raises(BackendBudgetSpent):
                search()
            continue
        run = search()
        assert run.values == seen
        assert run.stopped is stopped
