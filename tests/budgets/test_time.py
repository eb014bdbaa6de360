"""Time: costs that are found again, plans that meet a budget, the step of a device."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import secateur
from secateur.budgets import (
    TimeModel,
    budget_constraints,
    features_of,
    measure_step,
    meet,
    random_masks,
    step_of,
)
from secateur.errors import AmountError, MetricError, NetworkError
from secateur.network.costs import Term
from secateur.problem import Problem
from tests.budgets.nets import chain, residual


def planted(channels, costs, *, step=16, noise=0.0, seed=0, bent=0.0):
    """A device: work and data of padded widths, a constant, and what no linear model knows."""
    features = features_of(costs, len(channels), step=step)
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0.1, 1.0, len(features.names)) / np.maximum(
        features(np.zeros(len(channels))), 1
    )

    def seconds(z):
        value = float(features(z) @ truth)
        gone = float(np.mean(z))
        return value * (1 + bent * gone) * (1 + noise * rng.uniform(-1, 1))

    return features, seconds


def test_features_are_padded_work_and_data_by_kind():
    channels, costs = residual(stream=32, inner=24, blocks=1, pixels=4)
    features = features_of(costs, len(channels))
    found = dict(zip(features.names, features.forms, strict=True))
    assert "depthwise: multiply-accumulates" in found
    assert "depthwise: data" not in found  # the work says as much
    z = np.zeros(len(channels))
    z[: 32 - 17] = 1  # 17 of the stream stay, which is as long as 32
    values = dict(zip(features.names, features(z), strict=True))
    padded = dict(zip(features.names, features(np.zeros(len(channels))), strict=True))
    assert values == padded
    # 32 channels of the stream, and 24 of the block, as 32
    assert values["conv1: multiply-accumulates"] == 2 * 32 * 32 * 4
    assert values["conv1: data"] == 2 * (32 + 32) * 4
    assert values["constant"] == 1.0
    exact = features_of(costs, len(channels), step=1)
    assert dict(zip(exact.names, exact(z), strict=True))["conv1: data"] == 2 * (17 + 24) * 4


def test_rare_kinds_are_taken_together():
    channels, costs = chain(64, 64, 64)
    rare = Term(10.0, (channels.at("c0"),), "linear")
    costs = type(costs)(costs.parameters, (*costs.macs, rare), costs.elements)
    assert "other: multiply-accumulates" in features_of(costs, len(channels)).names


def test_a_linear_time_is_found_again():
    channels, costs = residual(64, 48, 4)
    features, seconds = planted(channels, costs)
    model = TimeModel.fit(
        lambda masks: [seconds(z) for z in masks], features, random_masks(channels)
    )
    assert (model.costs >= 0).all()
    assert np.abs(model.errors).max() < 1e-6
    for z in random_masks(channels, number=10, seed=9):
        assert model.seconds(z) == pytest.approx(seconds(z), rel=1e-6)


def test_the_budget_is_the_prediction():
    channels, costs = residual(64, 48, 4)
    features, seconds = planted(channels, costs)
    model = TimeModel.fit(
        lambda masks: [seconds(z) for z in masks], features, random_masks(channels)
    ).corrected(random_masks(channels, number=1)[0], 0.7)
    made = model.budget(channels, 0.5)
    zeros = np.zeros(0)
    n = len(channels)
    problem = Problem.from_arrays(channels.labels, np.ones(n), (zeros, zeros, zeros), 0, [made])
    (demand,) = problem.budgets
    for z in random_masks(channels, number=20, multiple=1, seed=4):
        if not z.any():  # the dense network's time is no prediction of a plan's
            continue
        assert model.scale * demand.values(z[None])[0] == pytest.approx(model.seconds(z))
        if abs(model.share(z) - 0.5) > 1e-6:
            assert problem.feasible(z[None])[0] == (model.share(z) < 0.5)


@pytest.mark.parametrize("bent", [0.0, 0.4, -0.3])
def test_a_plan_meets_half_the_time_after_one_correction(bent):
    """The device is up to 40 % off what the model can say, and measured with noise."""
    channels, costs = residual(96, 64, 5)
    features, seconds = planted(channels, costs, noise=0.02, bent=bent)
    model = TimeModel.fit(
        lambda masks: [seconds(z) for z in masks], features, random_masks(channels)
    )
    cost = np.random.default_rng(0).lognormal(size=len(channels))
    nothing = np.zeros(0)

    def plan(model):
        demands = budget_constraints(channels, costs, {"time": 0.5}, multiple=16, time=model)
        problem = Problem.from_arrays(
            channels.labels, cost, (nothing, nothing, nothing), 0, demands
        )
        found = secateur.solve(problem, backend="branch-and-bound", time_limit=10)
        for group in channels.groups:
            kept = group.size - int(found.bits[group.slice].sum())
            assert kept % 16 == 0
        return found.bits

    def measure(z):
        return seconds(z) / seconds(np.zeros(len(channels)))

    made = meet(model, 0.5, plan, measure)
    assert made.measured == pytest.approx(0.5, rel=0.1)
    assert len(made.tries) <= 2
    assert made.predicted <= 0.5 + 1e-9
    assert made.measured == min((m for _, m in made.tries), key=lambda m: abs(m - 0.5))


def test_a_plan_that_is_right_is_not_corrected():
    channels, costs = residual(64, 48, 4)
    features, seconds = planted(channels, costs)
    model = TimeModel.fit(
        lambda masks: [seconds(z) for z in masks], features, random_masks(channels)
    )
    z = random_masks(channels, number=1)[0]
    made = meet(model, model.share(z), lambda model: z, lambda z: model.share(z) * 1.02)
    assert len(made.tries) == 1
    assert made.model.scale == 1.0


@pytest.mark.parametrize(
    ("upper", "said"),
    [
        (1.5, "is 1.5"),
        (1, "is 1"),
        ("half", "is 'half'"),
        ("120%", "is '120%'"),
        (0.001, "predicted to stay"),
        ("0.000001 us", "predicted to stay"),
    ],
)
def test_times_that_cannot_be_met_or_understood_are_told(upper, said):
    channels, costs = chain(32, 32)
    features, seconds = planted(channels, costs)
    model = TimeModel.fit(
        lambda masks: [seconds(z) for z in masks], features, random_masks(channels)
    )
    with pytest.raises(AmountError, match=said):
        model.budget(channels, upper)


def test_a_time_below_that_of_the_least_widths_is_told_in_milliseconds():
    channels, costs = chain(32, 32)
    features, seconds = planted(channels, costs)
    model = TimeModel.fit(
        lambda masks: [1e-3 * seconds(z) for z in masks], features, random_masks(channels)
    )
    stays = "ms stays where every layer keeps as little as it may"
    with pytest.raises(
        AmountError, match=rf"the budget time is [\d.]+ ms, and [\d.]+ {stays}"
    ) as e:
        budget_constraints(channels, costs, {"time": 0.95}, minimum={"*": 32}, time=model)
    assert e.value.remedy.endswith("multiple=, which is 16 unless you give it")
    wanted, left = (float(n) for n in re.findall(r"([\d.]+) ms", e.value.message))
    assert wanted == pytest.approx(0.95 * 1e3 * model.dense, rel=1e-3)
    assert left == pytest.approx(1e3 * model.dense, rel=1e-3)


def test_a_time_may_be_told_in_milliseconds():
    channels, costs = chain(32, 32)
    features, seconds = planted(channels, costs)
    model = TimeModel.fit(
        lambda masks: [1e-3 * seconds(z) for z in masks], features, random_masks(channels)
    )
    half = 0.5 * model.dense
    assert model.budget(channels, f"{1e3 * half:.9f} ms").upper == pytest.approx(half)
    assert model.budget(channels, "50%").upper == pytest.approx(half)


def test_wrong_measurements_are_told():
    channels, costs = chain(32, 32)
    features = features_of(costs, len(channels))
    for wrong in ([1.0], [0.0] * 21, [float("nan")] * 21):
        with pytest.raises(MetricError, match="the times are"):
            TimeModel.fit(lambda masks, wrong=wrong: wrong, features, random_masks(channels))
    with pytest.raises(NetworkError, match="64 channels"):
        features(np.zeros(3))
    with pytest.raises(NetworkError, match="step is 0"):
        features_of(costs, len(channels), step=0)
    model = TimeModel.fit(lambda masks: [1.0] * len(masks), features, random_masks(channels))
    with pytest.raises(MetricError, match="share is 0"):
        model.corrected(np.zeros(64), 0)


def test_random_networks_are_of_the_plans_widths_and_cover_the_range():
    channels, _ = chain(64, 40, 8)
    masks = random_masks(channels, number=20, seed=1)
    assert all(
        np.array_equal(a, b) for a, b in zip(masks, random_masks(channels, seed=1), strict=True)
    )
    kept = np.array([[g.size - z[g.slice].sum() for g in channels.groups] for z in masks])
    assert set(kept[:, 0]) == {16, 32, 48, 64}
    assert set(kept[:, 1]) <= {16, 32, 40}
    assert set(kept[:, 2]) == {8}
    assert np.mean(masks[0]) > np.mean(masks[-1])


@given(st.sampled_from([8, 16, 32]), st.floats(1.0, 2.5))
def test_the_step_of_a_staircase_is_found(step, penalty):
    """A width off the step takes as long as the next multiple, or longer."""
    widths = range(20, 129, 4)
    time = {w: (-(-w // step) * step) ** 1.7 * (penalty if w % step else 1.0) for w in widths}
    assert step_of(time) == step


def test_where_every_channel_counts_there_is_no_step():
    assert step_of({w: float(w) ** 1.5 for w in range(20, 97, 4)}) == 1
    with pytest.raises(MetricError, match="by width"):
        step_of({})
    with pytest.raises(MetricError, match="by width"):
        step_of({16: 0.0})


def test_the_step_is_measured_on_convolutions_of_the_asked_widths():
    """By the number of operations that PyTorch counts in what is run: no step."""
    from torch.utils.flop_counter import FlopCounterMode

    def flops(runs):
        counted = {}
        for name, run in runs.items():
            with FlopCounterMode(display=False) as counter:
                run()
            counted[name] = float(counter.get_total_flops())
        return counted

    seen = SimpleNamespace(runs=None)

    def measure(runs):
        seen.runs = flops(runs)
        return seen.runs

    assert measure_step(measure, widths=(8, 12, 16), positions=4) == 1
    assert seen.runs == {str(w): 2.0 * 9 * w * w * 16 for w in (8, 12, 16)}
