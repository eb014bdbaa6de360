"""What a refinement tells of itself, and what refiners and their metric may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch

from secateur.errors import OptionError
from secateur.metric import Evaluator
from secateur.network import Call, find_channels
from secateur.refine import Exchange, Races, Refiner, refine, refiner_class, resolve_refiner
from secateur.tasks import Task
from secateur.testing import PlantedMetric, brute_force, random_problem
from tests.nets import Chain, mse, seeded

PROBLEM = random_problem(8, 2, ones=3)
BEST = brute_force(PROBLEM)[1].astype(np.int8)
START = np.roll(BEST, 1)


class Paid(PlantedMetric):
    """Half an evaluation for each look, and one is paid for before the refinement."""

    def __init__(self) -> None:
        super().__init__(PROBLEM)
        self.spent = 1.0

    def full(self, bits):
        self.spent += 0.5
        return -float(PROBLEM.energies(bits)[0])


def leaving(change, budget=3):
    @dataclass(frozen=True)
    class Leaving(Refiner):
        name: ClassVar[str] = "leaving"

        def search(self, state, seed):
            change(state)

    return Leaving(evaluations=budget)


def better(state):
    state.bits = BEST
    state.metric.full(BEST)


@pytest.mark.parametrize(("looks", "told"), [(0, 1), (1, 1), (2, 2), (3, 2)])
def test_what_was_spent_is_rounded_up(looks, told):
    """The start is looked at by the refinement, and what was paid for before does not count."""
    found = refine(
        Paid(), PROBLEM, START, leaving(lambda s: [s.metric.full(START) for _ in range(looks)])
    )
    assert found.evaluations == told
    assert found.history == ((0.5, found.start),)


def test_a_budget_may_be_spent_to_its_end_and_no_further():
    def spending(looks):
        return lambda state: [state.metric.full(START) for _ in range(looks)]

    refine(Paid(), PROBLEM, START, leaving(spending(5)))
    with pytest.raises(Exception, match=r"spent 3\.5 evaluations, and has 3"):
        refine(Paid(), PROBLEM, START, leaving(spending(6)))


def test_the_end_stands_in_the_history_where_a_search_forgot_it():
    found = refine(Paid(), PROBLEM, START, leaving(better))
    assert found.history == ((0.5, found.start), (1.0, found.value))
    assert found.value > found.start

    def forget(state):
        better(state)
        state.history.clear()

    assert refine(Paid(), PROBLEM, START, leaving(forget)).history == (
        (0.0, found.start),
        (1.0, found.value),
    )


def test_the_result_as_plain_data():
    found = refine(Paid(), PROBLEM, START, leaving(better))
    data = found.to_json()
    assert data["method"] == "leaving"
    assert data["settings"] == {"evaluations": 3}
    assert data["history"] == [[0.5, found.start], [1.0, found.value]]
    assert (data["start"], data["value"]) == (found.start, found.value)
    assert (data["evaluations"], data["repaired"], data["wins"]) == (1, 0, {})
    assert 0 <= data["seconds"] < 60


class Stranger:
    evaluations = 5

    def __init__(self, evaluations: int = 5) -> None:
        self.evaluations = evaluations

    def search(self, state, seed):
        pass


def plain(state, seed, *, step: int = 2):
    pass


def test_the_class_of_every_kind_of_refiner():
    own = Exchange(7)
    assert refiner_class(own) is refiner_class(Exchange) is refiner_class("exchange") is Exchange
    assert resolve_refiner(own) is own
    for thing in (Stranger(), Stranger, plain):
        kind = refiner_class(thing)
        assert issubclass(kind, Refiner)
        assert kind.name == getattr(thing, "__name__", "stranger").lower()
    assert resolve_refiner(Stranger(9)).evaluations == 9
    assert resolve_refiner(Stranger, {"evaluations": 9}).evaluations == 9
    assert resolve_refiner(plain, {"step": 3}).step == 3
    assert resolve_refiner(Exchange, {"evaluations": 9}).evaluations == 9
    for thing in (own, Stranger()):
        with pytest.raises(OptionError, match="given with its options, and evaluations besides"):
            resolve_refiner(thing, {"evaluations": 9})


def test_one_evaluation_is_a_budget():
    assert Exchange(evaluations=1).evaluations == 1


@pytest.fixture(scope="module")
def seen():
    generator = torch.Generator().manual_seed(3)
    data = [
        (torch.randn(k, 2, 5, 5, generator=generator), torch.randn(k, 2, 5, 5, generator=generator))
        for k in (2, 3, 1)
    ]
    network = seeded(Chain)
    channels = find_channels(network, Call((data[0][0],)))
    return Evaluator(network, channels, Task(data, mse)), data


def by_hand(network, data, samples: int) -> float:
    """Minus the mean loss of the first samples."""
    inputs, targets = (torch.cat(part)[:samples] for part in zip(*data, strict=True))
    with torch.no_grad():
        return -float(mse(network(inputs), targets).double().mean())


@pytest.mark.parametrize(
    ("race", "first"), [(0.0, 1), (0.2, 1), (1 / 3, 2), (0.5, 3), (0.8, 5), (1.0, 6), (2.0, 6)]
)
def test_a_race_is_run_on_its_part_of_the_samples(seen, race, first):
    evaluator, data = seen
    found = Races(evaluator, split="calibration", race=race)
    dense = np.zeros(len(evaluator.channels), dtype=np.int8)
    assert found.quick_cost == pytest.approx(first / 6)
    assert found.quick(dense) == pytest.approx(by_hand(evaluator.network, data, first), rel=1e-6)
    assert found.spent == pytest.approx(first / 6)
    assert found.full(dense) == pytest.approx(by_hand(evaluator.network, data, 6), rel=1e-6)
    assert found.spent == pytest.approx(1.0)
    assert found.remembered == 1


def test_a_quarter_is_raced_unless_said_otherwise(seen):
    assert Races(seen[0], split="calibration").quick_cost == pytest.approx(2 / 6)
