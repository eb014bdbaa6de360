"""Both refinements on planted metrics and on a small network."""

from __future__ import annotations

import dataclasses

import dimod
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.errors import MetricError, OptionError
from secateur.metric import Evaluator
from secateur.network import Call, GatedNetwork, find_channels, keep_one_each
from secateur.objectives import fisher_qubo
from secateur.problem import Problem, count
from secateur.problem.moves import Moves
from secateur.refine import Exchange, Races, TensorTrain, refine
from secateur.statistics import collect_statistics
from secateur.tasks import Task
from tests.nets import Chain, mse, regression, seeded
from tests.random_problems import optimum, random_problem


class Planted:
    """A metric that is a QUBO's energy, turned round; counts like the real one."""

    quick_cost = 0.25

    def __init__(self, problem: Problem) -> None:
        self.problem, self.spent = problem, 0.0
        self.memory: set[bytes] = set()
        self.confirmed: set[bytes] = set()

    def quick(self, bits):
        assert self.problem.feasible(bits)[0]
        if bits.tobytes() not in self.memory:
            self.memory.add(bits.tobytes())
            self.spent += self.quick_cost
        return -float(self.problem.energies(bits)[0])

    def full(self, bits):
        value = self.quick(bits)
        if bits.tobytes() not in self.confirmed:
            self.confirmed.add(bits.tobytes())
            self.spent += 1.0 - self.quick_cost
        return value


METHODS = [
    TensorTrain(evaluations=60),
    Exchange(evaluations=60),
    Exchange(evaluations=60, guide="random"),
]


@pytest.mark.parametrize("method", METHODS, ids=lambda m: f"{m.name}-{getattr(m, 'guide', '')}")
def test_small_problems_are_solved(method):
    short = dataclasses.replace(method, evaluations=30)  # half of what the others get
    solved = 0
    for seed in range(4):
        truth = random_problem(12, 5, seed)
        start = Moves(Problem(truth.bqm, 5)).greedy()
        found = refine(Planted(truth), truth, start, short, seed=seed)
        solved += bool(-found.value <= optimum(truth) + 1e-9)
    assert solved >= 3


@pytest.mark.parametrize("method", METHODS, ids=lambda m: f"{m.name}-{getattr(m, 'guide', '')}")
def test_a_wrong_guide_still_leads_up(method):
    """The guiding QUBO is a noisy copy of the truth, as it is in life."""
    truth = random_problem(60, 20, 1)
    noisy = truth.couplings + 0.5 * np.random.default_rng(0).normal(size=(60, 60))
    guide_bqm = dimod.BinaryQuadraticModel(np.triu(noisy, 1) + np.diag(truth.linear), "BINARY")
    guide_bqm.relabel_variables({i: f"v{i}" for i in range(60)})
    guide = Problem(guide_bqm, 20)
    start = Moves(guide).incumbent()
    found = refine(Planted(truth), guide, start, method)
    assert found.start == pytest.approx(-float(truth.energies(start)[0]))
    assert found.value > found.start + 1.0
    assert found.value == pytest.approx(-float(truth.energies(found.bits)[0]))


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(4, 14),
    ones=st.integers(0, 14),
    seed=st.integers(0, 10**6),
    which=st.integers(0, 2),
    budget=st.integers(1, 15),
)
def test_count_limits_budget_and_never_worse(n, ones, seed, which, budget):
    problem = random_problem(n, min(ones, n), seed, limits=True)
    method = dataclasses.replace(METHODS[which], evaluations=budget)
    metric = Planted(problem)
    start = Moves(problem).greedy()
    found = refine(metric, problem, start, method, seed=seed)
    assert problem.feasible(found.bits)[0]
    assert found.value >= found.start
    assert metric.spent <= budget + 1e-9
    assert found.evaluations <= budget
    values = [value for _, value in found.history]
    assert values == sorted(values)


def test_the_same_seed_gives_the_same_search():
    problem = random_problem(30, 10, 0)
    start = Moves(problem).greedy()
    for method in METHODS:
        one, same = (refine(Planted(problem), problem, start, method, seed=3) for _ in range(2))
        assert np.array_equal(one.bits, same.bits)
        assert one.history == same.history


@pytest.fixture(scope="module")
def small():
    network, task = seeded(Chain, 6), regression(24, 8, 8)
    channels = find_channels(network, task.calibration[0][0])
    statistics = collect_statistics(network, task, channels, probes=4)
    problem = Problem(fisher_qubo(statistics), [count(5), *keep_one_each(channels)])
    return network, task, channels, problem


def races(network, channels, task, **options):
    return Races(Evaluator(network, channels, task), **options)


def test_the_evaluator_is_the_masked_metric_and_remembers(small):
    network, task, channels, _ = small
    evaluator = races(network, channels, task, split="calibration")
    gated = GatedNetwork(network, channels)
    rng = np.random.default_rng(0)
    for _ in range(3):
        bits = (rng.random(len(channels)) < 0.3).astype(np.int8)
        inputs, targets = (torch.cat(part) for part in zip(*task.calibration, strict=True))
        masked = gated.masked(Call((inputs,)), bits == 0)
        expected = -float(mse(masked, targets).double().mean())
        quick = -float(mse(masked[:6], targets[:6]).double().mean())
        assert evaluator.quick(bits) == pytest.approx(quick, abs=1e-6)
        assert evaluator.full(bits) == pytest.approx(expected, abs=1e-6)
    assert evaluator.spent == pytest.approx(3.0)
    before = evaluator.remembered
    evaluator.full(bits)
    assert evaluator.spent == pytest.approx(3.0)
    assert evaluator.remembered == before + 2


def test_a_metric_to_minimise_is_turned_round(small):
    network, task, channels, _ = small
    bits = np.zeros(len(channels), dtype=np.int8)
    down = Task(task.calibration, mse, mse, higher_is_better=False)
    up = Task(task.calibration, mse)
    assert races(network, channels, down).full(bits) == pytest.approx(
        races(network, channels, up).full(bits)
    )


@pytest.mark.parametrize("method", [TensorTrain(evaluations=20), Exchange(evaluations=20)])
def test_a_network_is_refined_and_left_alone(small, method):
    network, task, channels, problem = small
    before = {k: v.clone() for k, v in network.state_dict().items()}
    rng = torch.get_rng_state()
    found = refine(races(network, channels, task), problem, Moves(problem).incumbent(), method)
    assert problem.feasible(found.bits)[0]
    assert found.value >= found.start
    assert torch.equal(torch.get_rng_state(), rng)
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_bad_settings_metrics_and_starts_are_named(small):
    network, task, channels, problem = small
    for kind, options in (
        (TensorTrain, {"evaluations": 0}),
        (TensorTrain, {"rank": 0}),
        (TensorTrain, {"neighbours": 1.5}),
        (TensorTrain, {"learning_rate": 0.0}),
        (Exchange, {"guide": "qbo"}),
        (Exchange, {"reach": 0.0}),
    ):
        with pytest.raises(OptionError, match=next(iter(options))):
            kind(**options)
    nan = Task(task.calibration, mse, lambda o, t: mse(o, t) * float("nan"))
    with pytest.raises(MetricError, match="nan"):
        refine(races(network, channels, nan), problem, Moves(problem).incumbent(), Exchange())
    zeros = np.zeros(len(channels), dtype=np.int8)
    with pytest.raises(OptionError, match="0 ones"):
        refine(races(network, channels, task), problem, zeros, Exchange())
